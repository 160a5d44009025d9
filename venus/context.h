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
#define VN_KEPT_BINS 64

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
    pthread_mutex_t kept_lock;
    struct vn_kept *retired[VN_KEPT_BINS]; /* by size: see vn_keep */
    struct vn_objects objects;
    struct vn_resources resources;
    struct vn_rings rings;
    struct vn_timelines timelines;
    struct vn_memories memories;
    struct vn_spares spares;
    struct vn_ledger ledger;
    struct vn_budget arguments; /* of the commands at work */
    struct vn_stats stats;
    struct vn_exec exec; /* the context's own stream: venus_submit */
};

/*
 * Zeroed memory for what a hostile client may still use on one ring while it destroys it on another: once retired, it is used
 * again for the same size only, and freed when the context ends.
 * Returns: NULL when the host's memory is short.  Context: any thread.
 */
void *vn_keep(struct venus *venus, size_t bytes);
/* memory: of vn_keep; NULL is allowed. */
void vn_retire(struct venus *venus, void *memory);

/* Kills the context: only the first reason counts.  Rings are told by their status word, and the front by on_fatal. */
void vn_fatal(struct venus *venus, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
