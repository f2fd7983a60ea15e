// The files that a run has still to read, oldest change first.
#ifndef FILE_LISTING_H
#define FILE_LISTING_H
#include "../../sdk/c/lookup.h"

// As the ABI has it.
typedef struct {
    text path;
    u64 size, modified;
} entry;

typedef struct {
    entry *at;
    u32 n;
} listing;

IMPORT("files", "find") void host_find(const u8 *glob, u32 glob_n, u32 *result);

enum file_error_case { FILE_DENIED, FILE_NOT_FOUND, FILE_OTHER };

// The variant file-error at `e`.
static bool fail_file(const u32 *e, text path)
{
    text why = {(const u8 *)e[1], e[2]};
    // A file that vanished between listing and reading is not there at the next attempt either.
    u32 which = *(const u8 *)e == FILE_NOT_FOUND ? TRANSIENT : PERMANENT;
    return fail(which, "%q: %t", path, why);
}

static i32 entry_order(const entry *a, u64 modified, text path)
{
    if (a->modified != modified) return a->modified < modified ? -1 : 1;
    return text_compare(a->path, path);
}

static void sift(entry *heap, u32 at, u32 n)
{
    for (u32 child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && entry_order(&heap[child], heap[child + 1].modified, heap[child + 1].path) < 0) child++;
        if (entry_order(&heap[at], heap[child].modified, heap[child].path) >= 0) return;
        entry swapped = heap[at];
        heap[at] = heap[child];
        heap[child] = swapped;
    }
}

static void sort_entries(entry *of, u32 n)
{
    for (u32 i = n / 2; i-- > 0;) sift(of, i, n);
    for (u32 last = n; last-- > 1;) {
        entry swapped = of[0];
        of[0] = of[last];
        of[last] = swapped;
        sift(of, 0, last);
    }
}

// Files that changed after the mark (modified, path), in that order. What the host listed then belongs to `of`.
static bool list_files(pool *of, text glob, u64 modified, text path, listing *out)
{
    u32 result[3];
    host_find(glob.p, glob.n, result);
    if (*(u8 *)result) return fail_file(result + 1, glob);
    pool_adopt(of, &scratch);
    entry *found = (entry *)result[1];
    out->at = found;
    out->n = 0;
    for (u32 i = 0; i < result[2]; i++)
        if (entry_order(&found[i], modified, path) > 0) found[out->n++] = found[i];
    sort_entries(found, out->n);
    if (!result[2]) note(WARNING, "no file matches %q", glob);
    return true;
}

#endif
