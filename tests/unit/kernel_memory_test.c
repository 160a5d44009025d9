/* Ranges, pages and heap. */
#include "kernel/arch/host/host.h"
#include "kernel/core/check.h"
#include "kernel/core/errno.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/pages.h"
#include "kernel/mm/ranges.h"
#include "tests/unit/utest.h"

enum {
    MEMORY_BYTES = 4 << 20,
    MANY_ALIGN = 1 << 16,
    ZEROED_BYTES = 2 * PAGE_BYTES,
};

UTEST(ranges_that_touch_are_joined)
{
    struct range_set set = { 0 };

    EXPECT_EQ(ranges_add(&set, 0x3000, 0x1000), 0);
    EXPECT_EQ(ranges_add(&set, 0x1000, 0x1000), 0);
    EXPECT_EQ(set.count, 2);
    EXPECT_EQ(ranges_add(&set, 0x2000, 0x1000), 0);
    EXPECT_EQ(set.count, 1);
    EXPECT_EQ(set.ranges[0].base, 0x1000);
    EXPECT_EQ(set.ranges[0].end, 0x4000);
    EXPECT_TRUE(ranges_contain(&set, 0x1000, 0x3000));
    EXPECT_FALSE(ranges_contain(&set, 0x1000, 0x3001));
    EXPECT_EQ(ranges_bytes(&set), 0x3000);
}

UTEST(impossible_ranges_are_refused)
{
    struct range_set set = { 0 };

    EXPECT_EQ(ranges_add(&set, 0x1000, 0), -E_INVAL);
    EXPECT_EQ(ranges_add(&set, UINT64_MAX, 2), -E_INVAL);
    EXPECT_EQ(ranges_remove(&set, UINT64_MAX, 2), -E_INVAL);
    EXPECT_EQ(ranges_remove(&set, 0x1000, 0), 0);
    EXPECT_EQ(set.count, 0);
}

UTEST(removing_cuts_trims_and_splits)
{
    struct range_set set = { 0 };

    (void)ranges_add(&set, 0x1000, 0x9000);
    EXPECT_EQ(ranges_remove(&set, 0x4000, 0x1000), 0);
    EXPECT_EQ(set.count, 2);
    EXPECT_EQ(ranges_remove(&set, 0x0, 0x2000), 0);
    EXPECT_EQ(set.ranges[0].base, 0x2000);
    EXPECT_EQ(ranges_remove(&set, 0x9000, 0x9000), 0);
    EXPECT_EQ(set.ranges[1].end, 0x9000);
    EXPECT_EQ(ranges_remove(&set, 0x3000, 0x3000), 0);
    EXPECT_EQ(set.count, 2);
    EXPECT_EQ(set.ranges[0].end, 0x3000);
    EXPECT_EQ(set.ranges[1].base, 0x6000);
    EXPECT_EQ(ranges_remove(&set, 0, UINT64_MAX), 0);
    EXPECT_EQ(set.count, 0);
}

UTEST(a_full_set_refuses_and_does_not_change)
{
    struct range_set set = { 0 };

    for (uint64_t i = 0; i < RANGES_COUNT_MAX; i++) {
        EXPECT_EQ(ranges_add(&set, i * 0x10000, 0x1000), 0);
    }
    struct range_set before = set;
    EXPECT_EQ(ranges_add(&set, UINT64_C(1) << 40, 1), -E_NOSPC);
    EXPECT_EQ(ranges_remove(&set, 0x100, 0x100), -E_NOSPC);
    EXPECT_EQ(set.count, before.count);
    EXPECT_MEMEQ(set.ranges, before.ranges, sizeof(set.ranges));
}

UTEST(trimming_keeps_whole_pages)
{
    struct range_set set = { 0 };

    (void)ranges_add(&set, 0x1800, 0x1000);
    (void)ranges_add(&set, 0x8800, 0x2000);
    ranges_trim_to_pages(&set);
    EXPECT_EQ(set.count, 1);
    EXPECT_EQ(set.ranges[0].base, 0x9000);
    EXPECT_EQ(set.ranges[0].end, 0xa000);
}

UTEST(pages_come_contiguous_and_aligned)
{
    struct pages_stats stats;

    host_memory_init(MEMORY_BYTES);
    char *one = pages_alloc(1, PAGE_BYTES);
    char *many = pages_alloc(300, MANY_ALIGN);
    char *zeroed = pages_alloc_zeroed(2, PAGE_BYTES);
    if (!EXPECT_TRUE(one != NULL && many != NULL && zeroed != NULL)) {
        return;
    }
    EXPECT_TRUE(is_aligned((uintptr_t)many, MANY_ALIGN));
    for (size_t i = 0; i < ZEROED_BYTES; i++) {
        if (!EXPECT_EQ(zeroed[i], 0)) {
            break;
        }
    }
    memset(many, 1, 300 * (size_t)PAGE_BYTES);
    pages_free(many, 300);
    pages_free(one, 1);
    pages_free(zeroed, 1);
    pages_free(zeroed + PAGE_BYTES, 1);
    pages_stats(&stats);
    EXPECT_EQ(stats.free_count, stats.total_count - 1); /* the bitmap's own page */
    EXPECT_EQ(stats.largest_run_count, stats.free_count);
    EXPECT_TRUE(stats.lowest_free_count <= stats.free_count - 303);
}

UTEST(all_memory_can_be_had_and_no_more)
{
    struct pages_stats stats;

    host_memory_init(MEMORY_BYTES);
    pages_stats(&stats);
    void *all = pages_alloc(stats.free_count, PAGE_BYTES);
    EXPECT_TRUE(all != NULL);
    EXPECT_TRUE(pages_alloc(1, PAGE_BYTES) == NULL);
    pages_free(all, stats.free_count);
    EXPECT_TRUE(pages_alloc(stats.free_count + 1, PAGE_BYTES) == NULL);
}

