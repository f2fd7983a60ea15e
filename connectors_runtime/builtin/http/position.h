// The next request of a read, and where it stands after an answer.
#ifndef HTTP_POSITION_H
#define HTTP_POSITION_H
#include "cursor.h"

#define LONGEST_POSITION (16u << 10)

// Sets one member of a JSON body, in the place of an earlier one.
static void body_with(buf *out, text body, text key, text value)
{
    json_walk w = json_enter(body);
    out->n = 0;
    buf_byte(out, '{');
    while (json_next(&w)) {
        if (key_is(w.key, key)) continue;
        if (out->n > 1) buf_byte(out, ',');
        buf_byte(out, '"');
        buf_put(out, w.key);
        buf_put(out, T("\":"));
        buf_put(out, w.value);
    }
    buf_key(out, key);
    buf_put(out, value);
    buf_byte(out, '}');
}

static text number_text(u64 v)
{
    buf b = {0};
    buf_number(&b, v);
    text t = pool_copy(&scratch, buf_text(&b));
    buf_free(&b);
    return t;
}

// The raw JSON of what the position parameter is set to; NOTHING: it is left out.
static text position_value(session *s)
{
    if (is_numbered(s)) return number_text(s->position.number);
    return s->request.paging.kind == PAGING_CURSOR ? buf_text(&s->position.token) : NOTHING;
}

static void put_into_body(buf *body, text key, text value)
{
    buf made = {0};
    body_with(&made, buf_text(body), key, value);
    buf_free(body);
    *body = made;
}

// A source that could name secrets would have the host send them to where it likes.
static bool fail_reference(void)
{
    return fail(PERMANENT, "the next page's position refers to a secret; only the configuration may do that");
}

// A link of the server is complete but for parameters that hold secrets.
static bool follow_link(session *s)
{
    pairs params = s->request.params;
    if (holds_secret(buf_text(&s->position.url))) return fail_reference();
    buf_put(&s->url, buf_text(&s->position.url));
    for (u32 i = 0; i < params.n;)
        if (holds_secret(params.at[i].value)) i++;
        else params.at[i] = params.at[--params.n];
    url_drop_secret_params(&s->url, &params);
    url_add_query(&s->url, &params);
    return true;
}

// The URL of the next request in s->url, its body in *body.
static bool next_request(session *s, buf *body)
{
    const paging *g = &s->request.paging;
    pairs params = s->request.params;
    text place = position_value(s), since = s->progress.bound.t;
    text size = g->size_param.n && g->size ? number_text(g->size) : NOTHING;
    bool fits = true;
    s->url.n = 0;
    buf_put(body, s->request.body);
    if (s->position.url.n) return follow_link(s);
    if (g->in_body && holds_secret(place)) return fail_reference();
    buf_put(&s->url, url_without(s->request.url, '#'));
    if (s->request.since_param.n && since.n) fits = pairs_set(&params, (pair){s->request.since_param, since, true}, false);
    if (g->in_body) {
        if (size.n) put_into_body(body, g->size_param, size);
        if (place.n) put_into_body(body, g->param, place);
    } else {
        if (size.n) fits &= pairs_set(&params, (pair){g->size_param, size, false}, false);
        if (place.n) fits &= pairs_set(&params, (pair){g->param, plain(&scratch, place), true}, false);
    }
    url_add_query(&s->url, &params);
    return fits || fail(PERMANENT, "source.config.params has too many entries");
}

// A scalar of the answer as the next cursor.
static bool follow_token(session *s, text next)
{
    position *p = &s->position;
    bool empty = !next.n || is_null(next) || text_is(next, T("\"\"")) || text_is(next, T("false"));
    if (empty) {
        p->end = true;
        p->token.n = 0;
        return true;
    }
    if (!is_string(next) && !is_number(next))
        return fail(PERMANENT, "%t of the answer is no cursor: %q", s->request.paging.next, next);
    if (text_is(next, buf_text(&p->token)))
        return fail(PERMANENT, "the answer names itself as the next page: %q", next);
    if (next.n > LONGEST_POSITION) return fail(PERMANENT, "the next cursor is longer than 16 KiB");
    p->token.n = 0;
    buf_put(&p->token, next);
    return true;
}

static bool follow_url(session *s, text link)
{
    position *p = &s->position;
    buf next = {0};
    if (!link.n) {
        p->end = true;
        p->url.n = 0;
        return true;
    }
    text here = s->url.n ? buf_text(&s->url) : s->request.url;
    url_resolve(&next, here, link);
    text to = pool_copy(&scratch, buf_text(&next));
    buf_free(&next);
    if (!text_is(url_origin(to), url_origin(s->request.url)))
        return fail(PERMANENT, "the next page %q is on another server than %q", to, url_origin(s->request.url));
    if (text_is(to, here)) return fail(PERMANENT, "the answer names itself as the next page: %q", to);
    if (to.n > LONGEST_POSITION) return fail(PERMANENT, "the URL of the next page is longer than 16 KiB");
    p->url.n = 0;
    buf_put(&p->url, to);
    return true;
}

// After the last record of an answer.
static bool advance(session *s)
{
    u64 count = s->page.count;
    text next = s->page.next, more = s->page.more, link = buf_text(&s->page.link);
    const paging *g = &s->request.paging;
    position *p = &s->position;
    p->skip = 0;
    if (g->kind == PAGING_NONE) p->end = true;
    if (g->has_more.n && !says_yes(more)) p->end = true;
    if (is_numbered(s) && !g->has_more.n) p->end = count == 0 || (g->stop_short && count < g->size);
    if (p->end) {
        p->token.n = p->url.n = 0;
        return true;
    }
    if (is_numbered(s)) p->number += g->kind == PAGING_PAGE ? 1 : count;
    if (g->kind == PAGING_CURSOR) return follow_token(s, next);
    if (g->kind == PAGING_LINK) return follow_url(s, link);
    if (g->kind == PAGING_NEXT_URL) return follow_url(s, is_string(next) ? plain(&scratch, next) : NOTHING);
    return true;
}

#endif
