/*
 * vq.c - what a queue does whatever its format.
 */
#include "device/vq/vq.h"

#include <assert.h>
#include <string.h>

#include "device/vq/ring.h"
#include "device/vq/shared.h"

static const struct vq_ops *
ops_of(const struct vq_layout *layout)
{
    return layout->is_packed ? &vq_packed_ops : &vq_split_ops;
}

/* NULL, or what is wrong with the size. */
static const char *
check_size(const struct vq_layout *layout)
{
    if (layout->size == 0 || layout->size > VQ_SIZE_MAX) {
        return "the queue's size is 0 or beyond 1024";
    }
    if (!layout->is_packed && (layout->size & (layout->size - 1)) != 0) {
        return "the size of a split queue is no power of two";
    }
    return NULL;
}

size_t
vq_desc_bytes(const struct vq_layout *layout)
{
    return check_size(layout) == NULL ? ops_of(layout)->desc_bytes(layout) : 0;
}

size_t
vq_driver_bytes(const struct vq_layout *layout)
{
    return check_size(layout) == NULL ? ops_of(layout)->driver_bytes(layout) : 0;
}

size_t
vq_device_bytes(const struct vq_layout *layout)
{
    return check_size(layout) == NULL ? ops_of(layout)->device_bytes(layout) : 0;
}

static const char *
check_areas(const struct vq_layout *layout)
{
    enum { DESC_ALIGN = 16, DEVICE_ALIGN = 4, SPLIT_DRIVER_ALIGN = 2, PACKED_DRIVER_ALIGN = 4 };
    uintptr_t driver_align = layout->is_packed ? PACKED_DRIVER_ALIGN : SPLIT_DRIVER_ALIGN;
    if (layout->desc == NULL || layout->driver == NULL || layout->device == NULL) {
        return "an area of the queue is not in the guest's memory";
    }
    if ((uintptr_t)layout->desc % DESC_ALIGN != 0 ||
        (uintptr_t)layout->driver % driver_align != 0 ||
        (uintptr_t)layout->device % DEVICE_ALIGN != 0) {
        return "an area of the queue is not aligned (VirtIO 1.3 §2.7, §2.8.10.1)";
    }
    return NULL;
}

const char *
vq_start(struct vq *vq, const struct guest_memory *guest, const struct vq_layout *layout)
{
    const char *why = check_size(layout);
    why = why != NULL ? why : check_areas(layout);
    if (why != NULL) {
        return why;
    }
    *vq = (struct vq){ .guest = guest, .layout = *layout };
    why = ops_of(layout)->start(vq);
    vq->ops = why == NULL ? ops_of(layout) : NULL;
    return why;
}

const char *
vq_move(struct vq *vq, uint8_t *desc, uint8_t *driver, uint8_t *device)
{
    struct vq_layout moved = vq->layout;
    moved.desc = desc;
    moved.driver = driver;
    moved.device = device;
    const char *why = check_areas(&moved);
    if (why == NULL) {
        vq->layout = moved;
    }
    return why;
}

uint32_t
vq_base(const struct vq *vq)
{
    return vq->ops != NULL ? vq->ops->base(vq) : 0;
}

uint32_t
vq_stop(struct vq *vq)
{
    uint32_t base = vq_base(vq);
    vq->ops = NULL;
    vq->in_flight_count = 0;
    return base;
}

void
vq_break(struct vq *vq, const char *rule, uint64_t value)
{
    if (vq->fault.rule == NULL) {
        vq->fault = (struct vq_fault){ rule, value };
    }
}

static bool
is_running(const struct vq *vq)
{
    return vq->ops != NULL && vq->fault.rule == NULL;
}

bool
vq_has_available(struct vq *vq)
{
    return is_running(vq) && vq->ops->has_available(vq);
}

/* A last look after notifications are asked for: what came before the guest saw that is not lost. */
static bool
is_any(struct vq *vq)
{
    if (vq->ops->has_available(vq)) {
        return true;
    }
    vq->ops->unmute(vq);
    /* The question before the look.  Pairs with the driver's, between its index or flags and its look at the question. */
    vq_full_fence();
    return vq->fault.rule == NULL && vq->ops->has_available(vq);
}

static void
count_in(struct vq *vq, struct vq_chain *chain)
{
    chain->number = ++vq->pop_count;
    vq->in_flight_count++;
    vq->in_flight_desc_count += chain->desc_count;
}

enum vq_result
vq_pop(struct vq *vq, struct vq_chain **chain)
{
    struct vq_walk walk;
    *chain = NULL;
    if (!is_running(vq) || !is_any(vq)) {
        return vq->fault.rule != NULL ? VQ_BROKEN : VQ_EMPTY;
    }
    walk.piece_count = walk.readable_count = 0;
    walk.readable_bytes = walk.writable_bytes = 0;
    walk.desc_count = 0;
    if (!vq->ops->walk(vq, &walk)) {
        return VQ_BROKEN;
    }
    *chain = vq_chain_make(vq, &walk);
    if (*chain == NULL) {
        return VQ_NO_MEMORY;
    }
    vq->ops->advance(vq, &walk);
    vq->ops->mute(vq);
    count_in(vq, *chain);
    return VQ_OK;
}

void
vq_push(struct vq *vq, struct vq_chain *chain, uint32_t written_bytes)
{
    assert(written_bytes <= chain->writable_bytes);
    if (is_running(vq)) {
        assert(vq->in_flight_count > 0);
        vq->in_flight_count--;
        vq->in_flight_desc_count -= chain->desc_count;
        vq->push_count++;
        vq->ops->use(vq, chain, written_bytes);
    }
    vq_chain_forget(chain);
}

bool
vq_wants_interrupt(struct vq *vq)
{
    if (!is_running(vq) || vq->push_count == vq->signalled_count) {
        return false;
    }
    /* What we gave back before the look at the guest's wish.  Pairs with the driver's, between its wish and its last look. */
    vq_full_fence();
    bool is_wanted = vq->ops->wants_interrupt(vq);
    vq->signalled_idx = vq->used_idx;
    vq->signalled_count = vq->push_count;
    vq->is_signalled_valid = true;
    return is_wanted;
}
