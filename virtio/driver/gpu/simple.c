/*
 * The reference driver: sends one command and waits for its end before it returns. Slow, and easy
 * to believe: the order of its commands is the order of the calls, which is what `queued` is
 * compared with.
 */
#include "virtio/driver/gpu/driver.h"

/*
 * The command ends within its deadline, well or not. What its callback sends is waited for here too,
 * not inside the callback, so that callbacks that send again and again do not nest; but no longer
 * than the command itself might have taken. The turn that starts after the deadline ends the command
 * at the latest.
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
    enum virtio_err turn = VIRTIO_OK;
    virtq_notify(queue);
    if (vgpu->is_sending) {
        return VIRTIO_OK;
    }
    vgpu->is_sending = true;
    while (vgpu->in_flight_count > 0 && turn == VIRTIO_OK) {
        turn = vgpu_turn(vgpu, deadline_ns);
    }
    if (turn != VIRTIO_OK) {
        vgpu_slots_expire(vgpu, deadline_ns); /* also where the clock stands still */
    }
    vgpu->is_sending = false;
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
