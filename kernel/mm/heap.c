/* The heap: see heap.h. */
#include "kernel/mm/heap.h"

#include <string.h>

#include "kernel/core/check.h"
#include "kernel/core/lock.h"
#include "kernel/mm/pages.h"

enum {
    CLASS_SHIFT_MIN = 5, /* 32 bytes: a header, and 8 for the caller with the mark */
    CLASS_SHIFT_MAX = 11,
    CLASS_COUNT = CLASS_SHIFT_MAX - CLASS_SHIFT_MIN + 1,
    CLASS_PAGES = CLASS_COUNT, /* the class of blocks in whole pages */
    MARK_BYTES = 8,
};

#define MAGIC_IN_USE UINT32_C(0xa110ca7e)
#define MAGIC_FREE   UINT32_C(0xf4eeb10c)
#define END_MARK     UINT64_C(0x5ea1ed5ea1ed5ea1)

struct block {
    uint32_t magic;
    uint32_t class_idx;
    union {
        uint64_t bytes;     /* in use: as asked for */
        struct block *next; /* free */
    };
};

_Static_assert(sizeof(struct block) == 16, "the caller's memory follows the header, aligned to 16");

static struct {
    struct spinlock lock;
    struct block *free[CLASS_COUNT];
    struct heap_stats stats;
} heap;

void
heap_init(void)
{
    memset(&heap, 0, sizeof(heap));
}

static uint64_t
whole_bytes(uint64_t bytes)
{
    return sizeof(struct block) + bytes + MARK_BYTES;
}

static uint32_t
class_for(uint64_t bytes)
{
    uint32_t idx = 0;

    while (idx < CLASS_COUNT && (UINT64_C(1) << (CLASS_SHIFT_MIN + idx)) < whole_bytes(bytes)) {
        idx++;
    }
    return idx;
}

static uint64_t
pages_for(uint64_t bytes)
{
    return align_up(whole_bytes(bytes), PAGE_BYTES) / PAGE_BYTES;
}

/* With the lock held: cut a page into free blocks. */
static void
refill(uint32_t class_idx)
{
    uint64_t block_bytes = UINT64_C(1) << (CLASS_SHIFT_MIN + class_idx);
    char *page = pages_alloc(1, PAGE_BYTES);

    for (uint64_t offset = 0; page != NULL && offset < PAGE_BYTES; offset += block_bytes) {
        struct block *block = (struct block *)(void *)(page + offset);

        block->magic = MAGIC_FREE;
        block->class_idx = class_idx;
        block->next = heap.free[class_idx];
        heap.free[class_idx] = block;
    }
    heap.stats.pages_count += page != NULL ? 1 : 0;
}

/* With the lock held. */
static struct block *
take(uint32_t class_idx, uint64_t bytes)
{
    struct block *block;

    if (class_idx == CLASS_PAGES) {
        block = pages_alloc(pages_for(bytes), PAGE_BYTES);
        heap.stats.pages_count += block != NULL ? pages_for(bytes) : 0;
        return block;
    }
    if (heap.free[class_idx] == NULL) {
        refill(class_idx);
    }
    block = heap.free[class_idx];
    if (block != NULL) {
        CHECK(block->magic == MAGIC_FREE); /* somebody wrote to freed memory */
        heap.free[class_idx] = block->next;
    }
    return block;
}

static void
account(const struct block *block, uint64_t bytes)
{
    heap.stats.alloc_count++;
    if (block == NULL) {
        heap.stats.failed_count++;
        return;
    }
    heap.stats.block_count++;
    heap.stats.in_use_bytes += bytes;
    heap.stats.peak_bytes = max_u64(heap.stats.peak_bytes, heap.stats.in_use_bytes);
}

void *
kmalloc(size_t bytes)
{
    static const uint64_t mark = END_MARK;

    if (bytes > UINT64_MAX / 2) {
        return NULL;
    }
    uint32_t class_idx = class_for(bytes);
    uint64_t irq_state = spin_lock_irq(&heap.lock);
    struct block *block = take(class_idx, bytes);

    account(block, bytes);
    spin_unlock_irq(&heap.lock, irq_state);
    if (block == NULL) {
        return NULL;
    }
    block->magic = MAGIC_IN_USE;
    block->class_idx = class_idx;
    block->bytes = bytes;
    memcpy((char *)(block + 1) + bytes, &mark, MARK_BYTES);
    return block + 1;
}

void *
kzalloc(size_t bytes)
{
    void *memory = kmalloc(bytes);

    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

static void
check_block(const struct block *block)
{
    static const uint64_t mark = END_MARK;

    CHECK(is_aligned((uintptr_t)block, sizeof(*block)));
    CHECK(block->magic != MAGIC_FREE);   /* freed twice */
    CHECK(block->magic == MAGIC_IN_USE); /* never allocated, or its header overwritten */
    CHECK(block->class_idx <= CLASS_PAGES);
    /* Written past its end? */
    CHECK(memcmp((const char *)(block + 1) + block->bytes, &mark, MARK_BYTES) == 0);
}

void
kfree(void *memory)
{
    enum { POISON = 0xdf };

    if (memory == NULL) {
        return;
    }
    struct block *block = (struct block *)memory - 1;

    check_block(block);
    uint64_t bytes = block->bytes;
    memset(memory, POISON, bytes);
    uint64_t irq_state = spin_lock_irq(&heap.lock);
    heap.stats.block_count--;
    heap.stats.in_use_bytes -= bytes;
    block->magic = MAGIC_FREE;
    if (block->class_idx == CLASS_PAGES) {
        heap.stats.pages_count -= pages_for(bytes);
        pages_free(block, pages_for(bytes));
    } else {
        block->next = heap.free[block->class_idx];
        heap.free[block->class_idx] = block;
    }
    spin_unlock_irq(&heap.lock, irq_state);
}

void
heap_stats(struct heap_stats *stats)
{
    uint64_t irq_state = spin_lock_irq(&heap.lock);

    *stats = heap.stats;
    spin_unlock_irq(&heap.lock, irq_state);
}
