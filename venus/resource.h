/*
 * Resources: the shared memory that a client gave an id.
 *
 *    blob id 0     memory made here, mapped here as a whole: rings, replies and command streams live in it
 *    blob id != 0  device memory that the client may map; never read or written here
 *    imported      made elsewhere, for example by another context; shared memory is mapped here too
 *
 * Whoever uses a resource holds a reference, so that nothing is unmapped under a ring or a reply: the client's own destroying
 * only takes the id away.  What is mapped here cannot shrink (see venus/os.h), so that using it never faults.
 */
#ifndef VENUS_RESOURCE_H
#define VENUS_RESOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include "venus/venus.h"

struct vn_charge;
struct vn_resources;
struct vn_shared;

struct vn_resource {
    uint32_t res_id;
    enum venus_fd_kind kind;
    int fd;
    struct vn_shared *shared; /* what fd is the fd of, held; NULL: fd is the resource's own */
    uint64_t size_bytes;
    uint8_t *map;             /* all of it; NULL: not for this process to touch */
    struct vn_charge *charge; /* held; NULL: the memory is another context's */
    atomic_bool is_gone;      /* the client destroyed it: its id may be another's now */
    atomic_uint use_count;    /* the table's own, and each user's */
    struct vn_resources *home;
    struct vn_resource *next; /* in its slot */
};

#define VN_RESOURCE_SLOTS 1024u

struct vn_resources {
    struct venus *venus;
    pthread_mutex_t lock;
    struct vn_resource *slots[VN_RESOURCE_SLOTS];
    uint32_t live_count;
    uint32_t limit_count;
};

void vn_resources_init(struct vn_resources *resources, struct venus *venus);
/* Drops every id.  The users (rings, executors) must have let go before. */
void vn_resources_finish(struct vn_resources *resources);

/* The resource of this id, held for the caller until vn_resource_put; NULL when there is none. */
struct vn_resource *vn_resource_get(struct vn_resources *resources, uint32_t res_id);

/* Lets go: whoever is last frees it.  resource: NULL is allowed. */
void vn_resource_put(struct vn_resource *resource);

/* Do [offset, offset + size) lie within what is mapped here? */
static inline bool
vn_resource_has(const struct vn_resource *resource, uint64_t offset, uint64_t size)
{
    return resource->map && offset <= resource->size_bytes && size <= resource->size_bytes - offset;
}

#endif
