/*
 * MSI-X vectors: tried once, then set again at each negotiation and queue. Contract: virtio/pci.h; VirtIO 1.3 §4.1.5.1.2.
 */
#include "abi/virtio_mmio.h"
#include "abi/virtio_pci.h"

#include "virtio/core/barrier.h"
#include "virtio/core/internal.h"
#include "virtio/pci.h"

/* Set the same vector for every queue there is. Returns: whether the device took them all. */
static bool
set_queues(struct virtio_device *device, uint16_t vector)
{
    bool is_taken = true;
    for (unsigned i = 0; i < VIRTIO_DEVICE_QUEUES_MAX; i++) {
        if (device->ops->queue_size_max(device, (uint16_t)i) != 0) {
            is_taken = device->ops->set_vector(device, (uint16_t)i, vector) && is_taken;
        }
    }
    return is_taken;
}

static bool
try_vectors(struct virtio_device *device, uint16_t config_vector, uint16_t queue_vector)
{
    if (device->ops->set_vector(device, VIRTIO_VECTOR_OF_CONFIG, config_vector) &&
        set_queues(device, queue_vector)) {
        return true;
    }
    (void)device->ops->set_vector(device, VIRTIO_VECTOR_OF_CONFIG, VIRTIO_PCI_NO_VECTOR);
    (void)set_queues(device, VIRTIO_PCI_NO_VECTOR);
    return false;
}

enum virtio_err
virtio_device_use_vectors(struct virtio_device *device, uint16_t config_vector,
                          uint16_t queue_vector)
{
    if (device->ops->set_vector == NULL) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    if (device->life != VIRTIO_LIFE_SEEN) {
        return VIRTIO_ERR_STATE;
    }
    device->vectors = (struct virtio_vectors){ .are_on = false };
    enum virtio_err err = virtio_device_reset(device, "vectors");
    if (err != VIRTIO_OK) {
        return err;
    }
    if (!try_vectors(device, config_vector, queue_vector)) {
        virtio_log(device->bus->plat, VIRTIO_LOG_WARN,
                   "virtio %s at 0x%llx: the device refuses MSI-X vectors %u and %u",
                   virtio_device_kind(device->id), (unsigned long long)device->base, config_vector,
                   queue_vector);
        return VIRTIO_ERR_UNSUPPORTED;
    }
    device->vectors =
        (struct virtio_vectors){ .are_on = true, .config = config_vector, .queues = queue_vector };
    return VIRTIO_OK;
}

/* A reset took the vectors away. A device that took this one before and does not now could never tell us anything. */
enum virtio_err
virtio_device_apply_vector(struct virtio_device *device, uint16_t queue_idx)
{
    const struct virtio_vectors *vectors = &device->vectors;
    uint16_t vector = queue_idx == VIRTIO_VECTOR_OF_CONFIG ? vectors->config : vectors->queues;
    if (!vectors->are_on || device->ops->set_vector == NULL ||
        device->ops->set_vector(device, queue_idx, vector)) {
        return VIRTIO_OK;
    }
    virtio_log(device->bus->plat, VIRTIO_LOG_ERROR,
               "virtio %s at 0x%llx: the device refuses MSI-X vector %u, which it took before",
               virtio_device_kind(device->id), (unsigned long long)device->base, vector);
    return VIRTIO_ERR_UNSUPPORTED;
}

void
virtio_device_note_vector(struct virtio_device *device, uint32_t bits)
{
    if ((bits & VIRTIO_INTERRUPT_USED_BUFFER) != 0) {
        (void)virtio_exchange(&device->vectors.has_used, 1);
    }
    if ((bits & VIRTIO_INTERRUPT_CONFIG) != 0) {
        (void)virtio_exchange(&device->vectors.has_config, 1);
    }
}
