/*
 * Objects: the client's 64-bit ids, and what they stand for on the host.
 *
 * The client chooses each id.  Every look-up gives the type that it needs; a wrong type or an unknown id is the client's fault.
 * Objects form a tree (instance > physical device > device > pool > set): what is destroyed takes what it owns along.
 *
 * Several rings look up at once.  Memory of objects is never given back while the context lives, only used again: so a ring may
 * remember where it found one, and looks whether that id is still there.  An object is whole when it gets its id.  A client that
 * destroys on one ring what it uses on another at that moment breaks Vulkan's rules of external synchronization: as with any
 * driver, it may harm its own process, which here is its renderer, and nobody else's.
 */
#ifndef VENUS_OBJECT_H
#define VENUS_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "venus/spin.h"

struct vn_device;
struct venus;

struct vn_object {
    _Atomic uint64_t id;      /* 0: free; set last (release), looked at first (acquire) */
    uint64_t host;            /* the host's handle, dispatchable or not */
    uint16_t type;            /* enum vn_type_of_handle */
    bool is_claimed;          /* somebody is about to destroy it: it gets no more children */
    struct vn_device *device; /* whose function table serves it; NULL above devices */
    struct vn_object *parent;
    struct vn_object *child; /* the first of its children ... */
    struct vn_object
        *sibling_next; /* ... and the ring of them, by which each can be unlinked at once */
    struct vn_object *sibling_prev;
    void *
        data; /* what the handlers keep of it: struct vn_memory, struct vn_queue, ...; freed by free_data */
    void (*free_data)(struct venus *venus, struct vn_object *object);
};

struct vn_object_chunk;

struct vn_objects {
    struct vn_spin lock;
    struct vn_object **slots; /* open addressing, a power of two, at most half full */
    uint32_t slot_count;
    uint32_t live_count;
    uint32_t limit_count;
    uint64_t secret;        /* odd: so that no client can choose ids that all fall into one slot */
    struct vn_object *free; /* by sibling_next */
    struct vn_object_chunk *chunks;
};

/* What one ring looked up lately: most commands name the same command buffer again. */
#define VN_CACHE_SLOTS 64
struct vn_object_cache {
    struct vn_object *slots[VN_CACHE_SLOTS];
};

/* Returns: false when memory is short. */
bool vn_objects_init(struct vn_objects *objects, uint32_t limit_count);
/* Frees the memory; the host's handles must be gone already. */
void vn_objects_finish(struct vn_objects *objects);

/* The object of this id, of any type, or NULL. */
struct vn_object *vn_objects_find(struct vn_objects *objects, uint64_t id);

/*
 * Adds one.  parent: NULL for the instance only.
 * Returns: the object; NULL and *why ("id 0", "id in use", "too many objects", "no memory") else.
 */
struct vn_object *
vn_objects_add(struct venus *venus, const struct vn_object *like, const char **why);

/*
 * To be called before an object is destroyed, on the host or here: two rings may name the same object at once, and one that was
 * looked up may be gone, its memory used for another, when it is to be destroyed.
 * type, host: what the command found when it looked it up.
 * Returns: true to one of them, who takes it out by vn_objects_remove and waits for nothing before: whoever ends what owns it
 * waits meanwhile.  false: it is gone, or about to go.
 */
bool vn_objects_claim(struct vn_objects *objects, struct vn_object *object, uint16_t type,
                      uint64_t host);

/*
 * Takes it, which a claim or a lock keeps from others, and all that it owns out of the table, owned ones first, newest first;
 * calls free_data of each.  The host's side is the caller's.
 */
void vn_objects_remove(struct venus *venus, struct vn_object *object);

/*
 * The same for all that it owns, but not itself.  gone: called for each when it is out of the table, for whoever must destroy
 * the host's side as well; may be NULL.
 */
void vn_objects_remove_children(struct venus *venus, struct vn_object *object,
                                void (*gone)(struct vn_object *));

/*
 * Removes all that it owns, as vn_objects_remove; it stays.  Nobody else ends it meanwhile, or adds to it.
 * type, host: as for vn_objects_claim.  Returns: false: it is gone, or about to go.
 */
bool vn_objects_clear(struct venus *venus, struct vn_object *object, uint16_t type, uint64_t host);

/*
 * Removes an object that owns nothing, has nothing to free and that nobody else destroys: most do, and one lock is enough.
 * Returns: false: it is not such a one, and nothing was done.
 */
bool
vn_objects_remove_lone(struct venus *venus, struct vn_object *object, uint16_t type, uint64_t host);

static inline struct vn_object **
vn_cache_slot(struct vn_object_cache *cache, uint64_t id)
{
    return &cache->slots[id % VN_CACHE_SLOTS];
}

/* The object of this id if it is remembered, else NULL. */
static inline struct vn_object *
vn_cache_hit(struct vn_object_cache *cache, uint64_t id)
{
    struct vn_object *object = *vn_cache_slot(cache, id);
    return object && atomic_load_explicit(&object->id, memory_order_acquire) == id ? object : NULL;
}

/* As vn_objects_find, and remembers. */
struct vn_object *
vn_cache_find(struct vn_object_cache *cache, struct vn_objects *objects, uint64_t id);

#endif
