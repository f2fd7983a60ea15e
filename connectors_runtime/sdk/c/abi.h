// The canonical ABI of hakiri:connector@1.0: imports, what a call returns, and who owns which memory.
#ifndef HAKIRI_ABI_H
#define HAKIRI_ABI_H
#include "text.h"

// Canonical names carry the compatible part of the version: the major number from 1.0.0 on.
#ifndef HAKIRI_VERSION
#define HAKIRI_VERSION "1"
#endif
#define MODULE(interface) "cm32p2|hakiri:connector/" interface "@" HAKIRI_VERSION
#define IMPORT(interface, name) __attribute__((import_module(MODULE(interface)), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define SOURCE MODULE("source") "|"

enum error_case { TRANSIENT, PERMANENT, AUTH_EXPIRED, RATE_LIMITED, SCHEMA_INCOMPATIBLE };
enum batch_case { NDJSON, CSV, ARROW_IPC, PARQUET };
enum log_level { DEBUG, INFO, WARNING, ERROR };

IMPORT("log", "log") void host_log(u32 level, const u8 *p, u32 n);
__attribute__((import_module("cm32p2|_ex_hakiri:connector/source@" HAKIRI_VERSION), import_name("read-handle_new"))) u32
host_handle_new(void *handle);

// What the host allocates for one call lives here until that call's answer has been read.
static pool scratch;
// The next text from the host goes straight to this place, if it fits: no copy.
static u8 *landing;
static u32 landing_room;

EXPORT("cm32p2_initialize") void guest_initialize(void) {}

EXPORT("cm32p2_realloc") void *guest_realloc(void *old, u32 old_n, u32 align, u32 n)
{
    if (!n) return (void *)align;
    if (align == 1 && !old && landing && n <= landing_room) {
        void *p = landing;
        landing = 0;
        return p;
    }
    void *p = pool_take(&scratch, n);
    if (old && old_n) __builtin_memcpy(p, old, old_n < n ? old_n : n);
    return p;
}

static struct {
    u32 which;
    u32 seconds;
    buf message;
} failure;

// Notes why a call fails; returns false so that a caller can hand it on.
static bool fail(u32 which, const char *format, ...)
{
    va_list args;
    failure.which = which;
    failure.message.n = 0;
    va_start(args, format);
    buf_format(&failure.message, format, args);
    va_end(args);
    return false;
}

static bool fail_rate_limited(u64 seconds)
{
    failure.which = RATE_LIMITED;
    failure.seconds = seconds > 0xffffffffu ? 0xffffffffu : (u32)seconds;
    return false;
}

static void note(u32 level, const char *format, ...)
{
    buf line = {0};
    va_list args;
    va_start(args, format);
    buf_format(&line, format, args);
    va_end(args);
    host_log(level, line.p, line.n);
    buf_free(&line);
}

static u32 answer[8];

static u32 *answer_failure(void)
{
    answer[0] = 1;
    answer[1] = failure.which;
    answer[2] = failure.which == RATE_LIMITED ? failure.seconds : (u32)failure.message.p;
    answer[3] = failure.message.n;
    return answer;
}

static u32 *answer_handle(void *handle)
{
    answer[0] = 0;
    answer[1] = host_handle_new(handle);
    return answer;
}

static u32 *answer_end(void)
{
    answer[0] = answer[1] = 0;
    return answer;
}

static u32 *answer_batch(u32 which, text batch)
{
    answer[0] = 0;
    answer[1] = 1;
    answer[2] = which;
    answer[3] = (u32)batch.p;
    answer[4] = batch.n;
    return answer;
}

static inline u32 *answer_parquet(text path, u32 first, u32 count)
{
    answer_batch(PARQUET, path);
    answer[5] = first;
    answer[6] = count;
    return answer;
}

static u32 *answer_text(text t)
{
    answer[0] = (u32)t.p;
    answer[1] = t.n;
    return answer;
}

typedef struct {
    text name;
    const void *fields;
    u32 field_count;
    const text *primary_key;
    u32 primary_key_count;
} table_record;

static u32 *answer_tables(const table_record *tables, u32 count)
{
    answer[0] = 0;
    answer[1] = (u32)tables;
    answer[2] = count;
    return answer;
}

EXPORT(SOURCE "discover_post") void discover_post(u32 *p)
{
    (void)p;
    pool_free(&scratch);
}
EXPORT(SOURCE "open_post") void open_post(u32 *p)
{
    (void)p;
    pool_free(&scratch);
}
EXPORT(SOURCE "[method]read-handle.next_post") void next_post(u32 *p)
{
    (void)p;
    pool_free(&scratch);
}
EXPORT(SOURCE "[method]read-handle.cursor_post") void cursor_post(u32 *p) { (void)p; }

#endif
