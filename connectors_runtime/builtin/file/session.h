// What one read of one table remembers between calls, and the cursor that resumes it.
#ifndef FILE_SESSION_H
#define FILE_SESSION_H
#include "../../sdk/c/pages.h"
#include "listing.h"

#define KEYS "path format delimiter"
#define LONGEST_PATH 4096u
#define PLACES 4u

// A file whose rows were handed over in part.
typedef struct {
    text path;
    u64 size, modified;
    u64 bytes, line; // CSV and NDJSON
    u64 group;       // Parquet: the next row group
} place;

typedef struct {
    pool pool;
    text glob;
    u32 format;      // FORMAT_UNKNOWN: by each file's ending
    u8 delimiter;
    progress progress;
    // Every file up to this (modified, path) was handed over.
    u64 mark_modified;
    buf mark_path;
    place begun[PLACES]; // by earlier attempts, and not open yet
    u32 begun_n;
    listing files;
    u32 at;          // in `files`
    bool listed, opened, warned, done;
    u64 offset;      // where the next read of the open file begins
    stream stream;
    u32 groups, group;
    buf cursor;
} session;

static u32 format_of(const session *s, text path)
{
    if (s->format) return s->format;
    if (text_ends_nocase(path, T(".csv")) || text_ends_nocase(path, T(".tsv"))) return FORMAT_CSV;
    if (text_ends_nocase(path, T(".ndjson")) || text_ends_nocase(path, T(".jsonl"))) return FORMAT_NDJSON;
    return text_ends_nocase(path, T(".parquet")) ? FORMAT_PARQUET : FORMAT_UNKNOWN;
}

static void buf_pair(buf *b, text key, u64 v)
{
    buf_key(b, key);
    buf_number(b, v);
}

static void write_place(buf *c, const place *p)
{
    if (c->p[c->n - 1] != '[') buf_byte(c, ',');
    buf_byte(c, '{');
    buf_key(c, T("path"));
    buf_json(c, p->path);
    buf_pair(c, T("size"), p->size);
    buf_pair(c, T("modified"), p->modified);
    if (p->group) buf_pair(c, T("group"), p->group);
    if (p->bytes) buf_pair(c, T("bytes"), p->bytes);
    if (p->bytes) buf_pair(c, T("line"), p->line);
    buf_byte(c, '}');
}

static void write_places(buf *c, const session *s)
{
    if (!s->opened && !s->begun_n) return;
    buf_key(c, T("at"));
    buf_byte(c, '[');
    if (s->opened) {
        const entry *e = &s->files.at[s->at];
        bool groups = format_of(s, e->path) == FORMAT_PARQUET;
        place p = {e->path, e->size, e->modified, groups ? 0 : s->stream.bytes, s->stream.line, groups ? s->group : 0};
        write_place(c, &p);
    }
    for (u32 i = 0; i < s->begun_n; i++) write_place(c, &s->begun[i]);
    buf_byte(c, ']');
}

static void write_cursor(session *s)
{
    buf *c = &s->cursor;
    progress_write(&s->progress, c, s->done);
    if (s->mark_path.n) {
        buf_key(c, T("mark"));
        buf_byte(c, '{');
        buf_pair(c, T("modified"), s->mark_modified);
        buf_key(c, T("path"));
        buf_json(c, buf_text(&s->mark_path));
        buf_byte(c, '}');
    }
    if (!s->done) write_places(c, s);
    buf_byte(c, '}');
}

static bool cursor_number(text from, text key, u64 *out)
{
    text v = member(from, key);
    return !v.n || text_number(v, ~0ull >> 1, out) || fail(PERMANENT, "the stored cursor has a strange %t: %q", key, v);
}

static bool read_place(session *s, text from)
{
    text path = member(from, T("path"));
    place *p = &s->begun[s->begun_n];
    if (!is_string(path)) return fail(PERMANENT, "the stored cursor has a place without a path: %q", from);
    *p = (place){.path = plain(&s->pool, path)};
    s->begun_n++;
    return cursor_number(from, T("size"), &p->size) && cursor_number(from, T("modified"), &p->modified) &&
           cursor_number(from, T("bytes"), &p->bytes) && cursor_number(from, T("line"), &p->line) &&
           cursor_number(from, T("group"), &p->group);
}

static bool read_cursor(session *s, text given)
{
    text cursor;
    if (!read_object(given, "the stored cursor", &cursor) || !progress_read(&s->progress, &s->pool, cursor)) return false;
    text mark = member(cursor, T("mark")), places = member(cursor, T("at")), path = member(mark, T("path"));
    if (is_string(path)) buf_put(&s->mark_path, plain(&s->pool, path));
    if (!cursor_number(mark, T("modified"), &s->mark_modified)) return false;
    if (!is_list(places)) return true;
    json_walk w = json_enter(places);
    while (s->begun_n < PLACES && json_next(&w))
        if (!read_place(s, w.value)) return false;
    return true;
}

static bool read_settings(const settings *from, text table, session *s)
{
    text format = NOTHING, path = NOTHING;
    s->delimiter = ',';
    if (!setting_text(from, T("path"), &path) || !setting_text(from, T("format"), &format)) return false;
    if (!setting_delimiter(from, &s->delimiter)) return false;
    if (!path.n) return fail(PERMANENT, "source.config.path is missing: a glob such as \"orders/*.csv\"");
    bool spread = text_find(path, T("{table}")) < path.n;
    if (!spread && !from->table.n && is_object(member(from->config, T("tables"))))
        return fail(PERMANENT, "table %q is not in source.config.tables, and the path has no {table}", table);
    if (text_is(format, T("csv"))) s->format = FORMAT_CSV;
    else if (text_is(format, T("ndjson"))) s->format = FORMAT_NDJSON;
    else if (text_is(format, T("parquet"))) s->format = FORMAT_PARQUET;
    else if (format.p) return fail(PERMANENT, "source.config.format must be one of csv ndjson parquet, not %q", format);
    s->glob = with_table(from->pool, path, table);
    return s->glob.n <= LONGEST_PATH || fail(PERMANENT, "source.config.path is longer than 4096 bytes");
}

static bool check_config(text config)
{
    text tables = member(config, T("tables"));
    if (!is_object(config)) return fail(PERMANENT, "source.config must be a table");
    if (!only_known_keys(config, "source.config", T(KEYS " tables"))) return false;
    if (!tables.n) return true;
    if (!is_object(tables)) return fail(PERMANENT, "source.config.tables must be a table of tables");
    json_walk w = json_enter(tables);
    while (json_next(&w)) {
        if (!is_object(w.value)) return fail(PERMANENT, "source.config.tables.%t must be a table", w.key);
        if (!only_known_keys(w.value, "source.config.tables", T(KEYS))) return false;
    }
    return true;
}

#endif
