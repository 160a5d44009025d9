/*
 * virtio-mmio: what both versions share. Registers are 32 bits wide and little-endian, VirtIO 1.3 §4.2.2.
 */
#ifndef VIRTIO_TRANSPORT_MMIO_H
#define VIRTIO_TRANSPORT_MMIO_H

#include "abi/virtio_mmio.h"
#include "abi/virtio_ring.h"

#include "virtio/device.h"

/* One access to a register of `width` 1, 2 or 4 bytes. */
uint32_t virtio_mmio_read(const struct virtio_device *device, size_t offset, unsigned width);
void virtio_mmio_write(struct virtio_device *device, size_t offset, unsigned width, uint32_t value);

static inline uint32_t
mmio_read32(const struct virtio_device *device, size_t offset)
{
    return virtio_mmio_read(device, offset, 4);
}

static inline void
mmio_write32(struct virtio_device *device, size_t offset, uint32_t value)
{
    virtio_mmio_write(device, offset, 4, value);
}

/* Entries of the ops tables that are the same in both versions. */
uint8_t virtio_mmio_get_status(struct virtio_device *device);
void virtio_mmio_set_status(struct virtio_device *device, uint8_t status);
uint16_t virtio_mmio_queue_size_max(struct virtio_device *device, uint16_t queue_idx);
void virtio_mmio_queue_notify(struct virtio_device *device, uint16_t queue_idx, uint32_t value);
uint32_t virtio_mmio_take_interrupts(struct virtio_device *device);
uint32_t virtio_mmio_config_read(struct virtio_device *device, size_t offset, unsigned width);
void virtio_mmio_config_write(struct virtio_device *device, size_t offset, unsigned width,
                              uint32_t value);

extern const struct virtio_transport_ops virtio_mmio_v1_ops;
extern const struct virtio_transport_ops virtio_mmio_v2_ops;

#endif
