/* The table of objects: open addressing, under one lock; what a ring looked up lately it finds without (vn_cache_hit). */
#include "venus/object.h"

#include <stdlib.h>

#include "venus/context.h"
#include "venus/os.h"

#define SLOTS_MIN     1024
#define CHUNK_OBJECTS 512

struct vn_object_chunk {
    struct vn_object_chunk *older;
    struct vn_object objects[CHUNK_OBJECTS];
};

static uint32_t
slot_of(const struct vn_objects *objects, uint64_t id)
{
    uint64_t mixed = id * objects->secret;
    mixed = (mixed ^ mixed >> 32) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(mixed >> 32) & (objects->slot_count - 1);
}

bool
vn_objects_init(struct vn_objects *objects, uint32_t limit_count)
{
    *objects = (struct vn_objects){ .limit_count = limit_count, .slot_count = SLOTS_MIN };
    objects->slots = calloc(SLOTS_MIN, sizeof(struct vn_object *));
    if (!objects->slots) {
        return false;
    }
    /* Where memory lies and what time it is: more than a client knows. */
    objects->secret =
        ((uint64_t)(uintptr_t)objects->slots * 0xd6e8feb86659fd93u + vn_os_now_ns()) | 1;
    return true;
}

void
vn_objects_finish(struct vn_objects *objects)
{
    if (!objects->slots) {
        return;
    }
    while (objects->chunks) {
        struct vn_object_chunk *older = objects->chunks->older;
        free(objects->chunks);
        objects->chunks = older;
    }
    free(objects->slots);
    objects->slots = NULL;
}

/* Where this id is, or is to be placed: there is room.  Under the lock. */
static struct vn_object **
seek(const struct vn_objects *objects, uint64_t id)
{
    uint32_t at = slot_of(objects, id);
    while (objects->slots[at] && objects->slots[at]->id != id) {
        at = (at + 1) & (objects->slot_count - 1);
    }
    return &objects->slots[at];
}

struct vn_object *
vn_objects_find(struct vn_objects *objects, uint64_t id)
{
    vn_spin_lock(&objects->lock);
    struct vn_object *object = *seek(objects, id);
    vn_spin_unlock(&objects->lock);
    return object;
}

struct vn_object *
vn_cache_find(struct vn_object_cache *cache, struct vn_objects *objects, uint64_t id)
{
    struct vn_object *object = vn_objects_find(objects, id);
    *vn_cache_slot(cache, id) = object;
    return object;
}

/* Keeps the table at most half full. */
static bool
make_room(struct vn_objects *objects)
{
    if ((objects->live_count + 1) * 2 <= objects->slot_count) {
        return true;
    }
    struct vn_object **old = objects->slots;
    uint32_t old_count = objects->slot_count;
    uint32_t count = old_count * 2;
    struct vn_object **slots = calloc(count, sizeof(struct vn_object *));
    if (!slots) {
        return false;
    }
    objects->slots = slots;
    objects->slot_count = count;
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i]) {
            *seek(objects, old[i]->id) = old[i];
        }
    }
    free(old);
    return true;
}

static struct vn_object *
take_free(struct vn_objects *objects)
{
    if (!objects->free) {
        struct vn_object_chunk *chunk = calloc(1, sizeof(*chunk));
        if (!chunk) {
            return NULL;
        }
        chunk->older = objects->chunks;
        objects->chunks = chunk;
        for (int i = CHUNK_OBJECTS - 1; i >= 0; i--) {
            chunk->objects[i].sibling_next = objects->free;
            objects->free = &chunk->objects[i];
        }
    }
    struct vn_object *object = objects->free;
    objects->free = object->sibling_next;
    return object;
}

static void
link_child(struct vn_object *parent, struct vn_object *object)
{
    object->sibling_next = object->sibling_prev = object;
    if (!parent) {
        return;
    }
    struct vn_object *first = parent->child;
    if (first) {
        object->sibling_next = first;
        object->sibling_prev = first->sibling_prev;
        first->sibling_prev->sibling_next = object;
        first->sibling_prev = object;
    }
    parent->child = object; /* the newest first: what came last goes first */
}

static void
unlink_child(struct vn_object *object)
{
    struct vn_object *parent = object->parent;
    if (parent && parent->child == object) {
        parent->child = object->sibling_next == object ? NULL : object->sibling_next;
    }
    object->sibling_prev->sibling_next = object->sibling_next;
    object->sibling_next->sibling_prev = object->sibling_prev;
}

/* Under the lock.  What is being destroyed, or is part of it, gets no more children. */
static bool
is_going(const struct vn_object *object)
{
    while (object && object->id && !object->is_claimed) {
        object = object->parent;
    }
    return object;
}

/* Where it is to be placed; or NULL, and *why.  Under the lock. */
static struct vn_object **
slot_for(struct vn_objects *objects, const struct vn_object *like, const char **why)
{
    struct vn_object **slot = make_room(objects) ? seek(objects, like->id) : NULL;
    *why = NULL;
    if (like->id == 0) {
        *why = "id 0 means null";
    } else if (slot && *slot) {
        *why = "the id is in use";
    } else if (is_going(like->parent)) {
        *why = "what it would belong to is being destroyed";
    } else if (objects->live_count >= objects->limit_count) {
        *why = "the context has too many objects";
    } else if (!slot) {
        *why = "the host's memory is short";
    }
    return *why ? NULL : slot;
}

