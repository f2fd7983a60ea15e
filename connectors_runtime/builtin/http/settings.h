// The settings of one table, checked before anything is asked of a server.
#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H
#include "../../sdk/c/stream.h"
#include "url.h"

#define TABLE_KEYS \
    "path method headers params body format records pagination since_param timeout delimiter"
#define CONFIG_KEYS "url tables " TABLE_KEYS
#define PAGING_KEYS "kind param start size_param size next has_more in stop"

enum paging { PAGING_NONE, PAGING_PAGE, PAGING_OFFSET, PAGING_CURSOR, PAGING_LINK, PAGING_NEXT_URL, PAGING_KINDS };

typedef struct {
    u32 kind;
    text param, size_param, next, has_more;
    u64 start, size;
    bool in_body, stop_short;
} paging;

typedef struct {
    text url, method, body, records, since_param;
    bool body_is_json, records_named;
    u32 format, timeout_ms;
    u8 delimiter;
    pairs params, headers;
    paging paging;
} request_settings;

static bool one_of(text given, text names, const char *key, u32 *index)
{
    *index = 0;
    for (text rest = names; rest.n; ++*index) {
        u32 n = text_find_byte(rest, ' ');
        if (text_is(given, text_to(rest, n))) return true;
        rest = text_from(rest, n + 1);
    }
    return fail(PERMANENT, "source.config.%s must be one of %t, not %q", key, names, given);
}

static bool add_pairs(const settings *s, text from, text key, bool headers, pairs *into)
{
    if (!from.n) return true;
    if (!is_object(from)) return fail(PERMANENT, "source.config.%t must be a table of names and values", key);
    json_walk w = json_enter(from);
    while (json_next(&w)) {
        if (is_object(w.value) || is_list(w.value) || is_null(w.value))
            return fail(PERMANENT, "source.config.%t.%t must be a text, a number or a boolean", key, w.key);
        if (!pairs_set(into, (pair){json_decode(s->pool, w.key), plain(s->pool, w.value), false}, headers))
            return fail(PERMANENT, "source.config.%t has more than 64 entries", key);
    }
    return true;
}

static bool merged_pairs(const settings *s, text key, bool headers, pairs *into)
{
    return add_pairs(s, member(s->config, key), key, headers, into) &&
           add_pairs(s, member(s->table, key), key, headers, into);
}

static bool read_method(const settings *s, request_settings *r)
{
    u32 which;
    r->method = T("GET");
    text body = setting(s, T("body"));
    if (body.n) r->method = T("POST");
    if (!setting_text(s, T("method"), &r->method) || !one_of(r->method, T("GET POST"), "method", &which)) return false;
    if (!body.n) return true;
    if (!which) return fail(PERMANENT, "source.config.body needs method = \"POST\"");
    r->body_is_json = is_object(body) || is_list(body);
    if (!r->body_is_json && !is_string(body)) return fail(PERMANENT, "source.config.body must be a text or a table");
    r->body = plain(s->pool, body);
    return true;
}

static bool read_timeout(const settings *s, request_settings *r)
{
    u64 seconds = 60;
    text timeout = setting(s, T("timeout"));
    if (timeout.n && (!text_number(timeout, 3600, &seconds) || !seconds))
        return fail(PERMANENT, "source.config.timeout must be 1 to 3600 seconds, not %q", timeout);
    r->timeout_ms = (u32)seconds * 1000;
    return true;
}

static bool read_format(const settings *s, request_settings *r)
{
    text format = NOTHING;
    u32 which;
    r->delimiter = ',';
    if (!setting_delimiter(s, &r->delimiter) || !setting_text(s, T("format"), &format)) return false;
    if (!format.p) return true;
    if (!one_of(format, T("json ndjson csv"), "format", &which)) return false;
    r->format = FORMAT_JSON + which;
    return true;
}

static bool paging_number(text from, text key, u64 *out)
{
    text v = member(from, key);
    if (!v.n || text_number(v, 1000000000000, out)) return true;
    return fail(PERMANENT, "source.config.pagination.%t must be a whole number, not %q", key, v);
}

static bool paging_text(const settings *s, text from, text key, text *out)
{
    text v = member(from, key);
    if (!v.n) return true;
    if (!is_string(v) || v.n == 2) return fail(PERMANENT, "source.config.pagination.%t must be a text, not %q", key, v);
    *out = plain(s->pool, v);
    return true;
}

static void paging_defaults(paging *p)
{
    p->param = p->kind == PAGING_PAGE ? T("page") : p->kind == PAGING_OFFSET ? T("offset") : T("cursor");
    p->start = p->kind == PAGING_PAGE;
    if (p->kind == PAGING_OFFSET) p->size_param = T("limit");
}

