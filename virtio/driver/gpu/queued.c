/*
 * The real driver: as many commands in flight as there are slots, one notification for many.
 */
#include "virtio/driver/gpu/driver.h"

static enum virtio_err
queued_send(struct vgpu *vgpu, struct vgpu_slot *slot, const struct virtq_chain *chain)
{
    return virtq_add(&vgpu->queues[slot->message->queue], chain);
}

static void
queued_notify(struct vgpu *vgpu)
{
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        if (vgpu->queues[i].added_since_notify > 0) {
            virtq_notify(&vgpu->queues[i]);
        }
    }
}

const struct vgpu_driver_ops vgpu_queued_ops = {
    .name = "queued",
    .send = queued_send,
    .notify = queued_notify,
};
