/*
 * guest.h - the guest's memory, as the front-end's table tells it.  Only device/vq and device/vhost include this.
 *
 *   guest physical address ──▶ region ──▶ our mapping of the front-end's fd
 */
#ifndef DEVICE_VQ_GUEST_H
#define DEVICE_VQ_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUEST_REGION_COUNT_MAX = 512 };

struct guest_region {
    uint64_t guest_addr; /* first byte, guest physical */
    uint64_t size_bytes;
    uint64_t front_addr; /* where the front-end itself has it: ring addresses come so */
    uint8_t *host;       /* where we have it */
    void *mapping;       /* for munmap; NULL: not ours to unmap */
    size_t mapping_bytes;
};

/* Sorted by guest_addr, disjoint. */
struct guest_memory {
    unsigned region_count;
    struct guest_region regions[GUEST_REGION_COUNT_MAX];
};

/*
 * Adds a region whose `host` (and `mapping`) are set.
 * Returns: NULL; else a sentence: it is empty, wraps around, overlaps another, or there are too many.
 */
const char *guest_add(struct guest_memory *guest, const struct guest_region *region);

/* Takes the region at this guest address and size out; unmaps it.  Returns: whether it was there. */
bool guest_remove(struct guest_memory *guest, uint64_t guest_addr, uint64_t size_bytes);

/* Unmaps all. */
void guest_finish(struct guest_memory *guest);

/*
 * Where [guest_addr, + size_bytes) lies; it must be in one region.  Safe against overflow; size 0: NULL.
 * The guest may write there at any time: read each byte once.
 */
uint8_t *guest_at(const struct guest_memory *guest, uint64_t guest_addr, uint64_t size_bytes);

/*
 * As much of it as is contiguous for us: *contiguous_bytes is 1 to size_bytes.  NULL where there is no memory.
 */
uint8_t *guest_part(const struct guest_memory *guest, uint64_t guest_addr, uint64_t size_bytes,
                    uint64_t *contiguous_bytes);

/* The same by the front-end's own address. */
uint8_t *guest_at_front(const struct guest_memory *guest, uint64_t front_addr, uint64_t size_bytes);

#endif
