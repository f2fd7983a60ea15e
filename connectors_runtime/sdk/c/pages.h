// The next page of a stream: the records that this run keeps, after the scan of what is in memory.
#ifndef HAKIRI_PAGES_H
#define HAKIRI_PAGES_H
#include "stream.h"

static u32 stream_ragged(const stream *s, const csv_record *r)
{
    return fail(PERMANENT, "%t, line %u: %u fields, but the header has %u", s->name, s->line, (u64)r->fields,
                (u64)s->columns);
}

// Puts the bytes of kept rows out, in runs as long as possible.
static void stream_flush(stream *s, const u8 **kept, const u8 *to)
{
    if (*kept && s->dialect.delimiter == ',') buf_put(&s->out, between(*kept, to));
    *kept = 0;
}

static u32 stream_keep_csv(stream *s, const u8 *p, const csv_record *r, const u8 **kept)
{
    u32 verdict = KEEP;
    if (r->fields != s->columns) return stream_ragged(s, r);
    if (progress_on(s->progress)) verdict = progress_judge(s->progress, value_of_csv(r->wanted));
    if (verdict != KEEP) stream_flush(s, kept, p);
    else if (!*kept) *kept = p;
    if (verdict == KEEP && s->dialect.delimiter != ',' && !csv_write(&s->dialect, &s->out, p, r->end))
        return stream_fail(s, s->line, "text after a closing quote");
    s->rows += verdict == KEEP;
    return verdict;
}

// All whole CSV records in memory.
static bool stream_scan_csv(stream *s)
{
    const u8 *kept = 0, *end = s->in.p + s->in.n;
    if (s->header.n == 0 && !stream_take_header(s)) return false;
    while (s->at < s->in.n) {
        const u8 *p = s->in.p + s->at;
        csv_record r;
        u32 state = csv_scan(&s->dialect, p, end, s->last, s->wanted, &r);
        if (state == CSV_PARTIAL) break;
        if (state > CSV_PARTIAL) return stream_csv_fault(s, state, r.lines);
        if (state == CSV_RECORD && stream_keep_csv(s, p, &r, &kept) == FAILED) return false;
        stream_advance(s, (u32)(r.after - p), r.lines);
    }
    stream_flush(s, &kept, s->in.p + s->at);
    // The last record of a text may lack its line end.
    if (s->out.n && s->out.p[s->out.n - 1] != '\n') buf_byte(&s->out, '\n');
    return true;
}

// Writes one checked record if this run keeps it.
static u32 keep_record(progress *p, buf *out, text record)
{
    u32 before = out->n, verdict = KEEP;
    text found = NOTHING;
    write_record(out, record, p->field, &found);
    if (!progress_on(p)) return KEEP;
    if (found.n) p->seen = true;
    pool used = {0};
    verdict = progress_judge(p, value_of_json(&used, found));
    pool_free(&used);
    if (verdict != KEEP) out->n = before;
    return verdict;
}

static bool stream_line(stream *s, u8 *p, u8 *end)
{
    json_fault fault = {0};
    u8 *start = json_blank(p, end);
    if (start == end) return true;
    u8 *after = json_check(start, end, &fault);
    u8 *more = after ? json_blank(after, end) : end;
    u64 byte = s->bytes + (u64)((after ? more : fault.at) - p);
    if (!after) return fail(PERMANENT, "%t, line %u, byte %u: %s", s->name, s->line, byte, fault.why);
    if (more != end)
        return fail(PERMANENT, "%t, line %u, byte %u: more than one value in a line", s->name, s->line, byte);
    if (*start != '{') return stream_fail(s, s->line, "not a JSON object");
    if (fault.replaced && !s->warned) note(WARNING, "%t: half a surrogate pair became U+FFFD", s->name);
    s->warned |= fault.replaced;
    u32 verdict = keep_record(s->progress, &s->out, between(start, after));
    s->rows += verdict == KEEP;
    return verdict != FAILED;
}

static bool stream_scan_ndjson(stream *s)
{
    u8 *end = s->in.p + s->in.n;
    while (s->at < s->in.n) {
        u8 *p = s->in.p + s->at, *q = p;
        while (q < end && *q != '\n') q++;
        if (q == end && !s->last) break;
        if (!stream_line(s, p, q)) return false;
        stream_advance(s, (u32)(q - p) + (q < end), q < end);
    }
    return progress_check(s->progress);
}

static bool stream_scan(stream *s)
{
    s->out.n = 0;
    if (s->format == FORMAT_NDJSON) return stream_scan_ndjson(s);
    if (s->header.n) buf_put(&s->out, buf_text(&s->header));
    u32 header = s->out.n;
    if (!stream_scan_csv(s)) return false;
    if (header || !s->header.n) return true;
    // The header was met in this page: it goes in front of the rows.
    buf rows = s->out;
    s->out = (buf){0};
    buf_reserve(&s->out, s->header.n + rows.n);
    buf_put(&s->out, buf_text(&s->header));
    buf_put(&s->out, buf_text(&rows));
    buf_free(&rows);
    return true;
}

// A page may hold no row at all: then it only moves the cursor.
static u32 stream_page(stream *s)
{
    u64 rows = s->rows, from = s->bytes;
    for (u32 want = PAGE_BYTES;;) {
        u32 before;
        if (!stream_fill(s, want)) return STREAM_FAILED;
        before = s->at;
        if (!stream_scan(s)) return STREAM_FAILED;
        if (s->rows > rows) return STREAM_PAGE;
        if (s->last && s->at == s->in.n) return STREAM_END;
        if (s->bytes - from >= SILENT_BYTES) return STREAM_PAGE;
        want = s->at > before ? PAGE_BYTES : want + MIB;
        if (want > RECORD_BYTES + MIB) return stream_fail(s, s->line, "a record of more than 5 MiB");
    }
}

#endif
