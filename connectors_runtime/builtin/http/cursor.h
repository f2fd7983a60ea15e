// Where a read stands, as the cursor that resumes it.
#ifndef HTTP_CURSOR_H
#define HTTP_CURSOR_H
#include "session.h"

static bool is_numbered(const session *s)
{
    return s->request.paging.kind == PAGING_PAGE || s->request.paging.kind == PAGING_OFFSET;
}

static text position_name(const session *s) { return s->request.paging.kind == PAGING_PAGE ? T("page") : T("offset"); }

static void position_start(session *s)
{
    s->position.number = s->request.paging.start;
    s->position.token.n = s->position.url.n = 0;
    s->position.skip = 0;
    s->position.end = false;
}

static void buf_pair(buf *b, text key, u64 v)
{
    buf_key(b, key);
    buf_number(b, v);
}

static void buf_pair_text(buf *b, text key, text v)
{
    if (!v.n) return;
    buf_key(b, key);
    buf_json(b, v);
}

static void write_download(buf *c, const session *s)
{
    const download *d = &s->download;
    buf_pair(c, T("bytes"), s->stream.bytes);
    buf_pair(c, T("line"), s->stream.line);
    buf_pair(c, T("length"), d->length);
    buf_pair_text(c, T("etag"), d->etag);
    buf_pair_text(c, T("modified"), d->modified);
    buf_pair_text(c, T("header"), buf_text(&s->stream.header));
}

// Resumes behind everything that was handed over; after the end, begins the next run.
static void write_cursor(session *s)
{
    buf *c = &s->cursor;
    const position *at = &s->position;
    progress_write(&s->progress, c, s->done);
    if (!s->done) {
        buf_key(c, T("at"));
        buf_byte(c, '{');
        if (at->end) buf_pair(c, T("end"), 1);
        else if (s->stream.format) write_download(c, s);
        else if (is_numbered(s)) buf_pair(c, position_name(s), at->number);
        if (at->token.n) {
            buf_key(c, T("next"));
            buf_put(c, buf_text(&at->token));
        }
        buf_pair_text(c, T("url"), buf_text(&at->url));
        if (at->skip) buf_pair(c, T("skip"), at->skip);
        buf_byte(c, '}');
    }
    buf_byte(c, '}');
}

static bool cursor_number(text at, text key, u64 *out)
{
    text v = member(at, key);
    return !v.n || text_number(v, ~0ull >> 1, out) || fail(PERMANENT, "the stored cursor has a strange %t: %q", key, v);
}

static text cursor_text(session *s, text at, text key)
{
    text v = member(at, key);
    return is_string(v) ? plain(&s->pool, v) : NOTHING;
}

static bool read_download_place(session *s, text at)
{
    download *d = &s->download;
    if (!cursor_number(at, T("bytes"), &d->bytes) || !cursor_number(at, T("line"), &d->line) ||
        !cursor_number(at, T("length"), &d->length))
        return false;
    d->active = d->bytes > 0;
    d->etag = cursor_text(s, at, T("etag"));
    d->modified = cursor_text(s, at, T("modified"));
    d->header = cursor_text(s, at, T("header"));
    return true;
}

// A place of another kind of pagination than the settings have now is void: the run starts over.
static bool read_cursor(session *s, text given)
{
    text cursor, at;
    if (!read_object(given, "the stored cursor", &cursor) || !progress_read(&s->progress, &s->pool, cursor)) return false;
    at = member(cursor, T("at"));
    if (!is_object(at)) return true;
    position *p = &s->position;
    u32 kind = s->request.paging.kind;
    u64 end = 0;
    text token = member(at, T("next")), url = cursor_text(s, at, T("url"));
    if (!cursor_number(at, T("end"), &end) || !cursor_number(at, T("skip"), &p->skip)) return false;
    p->end = end != 0;
    if (is_numbered(s) && !cursor_number(at, position_name(s), &p->number)) return false;
    if (kind == PAGING_CURSOR && token.n) buf_put(&p->token, token);
    if ((kind == PAGING_LINK || kind == PAGING_NEXT_URL) && url.n) buf_put(&p->url, url);
    return read_download_place(s, at);
}

#endif
