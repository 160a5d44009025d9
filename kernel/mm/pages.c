/* Physical pages: see pages.h. */
#include "kernel/mm/pages.h"

#include <string.h>

#include "kernel/arch/arch.h"
#include "kernel/core/check.h"
#include "kernel/core/errno.h"
#include "kernel/core/lock.h"

enum {
    BANK_COUNT_MAX = 16,
    WORD_BITS = 64,
};

/* One contiguous piece of memory. Bit set = page taken. */
struct bank {
    uint64_t base;
    uint64_t page_count;
    uint64_t *bits;
    uint64_t search_idx; /* pages below it are known to be taken */
};

static struct {
    struct spinlock lock;
    uint32_t bank_count;
    struct bank banks[BANK_COUNT_MAX];
    uint64_t total_count;
    uint64_t free_count;
    uint64_t lowest_free_count;
} pages;

static bool
is_taken(const struct bank *bank, uint64_t idx)
{
    return (bank->bits[idx / WORD_BITS] >> (idx % WORD_BITS) & 1) != 0;
}

static void
set_taken(struct bank *bank, uint64_t idx, bool should_take)
{
    uint64_t bit = UINT64_C(1) << (idx % WORD_BITS);

    if (should_take) {
        bank->bits[idx / WORD_BITS] |= bit;
    } else {
        bank->bits[idx / WORD_BITS] &= ~bit;
    }
}

/* The first free page at or after idx; page_count when there is none. */
static uint64_t
next_free(const struct bank *bank, uint64_t idx)
{
    while (idx < bank->page_count) {
        if (idx % WORD_BITS == 0 && bank->bits[idx / WORD_BITS] == UINT64_MAX) {
            idx += WORD_BITS;
        } else if (is_taken(bank, idx)) {
            idx++;
        } else {
            return idx;
        }
    }
    return bank->page_count;
}

/* The length of the free run at idx, counted up to `limit`. */
static uint64_t
run_length(const struct bank *bank, uint64_t idx, uint64_t limit)
{
    uint64_t length = 0;

    while (length < limit && idx + length < bank->page_count) {
        uint64_t at = idx + length;

        if (at % WORD_BITS == 0 && limit - length >= WORD_BITS &&
            bank->page_count - at >= WORD_BITS && bank->bits[at / WORD_BITS] == 0) {
            length += WORD_BITS;
        } else if (!is_taken(bank, at)) {
            length++;
        } else {
            break;
        }
    }
    return length;
}

static void
add_bank(const struct range *range)
{
    uint64_t page_count = (range->end - range->base) / PAGE_BYTES;
    uint64_t word_count = (page_count + WORD_BITS - 1) / WORD_BITS;
    uint64_t own_count = align_up(word_count * sizeof(uint64_t), PAGE_BYTES) / PAGE_BYTES;

    if (page_count <= own_count || pages.bank_count == BANK_COUNT_MAX) {
        return;
    }
    struct bank *bank = &pages.banks[pages.bank_count++];
    bank->base = range->base;
    bank->page_count = page_count;
    bank->bits = (uint64_t *)(uintptr_t)range->base;
    bank->search_idx = 0;
    memset(bank->bits, 0, word_count * sizeof(uint64_t));
    for (uint64_t i = 0; i < own_count; i++) {
        set_taken(bank, i, true);
    }
    pages.total_count += page_count;
    pages.free_count += page_count - own_count;
}

int
pages_init(const struct range_set *usable)
{
    struct range_set whole = *usable;

    memset(&pages, 0, sizeof(pages));
    ranges_trim_to_pages(&whole);
    for (uint32_t i = 0; i < whole.count; i++) {
        add_bank(&whole.ranges[i]);
    }
    pages.lowest_free_count = pages.free_count;
    return pages.bank_count == 0 ? -E_NOMEM : 0;
}

/* With the lock held. Returns: the index of a free run, or page_count. */
static uint64_t
find_run(struct bank *bank, uint64_t count, uint64_t align)
{
    uint64_t idx = next_free(bank, bank->search_idx);

    bank->search_idx = idx;
    while (idx < bank->page_count) {
        uint64_t address = bank->base + idx * PAGE_BYTES;

        if (!is_aligned(address, align)) {
            idx = next_free(bank, idx + (align_up(address, align) - address) / PAGE_BYTES);
            continue;
        }
        uint64_t length = run_length(bank, idx, count);
        if (length == count) {
            return idx;
        }
        idx = next_free(bank, idx + length + 1);
    }
    return bank->page_count;
}

