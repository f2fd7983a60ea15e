// Memory for a guest without libc: a first-fit heap, pools that are freed at once, and growing buffers.
#ifndef HAKIRI_MEMORY_H
#define HAKIRI_MEMORY_H
#include <stdbool.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int32_t i32;
typedef uint64_t u64;
typedef int64_t i64;

#define WASM_PAGE 65536u
#define BLOCK_HEADER 16u

// Every block starts with its whole size; `next` is the next free block, or the next block of its pool.
typedef struct block {
    u32 size;
    struct block *next;
    u64 unused;
} block;

typedef struct {
    block *first;
} pool;

typedef struct {
    u8 *p;
    u32 n, cap;
} buf;

extern u8 __heap_base;
static block *free_blocks; // by address, so that neighbours can be joined

static inline block *block_after(block *b) { return (block *)((u8 *)b + b->size); }

static void heap_release(block *b)
{
    block **at = &free_blocks;
    while (*at && *at < b) at = &(*at)->next;
    b->next = *at;
    if (b->next && block_after(b) == b->next) {
        b->size += b->next->size;
        b->next = b->next->next;
    }
    if (at != &free_blocks) {
        block *before = (block *)((u8 *)at - __builtin_offsetof(block, next));
        if (block_after(before) == b) {
            before->size += b->size;
            before->next = b->next;
            return;
        }
    }
    *at = b;
}

// The host reads a trap at full memory as "out of memory"; there is nothing better to do here.
static void heap_grow(u32 size)
{
    static u32 top;
    u32 pages = __builtin_wasm_memory_size(0);
    u32 more = (size + WASM_PAGE - 1) / WASM_PAGE;
    if (__builtin_wasm_memory_grow(0, more) == (u32)-1) __builtin_trap();
    // Memory between the data and the first growth is usable as well.
    u32 from = top ? pages * WASM_PAGE : ((u32)&__heap_base + 15u) & ~15u;
    top = (pages + more) * WASM_PAGE;
    block *b = (block *)from;
    b->size = top - from;
    heap_release(b);
}

static block *heap_take(u32 size)
{
    for (block **at = &free_blocks; *at; at = &(*at)->next) {
        block *b = *at;
        if (b->size < size) continue;
        if (b->size >= size + 64) {
            block *rest = (block *)((u8 *)b + size);
            rest->size = b->size - size;
            rest->next = b->next;
            b->size = size;
            *at = rest;
        } else {
            *at = b->next;
        }
        return b;
    }
    return 0;
}

static block *heap_block(u32 n)
{
    if (n > 0x7fff0000u) __builtin_trap();
    u32 size = ((n + 15u) & ~15u) + BLOCK_HEADER;
    block *b = heap_take(size);
    if (!b) {
        heap_grow(size);
        b = heap_take(size);
    }
    b->next = 0;
    return b;
}

static inline void *block_data(block *b) { return (u8 *)b + BLOCK_HEADER; }

static inline void heap_free(void *p)
{
    if (p) heap_release((block *)((u8 *)p - BLOCK_HEADER));
}

static void *pool_take(pool *of, u32 n)
{
    block *b = heap_block(n);
    b->next = of->first;
    of->first = b;
    return block_data(b);
}

static void pool_free(pool *of)
{
    while (of->first) {
        block *b = of->first;
        of->first = b->next;
        heap_release(b);
    }
}

// Everything of `from` lives as long as `into` from now on.
static void pool_adopt(pool *into, pool *from)
{
    while (from->first) {
        block *b = from->first;
        from->first = b->next;
        b->next = into->first;
        into->first = b;
    }
}

static void buf_reserve(buf *b, u32 more)
{
    if (b->cap - b->n >= more) return;
    if (more > 0x60000000u - b->n) __builtin_trap();
    u32 want = b->n + more, twice = b->cap < 0x20000000u ? b->cap * 2 : b->cap;
    u32 cap = want > twice ? want : twice;
    u8 *p = block_data(heap_block(cap));
    if (b->n) __builtin_memcpy(p, b->p, b->n);
    heap_free(b->p);
    b->p = p;
    b->cap = cap;
}

static void buf_free(buf *b)
{
    heap_free(b->p);
    *b = (buf){0};
}

#endif
