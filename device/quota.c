/*
 * quota.c - see quota.h.
 */
#include "device/quota.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t
page_bytes(const struct quota *quota)
{
    return quota->place_count * sizeof(*quota->counters);
}

static bool
map(struct quota *quota)
{
    void *memory = mmap(NULL, page_bytes(quota), PROT_READ | PROT_WRITE, MAP_SHARED, quota->fd, 0);
    quota->counters = memory != MAP_FAILED ? memory : NULL;
    return memory != MAP_FAILED;
}

bool
quota_create(struct quota *quota, unsigned place_count, uint64_t limit_bytes)
{
    *quota = (struct quota){ .limit_bytes = limit_bytes, .place_count = place_count };
    quota->fd = memfd_create("quota", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    quota->is_taken = calloc(place_count, sizeof(*quota->is_taken));
    bool is_made = quota->fd >= 0 && quota->is_taken != NULL &&
                   ftruncate(quota->fd, (off_t)page_bytes(quota)) == 0 &&
                   fcntl(quota->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 &&
                   map(quota);
    if (!is_made) {
        quota_finish(quota);
        return false;
    }
    quota->is_taken[QUOTA_DEVICE_PLACE] = true;
    return true;
}

bool
quota_open(struct quota *quota, int fd, uint64_t limit_bytes)
{
    struct stat status;
    *quota = (struct quota){ .fd = fd, .limit_bytes = limit_bytes };
    if (fstat(fd, &status) == 0 && status.st_size > 0) {
        quota->place_count = (unsigned)((uint64_t)status.st_size / sizeof(*quota->counters));
    }
    if (quota->place_count == 0 || !map(quota)) {
        quota_finish(quota);
        return false;
    }
    (void)close(quota->fd); /* who is taken over has the page, and no more */
    quota->fd = -1;
    return true;
}

void
quota_finish(struct quota *quota)
{
    if (quota->counters != NULL) {
        (void)munmap(quota->counters, page_bytes(quota));
    }
    if (quota->fd >= 0) {
        (void)close(quota->fd);
    }
    free(quota->is_taken);
    *quota = (struct quota){ .fd = -1 };
}

unsigned
quota_admit(struct quota *quota)
{
    for (unsigned place = 1; place < quota->place_count; place++) {
        if (!quota->is_taken[place]) {
            quota->is_taken[place] = true;
            return place;
        }
    }
    return QUOTA_NO_PLACE;
}

void
quota_release(struct quota *quota, unsigned place)
{
    if (place == QUOTA_NO_PLACE) {
        return;
    }
    quota->is_taken[place] = false;
    for (unsigned i = 0; i < quota->place_count; i++) {
        if (!quota->is_taken[i]) {
            quota_clear(quota, i);
        }
    }
}

/* UINT64_MAX stands for all that is more. */
static uint64_t
add_up(const struct quota *quota)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < quota->place_count; i++) {
        uint64_t bytes = atomic_load(&quota->counters[i]);
        sum = bytes < UINT64_MAX - sum ? sum + bytes : UINT64_MAX;
    }
    return sum;
}

uint64_t
quota_held_bytes(const struct quota *quota)
{
    uint64_t sum = add_up(quota);
    return sum < quota->limit_bytes ? sum : quota->limit_bytes;
}

/* Counts first and looks then: of two who do so at once, at least one sees the other. */
bool
quota_take(const struct quota *quota, unsigned place, uint64_t bytes)
{
    if (bytes > quota->limit_bytes - quota_held_bytes(quota)) {
        return false;
    }
    quota_add(quota, place, bytes);
    bool is_within = add_up(quota) <= quota->limit_bytes;
    if (!is_within) {
        quota_give_back(quota, place, bytes);
    }
    return is_within;
}

void
quota_add(const struct quota *quota, unsigned place, uint64_t bytes)
{
    atomic_fetch_add(&quota->counters[place], bytes);
}

void
quota_give_back(const struct quota *quota, unsigned place, uint64_t bytes)
{
    atomic_fetch_sub(&quota->counters[place], bytes);
}

void
quota_clear(const struct quota *quota, unsigned place)
{
    atomic_store(&quota->counters[place], 0);
}

uint64_t
quota_default_bytes(void)
{
    long page_count = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    return page_count > 0 && page_bytes > 0 ? (uint64_t)page_count / 2 * (uint64_t)page_bytes
                                            : UINT64_C(1) << 30;
}
