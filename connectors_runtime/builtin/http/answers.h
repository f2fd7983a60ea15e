// JSON answers: one request a page, its records handed over as NDJSON.
#ifndef HTTP_ANSWERS_H
#define HTTP_ANSWERS_H
#include "../../sdk/c/pages.h"
#include "position.h"
#include "request.h"

#define ANSWER_BYTES (64u * MIB)
#define SILENT_ANSWERS 16u

static bool load_text(session *s)
{
    buf *b = &s->page.text;
    b->n = 0;
    for (;;) {
        if (b->n > ANSWER_BYTES)
            return fail(PERMANENT, "the answer of %q is over 64 MiB; ask for smaller pages, or use CSV or NDJSON",
                        buf_text(&s->url));
        buf_reserve(b, MIB);
        i32 n = read_body(s, b->p + b->n, MIB);
        if (n < 0) return false;
        if (n == 0) break;
        b->n += (u32)n;
    }
    close_body(s);
    return true;
}

static u64 hash_of(text t)
{
    u64 h = 0xcbf29ce484222325ull;
    for (u32 i = 0; i < t.n; i++) h = (h ^ t.p[i]) * 0x100000001b3ull;
    return h;
}

static bool check_answer(session *s, text *document)
{
    buf *b = &s->page.text;
    json_fault fault = {0};
    u8 *start = b->p, *end = b->p + b->n;
    if (text_starts(buf_text(b), T("\xef\xbb\xbf"))) start += 3;
    start = json_blank(start, end);
    if (start == end) return fail(PERMANENT, "%q answered with an empty body instead of JSON", buf_text(&s->url));
    u8 *after = json_check(start, end, &fault);
    u8 *more = after ? json_blank(after, end) : end;
    if (more != end) json_bad(&fault, more, "more after the end of the JSON value");
    if (fault.why) return fail(PERMANENT, "%q, byte %u: %s", buf_text(&s->url), (u64)(fault.at - b->p), fault.why);
    if (fault.replaced && !s->warned) note(WARNING, "%q: half a surrogate pair became U+FFFD", buf_text(&s->url));
    s->warned |= fault.replaced;
    *document = between(start, after);
    return true;
}

// The one member that is a list; without any, the answer is a record itself.
static bool guess_records(session *s, text document, text *records)
{
    json_walk w = json_enter(document);
    text name = NOTHING;
    u32 lists = 0;
    while (json_next(&w)) {
        if (!is_list(w.value)) continue;
        *records = w.value;
        name = w.key;
        lists++;
    }
    if (lists > 1) return fail(PERMANENT, "%q has %u lists; say which in source.config.records", buf_text(&s->url), (u64)lists);
    if (!lists) *records = document;
    if (!s->guessed && lists) note(INFO, "records are taken from the list %q of the answer", name);
    if (!s->guessed && !lists) note(INFO, "the answer has no list: it is taken as one record");
    s->guessed = true;
    return true;
}

static bool find_records(session *s, text document)
{
    text found = member_at(document, s->request.records);
    bool guess = !s->request.records_named && is_object(document);
    if (!found.n) return fail(PERMANENT, "%q has no %q", buf_text(&s->url), s->request.records);
    if (guess && !guess_records(s, document, &found)) return false;
    if (!guess && !is_list(found) && !is_null(found))
        return fail(PERMANENT, "%q: the records are no list but %q", buf_text(&s->url), found);
    s->page.single = is_object(found);
    s->page.one = found;
    s->page.records = json_enter(is_null(found) ? T("[]") : found);
    return true;
}

// A page that a server repeats for every number would never end.
static bool check_repeat(session *s)
{
    u64 hash = hash_of(buf_text(&s->page.text));
    bool same = s->request.paging.kind != PAGING_NONE && hash == s->last_hash;
    s->last_hash = hash;
    if (!same) return true;
    json_walk peek = s->page.records;
    // A link may lead over empty answers that look alike; a number that gives nothing twice leads nowhere.
    if (!is_numbered(s) && !s->page.single && !json_next(&peek)) return true;
    return fail(PERMANENT, "%q answers as the page before did: does the server know the parameter %q?",
                buf_text(&s->url), s->request.paging.param);
}

static bool open_answer(session *s, const response *r)
{
    text document;
    s->page.link.n = 0;
    for (u32 i = 0; i < r->header_count && !s->page.link.n; i++)
        if (text_is_nocase(r->headers[i].name, T("link"))) buf_put(&s->page.link, link_next(r->headers[i].value));
    if (!load_text(s) || !check_answer(s, &document) || !find_records(s, document) || !check_repeat(s)) return false;
    s->page.next = s->request.paging.next.n ? member_at(document, s->request.paging.next) : NOTHING;
    s->page.more = s->request.paging.has_more.n ? member_at(document, s->request.paging.has_more) : NOTHING;
    s->page.count = 0;
    s->page.loaded = true;
    return true;
}

static bool next_record(session *s, text *record)
{
    answer_page *p = &s->page;
    if (p->single) {
        *record = p->one;
        return p->count == 0;
    }
    bool more = json_next(&p->records);
    *record = p->records.value;
    return more;
}

// Records of the answer at hand, until the page is full or the answer used up.
static bool hand_over(session *s)
{
    text record;
    while (s->out.n < PAGE_BYTES) {
        if (!next_record(s, &record)) {
            s->page.loaded = false;
            return progress_check(&s->progress) && advance(s);
        }
        u64 index = s->page.count++;
        if (index < s->position.skip) continue;
        if (!is_object(record))
            return fail(PERMANENT, "%q: record %u is not an object but %q", buf_text(&s->url), index, record);
        if (record.n > RECORD_BYTES) return fail(PERMANENT, "%q: record %u is over 5 MiB", buf_text(&s->url), index);
        if (keep_record(&s->progress, &s->out, record) == FAILED) return false;
        s->position.skip = s->page.count;
    }
    return true;
}

#endif
