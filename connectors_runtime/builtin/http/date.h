// Dates as HTTP writes them: "Sun, 06 Nov 1994 08:49:37 GMT".
#ifndef HTTP_DATE_H
#define HTTP_DATE_H
#include "../../sdk/c/text.h"

static i64 days_before(i64 year, i64 month, i64 day)
{
    year -= month <= 2;
    i64 era = year / 400, of_era = year - era * 400;
    i64 of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool date_number(text t, u32 at, u32 n, u64 *out) { return text_number(text_to(text_from(t, at), n), 9999, out); }

// Seconds since 1970; false if it is not such a date.
static bool http_date(text t, i64 *out)
{
    u64 day, year, hour, minute, second;
    if (t.n != 29 || !text_is(text_from(t, 25), T(" GMT"))) return false;
    u32 month = text_find(T("JanFebMarAprMayJunJulAugSepOctNovDec"), text_to(text_from(t, 8), 3));
    if (month > 33 || month % 3) return false;
    if (!date_number(t, 5, 2, &day) || !date_number(t, 12, 4, &year) || !date_number(t, 17, 2, &hour)) return false;
    if (!date_number(t, 20, 2, &minute) || !date_number(t, 23, 2, &second)) return false;
    *out = days_before((i64)year, month / 3 + 1, (i64)day) * 86400 + (i64)(hour * 3600 + minute * 60 + second);
    return true;
}

// Retry-After in seconds, or as a date, which the answer's own Date makes relative: a guest has no clock.
static bool retry_after(text value, text now, u64 *seconds)
{
    i64 until, from;
    value = text_trim(value);
    if (text_number(value, 0xffffffffu, seconds)) return true;
    if (!http_date(value, &until) || !http_date(text_trim(now), &from)) return false;
    *seconds = until > from ? (u64)(until - from) : 0;
    return true;
}

#endif
