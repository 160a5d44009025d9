/*
 * What a transport can do: one flat table, chosen once at probing. Drivers never see it; they call virtio/device.h.
 * A new transport is one file with one of these tables: mmio version 1, mmio version 2, PCI, and what a device is after it was unplugged.
 */
#ifndef VIRTIO_TRANSPORT_H
#define VIRTIO_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/error.h"

struct virtio_device;

/* Where a queue's three areas lie, as DMA addresses; §2.6: descriptor, driver and device area. */
struct virtio_queue_areas {
    uint64_t desc_addr;
    uint64_t driver_addr;
    uint64_t device_addr;
    uint16_t size;
};

enum { VIRTIO_VECTOR_OF_CONFIG = 0xffff }; /* in place of a queue's index */

struct virtio_transport_ops {
    const char *name; /* "mmio v1", "mmio v2", "pci", "unplugged" */
    bool is_legacy;

    uint8_t (*get_status)(struct virtio_device *device);
    void (*set_status)(struct virtio_device *device, uint8_t status);

    uint64_t (*get_features)(struct virtio_device *device);
    void (*set_features)(struct virtio_device *device, uint64_t features);

    /* 0 when the queue does not exist. */
    uint16_t (*queue_size_max)(struct virtio_device *device, uint16_t queue_idx);

    /*
     * Tell the device where the queue lies and enable it.
     * Returns: VIRTIO_OK, VIRTIO_ERR_BUSY when it is in use already, VIRTIO_ERR_INVALID when the transport cannot express
     * the addresses (legacy: one contiguous area below 2^44, aligned to 4096).
     */
    enum virtio_err (*queue_enable)(struct virtio_device *device, uint16_t queue_idx,
                                    const struct virtio_queue_areas *areas);

    void (*queue_notify)(struct virtio_device *device, uint16_t queue_idx, uint32_t value);

    /* Read and acknowledge: VIRTIO_INTERRUPT_* bits. */
    uint32_t (*take_interrupts)(struct virtio_device *device);

    /* Configuration space in accesses of 1, 2 or 4 bytes as §2.5.1 wants them; offset is aligned to width. */
    uint32_t (*config_read)(struct virtio_device *device, size_t offset, unsigned width);
    void (*config_write)(struct virtio_device *device, size_t offset, unsigned width,
                         uint32_t value);

    /* §2.5: changes when the configuration does; a transport without one returns the same each time. */
    uint32_t (*config_generation)(struct virtio_device *device);

    /* As virtio_device_shm. NULL: the transport has no shared memory regions. */
    enum virtio_err (*shm)(struct virtio_device *device, uint8_t id, uint64_t *phys,
                           uint64_t *bytes);

    /*
     * Optional: signal a queue, or VIRTIO_VECTOR_OF_CONFIG, by that MSI-X vector.
     * Returns: whether the device took it, as read back (§4.1.5.1.2.2).
     */
    bool (*set_vector)(struct virtio_device *device, uint16_t queue_idx, uint16_t vector);
};

#endif
