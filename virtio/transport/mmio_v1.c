/*
 * virtio-mmio version 1, the legacy interface: a queue is one page number. VirtIO 1.3 §4.2.4, §2.7.2.
 */
#include "abi/virtio_ring.h"

#include "virtio/transport/mmio.h"

enum { PAGE_SHIFT = 12 };
_Static_assert(1 << PAGE_SHIFT == VIRTQ_LEGACY_ALIGN_BYTES, "QueuePFN counts pages of QueueAlign");

/* Features are the low 32 bits; there is nothing behind selector 0. */
static uint64_t
v1_get_features(struct virtio_device *device)
{
    mmio_write32(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    return mmio_read32(device, VIRTIO_MMIO_DEVICE_FEATURES);
}

/* GuestPageSize goes here, too: §4.2.4 wants it once, before any queue. */
static void
v1_set_features(struct virtio_device *device, uint64_t features)
{
    mmio_write32(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    mmio_write32(device, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
    mmio_write32(device, VIRTIO_MMIO_GUEST_PAGE_SIZE, VIRTQ_LEGACY_ALIGN_BYTES);
}

/* Where §2.7.2 puts the other two areas behind the descriptor table. */
static bool
is_legacy_layout(const struct virtio_queue_areas *areas)
{
    const uint64_t align_mask = VIRTQ_LEGACY_ALIGN_BYTES - 1;
    uint64_t avail_addr = areas->desc_addr + sizeof(struct virtq_desc) * areas->size;
    uint64_t avail_end = avail_addr + sizeof(le16) * (3U + areas->size);
    uint64_t used_addr = (avail_end + align_mask) & ~align_mask;
    return (areas->desc_addr & align_mask) == 0 && areas->desc_addr >> PAGE_SHIFT <= UINT32_MAX &&
           areas->driver_addr == avail_addr && areas->device_addr == used_addr;
}

static enum virtio_err
v1_queue_enable(struct virtio_device *device, uint16_t queue_idx,
                const struct virtio_queue_areas *areas)
{
    if (!is_legacy_layout(areas)) {
        return VIRTIO_ERR_INVALID;
    }
    mmio_write32(device, VIRTIO_MMIO_QUEUE_SEL, queue_idx);
    if (mmio_read32(device, VIRTIO_MMIO_QUEUE_PFN) != 0) {
        return VIRTIO_ERR_BUSY;
    }
    mmio_write32(device, VIRTIO_MMIO_QUEUE_SIZE, areas->size);
    mmio_write32(device, VIRTIO_MMIO_QUEUE_ALIGN, VIRTQ_LEGACY_ALIGN_BYTES);
    mmio_write32(device, VIRTIO_MMIO_QUEUE_PFN, (uint32_t)(areas->desc_addr >> PAGE_SHIFT));
    return VIRTIO_OK;
}

/* §2.5.4: there is none. */
static uint32_t
v1_config_generation(struct virtio_device *device)
{
    (void)device;
    return 0;
}

const struct virtio_transport_ops virtio_mmio_v1_ops = {
    .name = "mmio v1",
    .is_legacy = true,
    .get_status = virtio_mmio_get_status,
    .set_status = virtio_mmio_set_status,
    .get_features = v1_get_features,
    .set_features = v1_set_features,
    .queue_size_max = virtio_mmio_queue_size_max,
    .queue_enable = v1_queue_enable,
    .queue_notify = virtio_mmio_queue_notify,
    .take_interrupts = virtio_mmio_take_interrupts,
    .config_read = virtio_mmio_config_read,
    .config_write = virtio_mmio_config_write,
    .config_generation = v1_config_generation,
};
