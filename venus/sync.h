/*
 * Semaphores: what this library knows of each beyond the host.
 *
 * A mark says: a payload that is signalled already was imported into it (vkImportSemaphoreResourceMESA with resource 0), on a
 * host that cannot import one.  The import is temporary: the next wait consumes it and puts the semaphore back as it was.  So
 * that next wait is simply left out of its submission (on_queue.c), and the host never hears of either.
 */
#ifndef VENUS_SYNC_H
#define VENUS_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>

#include "venus/object.h"

/* `data` of a VkSemaphore's object. */
struct vn_semaphore {
    atomic_bool is_marked;
    bool is_timeline;
};

/* Takes the mark off.  object: may be NULL.  Returns: was there one? */
static inline bool
vn_semaphore_unmark(struct vn_object *object)
{
    struct vn_semaphore *semaphore = object ? object->data : NULL;
    return semaphore &&
           atomic_exchange_explicit(&semaphore->is_marked, false, memory_order_acq_rel);
}

#endif
