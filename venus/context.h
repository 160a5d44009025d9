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
    struct vn_instance *instances; /* the newest first */
    struct vn_objects objects;
    struct vn_resources resources;
    struct vn_rings rings;
    struct vn_timelines timelines;
    struct vn_memories memories;
    struct vn_ledger ledger;
    struct vn_stats stats;
    struct vn_exec exec; /* the context's own stream: venus_submit */
};

/* Kills the context: only the first reason counts.  Rings are told by their status word, and the front by on_fatal. */
void vn_fatal(struct venus *venus, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
