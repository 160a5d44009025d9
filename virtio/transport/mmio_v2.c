/*
 * virtio-mmio version 2: 64 bits of features, an address for each area of a queue, a configuration generation.
 * Source: VirtIO 1.3 §4.2.2, §4.2.3.
 */
#include "virtio/transport/mmio.h"

static uint64_t
v2_get_features(struct virtio_device *device)
{
    uint64_t features = 0;
    for (uint32_t half = 0; half < 2; half++) {
        mmio_write32(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
        features |= (uint64_t)mmio_read32(device, VIRTIO_MMIO_DEVICE_FEATURES) << (32 * half);
    }
    return features;
}

static void
v2_set_features(struct virtio_device *device, uint64_t features)
{
    for (uint32_t half = 0; half < 2; half++) {
        mmio_write32(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
        mmio_write32(device, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> (32 * half)));
    }
}

/* A 64-bit address in two registers, of which the high one follows the low one in every pair. */
static void
write_addr(struct virtio_device *device, size_t offset_low, uint64_t addr)
{
    mmio_write32(device, offset_low, (uint32_t)addr);
    mmio_write32(device, offset_low + 4, (uint32_t)(addr >> 32));
}

/* §4.2.3.2, in its order. */
static enum virtio_err
v2_queue_enable(struct virtio_device *device, uint16_t queue_idx,
                const struct virtio_queue_areas *areas)
{
    mmio_write32(device, VIRTIO_MMIO_QUEUE_SEL, queue_idx);
    if (mmio_read32(device, VIRTIO_MMIO_QUEUE_READY) != 0) {
        return VIRTIO_ERR_BUSY;
    }
    mmio_write32(device, VIRTIO_MMIO_QUEUE_SIZE, areas->size);
    write_addr(device, VIRTIO_MMIO_QUEUE_DESC_LOW, areas->desc_addr);
    write_addr(device, VIRTIO_MMIO_QUEUE_DRIVER_LOW, areas->driver_addr);
    write_addr(device, VIRTIO_MMIO_QUEUE_DEVICE_LOW, areas->device_addr);
    mmio_write32(device, VIRTIO_MMIO_QUEUE_READY, 1);
    return VIRTIO_OK;
}

static uint32_t
v2_config_generation(struct virtio_device *device)
{
    return mmio_read32(device, VIRTIO_MMIO_CONFIG_GENERATION);
}

static uint64_t
read_pair(const struct virtio_device *device, size_t offset_low)
{
    return mmio_read32(device, offset_low) | (uint64_t)mmio_read32(device, offset_low + 4) << 32;
}

/* §4.2.2: a region that does not exist has length and base -1. */
static enum virtio_err
v2_shm(struct virtio_device *device, uint8_t id, uint64_t *phys, uint64_t *bytes)
{
    mmio_write32(device, VIRTIO_MMIO_SHM_SEL, id);
    *bytes = read_pair(device, VIRTIO_MMIO_SHM_LEN_LOW);
    *phys = read_pair(device, VIRTIO_MMIO_SHM_BASE_LOW);
    return *bytes == UINT64_MAX ? VIRTIO_ERR_UNSUPPORTED : VIRTIO_OK;
}

const struct virtio_transport_ops virtio_mmio_v2_ops = {
    .name = "mmio v2",
    .is_legacy = false,
    .get_status = virtio_mmio_get_status,
    .set_status = virtio_mmio_set_status,
    .get_features = v2_get_features,
    .set_features = v2_set_features,
    .queue_size_max = virtio_mmio_queue_size_max,
    .queue_enable = v2_queue_enable,
    .queue_notify = virtio_mmio_queue_notify,
    .take_interrupts = virtio_mmio_take_interrupts,
    .config_read = virtio_mmio_config_read,
    .config_write = virtio_mmio_config_write,
    .config_generation = v2_config_generation,
    .shm = v2_shm,
};
