// Writing JSON: texts, and a record as one line with its nested values as JSON text.
#ifndef HAKIRI_WRITE_H
#define HAKIRI_WRITE_H
#include "json.h"
#include "lookup.h"

static u8 *escape_byte(u8 *o, u8 c)
{
    static const char hex[] = "0123456789abcdef";
    u32 at = text_find_byte(T("\b\f\n\r\t\"\\"), c);
    *o++ = '\\';
    if (at < 7) {
        *o++ = (u8) "bfnrt\"\\"[at];
        return o;
    }
    __builtin_memcpy(o, "u00", 3);
    o[3] = (u8)hex[c >> 4];
    o[4] = (u8)hex[c & 15];
    return o + 5;
}

static void buf_json(buf *b, text t)
{
    buf_reserve(b, t.n * 6 + 2);
    u8 *o = b->p + b->n;
    *o++ = '"';
    for (u32 i = 0; i < t.n; i++) {
        u8 c = t.p[i];
        if (c < 32 || c == '"' || c == '\\') o = escape_byte(o, c);
        else *o++ = c;
    }
    *o++ = '"';
    b->n = (u32)(o - b->p);
}

// Adds ,"key": or "key": to an object under construction.
static void buf_key(buf *b, text key)
{
    if (b->p[b->n - 1] != '{') buf_byte(b, ',');
    buf_json(b, key);
    buf_byte(b, ':');
}

// A nested value as JSON text: blanks dropped, quotes and backslashes escaped. Never longer than twice its input.
static u8 *write_nested(u8 *o, text v)
{
    const u8 *end = v.p + v.n;
    bool inside = false;
    *o++ = '"';
    for (const u8 *p = v.p; p < end; p++) {
        if (!inside && json_space(*p)) continue;
        if (*p == '"') {
            inside = !inside;
            *o++ = '\\';
        } else if (*p == '\\') {
            // The escaped character stays with its backslash, so that a quote there does not end the text.
            *o++ = '\\';
            *o++ = *p++;
            if (*p == '"' || *p == '\\') *o++ = '\\';
        }
        *o++ = *p;
    }
    *o++ = '"';
    return o;
}

static u8 *write_bytes(u8 *o, text t)
{
    if (t.n > 64) {
        __builtin_memcpy(o, t.p, t.n);
        return o + t.n;
    }
    for (u32 i = 0; i < t.n; i++) *o++ = t.p[i];
    return o;
}

// One record as a line. *found is the member `field`, if it is there; `field` may be NOTHING.
static void write_record(buf *out, text record, text field, text *found)
{
    buf_reserve(out, record.n * 2 + 2);
    u8 *o = out->p + out->n;
    json_walk w = json_enter(record);
    *o++ = '{';
    for (bool first = true; json_next(&w); first = false) {
        if (!first) *o++ = ',';
        *o++ = '"';
        o = write_bytes(o, w.key);
        *o++ = '"';
        *o++ = ':';
        bool nested = w.value.p[0] == '{' || w.value.p[0] == '[';
        o = nested ? write_nested(o, w.value) : write_bytes(o, w.value);
        if (field.p && key_is(w.key, field)) *found = w.value;
    }
    *o++ = '}';
    *o++ = '\n';
    out->n = (u32)(o - out->p);
}

#endif
