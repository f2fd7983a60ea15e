// Pages of a CSV or NDJSON text of any length: read in pieces, cut between records, memory flat.
#ifndef HAKIRI_STREAM_H
#define HAKIRI_STREAM_H
#include "csv.h"
#include "progress.h"

#define MIB (1u << 20)
#define PAGE_BYTES (4 * MIB)
#define RECORD_BYTES (5 * MIB) // twice as long at worst once its nested values are text, and a batch is at most 16 MiB
#define SILENT_BYTES (32 * MIB) // without one row to keep: hand over an empty page, so that the cursor moves
#define HEADER_BYTES (32u << 10)

enum format { FORMAT_UNKNOWN, FORMAT_JSON, FORMAT_NDJSON, FORMAT_CSV, FORMAT_PARQUET };
enum stream_state { STREAM_FAILED, STREAM_PAGE, STREAM_END };

// At most `max` bytes to `to`; their count, 0 at the end, -1 with the failure noted.
typedef i32 (*stream_read)(void *source, u8 *to, u32 max);

typedef struct {
    u32 format;
    csv_dialect dialect;
    text name; // for messages
    progress *progress;
    stream_read read;
    void *source;
    buf in, out;
    u32 at;    // in `in`: everything before was handed over
    bool last; // the source has ended
    u64 bytes; // offset of `at` in the source
    u64 line;  // number of the line at `at`
    buf header;
    u32 columns, wanted;
    u64 rows;
    bool warned;
} stream;

static void stream_reset(stream *s)
{
    s->in.n = s->at = 0;
    s->last = false;
    s->bytes = s->rows = 0;
    s->line = 1;
    s->header.n = 0;
}

static void stream_free(stream *s)
{
    buf_free(&s->in);
    buf_free(&s->out);
    buf_free(&s->header);
}

static bool stream_fail(const stream *s, u64 line, const char *why)
{
    return fail(PERMANENT, "%t, line %u: %s", s->name, line, why);
}

static void stream_advance(stream *s, u32 n, u32 lines)
{
    s->at += n;
    s->bytes += n;
    s->line += lines;
}

// Until `want` bytes wait behind `at`, or the source has ended.
static bool stream_fill(stream *s, u32 want)
{
    if (s->at) __builtin_memmove(s->in.p, s->in.p + s->at, s->in.n - s->at);
    s->in.n -= s->at;
    s->at = 0;
    while (!s->last && s->in.n < want) {
        // At once as much as a usual page needs: it never moves while it fills.
        buf_reserve(&s->in, s->in.cap ? MIB : PAGE_BYTES + MIB);
        i32 n = s->read(s->source, s->in.p + s->in.n, MIB);
        if (n < 0) return false;
        s->last = n == 0;
        s->in.n += (u32)n;
    }
    if (!s->bytes && s->in.n >= 3 && text_starts(buf_text(&s->in), T("\xef\xbb\xbf"))) stream_advance(s, 3, 0);
    return true;
}

static bool stream_csv_fault(const stream *s, u32 state, u32 lines)
{
    if (state == CSV_NUL) return stream_fail(s, s->line + lines, "a NUL byte; this is not CSV text in UTF-8");
    return stream_fail(s, s->line, "a quote is opened and never closed");
}

static bool stream_find_column(stream *s)
{
    pool used = {0};
    u32 i = 0;
    s->wanted = (u32)-1;
    if (!progress_on(s->progress)) return true;
    for (; i < s->columns && s->wanted == (u32)-1; i++) {
        csv_record r;
        csv_dialect comma;
        csv_speak(&comma, ',');
        csv_scan(&comma, s->header.p, s->header.p + s->header.n, true, i, &r);
        if (text_is(csv_unquoted(&used, r.wanted), s->progress->field)) s->wanted = i;
    }
    pool_free(&used);
    if (s->wanted != (u32)-1) return true;
    return fail(PERMANENT, "%t: the incremental field %q is not among the columns %q", s->name, s->progress->field,
                buf_text(&s->header));
}

// The header with commas and one line end: from the text, or from a cursor.
static bool stream_use_header(stream *s, text header)
{
    csv_record r = {0};
    csv_dialect comma;
    csv_speak(&comma, ',');
    if (header.p != s->header.p) {
        s->header.n = 0;
        buf_put(&s->header, header);
    }
    csv_scan(&comma, s->header.p, s->header.p + s->header.n, true, (u32)-1, &r);
    s->columns = r.fields;
    return stream_find_column(s);
}

static bool stream_take_header(stream *s)
{
    while (s->at < s->in.n) {
        const u8 *p = s->in.p + s->at;
        csv_record r;
        u32 state = csv_scan(&s->dialect, p, s->in.p + s->in.n, s->last, (u32)-1, &r);
        if (state == CSV_NUL || state == CSV_OPEN_QUOTE) return stream_csv_fault(s, state, r.lines);
        if (state == CSV_PARTIAL || (state == CSV_RECORD && r.end - p > (i32)HEADER_BYTES))
            return stream_fail(s, s->line, "the line with the column names is longer than 32 KiB");
        u64 line = s->line;
        stream_advance(s, (u32)(r.after - p), r.lines);
        if (state == CSV_BLANK) continue;
        if (!csv_write(&s->dialect, &s->header, p, r.end)) return stream_fail(s, line, "text after a closing quote");
        return stream_use_header(s, buf_text(&s->header));
    }
    return true;
}

#endif
