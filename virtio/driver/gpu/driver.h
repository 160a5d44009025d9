/*
 * What the files of the GPU driver share. Public contract: virtio/gpu.h.
 *
 *   vgpu_submit ─► slot_take ─► ops->submit ─► queue ─► device
 *   vgpu_poll   ─► take used ─► vgpu_slot_complete ─► check, count, trace, slot_free, then.done
 *               └► vgpu_slots_expire: the late ones ─► then.done(TIMEOUT)
 *
 * A late command's slot is abandoned: it stays the device's until the device gives it back.
 */
#ifndef VIRTIO_DRIVER_GPU_DRIVER_H
#define VIRTIO_DRIVER_GPU_DRIVER_H

#include "virtio/core/check.h"
#include "virtio/core/memory.h"
#include "virtio/driver/bring_up.h"
#include "virtio/driver/gpu/messages.h"
#include "virtio/gpu.h"

enum {
    VGPU_SMALL_RESPONSE_BYTES = 40, /* the longest but for display info, EDID and capsets */
    VGPU_SLOT_BYTES = VGPU_REQUEST_BYTES_MAX + VGPU_SMALL_RESPONSE_BYTES,
    VGPU_SEGS_PER_COMMAND = 3, /* request, entries, response */
    VGPU_SILENCE_NS =
        20000000, /* so long without an answer, and we look whether the device is still ours */
    VGPU_ASK_AGAIN_NS = 1000000000, /* between questions for display info that go unanswered */
    VGPU_NS_PER_MS = 1000000,
};
_Static_assert(VGPU_SLOT_BYTES % 8 == 0, "requests are aligned to their fields");

enum vgpu_slot_phase {
    VGPU_SLOT_FREE,
    VGPU_SLOT_IN_FLIGHT,
    VGPU_SLOT_ABANDONED, /* reported as failed; the device may still read and write its buffers */
};

/* What differs between the two drivers. */
struct vgpu_driver_ops {
    const char *name;

    /*
     * Send the command in `slot`, whose chain is ready. Returns: as virtq_add; on failure the slot
     * is the caller's again.
     */
    enum virtio_err (*send)(struct vgpu *vgpu, struct vgpu_slot *slot,
                            const struct virtq_chain *chain);

    /* Tell the device of what was sent. */
    void (*notify)(struct vgpu *vgpu);
};

extern const struct vgpu_driver_ops vgpu_queued_ops;
extern const struct vgpu_driver_ops vgpu_simple_ops;

static inline uint64_t
vgpu_now_ns(const struct vgpu *vgpu)
{
    const struct virtio_platform *plat = vgpu->device->bus->plat;
    return plat->now_ns(plat->ctx);
}

/*
 * The time for what is done together: the clock is read once, until the next vgpu_notify, and once
 * in a vgpu_poll. Under an emulator each reading may wait for the device's own work.
 */
static inline uint64_t
vgpu_time_ns(struct vgpu *vgpu)
{
    if (vgpu->time_ns == 0) {
        vgpu->time_ns = vgpu_now_ns(vgpu);
    }
    return vgpu->time_ns;
}

static inline void
vgpu_trace(const struct vgpu *vgpu, enum virtio_trace_event event, uint64_t a, uint64_t b)
{
    driver_trace(vgpu->device, event, 0, TRACE_QUEUE_NONE, a, b);
}

/* VIRTIO_OK, or why no command can be sent. */
static inline enum virtio_err
vgpu_usable(const struct vgpu *vgpu)
{
    if (vgpu->state == VGPU_RUNNING) {
        return VIRTIO_OK;
    }
    return vgpu->state == VGPU_FAILED ? vgpu->failure : VIRTIO_ERR_NOT_INITIALIZED;
}

/*
 * The one function that changes a state: the device's (resource_id 0) or a framebuffer's. A change
 * the table forbids is a CHECK.
 */
void vgpu_state_change(struct vgpu *vgpu, enum vgpu_state *state, uint32_t resource_id,
                       enum vgpu_state to);

/* Bytes, at most, that vgpu_slots_init takes; its DMA memory and its private memory. */
size_t vgpu_slots_arena_bytes(const struct vgpu_config *config);
enum virtio_err vgpu_slots_init(struct vgpu *vgpu, struct virtio_arena *arena);

/* Slots that there are for commands with that answer; NULL: with none. */
unsigned vgpu_slots_room(const struct vgpu *vgpu, const struct vgpu_answer *answer);

/* A free slot, with room for the response of `message`. Returns: VIRTIO_OK, VIRTIO_ERR_BUSY. */
enum virtio_err
vgpu_slot_take(struct vgpu *vgpu, const struct vgpu_message *message, struct vgpu_slot **taken);
void vgpu_slot_free(struct vgpu *vgpu, struct vgpu_slot *slot);

/* The device has used the slot's buffers. */
void vgpu_slot_complete(struct vgpu *vgpu, const struct virtq_done *done);

/* Report what is late. */
void vgpu_slots_expire(struct vgpu *vgpu, uint64_t now_ns);

/* End everything in flight with `err`; the slots stay abandoned. */
void vgpu_slots_abandon_all(struct vgpu *vgpu, enum virtio_err err);

/*
 * The device cannot be used any more: state Failed, everything in flight ends with `err`. Does
 * nothing the second time.
 */
void vgpu_fail(struct vgpu *vgpu, enum virtio_err err);

/*
 * A turn of a waiting loop: poll, then let others run. Returns: as virtio_device_relax, so
 * VIRTIO_ERR_TIMEOUT after `deadline_ns` and also where the clock stands still; even then what is
 * waited for may have come with this turn.
 */
enum virtio_err vgpu_turn(struct vgpu *vgpu, uint64_t deadline_ns);

/*
 * A turn of a loop that waits for commands to end: what is late has ended after it, also where the
 * clock stands still and no deadline comes by itself. So each such loop ends.
 */
void vgpu_turn_commands(struct vgpu *vgpu);

/* Is display info to be asked for again, because an event's question was not answered? */
bool vgpu_is_asking_due(const struct vgpu *vgpu);

/* Has `backing` the bytes that `image` needs, and is that neither empty nor absurd? */
bool vgpu_is_backing_enough(const struct vgpu_image *image, const struct vgpu_backing *backing);

/*
 * Forget the resources: the device was reset. Returns: how many were alive, each named in the log.
 */
unsigned vgpu_resources_forget(struct vgpu *vgpu);

#endif
