/*
 * A context: all that belongs to one client.  The parts lock for themselves; nothing here is shared between contexts.
 */
#ifndef VENUS_CONTEXT_H
#define VENUS_CONTEXT_H

#include "venus/exec.h"
#include "venus/host.h"
#include "venus/ledger.h"
#include "venus/memory.h"
#include "venus/object.h"
#include "venus/resource.h"
#include "venus/ring.h"
#include "venus/stats.h"
#include "venus/timeline.h"
#include "venus/venus.h"

#define VN_WHY_BYTES 512

struct venus {
    struct venus_config config; /* name: own copy; limits: with the defaults filled in */
    char name[64];

    atomic_bool is_fatal;
    pthread_mutex_t why_lock;
    char why[VN_WHY_BYTES];

    struct vn_host host;
    pthread_mutex_t
        instances_lock; /* held by the commands that make and end instances and devices: they are rare */
    struct vn_instance *instances; /* the newest first */
    void **retired;                /* see vn_retire */
    size_t retired_count;
    struct vn_objects objects;
    struct vn_resources resources;
    struct vn_rings rings;
    struct vn_timelines timelines;
    struct vn_memories memories;
    struct vn_ledger ledger;
    struct vn_stats stats;
    struct vn_exec exec; /* the context's own stream: venus_submit */
};

/*
 * Frees memory when the context ends: what a hostile client may still use on one ring while it destroys it on another.
 * Context: instances_lock held, or no ring alive.
 */
void vn_retire(struct venus *venus, void *memory);

/* Kills the context: only the first reason counts.  Rings are told by their status word, and the front by on_fatal. */
void vn_fatal(struct venus *venus, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
