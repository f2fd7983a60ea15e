// The values of an incremental field: numbers compare as numbers of any length, text byte by byte.
#ifndef HAKIRI_VALUE_H
#define HAKIRI_VALUE_H
#include "json.h"

enum value_kind { NO_VALUE, NUMBER, TEXT, OTHER };

typedef struct {
    u32 kind;
    text t;
} value;

// sign * 0.DIGITS * 10^exponent, where DIGITS are those of `span` without leading zeros and the point.
typedef struct {
    bool negative, zero;
    i64 exponent;
    text span;
} decimal;

static u32 sign_length(text t) { return t.n && (t.p[0] == '-' || t.p[0] == '+'); }

// Accepts leading zeros and a plus sign, as they occur in CSV.
static bool looks_like_number(text t)
{
    u32 i = sign_length(t), digits = 0;
    for (; i < t.n && digit(t.p[i]); i++) digits++;
    if (i < t.n && t.p[i] == '.')
        for (i++; i < t.n && digit(t.p[i]); i++) digits++;
    if (!digits) return false;
    if (i < t.n && lower(t.p[i]) == 'e') {
        i++;
        i += sign_length(text_from(t, i));
        u32 first = i;
        while (i < t.n && digit(t.p[i])) i++;
        if (i == first) return false;
    }
    return i == t.n;
}

static i64 exponent_value(text t)
{
    bool negative = t.n && t.p[0] == '-';
    i64 v = 0;
    for (u32 i = sign_length(t); i < t.n; i++)
        if (v < 1000000000000) v = v * 10 + (t.p[i] - '0');
    return negative ? -v : v;
}

static decimal decimal_of(text t)
{
    decimal d = {.negative = t.p[0] == '-', .zero = true};
    u32 e = 0, first = 0, last = 0;
    i64 before_point = 0;
    bool point = false;
    while (e < t.n && lower(t.p[e]) != 'e') e++;
    for (u32 i = sign_length(t); i < e; i++) {
        u8 c = t.p[i];
        if (c == '.') point = true;
        if (c != '.' && c != '0') {
            if (d.zero) first = i;
            last = i;
            d.zero = false;
        }
        if (c == '.') continue;
        if (!point && !d.zero) before_point++;
        if (point && d.zero) before_point--;
    }
    d.span = (text){t.p + first, d.zero ? 0 : last - first + 1};
    d.exponent = before_point + (e < t.n ? exponent_value(text_from(t, e + 1)) : 0);
    return d;
}

static i32 digits_compare(text a, text b)
{
    for (u32 i = 0, j = 0;; i++, j++) {
        if (i < a.n && a.p[i] == '.') i++;
        if (j < b.n && b.p[j] == '.') j++;
        if (i >= a.n || j >= b.n) return i < a.n ? 1 : j < b.n ? -1 : 0;
        if (a.p[i] != b.p[j]) return a.p[i] < b.p[j] ? -1 : 1;
    }
}

static i32 number_compare(text a, text b)
{
    decimal x = decimal_of(a), y = decimal_of(b);
    if (x.zero || y.zero) {
        if (x.zero && y.zero) return 0;
        return x.zero ? (y.negative ? 1 : -1) : (x.negative ? -1 : 1);
    }
    if (x.negative != y.negative) return x.negative ? -1 : 1;
    i32 larger = x.negative ? -1 : 1;
    if (x.exponent != y.exponent) return x.exponent > y.exponent ? larger : -larger;
    return digits_compare(x.span, y.span) * larger;
}

// Both of one kind, NUMBER or TEXT.
static i32 value_compare(value a, value b)
{
    return a.kind == NUMBER ? number_compare(a.t, b.t) : text_compare(a.t, b.t);
}

static value value_of_csv(text field)
{
    if (field.n >= 2 && field.p[0] == '"') field = (text){field.p + 1, field.n - 2};
    if (!field.n) return (value){NO_VALUE, NOTHING};
    return (value){looks_like_number(field) ? NUMBER : TEXT, field};
}

// `json` is a checked value; decoded text lives in `of`.
static value value_of_json(pool *of, text json)
{
    if (!json.n || json.p[0] == 'n') return (value){NO_VALUE, NOTHING};
    if (json.p[0] == '"') return (value){TEXT, json_decode(of, (text){json.p + 1, json.n - 2})};
    if (json.p[0] == '-' || digit(json.p[0])) return (value){NUMBER, json};
    return (value){OTHER, json};
}

#endif
