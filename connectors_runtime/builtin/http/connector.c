// The `http` connector: paginated JSON APIs, and CSV or NDJSON files over HTTP.
#include "../../sdk/c/catalog.h"
#include "download.h"

static bool check_one(const settings *from, text name)
{
    request_settings *checked = pool_take(&scratch, sizeof *checked);
    return read_request_settings(from, name, checked);
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
    close_body(s);
    stream_free(&s->stream);
    buf_free(&s->position.token);
    buf_free(&s->position.url);
    buf_free(&s->page.text);
    buf_free(&s->page.link);
    buf_free(&s->progress.high_copy);
    buf_free(&s->out);
    buf_free(&s->url);
    buf_free(&s->cursor);
    pool_free(&s->pool);
    heap_free(s);
}

static bool prepare(session *s, text config, text table, text cursor)
{
    text given;
    settings from;
    if (!read_object(config, "the configuration", &given) || !settings_of(&s->pool, given, table, &from)) return false;
    s->table = table;
    if (!check_config(from.config) || !read_request_settings(&from, table, &s->request)) return false;
    if (!progress_from(&s->progress, &s->pool, given)) return false;
    position_start(s);
    if (cursor.p && !read_cursor(s, cursor)) return false;
    write_cursor(s);
    return true;
}

EXPORT(SOURCE "open")
u32 *source_open(const u8 *config, u32 config_n, const u8 *table, u32 table_n, u32 resumes, const u8 *cursor, u32 cursor_n)
{
    session *s = block_data(heap_block(sizeof *s));
    __builtin_memset(s, 0, sizeof *s);
    pool_adopt(&s->pool, &scratch);
    if (prepare(s, (text){config, config_n}, (text){table, table_n}, resumes ? (text){cursor, cursor_n} : NOTHING))
        return answer_handle(s);
    session_free(s);
    return answer_failure();
}

static bool next_lines(session *s)
{
    for (u32 asked = 0; !s->position.end && !s->out.n && asked < SILENT_ANSWERS; asked++) {
        if (!s->page.loaded && !open_next(s)) return false;
        if (s->stream.format || s->position.end) return true;
        if (!hand_over(s)) return false;
    }
    return true;
}

// Rows in s->out; none at the end, or when the source had nothing to keep for long.
static bool next_rows(session *s)
{
    s->out.n = 0;
    if (!s->stream.format && !next_lines(s)) return false;
    if (!s->stream.format || s->position.end) return true;
    u64 before = s->stream.rows;
    if (stream_page(&s->stream) == STREAM_FAILED) return false;
    s->position.end = s->stream.last && s->stream.at == s->stream.in.n;
    if (s->position.end) close_body(s);
    s->rows = s->stream.rows > before;
    return true;
}

static u32 *finish(session *s)
{
    if (!s->done) progress_report(&s->progress);
    s->done = true;
    write_cursor(s);
    return answer_end();
}

EXPORT(SOURCE "[method]read-handle.next") u32 *source_next(session *s)
{
    pool_free(&scratch);
    s->rows = false;
    if (s->done) return answer_end();
    if (!next_rows(s)) return answer_failure();
    bool rows = s->stream.format ? s->rows : s->out.n > 0;
    if (!rows && s->position.end) return finish(s);
    write_cursor(s);
    if (rows && s->stream.format == FORMAT_CSV) return answer_batch(CSV, buf_text(&s->stream.out));
    return answer_batch(NDJSON, !rows ? T("") : buf_text(s->stream.format ? &s->stream.out : &s->out));
}

EXPORT(SOURCE "[method]read-handle.cursor") u32 *source_cursor(session *s) { return answer_text(buf_text(&s->cursor)); }

EXPORT(SOURCE "read-handle_dtor") void source_drop(session *s) { session_free(s); }
