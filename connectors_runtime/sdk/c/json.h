// Checking JSON text that a stranger sent, and walking through text that has been checked.
#ifndef HAKIRI_JSON_H
#define HAKIRI_JSON_H
#include "text.h"

#define JSON_DEPTH 64u

typedef struct {
    const u8 *at;
    const char *why;
    bool replaced; // an escape named half a surrogate pair: now U+FFFD
} json_fault;

static inline bool json_space(u8 c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static inline u8 *json_blank(u8 *p, const u8 *end)
{
    while (p < end && json_space(*p)) p++;
    return p;
}

static u8 *json_bad(json_fault *f, const u8 *at, const char *why)
{
    f->at = at;
    f->why = why;
    return 0;
}

static i32 hex_value(u8 c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The four digits at p, or -1.
static i32 hex4(const u8 *p, const u8 *end)
{
    i32 v = 0;
    if (end - p < 4) return -1;
    for (u32 i = 0; i < 4; i++) {
        i32 d = hex_value(p[i]);
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

// p is behind "\u". Half a pair cannot be written as UTF-8: it becomes U+FFFD, which is as long.
static u8 *json_check_unicode(u8 *p, const u8 *end, json_fault *f)
{
    i32 v = hex4(p, end);
    if (v < 0) return json_bad(f, p, "four hexadecimal digits are needed after \\u");
    if (v < 0xd800 || v > 0xdfff) return p + 4;
    if (v < 0xdc00 && end - p >= 10 && p[4] == '\\' && p[5] == 'u') {
        i32 low = hex4(p + 6, end);
        if (low >= 0xdc00 && low <= 0xdfff) return p + 10;
    }
    __builtin_memcpy(p, "fffd", 4);
    f->replaced = true;
    return p + 4;
}

// p is behind the opening quote; returns the place behind the closing one.
static u8 *json_check_string(u8 *p, const u8 *end, json_fault *f)
{
    for (;;) {
        while (p < end && *p >= 32 && *p != '"' && *p != '\\') p++;
        if (p == end) return json_bad(f, p, "a text is not closed");
        if (*p == '"') return p + 1;
        if (*p < 32) return json_bad(f, p, "a control character inside a text");
        if (++p == end) return json_bad(f, p, "a text is not closed");
        if (*p == 'u') {
            if (!(p = json_check_unicode(p + 1, end, f))) return 0;
        } else if (text_find_byte(T("\"\\/bfnrt"), *p) < 8) {
            p++;
        } else {
            return json_bad(f, p, "an unknown escape");
        }
    }
}

static inline bool digit(u8 c) { return c >= '0' && c <= '9'; }

static u8 *json_digits(u8 *p, const u8 *end, json_fault *f)
{
    if (p == end || !digit(*p)) return json_bad(f, p, "a digit is missing in a number");
    while (p < end && digit(*p)) p++;
    return p;
}

static u8 *json_check_number(u8 *p, const u8 *end, json_fault *f)
{
    if (*p == '-') p++;
    u8 *first = p;
    if (!(p = json_digits(p, end, f))) return 0;
    if (*first == '0' && p - first > 1) return json_bad(f, first, "a number starts with 0");
    if (p < end && *p == '.' && !(p = json_digits(p + 1, end, f))) return 0;
    if (p < end && lower(*p) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        return json_digits(p, end, f);
    }
    return p;
}

static u8 *json_check_scalar(u8 *p, const u8 *end, json_fault *f)
{
    if (*p == '"') return json_check_string(p + 1, end, f);
    if (*p == '-' || digit(*p)) return json_check_number(p, end, f);
    text rest = between(p, end);
    if (text_starts(rest, T("true")) || text_starts(rest, T("null"))) return p + 4;
    if (text_starts(rest, T("false"))) return p + 5;
    return json_bad(f, p, "a value is missing or not JSON");
}

// A key and its colon, blanks around them included.
static u8 *json_check_key(u8 *p, const u8 *end, json_fault *f)
{
    p = json_blank(p, end);
    if (p == end || *p != '"') return json_bad(f, p, "a key in quotes is missing");
    if (!(p = json_check_string(p + 1, end, f))) return 0;
    p = json_blank(p, end);
    if (p == end || *p != ':') return json_bad(f, p, "a colon is missing");
    return p + 1;
}

// Closes what ends at p; stops before the next value, or at the end of the outermost one (depth 0).
static u8 *json_check_after(u8 *p, const u8 *end, json_fault *f, u64 kinds, u32 *depth)
{
    while (*depth) {
        p = json_blank(p, end);
        bool object = kinds >> (*depth - 1) & 1;
        if (p == end) return json_bad(f, p, object ? "an object is not closed" : "a list is not closed");
        if (*p == ',') return object ? json_check_key(p + 1, end, f) : p + 1;
        if (*p != (object ? '}' : ']')) return json_bad(f, p, "a comma or the closing bracket is missing");
        p++;
        --*depth;
    }
    return p;
}

// One value from p on. Returns the place behind it, or 0 with the fault noted.
static u8 *json_check(u8 *p, const u8 *end, json_fault *f)
{
    u64 kinds = 0; // bit i: the container at depth i is an object
    u32 depth = 0;
    for (;;) {
        p = json_blank(p, end);
        if (p == end) return json_bad(f, p, "the text ends too early");
        if (*p == '{' || *p == '[') {
            bool object = *p == '{';
            if (depth == JSON_DEPTH) return json_bad(f, p, "nested more than 64 levels deep");
            kinds = (kinds & ~(1ull << depth)) | (u64)object << depth;
            depth++;
            u8 *inside = json_blank(p + 1, end);
            bool empty = inside < end && *inside == (object ? '}' : ']');
            if (!empty) {
                if (!(p = object ? json_check_key(p + 1, end, f) : p + 1)) return 0;
                continue;
            }
            p = inside;
        } else if (!(p = json_check_scalar(p, end, f))) {
            return 0;
        }
        if (!(p = json_check_after(p, end, f, kinds, &depth))) return 0;
        if (!depth) return p;
    }
}

// ---- from here on: text that json_check accepted ----

static const u8 *json_skip_string(const u8 *p)
{
    for (p++; *p != '"'; p++)
        if (*p == '\\') p++;
    return p + 1;
}

static const u8 *json_skip(const u8 *p)
{
    if (*p == '"') return json_skip_string(p);
    if (*p != '{' && *p != '[') {
        while (*p > ' ' && *p != ',' && *p != '}' && *p != ']') p++;
        return p;
    }
    for (u32 depth = 0;;) {
        if (*p == '"') {
            p = json_skip_string(p);
            continue;
        }
        if (*p == '{' || *p == '[') depth++;
        if ((*p == '}' || *p == ']') && !--depth) return p + 1;
        p++;
    }
}

// A walk over the members of an object, or the elements of a list. `key` is without its quotes, escapes kept.
typedef struct {
    const u8 *p;
    bool object;
    text key, value;
} json_walk;

static const u8 *json_over(const u8 *p)
{
    while (json_space(*p)) p++;
    return p;
}

static json_walk json_enter(text container) { return (json_walk){.p = container.p + 1, .object = container.p[0] == '{'}; }

static bool json_next(json_walk *w)
{
    const u8 *p = json_over(w->p);
    if (*p == ',') p = json_over(p + 1);
    if (*p == '}' || *p == ']') return false;
    if (w->object) {
        const u8 *closed = json_skip_string(p);
        w->key = between(p + 1, closed - 1);
        p = json_over(json_over(closed) + 1);
    }
    w->p = json_skip(p);
    w->value = between(p, w->p);
    return true;
}

static u8 *utf8_put(u8 *o, u32 c)
{
    if (c < 0x80) {
        *o++ = (u8)c;
    } else if (c < 0x800) {
        *o++ = (u8)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *o++ = (u8)(0xe0 | c >> 12);
        *o++ = (u8)(0x80 | (c >> 6 & 63));
    } else {
        *o++ = (u8)(0xf0 | c >> 18);
        *o++ = (u8)(0x80 | (c >> 12 & 63));
        *o++ = (u8)(0x80 | (c >> 6 & 63));
    }
    if (c >= 0x80) *o++ = (u8)(0x80 | (c & 63));
    return o;
}

// The text between the quotes, with its escapes resolved.
static text json_decode(pool *of, text raw)
{
    if (text_find_byte(raw, '\\') == raw.n) return raw;
    u8 *start = pool_take(of, raw.n), *o = start;
    const u8 *end = raw.p + raw.n;
    for (const u8 *p = raw.p; p < end; p++) {
        if (*p != '\\') {
            *o++ = *p;
            continue;
        }
        u32 at = text_find_byte(T("bfnrt"), *++p);
        if (*p == 'u') {
            u32 c = (u32)hex4(p + 1, end);
            p += 4;
            if (c >= 0xd800 && c < 0xdc00) {
                c = 0x10000 + ((c - 0xd800) << 10) + ((u32)hex4(p + 3, end) - 0xdc00);
                p += 6;
            }
            o = utf8_put(o, c);
        } else {
            *o++ = at < 5 ? (u8) "\b\f\n\r\t"[at] : *p;
        }
    }
    return between(start, o);
}

#endif