static void *
take_run(uint64_t count, uint64_t align)
{
    for (uint32_t i = 0; i < pages.bank_count; i++) {
        struct bank *bank = &pages.banks[i];
        uint64_t idx = find_run(bank, count, align);

        if (idx == bank->page_count) {
            continue;
        }
        for (uint64_t page = idx; page < idx + count; page++) {
            set_taken(bank, page, true);
        }
        pages.free_count -= count;
        pages.lowest_free_count = min_u64(pages.lowest_free_count, pages.free_count);
        return (void *)(uintptr_t)(bank->base + idx * PAGE_BYTES);
    }
    return NULL;
}

void *
pages_alloc(uint64_t count, uint64_t align)
{
    CHECK(count > 0 && align >= PAGE_BYTES);
    CHECK((align & (align - 1)) == 0);
    uint64_t irq_state = spin_lock_irq(&pages.lock);
    void *first = count <= pages.free_count ? take_run(count, align) : NULL;

    spin_unlock_irq(&pages.lock, irq_state);
    return first;
}

void *
pages_alloc_zeroed(uint64_t count, uint64_t align)
{
    void *first = pages_alloc(count, align);

    if (first != NULL) {
        memset(first, 0, count * PAGE_BYTES);
    }
    return first;
}

static struct bank *
find_bank(uint64_t address, uint64_t bytes)
{
    for (uint32_t i = 0; i < pages.bank_count; i++) {
        struct bank *bank = &pages.banks[i];
        uint64_t bank_bytes = bank->page_count * PAGE_BYTES;

        if (address >= bank->base && bytes <= bank_bytes &&
            address - bank->base <= bank_bytes - bytes) {
            return bank;
        }
    }
    return NULL;
}

void
pages_free(void *first, uint64_t count)
{
    uint64_t address = (uintptr_t)first;
    struct bank *bank = find_bank(address, count * PAGE_BYTES);

    CHECK(bank != NULL && is_aligned(address, PAGE_BYTES));
    uint64_t irq_state = spin_lock_irq(&pages.lock);
    uint64_t idx = (address - bank->base) / PAGE_BYTES;

    for (uint64_t page = idx; page < idx + count; page++) {
        CHECK(is_taken(bank, page)); /* freed twice? */
        set_taken(bank, page, false);
    }
    bank->search_idx = min_u64(bank->search_idx, idx);
    pages.free_count += count;
    spin_unlock_irq(&pages.lock, irq_state);
}

static uint64_t
largest_run(const struct bank *bank)
{
    uint64_t largest = 0;

    for (uint64_t idx = next_free(bank, 0); idx < bank->page_count; idx = next_free(bank, idx)) {
        uint64_t length = run_length(bank, idx, bank->page_count);

        largest = max_u64(largest, length);
        idx += length;
    }
    return largest;
}

void
pages_stats(struct pages_stats *stats)
{
    uint64_t irq_state = spin_lock_irq(&pages.lock);

    stats->total_count = pages.total_count;
    stats->free_count = pages.free_count;
    stats->lowest_free_count = pages.lowest_free_count;
    stats->largest_run_count = 0;
    for (uint32_t i = 0; i < pages.bank_count; i++) {
        stats->largest_run_count = max_u64(stats->largest_run_count, largest_run(&pages.banks[i]));
    }
    spin_unlock_irq(&pages.lock, irq_state);
}

bool
pages_own(uint64_t address, uint64_t bytes)
{
    return find_bank(address, bytes) != NULL;
}

void *
dma_alloc(uint64_t bytes, uint64_t align)
{
    return pages_alloc_zeroed(align_up(bytes, PAGE_BYTES) / PAGE_BYTES, max_u64(align, PAGE_BYTES));
}

void
dma_free(void *memory, uint64_t bytes)
{
    pages_free(memory, align_up(bytes, PAGE_BYTES) / PAGE_BYTES);
}

uint64_t
dma_address(const volatile void *memory, uint64_t bytes)
{
    uint64_t address = (uintptr_t)memory;
    uint64_t image_base;
    uint64_t image_bytes = arch_image(&image_base);
    bool is_in_image = address >= image_base && bytes <= image_bytes &&
                       address - image_base <= image_bytes - bytes;

    return is_in_image || pages_own(address, bytes) ? address : UINT64_MAX;
}