static bool paging_fits(const settings *s, const request_settings *r, text in, text stop)
{
    const paging *p = &r->paging;
    u32 which;
    if (p->kind == PAGING_OFFSET && !p->size) return fail(PERMANENT, "pagination by offset needs a size");
    if ((p->kind == PAGING_CURSOR || p->kind == PAGING_NEXT_URL) && !p->next.p)
        return fail(PERMANENT, "source.config.pagination.next must be the path of the next position in the answer");
    if (p->size_param.p && !p->size) return fail(PERMANENT, "source.config.pagination.size_param needs a size");
    if (!one_of(in, T("query body"), "pagination.in", &which)) return false;
    if (p->in_body && !is_object(setting(s, T("body"))))
        return fail(PERMANENT, "pagination in the body needs source.config.body as a table");
    if (!one_of(stop, T("empty short"), "pagination.stop", &which)) return false;
    return !p->stop_short || p->size || fail(PERMANENT, "source.config.pagination.stop = \"short\" needs a size");
}

static bool read_paging(const settings *s, request_settings *r)
{
    paging *p = &r->paging;
    text from = setting(s, T("pagination")), kind = T("none"), in = T("query"), stop = T("empty");
    if (!from.n) return true;
    if (!is_object(from)) return fail(PERMANENT, "source.config.pagination must be a table");
    if (!only_known_keys(from, "source.config.pagination", T(PAGING_KEYS))) return false;
    if (!paging_text(s, from, T("kind"), &kind)) return false;
    if (!one_of(kind, T("none page offset cursor link next_url"), "pagination.kind", &p->kind)) return false;
    paging_defaults(p);
    if (!paging_text(s, from, T("param"), &p->param) || !paging_text(s, from, T("size_param"), &p->size_param) ||
        !paging_text(s, from, T("next"), &p->next) || !paging_text(s, from, T("has_more"), &p->has_more) ||
        !paging_text(s, from, T("in"), &in) || !paging_text(s, from, T("stop"), &stop) ||
        !paging_number(from, T("start"), &p->start) || !paging_number(from, T("size"), &p->size))
        return false;
    p->in_body = text_is(in, T("body"));
    p->stop_short = text_is(stop, T("short"));
    return paging_fits(s, r, in, stop);
}

static bool read_url(const settings *s, text table, request_settings *r)
{
    buf made = {0}, name = {0};
    text url = NOTHING, path = NOTHING;
    if (!setting_text(s, T("url"), &url) || !setting_text(s, T("path"), &path)) return false;
    if (!url.n) return fail(PERMANENT, "source.config.url is missing");
    bool listed = s->table.n, spread = text_find(url, T("{table}")) < url.n || text_find(path, T("{table}")) < path.n;
    if (!listed && !spread && is_object(member(s->config, T("tables"))))
        return fail(PERMANENT, "table %q is not in source.config.tables, and the url has no {table}", table);
    if (url_origin(path).n) url = NOTHING;
    if (path.n && url.n && text_find_byte(url, '?') < url.n)
        return fail(PERMANENT, "source.config.url has a query; with a path, put it into params");
    if (path.n) while (url.n && url.p[url.n - 1] == '/') url.n--;
    buf_put(&made, url);
    if (path.n && url.n && path.p[0] != '/') buf_byte(&made, '/');
    buf_put(&made, path);
    url_encode(&name, table, false);
    r->url = with_table(s->pool, buf_text(&made), buf_text(&name));
    buf_free(&made);
    buf_free(&name);
    if (!url_origin(r->url).n) return fail(PERMANENT, "source.config.url must start with http:// or https://: %q", r->url);
    return true;
}

static bool read_request_settings(const settings *s, text table, request_settings *r)
{
    *r = (request_settings){0};
    if (!read_url(s, table, r) || !read_method(s, r) || !read_timeout(s, r) || !read_format(s, r)) return false;
    if (!merged_pairs(s, T("params"), false, &r->params) || !merged_pairs(s, T("headers"), true, &r->headers)) return false;
    r->records_named = setting(s, T("records")).n != 0;
    if (!setting_text(s, T("records"), &r->records) || !setting_text(s, T("since_param"), &r->since_param)) return false;
    if (!read_paging(s, r)) return false;
    if (r->format > FORMAT_JSON && r->paging.kind != PAGING_NONE)
        return fail(PERMANENT, "source.config.pagination is for JSON answers; a CSV or NDJSON file is read in one stream");
    return true;
}

// Every key of the configuration, for all tables at once.
static bool check_config(text config)
{
    text tables = member(config, T("tables"));
    if (!only_known_keys(config, "source.config", T(CONFIG_KEYS))) return false;
    if (!tables.n) return true;
    if (!is_object(tables)) return fail(PERMANENT, "source.config.tables must be a table of tables");
    json_walk w = json_enter(tables);
    while (json_next(&w)) {
        if (!is_object(w.value)) return fail(PERMANENT, "source.config.tables.%t must be a table", w.key);
        if (!only_known_keys(w.value, "source.config.tables", T(TABLE_KEYS))) return false;
    }
    return true;
}

#endif
