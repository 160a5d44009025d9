/*
 * guest.c - the table of the guest's memory.
 */
#include "device/vq/guest.h"

#include <string.h>

#include <sys/mman.h>

/* The first region that ends beyond guest_addr; region_count: there is none.  Ends do not overflow: guest_add saw to it. */
static unsigned
find_by_guest(const struct guest_memory *guest, uint64_t guest_addr)
{
    unsigned low = 0;
    unsigned high = guest->region_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct guest_region *region = &guest->regions[middle];
        if (region->guest_addr + (region->size_bytes - 1) < guest_addr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const char *
guest_add(struct guest_memory *guest, const struct guest_region *region)
{
    uint64_t last = region->size_bytes - 1;
    if (region->size_bytes == 0) {
        return "a memory region is empty";
    }
    if (last > UINT64_MAX - region->guest_addr || last > UINT64_MAX - region->front_addr) {
        return "a memory region wraps around the end of the address space";
    }
    if (guest->region_count == GUEST_REGION_COUNT_MAX) {
        return "there are too many memory regions";
    }
    unsigned at = find_by_guest(guest, region->guest_addr);
    if (at < guest->region_count && guest->regions[at].guest_addr <= region->guest_addr + last) {
        return "a memory region overlaps another";
    }
    memmove(&guest->regions[at + 1], &guest->regions[at],
            (guest->region_count - at) * sizeof(guest->regions[0]));
    guest->regions[at] = *region;
    guest->region_count++;
    return NULL;
}

static void
unmap(const struct guest_region *region)
{
    if (region->mapping != NULL) {
        (void)munmap(region->mapping, region->mapping_bytes);
    }
}

bool
guest_remove(struct guest_memory *guest, uint64_t guest_addr, uint64_t size_bytes)
{
    unsigned at = find_by_guest(guest, guest_addr);
    if (at == guest->region_count || guest->regions[at].guest_addr != guest_addr ||
        guest->regions[at].size_bytes != size_bytes) {
        return false;
    }
    unmap(&guest->regions[at]);
    guest->region_count--;
    memmove(&guest->regions[at], &guest->regions[at + 1],
            (guest->region_count - at) * sizeof(guest->regions[0]));
    return true;
}

void
guest_finish(struct guest_memory *guest)
{
    for (unsigned i = 0; i < guest->region_count; i++) {
        unmap(&guest->regions[i]);
    }
    guest->region_count = 0;
}

uint8_t *
guest_part(const struct guest_memory *guest, uint64_t guest_addr, uint64_t size_bytes,
           uint64_t *contiguous_bytes)
{
    unsigned at = find_by_guest(guest, guest_addr);
    if (size_bytes == 0 || at == guest->region_count ||
        guest->regions[at].guest_addr > guest_addr) {
        return NULL;
    }
    const struct guest_region *region = &guest->regions[at];
    uint64_t offset = guest_addr - region->guest_addr;
    uint64_t left = region->size_bytes - offset;
    *contiguous_bytes = size_bytes < left ? size_bytes : left;
    return region->host + offset;
}

uint8_t *
guest_at(const struct guest_memory *guest, uint64_t guest_addr, uint64_t size_bytes)
{
    uint64_t contiguous_bytes = 0;
    uint8_t *host = guest_part(guest, guest_addr, size_bytes, &contiguous_bytes);
    return contiguous_bytes == size_bytes ? host : NULL;
}

uint8_t *
guest_at_front(const struct guest_memory *guest, uint64_t front_addr, uint64_t size_bytes)
{
    for (unsigned i = 0; i < guest->region_count && size_bytes != 0; i++) {
        const struct guest_region *region = &guest->regions[i];
        uint64_t offset = front_addr - region->front_addr;
        if (front_addr >= region->front_addr && offset < region->size_bytes &&
            size_bytes <= region->size_bytes - offset) {
            return region->host + offset;
        }
    }
    return NULL;
}
