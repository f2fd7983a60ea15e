// CSV and NDJSON files: one stream, resumed where it stopped if the file is still the same.
#ifndef HTTP_DOWNLOAD_H
#define HTTP_DOWNLOAD_H
#include "answers.h"

#define LONGEST_VALIDATOR 1024u

static text keep_validator(session *s, text t)
{
    return t.n && t.n <= LONGEST_VALIDATOR ? pool_copy(&s->pool, t) : NOTHING;
}

// What If-Range accepts: a strong ETag, else the date. NOTHING: the file must be read from its start.
static text range_condition(const session *s)
{
    const download *d = &s->download;
    const pairs *h = &s->request.headers;
    for (u32 i = 0; i < h->n; i++)
        if (text_is_nocase(h->at[i].name, T("accept-encoding")) && !text_is(h->at[i].value, T("identity"))) return NOTHING;
    if (!d->active || !text_is(s->request.method, T("GET"))) return NOTHING;
    text condition = d->etag.n && !text_starts(d->etag, T("W/")) ? d->etag : d->modified;
    // The server's own word goes into a header, where the host would put secrets in.
    return holds_secret(condition) ? NOTHING : condition;
}

static text range_from(u64 byte)
{
    buf b = {0};
    buf_put(&b, T("bytes="));
    buf_number(&b, byte);
    buf_byte(&b, '-');
    text t = pool_copy(&scratch, buf_text(&b));
    buf_free(&b);
    return t;
}

static bool ask(session *s, text condition, response *r)
{
    pairs headers;
    buf body = {0};
    headers_for(s, &headers);
    if (condition.n) {
        // One byte earlier: the end of a line there proves that the place is still between two records.
        pairs_set(&headers, (pair){T("range"), range_from(s->download.bytes - 1), false}, true);
        pairs_set(&headers, (pair){T("if-range"), condition, true}, true);
    }
    bool sent = next_request(s, &body) && send(s, buf_text(&body), s->request.body.n > 0, &headers, r);
    buf_free(&body);
    return sent;
}

// "bytes 41-99/100" begins where we asked.
static bool range_fits(const session *s, const response *r)
{
    text range = response_header(r, T("content-range"));
    u64 from;
    if (r->status != 206 || !text_starts(range, T("bytes "))) return false;
    range = text_from(range, 6);
    return text_number(text_to(range, text_find_byte(range, '-')), ~0ull >> 1, &from) && from == s->download.bytes - 1;
}

static bool same_file(const session *s, const response *r)
{
    const download *d = &s->download;
    text etag = response_header(r, T("etag")), modified = response_header(r, T("last-modified"));
    u64 length = 0;
    if (d->etag.n && etag.n) return text_is(d->etag, etag);
    if (d->modified.n && modified.n) return text_is(d->modified, modified);
    text_number(response_header(r, T("content-length")), ~0ull >> 1, &length);
    return !d->length || !length || d->length == length;
}

static void note_validators(session *s, const response *r)
{
    download *d = &s->download;
    d->etag = keep_validator(s, response_header(r, T("etag")));
    d->modified = keep_validator(s, response_header(r, T("last-modified")));
    if (!text_number(response_header(r, T("content-length")), ~0ull >> 1, &d->length)) d->length = 0;
}

static void begin_stream(session *s)
{
    stream *t = &s->stream;
    t->format = s->format;
    csv_speak(&t->dialect, s->request.delimiter);
    t->name = s->request.url;
    t->progress = &s->progress;
    t->read = (stream_read)read_body;
    t->source = s;
    stream_reset(t);
}

// Drops text up to `n` bytes; what was read beyond waits in the stream. False on failure or if there is no line end.
static bool drop_until(session *s, u64 n, bool *line_end)
{
    stream *t = &s->stream;
    *line_end = false;
    while (n) {
        t->in.n = 0;
        buf_reserve(&t->in, MIB);
        i32 got = read_body(s, t->in.p, MIB);
        if (got < 0) return false;
        if (got == 0) return true;
        u32 drop = (u64)got < n ? (u32)got : (u32)n;
        u8 last = t->in.p[drop - 1];
        *line_end = last == '\n' || last == '\r';
        n -= drop;
        t->in.n = (u32)got - drop;
        __builtin_memmove(t->in.p, t->in.p + drop, t->in.n);
    }
    return true;
}

static bool open_next(session *s);

static bool resume_stream(session *s, u64 to_drop)
{
    bool line_end;
    if (!drop_until(s, to_drop, &line_end)) return false;
    if (!line_end) {
        note(WARNING, "%q has no line end where the last attempt stopped: it is read again from its start", s->request.url);
        return open_next(s);
    }
    s->stream.bytes = s->download.bytes;
    s->stream.line = s->download.line;
    return s->format != FORMAT_CSV || stream_use_header(&s->stream, s->download.header);
}

static bool open_stream(session *s, const response *r, bool ranged)
{
    download *d = &s->download;
    bool resumes = d->active && (ranged || same_file(s, r));
    if (d->active && !resumes)
        note(WARNING, "%q changed since the last attempt: it is read again from its start", s->request.url);
    begin_stream(s);
    if (!ranged) note_validators(s, r);
    d->active = false;
    return !resumes || resume_stream(s, ranged ? 1 : d->bytes);
}

// The first request of a read, or the next page of JSON.
static bool open_next(session *s)
{
    response r;
    text condition = range_condition(s);
    if (!ask(s, condition, &r)) return false;
    bool ranged = condition.n && range_fits(s, &r);
    if ((condition.n && r.status == 206 && !ranged) || r.status == 416) {
        if (!ask(s, NOTHING, &r)) return false;
        if (r.status == 416) return fail(PERMANENT, "%q answered 416 to a request without a range", buf_text(&s->url));
    }
    if (r.status == 204) {
        close_body(s);
        s->position.end = true;
        return true;
    }
    if (!choose_format(s, &r)) return false;
    return s->format == FORMAT_JSON ? open_answer(s, &r) : open_stream(s, &r, ranged);
}

#endif
