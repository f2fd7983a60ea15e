// One file after the other: CSV and NDJSON as streams, Parquet as references to its row groups.
#ifndef FILE_READING_H
#define FILE_READING_H
#include "session.h"

#define GROUP_BYTES (8u * MIB) // of Parquet in one page

IMPORT("files", "read-text") void host_file_read_text(const u8 *path, u32 path_n, u64 offset, u32 max, u32 *result);
IMPORT("files", "row-groups") void host_row_groups(const u8 *path, u32 path_n, u32 *result);

static i32 read_file(void *from, u8 *to, u32 max)
{
    session *s = from;
    text path = s->files.at[s->at].path;
    u32 r[4];
    landing = to;
    landing_room = max;
    host_file_read_text(path.p, path.n, s->offset, max, r);
    landing = 0;
    if (*(u8 *)r) return fail_file(r + 1, path) - 1;
    if (!*(u8 *)(r + 1)) return 0;
    if (r[3] > max) return fail(PERMANENT, "the host handed over more text than asked for") - 1;
    if ((u8 *)r[2] != to) __builtin_memcpy(to, (u8 *)r[2], r[3]);
    s->offset += r[3];
    return (i32)r[3];
}

static bool open_parquet(session *s, const entry *e, u64 group)
{
    u32 r[4];
    host_row_groups(e->path.p, e->path.n, r);
    if (*(u8 *)r) return fail_file(r + 1, e->path);
    s->groups = r[1];
    s->group = group < r[1] ? (u32)group : r[1];
    if (progress_on(&s->progress) && !s->warned)
        note(WARNING, "rows of Parquet files are not compared by %q: each new or changed file is read whole", s->progress.field);
    s->warned = true;
    return true;
}

static bool open_stream(session *s, const entry *e, const place *resumes)
{
    stream *t = &s->stream;
    bool tabs = text_ends_nocase(e->path, T(".tsv")) && s->delimiter == ',';
    t->format = format_of(s, e->path);
    csv_speak(&t->dialect, tabs ? '\t' : s->delimiter);
    t->name = e->path;
    t->progress = &s->progress;
    t->read = read_file;
    t->source = s;
    stream_reset(t);
    s->offset = 0;
    if (!resumes->bytes) return true;
    if (t->format == FORMAT_CSV && (!stream_fill(t, HEADER_BYTES) || !stream_take_header(t))) return false;
    t->in.n = t->at = 0;
    t->last = false;
    s->offset = t->bytes = resumes->bytes;
    t->line = resumes->line;
    return true;
}

// Takes the place of an earlier attempt in this file, if the file is still the one that was begun.
static place take_place(session *s, const entry *e)
{
    for (u32 i = 0; i < s->begun_n; i++) {
        place p = s->begun[i];
        if (!text_is(p.path, e->path)) continue;
        s->begun[i] = s->begun[--s->begun_n];
        if (p.size == e->size && p.modified == e->modified) return p;
        note(WARNING, "%q changed since the last attempt: it is read again from its start", e->path);
    }
    return (place){0};
}

static bool open_file(session *s)
{
    const entry *e = &s->files.at[s->at];
    place p = take_place(s, e);
    s->opened = true;
    switch (format_of(s, e->path)) {
    case FORMAT_UNKNOWN:
        return fail(PERMANENT, "%q: its ending names no format; say source.config.format", e->path);
    case FORMAT_PARQUET: return open_parquet(s, e, p.group);
    default: return open_stream(s, e, &p);
    }
}

static bool list(session *s)
{
    if (s->listed) return true;
    s->listed = true;
    return list_files(&s->pool, s->glob, s->mark_modified, buf_text(&s->mark_path), &s->files);
}

static void close_file(session *s)
{
    const entry *e = &s->files.at[s->at];
    s->mark_modified = e->modified;
    s->mark_path.n = 0;
    buf_put(&s->mark_path, e->path);
    s->opened = false;
    s->at++;
}

// So many row groups that a page has about GROUP_BYTES of the file.
static u32 *next_groups(session *s)
{
    const entry *e = &s->files.at[s->at];
    u64 each = e->size / s->groups + 1, fit = GROUP_BYTES / each;
    u32 first = s->group, left = s->groups - first;
    u32 count = fit < 1 ? 1 : fit < left ? (u32)fit : left;
    s->group += count;
    if (s->group == s->groups) close_file(s);
    return answer_parquet(e->path, first, count);
}

#endif
