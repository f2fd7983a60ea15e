// The `file` connector: CSV, NDJSON and Parquet files under the directory that the operator granted.
#include "../../sdk/c/catalog.h"
#include "reading.h"

#define SILENT_FILES 64u

static bool check_one(const settings *from, text name)
{
    session *checked = pool_take(&scratch, sizeof *checked);
    __builtin_memset(checked, 0, sizeof *checked);
    return read_settings(from, name, checked);
}

EXPORT(SOURCE "discover") u32 *source_discover(const u8 *config, u32 config_n)
{
    text given;
    if (!read_object((text){config, config_n}, "the configuration", &given)) return answer_failure();
    if (!check_config(member(given, T("config"))) || !discover_tables(given, check_one)) return answer_failure();
    return answer;
}

static void session_free(session *s)
{
    stream_free(&s->stream);
    buf_free(&s->mark_path);
    buf_free(&s->progress.high_copy);
    buf_free(&s->cursor);
    pool_free(&s->pool);
    heap_free(s);
}

static bool prepare(session *s, text config, text table, text cursor)
{
    text given;
    settings from;
    if (!read_object(config, "the configuration", &given) || !check_config(member(given, T("config")))) return false;
    if (!settings_of(&s->pool, given, table, &from) || !read_settings(&from, table, s)) return false;
    if (!progress_from(&s->progress, &s->pool, given)) return false;
    if (cursor.p && !read_cursor(s, cursor)) return false;
    return true;
}

EXPORT(SOURCE "open")
u32 *source_open(const u8 *config, u32 config_n, const u8 *table, u32 table_n, u32 resumes, const u8 *cursor, u32 cursor_n)
{
    session *s = block_data(heap_block(sizeof *s));
    text from = resumes ? (text){cursor, cursor_n} : NOTHING;
    __builtin_memset(s, 0, sizeof *s);
    pool_adopt(&s->pool, &scratch);
    if (!prepare(s, (text){config, config_n}, (text){table, table_n}, from)) {
        session_free(s);
        return answer_failure();
    }
    // Nothing was read yet: the cursor stays what it was.
    if (from.n) buf_put(&s->cursor, from);
    else write_cursor(s);
    return answer_handle(s);
}

// The next page of the open file; 0 if the file gave none.
static u32 *next_of_file(session *s)
{
    const entry *e = &s->files.at[s->at];
    u32 format = format_of(s, e->path);
    if (format == FORMAT_PARQUET) {
        if (s->group < s->groups) return next_groups(s);
        close_file(s);
        return 0;
    }
    u64 before = s->stream.rows;
    if (stream_page(&s->stream) == STREAM_FAILED) return answer_failure();
    bool rows = s->stream.rows > before, ended = s->stream.last && s->stream.at == s->stream.in.n;
    if (ended) close_file(s);
    if (!rows) return ended ? 0 : answer_batch(NDJSON, T(""));
    return answer_batch(format == FORMAT_CSV ? CSV : NDJSON, buf_text(&s->stream.out));
}

static u32 *next_page(session *s)
{
    if (!list(s)) return answer_failure();
    for (u32 silent = 0; s->at < s->files.n; silent++) {
        if (silent == SILENT_FILES) return answer_batch(NDJSON, T(""));
        if (!s->opened && !open_file(s)) return answer_failure();
        u32 *page = next_of_file(s);
        if (page) return page;
    }
    if (!s->done) progress_report(&s->progress);
    s->done = true;
    return answer_end();
}

EXPORT(SOURCE "[method]read-handle.next") u32 *source_next(session *s)
{
    pool_free(&scratch);
    u32 *page = next_page(s);
    if (!page[0]) write_cursor(s);
    return page;
}

EXPORT(SOURCE "[method]read-handle.cursor") u32 *source_cursor(session *s) { return answer_text(buf_text(&s->cursor)); }

EXPORT(SOURCE "read-handle_dtor") void source_drop(session *s) { session_free(s); }
