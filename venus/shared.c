/* See venus/shared.h. */
#include "venus/shared.h"

#include <stdlib.h>
#include <string.h>

#include "venus/os.h"

/* Larger memory is made rarely, and clearing it would cost more than it saves. */
#define SPARE_MAX_BYTES   ((uint64_t)1 << 20)
#define SPARES_MAX_BYTES  ((uint64_t)8 << 20)
#define SPARES_LIMIT_PART 64u

void
vn_spares_init(struct vn_spares *spares, uint64_t memory_limit_bytes)
{
    uint64_t part_bytes = memory_limit_bytes / SPARES_LIMIT_PART;
    *spares = (struct vn_spares){
        .limit_bytes = part_bytes < SPARES_MAX_BYTES ? part_bytes : SPARES_MAX_BYTES,
    };
    (void)pthread_mutex_init(&spares->lock, NULL);
}

static void
discard(struct vn_shared *shared)
{
    while (shared) {
        struct vn_shared *next = shared->next;
        vn_os_unmap(shared->map, shared->bytes);
        vn_os_fd_close(shared->fd);
        free(shared);
        shared = next;
    }
}

void
vn_spares_finish(struct vn_spares *spares)
{
    discard(spares->first);
    spares->first = NULL;
    (void)pthread_mutex_destroy(&spares->lock);
}

static struct vn_shared *
take_spare(struct vn_spares *spares, uint64_t bytes)
{
    (void)pthread_mutex_lock(&spares->lock);
    struct vn_shared **link = &spares->first;
    while (*link && (*link)->bytes != bytes) {
        link = &(*link)->next;
    }
    struct vn_shared *spare = *link;
    if (spare) {
        *link = spare->next;
        spare->next = NULL;
        spares->bytes -= bytes;
    }
    (void)pthread_mutex_unlock(&spares->lock);
    return spare;
}

static struct vn_shared *
make(uint64_t bytes)
{
    struct vn_shared *shared = calloc(1, sizeof(*shared));
    if (!shared) {
        return NULL;
    }
    shared->bytes = bytes;
    shared->fd = vn_os_memory_create("venus-memory", bytes);
    shared->map = shared->fd < 0 ? NULL : vn_os_map(shared->fd, bytes);
    if (!shared->map) {
        discard(shared);
        return NULL;
    }
    return shared;
}

struct vn_shared *
vn_shared_get(struct vn_spares *spares, uint64_t bytes)
{
    struct vn_shared *shared = take_spare(spares, bytes);
    if (shared) {
        memset(shared->map, 0, bytes);
    } else {
        shared = make(bytes);
    }
    if (shared) {
        atomic_store_explicit(&shared->use_count, 1, memory_order_relaxed);
    }
    return shared;
}

void
vn_shared_hold(struct vn_shared *shared)
{
    atomic_fetch_add_explicit(&shared->use_count, 1, memory_order_relaxed);
}

bool
vn_shared_seal(struct vn_shared *shared, uint64_t size_bytes)
{
    if (!shared->is_sealed) {
        shared->is_sealed = vn_os_memory_seal(shared->fd, size_bytes);
        /* The file of another size would not do for the next client of these pages. */
        if (size_bytes != shared->bytes) {
            atomic_store_explicit(&shared->is_others, true, memory_order_relaxed);
        }
    }
    return shared->is_sealed;
}

/* Cuts the list off behind what there is room for.  Returns: the rest.  Under the lock. */
static struct vn_shared *
cut_oldest(struct vn_spares *spares)
{
    uint64_t bytes = 0;
    struct vn_shared **link = &spares->first;
    while (*link && bytes + (*link)->bytes <= spares->limit_bytes) {
        bytes += (*link)->bytes;
        link = &(*link)->next;
    }
    struct vn_shared *rest = *link;
    *link = NULL;
    spares->bytes = bytes;
    return rest;
}

static void
keep(struct vn_spares *spares, struct vn_shared *shared)
{
    struct vn_shared *rest = NULL;
    (void)pthread_mutex_lock(&spares->lock);
    shared->next = spares->first;
    spares->first = shared;
    spares->bytes += shared->bytes;
    if (spares->bytes > spares->limit_bytes) {
        rest = cut_oldest(spares);
    }
    (void)pthread_mutex_unlock(&spares->lock);
    discard(rest);
}

void
vn_shared_put(struct vn_spares *spares, struct vn_shared *shared)
{
    /* Acquire and release: what others did with it happened before it is anybody else's. */
    if (!shared || atomic_fetch_sub_explicit(&shared->use_count, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (shared->bytes > SPARE_MAX_BYTES || shared->bytes > spares->limit_bytes ||
        atomic_load_explicit(&shared->is_others, memory_order_relaxed)) {
        discard(shared);
    } else {
        keep(spares, shared);
    }
}
