/*
 * Memory that a client maps and the host's driver imports: a sealed memfd, mapped here once.
 *
 * It belongs to its VkDeviceMemory and, once exported, to that resource too.  When both have let go it becomes a spare of its
 * context, and the next one of the same size: no file, no mappings and no pages are made and thrown away for a client that
 * frees and allocates all the time.
 *
 *    vn_shared_get ──▶ imported by the host ──▶ exported: vn_shared_hold ──▶ vn_shared_put, twice ──▶ spare ──▶ vn_shared_get
 *
 * A spare is cleared before it is used again.  It never leaves its context, so that nobody but the client that had it can see
 * it; and it is given up at once when others may have it: its client wanted to export it from its own Vulkan, or it was
 * imported as a resource.
 */
#ifndef VENUS_SHARED_H
#define VENUS_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>

struct vn_shared {
    int fd;
    uint8_t *map;
    uint64_t bytes;        /* of the mapping, whole pages; of the file, until it is sealed */
    bool is_sealed;        /* written by who exports it, once */
    atomic_bool is_others; /* somebody else may have it: never a spare */
    atomic_uint use_count;
    struct vn_shared *next; /* among the spares */
};

/* Of a context.  They are not in its ledger: limit_bytes are what they may take beyond it. */
struct vn_spares {
    pthread_mutex_t lock;
    struct vn_shared *first; /* the latest, which is the likeliest to be in a cache */
    uint64_t bytes;
    uint64_t limit_bytes;
};

/* memory_limit_bytes: of the context; the spares take at most a small part of it. */
void vn_spares_init(struct vn_spares *spares, uint64_t memory_limit_bytes);
void vn_spares_finish(struct vn_spares *spares);

/*
 * Zeroed memory, held for the caller.  bytes: whole pages.
 * Returns: NULL and errno when the host is short.  Context: any thread.
 */
struct vn_shared *vn_shared_get(struct vn_spares *spares, uint64_t bytes);

/* One more holder. */
void vn_shared_hold(struct vn_shared *shared);

/*
 * Fixes its size for good.  size_bytes: the file's; as many whole pages as the mapping has.
 * Returns: whether it could be done, or was done before.
 */
bool vn_shared_seal(struct vn_shared *shared, uint64_t size_bytes);

/* Lets go.  The last one: the host and every resource let go before.  shared: NULL is allowed.  Context: any thread. */
void vn_shared_put(struct vn_spares *spares, struct vn_shared *shared);

#endif
