// Pieces of UTF-8 text: comparing, searching, and building them.
#ifndef HAKIRI_TEXT_H
#define HAKIRI_TEXT_H
#include "memory.h"
#include <stdarg.h>

typedef struct {
    const u8 *p;
    u32 n;
} text;

#define T(literal) ((text){(const u8 *)(literal), sizeof(literal) - 1})
#define NOTHING ((text){0, 0})

static inline text between(const u8 *from, const u8 *to) { return (text){from, (u32)(to - from)}; }
static inline text buf_text(const buf *b) { return (text){b->p, b->n}; }

static i32 text_compare(text a, text b)
{
    u32 n = a.n < b.n ? a.n : b.n;
    for (u32 i = 0; i < n; i++)
        if (a.p[i] != b.p[i]) return a.p[i] < b.p[i] ? -1 : 1;
    return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

static bool text_is(text a, text b) { return a.n == b.n && text_compare(a, b) == 0; }

static inline u8 lower(u8 c) { return c >= 'A' && c <= 'Z' ? (u8)(c + 32) : c; }

static bool text_is_nocase(text a, text b)
{
    if (a.n != b.n) return false;
    for (u32 i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i])) return false;
    return true;
}

static bool text_starts(text a, text with) { return a.n >= with.n && text_is((text){a.p, with.n}, with); }

static bool text_ends_nocase(text a, text with)
{
    return a.n >= with.n && text_is_nocase((text){a.p + a.n - with.n, with.n}, with);
}

// The place of `what`, or the length of `in`.
static u32 text_find(text in, text what)
{
    for (u32 i = 0; i + what.n <= in.n; i++)
        if (text_is((text){in.p + i, what.n}, what)) return i;
    return in.n;
}

static u32 text_find_byte(text in, u8 c)
{
    u32 i = 0;
    while (i < in.n && in.p[i] != c) i++;
    return i;
}

static text text_from(text a, u32 i) { return i >= a.n ? NOTHING : (text){a.p + i, a.n - i}; }
static text text_to(text a, u32 n) { return (text){a.p, n < a.n ? n : a.n}; }

static text text_trim(text a)
{
    while (a.n && (a.p[0] == ' ' || a.p[0] == '\t')) a = text_from(a, 1);
    while (a.n && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t')) a.n--;
    return a;
}

// Digits only, and at most `max`.
static bool text_number(text a, u64 max, u64 *out)
{
    u64 v = 0;
    if (!a.n || a.n > 19) return false;
    for (u32 i = 0; i < a.n; i++) {
        if (a.p[i] < '0' || a.p[i] > '9') return false;
        v = v * 10 + (a.p[i] - '0');
    }
    *out = v;
    return v <= max;
}

static void buf_put(buf *b, text t)
{
    buf_reserve(b, t.n);
    if (t.n) __builtin_memcpy(b->p + b->n, t.p, t.n);
    b->n += t.n;
}

static void buf_byte(buf *b, u8 c)
{
    buf_reserve(b, 1);
    b->p[b->n++] = c;
}

static void buf_number(buf *b, u64 v)
{
    u8 digits[20];
    u32 n = 0;
    do digits[n++] = (u8)('0' + v % 10);
    while (v /= 10);
    while (n) buf_byte(b, digits[--n]);
}

// Text of unknown origin for a message: short, on one line.
static void buf_excerpt(buf *b, text t, u32 characters)
{
    u32 i = 0;
    for (; i < t.n && characters; i++) {
        u8 c = t.p[i];
        buf_byte(b, c < 32 || c == 127 ? ' ' : c);
        bool ends = i + 1 == t.n || (t.p[i + 1] & 0xc0) != 0x80;
        if (ends) characters--;
    }
    if (i < t.n) buf_put(b, T("..."));
}

// %s C string, %t text, %q text in quotes, cut at 200 characters, %u u64.
static void buf_format(buf *b, const char *format, va_list args)
{
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            buf_byte(b, (u8)*f);
            continue;
        }
        switch (*++f) {
        case 's':
            for (const char *s = va_arg(args, const char *); *s; s++) buf_byte(b, (u8)*s);
            break;
        case 't': buf_excerpt(b, va_arg(args, text), 2000); break;
        case 'q':
            buf_byte(b, '"');
            buf_excerpt(b, va_arg(args, text), 200);
            buf_byte(b, '"');
            break;
        case 'u': buf_number(b, va_arg(args, u64)); break;
        }
    }
}

static text pool_copy(pool *of, text t)
{
    u8 *p = pool_take(of, t.n);
    if (t.n) __builtin_memcpy(p, t.p, t.n);
    return (text){p, t.n};
}

#endif
