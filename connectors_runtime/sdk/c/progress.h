// Which rows an incremental run keeps, and the highest value that the next run starts from.
#ifndef HAKIRI_PROGRESS_H
#define HAKIRI_PROGRESS_H
#include "value.h"
#include "write.h"

#define LONGEST_VALUE 1024u

typedef struct {
    bool keyed; // the table has a primary key: the boundary instant is read again
    bool seen;  // the field was in a record of this run
    text field; // NOTHING: not incremental
    value bound, high;
    u64 valueless;
    buf high_copy;
} progress;

enum verdict { FAILED, DROP, KEEP };

static bool progress_on(const progress *p) { return p->field.p != 0; }

static bool progress_raise(progress *p, value v)
{
    if (v.t.n > LONGEST_VALUE)
        return fail(PERMANENT, "incremental field %q: a value of %u bytes; at most 1024", p->field, (u64)v.t.n);
    p->high_copy.n = 0;
    buf_put(&p->high_copy, v.t);
    p->high = (value){v.kind, buf_text(&p->high_copy)};
    return true;
}

// A row without a value cannot be ordered: read always with a key, else once, as SQL's `>` would.
static u32 progress_valueless(progress *p)
{
    p->valueless++;
    return p->keyed || p->bound.kind == NO_VALUE ? KEEP : DROP;
}

static u32 progress_judge(progress *p, value v)
{
    if (v.kind == NO_VALUE) return progress_valueless(p);
    if (v.kind == OTHER) return fail(PERMANENT, "incremental field %q is neither number nor text: %q", p->field, v.t);
    if (p->high.kind != NO_VALUE && p->high.kind != v.kind)
        return fail(PERMANENT, "incremental field %q holds numbers and texts: %q and %q", p->field, p->high.t, v.t);
    if (p->bound.kind != NO_VALUE) {
        i32 order = value_compare(v, p->bound);
        if (order < 0 || (order == 0 && !p->keyed)) return DROP;
    }
    if (p->high.kind == NO_VALUE || value_compare(v, p->high) > 0)
        return progress_raise(p, v) ? KEEP : FAILED;
    return KEEP;
}

// A field that no record has is a mistake in the configuration, not a source without new rows.
static bool progress_check(const progress *p)
{
    if (p->seen || !p->valueless) return true;
    return fail(PERMANENT, "incremental field %q is in none of the %u records", p->field, p->valueless);
}

static void value_write(buf *b, text key, value v)
{
    if (v.kind == NO_VALUE) return;
    buf_key(b, key);
    if (v.kind == NUMBER) {
        // Numbers of CSV need not be JSON's: as a text with its kind in front.
        buf_put(b, T("{\"number\":"));
        buf_json(b, v.t);
        buf_byte(b, '}');
    } else {
        buf_json(b, v.t);
    }
}

// Starts the cursor; `done` makes the highest value the bound of the next run.
static void progress_write(const progress *p, buf *cursor, bool done)
{
    cursor->n = 0;
    buf_put(cursor, T("{"));
    buf_key(cursor, T("v"));
    buf_byte(cursor, '1');
    if (!progress_on(p)) return;
    buf_key(cursor, T("field"));
    buf_json(cursor, p->field);
    value_write(cursor, T("bound"), done ? p->high : p->bound);
    if (!done) value_write(cursor, T("high"), p->high);
}

static bool value_read(pool *of, text v, value *out)
{
    text number = member(v, T("number"));
    if (!v.n) return true;
    if (is_string(v)) *out = (value){TEXT, plain(of, v)};
    else if (is_string(number)) *out = (value){NUMBER, plain(of, number)};
    if (out->kind == NUMBER && !looks_like_number(out->t)) out->kind = NO_VALUE;
    return out->kind != NO_VALUE || fail(PERMANENT, "the stored cursor holds no usable value: %q", v);
}

// A bound of another field means nothing: then everything is read.
static bool progress_read(progress *p, pool *of, text cursor)
{
    if (!text_is(member(cursor, T("v")), T("1")))
        return fail(PERMANENT, "the stored cursor %q is not one of this connector", cursor);
    text field = member(cursor, T("field"));
    if (!progress_on(p)) return true;
    if (!is_string(field) || !text_is(plain(of, field), p->field)) {
        if (field.n) note(WARNING, "the incremental field changed to %q: everything is read once", p->field);
        return true;
    }
    if (!value_read(of, member(cursor, T("bound")), &p->bound)) return false;
    p->high = p->bound;
    return !member(cursor, T("high")).n || value_read(of, member(cursor, T("high")), &p->high);
}

// {"incremental": {"field": ...}, "table": {"primary_key": [...]}} of what the host hands to open().
static bool progress_from(progress *p, pool *of, text given)
{
    text incremental = member(given, T("incremental")), key = member(member(given, T("table")), T("primary_key"));
    if (is_list(key)) {
        json_walk columns = json_enter(key);
        p->keyed = json_next(&columns);
    }
    if (!incremental.n || is_null(incremental)) return true;
    text field = member(incremental, T("field"));
    if (!is_string(field) || field.n <= 2) return fail(PERMANENT, "incremental.field must name a field");
    p->field = plain(of, field);
    return true;
}

static void progress_report(const progress *p)
{
    if (p->valueless)
        note(WARNING, "%u rows have no value in the incremental field %q", p->valueless, p->field);
}

#endif
