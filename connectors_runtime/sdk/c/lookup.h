// Finding members of checked JSON by key or dotted path, and reading them as settings.
#ifndef HAKIRI_LOOKUP_H
#define HAKIRI_LOOKUP_H
#include "abi.h"
#include "json.h"

static inline bool is_object(text v) { return v.n && v.p[0] == '{'; }
static inline bool is_list(text v) { return v.n && v.p[0] == '['; }
static inline bool is_string(text v) { return v.n && v.p[0] == '"'; }
static inline bool is_number(text v) { return v.n && (v.p[0] == '-' || digit(v.p[0])); }
static inline bool is_null(text v) { return v.n && v.p[0] == 'n'; }
static inline bool is_true(text v) { return v.n && v.p[0] == 't'; }
static inline bool is_boolean(text v) { return v.n && (v.p[0] == 't' || v.p[0] == 'f'); }

static bool key_is(text raw, text key)
{
    if (text_find_byte(raw, '\\') == raw.n) return text_is(raw, key);
    pool used = {0};
    bool same = text_is(json_decode(&used, raw), key);
    pool_free(&used);
    return same;
}

// NOTHING if `v` is not an object or has no such member.
static text member(text v, text key)
{
    if (!is_object(v)) return NOTHING;
    json_walk w = json_enter(v);
    while (json_next(&w))
        if (key_is(w.key, key)) return w.value;
    return NOTHING;
}

// "meta.next" is the member `next` of the member `meta`; the empty path is `v` itself.
static text member_at(text v, text path)
{
    while (path.n && v.n) {
        u32 dot = text_find_byte(path, '.');
        v = member(v, text_to(path, dot));
        path = text_from(path, dot + 1);
    }
    return v;
}

// A text's characters; of anything else its JSON.
static text plain(pool *of, text v) { return is_string(v) ? json_decode(of, (text){v.p + 1, v.n - 2}) : v; }

// false, null, 0, "" and a missing member are no.
static bool says_yes(text v)
{
    return v.n && !is_null(v) && !text_is(v, T("false")) && !text_is(v, T("0")) && !text_is(v, T("\"\""));
}

// Checks one JSON object that the host handed over, blanks around it included.
static bool read_object(text from, const char *what, text *out)
{
    json_fault fault = {0};
    u8 *start = json_blank((u8 *)from.p, from.p + from.n);
    u8 *end = json_check(start, from.p + from.n, &fault);
    if (!end) return fail(PERMANENT, "%s: %s at byte %u", what, fault.why, (u64)(fault.at - from.p));
    *out = between(start, end);
    if (!is_object(*out)) return fail(PERMANENT, "%s must be a JSON object", what);
    if (json_blank(end, from.p + from.n) != from.p + from.n) return fail(PERMANENT, "%s: more after its end", what);
    return true;
}

// Every key of `settings` must be one of `known`, a list separated by blanks.
static bool only_known_keys(text settings, const char *where, text known)
{
    json_walk w = json_enter(settings);
    while (json_next(&w)) {
        bool found = false;
        for (text rest = known; rest.n && !found;) {
            u32 n = text_find_byte(rest, ' ');
            found = key_is(w.key, text_to(rest, n));
            rest = text_from(rest, n + 1);
        }
        if (!found) return fail(PERMANENT, "%s: unknown key %q; known are: %t", where, w.key, known);
    }
    return true;
}

// Settings of one table: its own entry under config.tables first, then the connector's.
typedef struct {
    pool *pool;
    text config, table;
} settings;

static text setting(const settings *s, text key)
{
    text v = member(s->table, key);
    return v.n ? v : member(s->config, key);
}

// Absent leaves *out alone.
static bool setting_text(const settings *s, text key, text *out)
{
    text v = setting(s, key);
    if (!v.n) return true;
    if (!is_string(v)) return fail(PERMANENT, "source.config.%t must be a text, not %q", key, v);
    *out = plain(s->pool, v);
    return true;
}

static bool setting_delimiter(const settings *s, u8 *out)
{
    text d = NOTHING;
    if (!setting_text(s, T("delimiter"), &d)) return false;
    if (!d.p) return true;
    if (d.n != 1 || d.p[0] >= 128 || d.p[0] == '"' || d.p[0] == '\n' || d.p[0] == '\r' || !d.p[0])
        return fail(PERMANENT, "source.config.delimiter must be one ASCII character, not %q", d);
    *out = d.p[0];
    return true;
}

// `with` in place of every `{table}`.
static text with_table(pool *of, text in, text with)
{
    buf out = {0};
    for (;;) {
        u32 at = text_find(in, T("{table}"));
        buf_put(&out, text_to(in, at));
        if (at == in.n) break;
        buf_put(&out, with);
        in = text_from(in, at + 7);
    }
    text made = pool_copy(of, buf_text(&out));
    buf_free(&out);
    return made;
}

#endif
