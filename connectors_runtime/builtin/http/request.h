// One request: its URL, headers and body, and what an answer other than success means.
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H
#include "date.h"
#include "session.h"

IMPORT("http", "send")
void host_send(const u8 *method, u32 method_n, const u8 *url, u32 url_n, const header *headers, u32 header_n,
               u32 has_body, const u8 *body, u32 body_n, u32 timeout_ms, u32 *result);
IMPORT("http", "read-text") void host_http_read_text(u32 body, u32 max, u32 *result);
IMPORT("http", "close") void host_http_close(u32 body);

enum http_error_case { HTTP_DENIED, HTTP_TIMEOUT, HTTP_CONNECT, HTTP_TOO_LARGE, HTTP_OTHER };

// The variant http-error, eight bytes aligned, at `e`.
static bool fail_http(const u32 *e, text url)
{
    text why = {(const u8 *)e[2], e[3]};
    switch (*(const u8 *)e) {
    case HTTP_DENIED: return fail(PERMANENT, "%q was denied: %t", url, why);
    case HTTP_TIMEOUT: return fail(TRANSIENT, "%q did not answer in time", url);
    case HTTP_CONNECT: return fail(TRANSIENT, "%q: %t", url, why);
    case HTTP_TOO_LARGE: return fail(PERMANENT, "the answer of %q is too large: %u bytes", url, *(const u64 *)(e + 2));
    default: return fail(PERMANENT, "%q: %t", url, why);
    }
}

// At most `max` bytes of text to `to`: their count, 0 at the end, -1 on failure.
static i32 read_body(session *s, u8 *to, u32 max)
{
    u64 result[4];
    u32 *r = (u32 *)result;
    do {
        landing = to;
        landing_room = max;
        host_http_read_text(s->body, max, r);
        landing = 0;
        if (*(u8 *)r) return fail_http(r + 2, buf_text(&s->url)) - 1;
        if (!*(u8 *)(r + 2)) return 0;
    } while (!r[4]);
    if (r[4] > max) return fail(PERMANENT, "the host handed over more text than asked for") - 1;
    if ((u8 *)r[3] != to) __builtin_memcpy(to, (u8 *)r[3], r[4]);
    return (i32)r[4];
}

static void close_body(session *s)
{
    if (s->body_open) host_http_close(s->body);
    s->body_open = false;
}

static text response_header(const response *r, text name)
{
    for (u32 i = 0; i < r->header_count; i++)
        if (text_is_nocase(r->headers[i].name, name)) return r->headers[i].value;
    return NOTHING;
}

static text first_of_body(session *s)
{
    static u8 start[1024];
    i32 n = read_body(s, start, sizeof start);
    return n > 0 ? (text){start, (u32)n} : T("(no text)");
}

// Any status but success.
static bool fail_status(session *s, const response *r)
{
    u64 seconds = 30;
    text after = response_header(r, T("retry-after")), body = first_of_body(s), url = buf_text(&s->url);
    close_body(s);
    bool told = after.n && retry_after(after, response_header(r, T("date")), &seconds);
    if (r->status == 429 || (told && (r->status == 503 || r->status == 403))) return fail_rate_limited(seconds);
    u32 which = r->status == 401 || r->status == 403 ? AUTH_EXPIRED
        : r->status >= 500 || r->status == 408 || r->status == 425 ? TRANSIENT : PERMANENT;
    return fail(which, "%q answered %u: %q", url, (u64)r->status, body);
}

// Sends, and leaves the body open for success and for "range not satisfiable".
static bool send(session *s, text body, bool has_body, const pairs *headers, response *r)
{
    u64 result[4];
    u32 *raw = (u32 *)result;
    header *sent = pool_take(&scratch, headers->n * sizeof(header));
    for (u32 i = 0; i < headers->n; i++) sent[i] = (header){headers->at[i].name, headers->at[i].value};
    text method = s->request.method;
    close_body(s);
    host_send(method.p, method.n, s->url.p, s->url.n, sent, headers->n, has_body, body.p, body.n, s->request.timeout_ms, raw);
    if (*(u8 *)raw) return fail_http(raw + 2, buf_text(&s->url));
    *r = (response){*(u16 *)(raw + 2), (const header *)raw[3], raw[4], raw[5]};
    s->body = r->body;
    s->body_open = true;
    return (r->status >= 200 && r->status < 300) || r->status == 416 || fail_status(s, r);
}

static void headers_for(const session *s, pairs *headers)
{
    const request_settings *q = &s->request;
    *headers = (pairs){0};
    text accept = q->format == FORMAT_JSON ? T("application/json")
        : q->format == FORMAT_NDJSON ? T("application/x-ndjson, */*;q=0.5")
        : q->format == FORMAT_CSV ? T("text/csv, */*;q=0.5") : T("application/json, */*;q=0.5");
    pairs_set(headers, (pair){T("accept"), accept, false}, true);
    // What is compressed on the way cannot be asked for from the middle.
    if (q->format != FORMAT_JSON && q->paging.kind == PAGING_NONE)
        pairs_set(headers, (pair){T("accept-encoding"), T("identity"), false}, true);
    if (q->body_is_json) pairs_set(headers, (pair){T("content-type"), T("application/json"), false}, true);
    for (u32 i = 0; i < q->headers.n; i++) pairs_set(headers, q->headers.at[i], true);
}

static u32 format_of_type(text type)
{
    type = text_trim(url_without(type, ';'));
    if (text_ends_nocase(type, T("/json")) || text_ends_nocase(type, T("+json"))) return FORMAT_JSON;
    if (text_ends_nocase(type, T("ndjson")) || text_ends_nocase(type, T("/jsonl")) || text_ends_nocase(type, T("x-jsonlines")))
        return FORMAT_NDJSON;
    if (text_ends_nocase(type, T("/csv")) || text_ends_nocase(type, T("/tab-separated-values"))) return FORMAT_CSV;
    return FORMAT_UNKNOWN;
}

static u32 format_of_name(text path)
{
    if (text_ends_nocase(path, T(".json"))) return FORMAT_JSON;
    if (text_ends_nocase(path, T(".ndjson")) || text_ends_nocase(path, T(".jsonl"))) return FORMAT_NDJSON;
    if (text_ends_nocase(path, T(".csv")) || text_ends_nocase(path, T(".tsv"))) return FORMAT_CSV;
    return FORMAT_UNKNOWN;
}

// By the settings, else by what the server says, else by the name.
static bool choose_format(session *s, const response *r)
{
    text type = response_header(r, T("content-type")), path = url_without(url_without(s->request.url, '#'), '?');
    s->format = s->request.format;
    if (!s->format) s->format = format_of_type(type);
    if (!s->format) s->format = format_of_name(path);
    bool tabs = text_ends_nocase(url_without(type, ';'), T("/tab-separated-values")) || text_ends_nocase(path, T(".tsv"));
    if (tabs && s->request.delimiter == ',') s->request.delimiter = '\t';
    if (!s->format) return fail(PERMANENT, "%q answers %q; say source.config.format", buf_text(&s->url), type);
    if (s->format == FORMAT_JSON || s->request.paging.kind == PAGING_NONE) return true;
    return fail(PERMANENT, "%q answers %q; pagination is for JSON answers", buf_text(&s->url), type);
}

#endif
