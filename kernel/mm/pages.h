/*
 * Physical memory by pages of 4096 bytes: contiguous runs, any length, any alignment. A bit per page; freeing what is not
 * allocated is a CHECK. Memory is mapped where it is (address = physical address), so a page is a pointer.
 */
#ifndef KERNEL_MM_PAGES_H
#define KERNEL_MM_PAGES_H

#include "kernel/core/base.h"
#include "kernel/mm/ranges.h"

struct pages_stats {
    uint64_t total_count; /* pages given to the allocator, its own bitmaps included */
    uint64_t free_count;
    uint64_t lowest_free_count; /* since boot */
    uint64_t largest_run_count; /* longest free run now */
};

/*
 * Give the allocator its memory: `usable` is already without what is reserved, and mapped. Each range pays for its bitmap.
 * Context: boot, once. Returns: 0; -E_NOMEM when no range is large enough to be of use.
 */
int pages_init(const struct range_set *usable);

/*
 * Take `count` >= 1 contiguous pages whose address is a multiple of `align` bytes (a power of two, at least PAGE_BYTES).
 * Contents are undefined. Context: any. Returns: the first byte, or NULL.
 */
void *pages_alloc(uint64_t count, uint64_t align);

/* The same, zeroed. */
void *pages_alloc_zeroed(uint64_t count, uint64_t align);

/* Give pages back; a part of an allocation may go alone. CHECKs that each is allocated. Context: any. */
void pages_free(void *first, uint64_t count);

/* Context: any. */
void pages_stats(struct pages_stats *stats);

/* Whether [address, address + bytes) lies in the memory that the allocator was given. */
bool pages_own(uint64_t address, uint64_t bytes);

/*
 * Memory that a device may read and write: contiguous, zeroed, at an address that is a multiple of `align` bytes (a power of
 * two). It is cached and the device's accesses are coherent (QEMU; dma-coherent buses). Free it with dma_free.
 * Context: any. Returns: NULL when there is none.
 */
void *dma_alloc(uint64_t bytes, uint64_t align);
void dma_free(void *memory, uint64_t bytes);

/* The address that a device uses for `memory` (no IOMMU: the physical one). UINT64_MAX where it is no RAM of ours. */
uint64_t dma_address(const volatile void *memory, uint64_t bytes);

#endif