struct vn_object *
vn_objects_add(struct venus *venus, const struct vn_object *like, const char **why)
{
    struct vn_objects *objects = &venus->objects;
    vn_spin_lock(&objects->lock);
    struct vn_object **slot = slot_for(objects, like, why);
    struct vn_object *object = slot ? take_free(objects) : NULL;
    if (slot && !object) {
        *why = "the host's memory is short";
    }
    if (object) {
        object->host = like->host;
        object->type = like->type;
        object->is_claimed = false;
        object->device = like->device;
        object->parent = like->parent;
        object->data = like->data;
        object->free_data = like->free_data;
        object->child = NULL;
        link_child(like->parent, object);
        atomic_store_explicit(&object->id, like->id, memory_order_release);
        *slot = object;
        objects->live_count++;
        vn_count_own(&venus->stats.made_counts[like->type], 1);
    }
    vn_spin_unlock(&objects->lock);
    return object;
}

/* Closes the gap that an object leaves: those behind it that had to make way for one before them move up. */
static void
close_gap(struct vn_objects *objects, uint32_t gap)
{
    uint32_t mask = objects->slot_count - 1;
    for (uint32_t at = (gap + 1) & mask; objects->slots[at]; at = (at + 1) & mask) {
        uint32_t home = slot_of(objects, objects->slots[at]->id);
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            objects->slots[gap] = objects->slots[at];
            gap = at;
        }
    }
    objects->slots[gap] = NULL;
}

static void
take_out(struct vn_objects *objects, struct vn_object *object)
{
    uint32_t at = slot_of(objects, object->id);
    while (objects->slots[at] != object) {
        at = (at + 1) & (objects->slot_count - 1);
    }
    close_gap(objects, at);
    objects->live_count--;
    unlink_child(object);
    /* From now on no ring finds it, not even one that remembers it. */
    atomic_store_explicit(&object->id, 0, memory_order_release);
}

/* Is it what somebody looked up a while ago, and does nobody destroy it?  Its memory may be another's by now.  Under the lock. */
static bool
is_still(const struct vn_object *object, uint16_t type, uint64_t host)
{
    return object->id && !object->is_claimed && object->type == type && object->host == host;
}

bool
vn_objects_claim(struct vn_objects *objects, struct vn_object *object, uint16_t type, uint64_t host)
{
    vn_spin_lock(&objects->lock);
    bool is_ours = is_still(object, type, host);
    if (is_ours) {
        object->is_claimed = true;
    }
    vn_spin_unlock(&objects->lock);
    return is_ours;
}

/*
 * Takes the deepest, newest leaf below `object` out; with_itself: or object when it has no children.  NULL: there is none.
 * *is_anothers: it is still there, and soon gone: another ring has claimed it, and works on it until it takes it out itself.
 */
static struct vn_object *
take_leaf(struct vn_objects *objects, struct vn_object *object, bool with_itself, bool *is_anothers)
{
    vn_spin_lock(&objects->lock);
    struct vn_object *leaf = object->id && (object->child || with_itself) ? object : NULL;
    while (leaf && leaf->child) {
        leaf = leaf->child;
    }
    *is_anothers = leaf && leaf != object && leaf->is_claimed;
    if (leaf && !*is_anothers) {
        take_out(objects, leaf);
    }
    vn_spin_unlock(&objects->lock);
    return leaf;
}

/* From now on its memory may be another's. */
static void
give_free(struct venus *venus, struct vn_objects *objects, struct vn_object *object)
{
    vn_spin_lock(&objects->lock);
    vn_count_own(&venus->stats.gone_counts[object->type], 1);
    object->sibling_next = objects->free;
    objects->free = object;
    vn_spin_unlock(&objects->lock);
}

static void
remove_below(struct venus *venus, struct vn_object *object, bool with_itself,
             void (*gone)(struct vn_object *))
{
    struct vn_objects *objects = &venus->objects;
    struct vn_object *leaf = NULL;
    bool is_anothers = false;
    while (leaf != object && (leaf = take_leaf(objects, object, with_itself, &is_anothers))) {
        if (is_anothers) {
            vn_os_sleep_ns(VN_SPIN_NAP_NS);
            continue;
        }
        if (gone) {
            gone(leaf);
        }
        if (leaf->free_data) {
            leaf->free_data(venus, leaf);
        }
        give_free(venus, objects, leaf);
    }
}

bool
vn_objects_remove_lone(struct venus *venus, struct vn_object *object, uint16_t type, uint64_t host)
{
    struct vn_objects *objects = &venus->objects;
    vn_spin_lock(&objects->lock);
    bool is_lone = is_still(object, type, host) && !object->child && !object->free_data;
    if (is_lone) {
        take_out(objects, object);
        vn_count_own(&venus->stats.gone_counts[object->type], 1);
        object->sibling_next = objects->free;
        objects->free = object;
    }
    vn_spin_unlock(&objects->lock);
    return is_lone;
}

bool
vn_objects_clear(struct venus *venus, struct vn_object *object, uint16_t type, uint64_t host)
{
    struct vn_objects *objects = &venus->objects;
    if (!vn_objects_claim(objects, object, type, host)) {
        return false;
    }
    remove_below(venus, object, false, NULL);
    vn_spin_lock(&objects->lock);
    object->is_claimed = false;
    vn_spin_unlock(&objects->lock);
    return true;
}

void
vn_objects_remove_children(struct venus *venus, struct vn_object *object,
                           void (*gone)(struct vn_object *))
{
    remove_below(venus, object, false, gone);
}

void
vn_objects_remove(struct venus *venus, struct vn_object *object)
{
    remove_below(venus, object, true, NULL);
}