UTEST(freeing_pages_that_are_free_panics)
{
    host_memory_init(MEMORY_BYTES);
    char *pages = pages_alloc(2, PAGE_BYTES);
    pages_free(pages, 1);
    EXPECT_TRUE(HOST_PANICS(pages_free(pages, 2)));
    EXPECT_CONTAINS(panic_message(), "is_taken");
    host_memory_init(MEMORY_BYTES);
    EXPECT_TRUE(HOST_PANICS(pages_free((void *)(uintptr_t)PAGE_BYTES, 1)));
    host_memory_init(MEMORY_BYTES);
}

UTEST(pages_random_walk_keeps_what_was_written)
{
    enum { SLOT_COUNT = 64, STEP_COUNT = 20000 };
    static struct {
        uint32_t *memory;
        uint32_t page_count;
    } slots[SLOT_COUNT];
    struct pages_stats stats;
    uint32_t random = 1;

    host_memory_init(MEMORY_BYTES);
    memset(slots, 0, sizeof(slots));
    for (uint32_t step = 0; step < STEP_COUNT; step++) {
        random = random * 1664525 + 1013904223;
        uint32_t slot = random >> 8 & (SLOT_COUNT - 1);

        if (slots[slot].memory == NULL) {
            slots[slot].page_count = (random >> 16 & 31) + 1;
            slots[slot].memory = pages_alloc(slots[slot].page_count, PAGE_BYTES);
        } else {
            EXPECT_EQ(slots[slot].memory[slots[slot].page_count * (PAGE_BYTES / 4) - 1], slot);
            pages_free(slots[slot].memory, slots[slot].page_count);
            slots[slot].memory = NULL;
        }
        if (slots[slot].memory != NULL) {
            for (uint32_t i = 0; i < slots[slot].page_count * (PAGE_BYTES / 4); i += 64) {
                slots[slot].memory[i] = slot;
            }
            slots[slot].memory[slots[slot].page_count * (PAGE_BYTES / 4) - 1] = slot;
        }
    }
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (slots[slot].memory != NULL) {
            pages_free(slots[slot].memory, slots[slot].page_count);
        }
    }
    pages_stats(&stats);
    EXPECT_EQ(stats.free_count, stats.total_count - 1);
}

UTEST(dma_memory_is_zeroed_aligned_and_translated)
{
    host_memory_init(MEMORY_BYTES);
    char *memory = dma_alloc(10000, 16384);

    if (!EXPECT_TRUE(memory != NULL && is_aligned((uintptr_t)memory, 16384))) {
        return;
    }
    EXPECT_EQ(memory[9999], 0);
    EXPECT_TRUE(dma_address(memory + 8, 100) == (uintptr_t)memory + 8);
    EXPECT_TRUE(dma_address((void *)(uintptr_t)64, 8) == UINT64_MAX);
    EXPECT_TRUE(dma_address(memory, UINT64_MAX) == UINT64_MAX);
    dma_free(memory, 10000);
}

UTEST(heap_blocks_are_aligned_and_apart)
{
    enum { COUNT = 200 };
    static unsigned char *blocks[COUNT];
    struct heap_stats before;
    struct heap_stats stats;

    host_memory_init(MEMORY_BYTES);
    heap_stats(&before);
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = kmalloc(i * 37);
        if (!EXPECT_TRUE(blocks[i] != NULL && is_aligned((uintptr_t)blocks[i], 16))) {
            return;
        }
        memset(blocks[i], (int)i, i * 37);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < i * 37; at++) {
            if (blocks[i][at] != (unsigned char)i) {
                EXPECT_EQ(blocks[i][at], i);
                return;
            }
        }
        kfree(blocks[i]);
    }
    heap_stats(&stats);
    EXPECT_EQ(stats.block_count, before.block_count);
    EXPECT_EQ(stats.in_use_bytes, before.in_use_bytes);
    EXPECT_EQ(stats.alloc_count, before.alloc_count + COUNT);
}

/* Through a pointer, so that no analyser tells us what we know: the block is freed twice. */
static void (*volatile free_block)(void *memory) = kfree;

UTEST(heap_misuse_panics_with_the_reason)
{
    host_memory_init(MEMORY_BYTES);
    unsigned char *block = kzalloc(24);

    if (!EXPECT_TRUE(block != NULL && block[23] == 0)) {
        return;
    }
    free_block(block);
    EXPECT_TRUE(HOST_PANICS(free_block(block)));
    EXPECT_CONTAINS(panic_message(), "MAGIC_FREE");
    block = kmalloc(24);
    if (!EXPECT_TRUE(block != NULL)) {
        return;
    }
    block[24] ^= 1;
    EXPECT_TRUE(HOST_PANICS(free_block(block)));
    EXPECT_CONTAINS(panic_message(), "mark");
    block[24] ^= 1;
    free_block(block);
    kfree(NULL);
}

UTEST(a_heap_without_memory_says_so)
{
    struct heap_stats before;
    struct heap_stats after;

    host_memory_init(MEMORY_BYTES);
    heap_stats(&before);
    EXPECT_TRUE(kmalloc((size_t)MEMORY_BYTES * 2) == NULL);
    EXPECT_TRUE(kmalloc(SIZE_MAX) == NULL);
    heap_stats(&after);
    EXPECT_EQ(after.block_count, before.block_count);
    EXPECT_EQ(after.failed_count, before.failed_count + 1);
}
