/*
 * Small allocations. Powers of two from 32 bytes to a page's half in free lists, larger ones in pages. Every block carries a
 * header and a mark after its last byte: freeing twice, freeing what was never allocated and writing past the end are CHECKs.
 */
#ifndef KERNEL_MM_HEAP_H
#define KERNEL_MM_HEAP_H

#include "kernel/core/base.h"

struct heap_stats {
    uint64_t block_count;  /* in use */
    uint64_t in_use_bytes; /* as asked for */
    uint64_t peak_bytes;   /* the most that was in use */
    uint64_t alloc_count;  /* since boot */
    uint64_t failed_count; /* answered with NULL */
    uint64_t pages_count;  /* held, in use or not */
};

/* Begin with nothing: after pages_init, whose pages the heap lives on. Context: boot. */
void heap_init(void);

/*
 * Allocate, aligned to 16 bytes, contents undefined (kzalloc: zeroed). `bytes` may be 0.
 * Context: any. Returns: NULL when there is no memory.
 */
void *kmalloc(size_t bytes);
void *kzalloc(size_t bytes);

/* Free; NULL is fine. CHECKs the block. Context: any. */
void kfree(void *memory);

/* Context: any. */
void heap_stats(struct heap_stats *stats);

#endif
