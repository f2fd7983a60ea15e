// Finding the records of CSV text (RFC 4180, any one-byte delimiter), and writing them with commas.
#ifndef HAKIRI_CSV_H
#define HAKIRI_CSV_H
#include "abi.h"

enum csv_state { CSV_RECORD, CSV_BLANK, CSV_PARTIAL, CSV_NUL, CSV_OPEN_QUOTE };

typedef struct {
    u8 delimiter;
    u8 special[256]; // what may end an unquoted field
} csv_dialect;

typedef struct {
    const u8 *after; // behind the record and its line end
    const u8 *end;   // behind its last byte
    u32 fields;
    u32 lines;
    text wanted; // the field asked for, its quotes included
} csv_record;

static void csv_speak(csv_dialect *d, u8 delimiter)
{
    __builtin_memset(d, 0, sizeof *d);
    d->delimiter = delimiter;
    d->special[delimiter] = d->special['\n'] = d->special['\r'] = d->special[0] = 1;
}

// p is behind the opening quote; returns the place behind the closing one, or `end`.
static inline const u8 *csv_quoted(const u8 *p, const u8 *end, u32 *lines, bool *closed)
{
    for (;; p++) {
        while (p < end && *p != '"' && *p != '\n') p++;
        if (p == end) return p;
        if (*p == '\n') {
            ++*lines;
        } else if (p + 1 < end && p[1] == '"') {
            p++;
        } else {
            // A quote at the very end may be half of a doubled one.
            *closed = true;
            return p + 1;
        }
    }
}

// What one field leaves behind: the place after it, or a state other than CSV_RECORD.
static inline u32 csv_field(const csv_dialect *d, const u8 **at, const u8 *end, bool last, u32 *lines)
{
    const u8 *p = *at;
    if (p < end && *p == '"') {
        bool closed = false;
        p = csv_quoted(p + 1, end, lines, &closed);
        if (!closed) return last ? CSV_OPEN_QUOTE : CSV_PARTIAL;
    }
    while (p < end && !d->special[*p]) p++;
    if (p == end ? !last : *p == '\r' && p + 1 == end && !last) return CSV_PARTIAL;
    if (p < end && *p == 0) return CSV_NUL;
    *at = p;
    return CSV_RECORD;
}

// The record that starts at p. `last`: nothing follows `end`.
static inline u32 csv_scan(const csv_dialect *d, const u8 *p, const u8 *end, bool last, u32 wanted, csv_record *r)
{
    const u8 *start = p;
    r->fields = r->lines = 0;
    for (;;) {
        const u8 *field = p;
        u32 state = csv_field(d, &p, end, last, &r->lines);
        if (state != CSV_RECORD) return state;
        if (r->fields == wanted) r->wanted = between(field, p);
        r->fields++;
        if (p == end || *p != d->delimiter) break;
        p++;
    }
    r->end = p;
    if (p < end) {
        r->lines++;
        p += *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
    }
    r->after = p;
    return r->end == start ? CSV_BLANK : CSV_RECORD;
}

static text csv_unquoted(pool *of, text field)
{
    if (field.n < 2 || field.p[0] != '"') return field;
    u8 *start = pool_take(of, field.n), *o = start;
    for (u32 i = 1; i + 1 < field.n; i++) {
        *o++ = field.p[i];
        if (field.p[i] == '"') i++;
    }
    return between(start, o);
}

// One field as RFC 4180 has it: quoted if it holds a comma or a quote.
static void csv_write_field(buf *out, text field)
{
    bool quoted = field.n && field.p[0] == '"';
    if (quoted || (text_find_byte(field, ',') == field.n && text_find_byte(field, '"') == field.n)) {
        buf_put(out, field);
        return;
    }
    buf_byte(out, '"');
    for (u32 i = 0; i < field.n; i++) {
        if (field.p[i] == '"') buf_byte(out, '"');
        buf_byte(out, field.p[i]);
    }
    buf_byte(out, '"');
}

// A complete record with commas between its fields. False if text follows a closing quote.
static bool csv_write(const csv_dialect *d, buf *out, const u8 *p, const u8 *end)
{
    for (;;) {
        const u8 *field = p;
        u32 lines = 0;
        csv_field(d, &p, end, true, &lines);
        text t = between(field, p);
        if (t.n && t.p[0] == '"' && t.p[t.n - 1] != '"') return false;
        csv_write_field(out, t);
        if (p == end) break;
        buf_byte(out, ',');
        p++;
    }
    buf_byte(out, '\n');
    return true;
}

#endif
