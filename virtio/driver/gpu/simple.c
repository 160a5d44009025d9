/*
 * The reference driver: sends one command and waits for its end before it returns. Slow, and easy
 * to believe: the order of its commands is the order of the calls, which is what `queued` is
 * compared with.
 */
#include "virtio/driver/gpu/driver.h"

/*
 * The command ends within its deadline, well or not: then the slot is no longer in flight. Meanwhile
 * it may have been in flight anew, for a callback's command; but that has ended too, for a nested
 * send returns no sooner.
 */
static enum virtio_err
simple_send(struct vgpu *vgpu, struct vgpu_slot *slot, const struct virtq_chain *chain)
{
    struct virtq *queue = &vgpu->queues[slot->message->queue];
    enum virtio_err err = virtq_add(queue, chain);
    if (err != VIRTIO_OK) {
        return err;
    }
    uint64_t deadline_ns = slot->deadline_ns;
    virtq_notify(queue);
    while (slot->phase == VGPU_SLOT_IN_FLIGHT) {
        (void)vgpu_turn(vgpu, deadline_ns);
    }
    return VIRTIO_OK;
}

/* Everything was announced when it was sent. */
static void
simple_notify(struct vgpu *vgpu)
{
    (void)vgpu;
}

const struct vgpu_driver_ops vgpu_simple_ops = {
    .name = "simple",
    .send = simple_send,
    .notify = simple_notify,
};
