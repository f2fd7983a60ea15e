// URLs: query parameters, and links that are relative to where they were found.
#ifndef HTTP_URL_H
#define HTTP_URL_H
#include "../../sdk/c/text.h"

// `foreign`: the value came from the source. A reference to a secret in it must not be put in by the host.
typedef struct {
    text name, value;
    bool foreign;
} pair;

#define PAIRS 64u

typedef struct {
    pair at[PAIRS];
    u32 n;
} pairs;

// Takes the place of an earlier pair of that name. False if there are too many.
static bool pairs_set(pairs *in, pair p, bool nocase)
{
    u32 i = 0;
    while (i < in->n && !(nocase ? text_is_nocase(in->at[i].name, p.name) : text_is(in->at[i].name, p.name))) i++;
    if (i == PAIRS) return false;
    in->at[i] = p;
    if (i == in->n) in->n++;
    return true;
}

static bool unreserved(u8 c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || text_find_byte(T("-._~"), c) < 4;
}

// Percent-encodes all but references to secrets, if `references`: the host puts those in, encoded.
static void url_encode(buf *out, text t, bool references)
{
    static const char hex[] = "0123456789ABCDEF";
    for (u32 i = 0; i < t.n; i++) {
        text rest = text_from(t, i);
        u32 closed = text_find_byte(rest, '}');
        if (references && text_starts(rest, T("${secret:")) && closed < rest.n) {
            buf_put(out, text_to(rest, closed + 1));
            i += closed;
        } else if (unreserved(t.p[i])) {
            buf_byte(out, t.p[i]);
        } else {
            buf_byte(out, '%');
            buf_byte(out, (u8)hex[t.p[i] >> 4]);
            buf_byte(out, (u8)hex[t.p[i] & 15]);
        }
    }
}

static void url_add_query(buf *url, const pairs *params)
{
    for (u32 i = 0; i < params->n; i++) {
        u32 mark = text_find_byte(buf_text(url), '?');
        if (mark == url->n) buf_byte(url, '?');
        else if (mark != url->n - 1) buf_byte(url, '&');
        url_encode(url, params->at[i].name, false);
        buf_byte(url, '=');
        url_encode(url, params->at[i].value, !params->at[i].foreign);
    }
}

static text url_without(text url, u8 from) { return text_to(url, text_find_byte(url, from)); }

static bool holds_secret(text t) { return text_find(t, T("${secret:")) < t.n; }

// Drops the parameters whose value holds a secret: a server that repeats them in a link repeats a mask.
static void url_drop_secret_params(buf *url, const pairs *params)
{
    for (u32 i = 0; i < params->n; i++) {
        u32 at = text_find_byte(buf_text(url), '?') + 1;
        while (holds_secret(params->at[i].value) && at < url->n) {
            text rest = text_from(buf_text(url), at);
            u32 end = text_find_byte(rest, '&');
            bool same = text_is(url_without(text_to(rest, end), '='), params->at[i].name);
            u32 cut = end < rest.n ? end + 1 : end;
            if (same) {
                __builtin_memmove(url->p + at, url->p + at + cut, rest.n - cut);
                url->n -= cut;
            } else {
                at += cut;
            }
        }
    }
    while (url->n && url->p[url->n - 1] == '&') url->n--;
}

// "https://host:port" of an absolute URL; NOTHING otherwise.
static text url_origin(text url)
{
    u32 scheme = text_starts(url, T("http://")) ? 7 : text_starts(url, T("https://")) ? 8 : 0;
    if (!scheme) return NOTHING;
    u32 i = scheme;
    while (i < url.n && url.p[i] != '/' && url.p[i] != '?' && url.p[i] != '#') i++;
    return i > scheme ? text_to(url, i) : NOTHING;
}

// The path of a URL up to its last slash, origin included.
static text url_directory(text url)
{
    text origin = url_origin(url), path = url_without(url_without(url, '#'), '?');
    u32 n = path.n;
    while (n > origin.n && path.p[n - 1] != '/') n--;
    return text_to(path, n);
}

// Where `link`, found at `url`, leads to.
static void url_resolve(buf *out, text url, text link)
{
    text origin = url_origin(url);
    out->n = 0;
    if (url_origin(link).n) {
        buf_put(out, link);
        return;
    }
    if (text_starts(link, T("//"))) {
        buf_put(out, text_to(url, text_find_byte(url, '/')));
    } else if (text_starts(link, T("/"))) {
        buf_put(out, origin);
    } else if (text_starts(link, T("?"))) {
        buf_put(out, url_without(url_without(url, '#'), '?'));
    } else {
        text directory = url_directory(url);
        buf_put(out, directory);
        if (directory.n == origin.n) buf_byte(out, '/');
    }
    buf_put(out, link);
}

// The target of rel="next" in a Link header; NOTHING if there is none.
static text link_next(text header)
{
    while (header.n) {
        u32 open = text_find_byte(header, '<'), close = text_find_byte(header, '>');
        if (open >= close || close == header.n) return NOTHING;
        text target = between(header.p + open + 1, header.p + close);
        text rest = text_from(header, close + 1);
        u32 end = text_find_byte(rest, '<');
        text attributes = text_to(rest, end);
        u32 at = text_find(attributes, T("rel="));
        text rel = text_from(attributes, at + 4);
        if (text_starts(rel, T("\""))) rel = text_to(text_from(rel, 1), text_find_byte(text_from(rel, 1), '"'));
        else rel.n = text_find_byte(rel, ';') < text_find_byte(rel, ',') ? text_find_byte(rel, ';') : text_find_byte(rel, ',');
        if (text_is_nocase(text_trim(rel), T("next"))) return target;
        header = text_from(rest, end);
    }
    return NOTHING;
}

#endif
