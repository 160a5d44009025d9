/*
 * virtio-mmio: probing, and what both versions share. Contract: virtio/device.h, virtio/transport.h; VirtIO 1.3 §4.2.
 */
#include "virtio/transport/mmio.h"

#include "virtio/core/barrier.h"
#include "virtio/core/internal.h"
#include "virtio/transport/access.h"

uint32_t
virtio_mmio_read(const struct virtio_device *device, size_t offset, unsigned width)
{
    return register_read(device->bus->plat, device->regs + offset, width);
}

void
virtio_mmio_write(struct virtio_device *device, size_t offset, unsigned width, uint32_t value)
{
    register_write(device->bus->plat, device->regs + offset, width, value);
}

uint8_t
virtio_mmio_get_status(struct virtio_device *device)
{
    return (uint8_t)mmio_read32(device, VIRTIO_MMIO_STATUS);
}

void
virtio_mmio_set_status(struct virtio_device *device, uint8_t status)
{
    mmio_write32(device, VIRTIO_MMIO_STATUS, status);
}

uint16_t
virtio_mmio_queue_size_max(struct virtio_device *device, uint16_t queue_idx)
{
    mmio_write32(device, VIRTIO_MMIO_QUEUE_SEL, queue_idx);
    uint32_t size_max = mmio_read32(device, VIRTIO_MMIO_QUEUE_SIZE_MAX);
    return size_max < VIRTQ_SIZE_MAX ? (uint16_t)size_max : VIRTQ_SIZE_MAX;
}

void
virtio_mmio_queue_notify(struct virtio_device *device, uint16_t queue_idx, uint32_t value)
{
    (void)queue_idx; /* in the value, §4.2.3.3 */
    mmio_write32(device, VIRTIO_MMIO_QUEUE_NOTIFY, value);
}

/* §4.2.3.4.1: acknowledge what is about to be handled, and no undefined bit. */
uint32_t
virtio_mmio_take_interrupts(struct virtio_device *device)
{
    uint32_t bits = mmio_read32(device, VIRTIO_MMIO_INTERRUPT_STATUS) &
                    (VIRTIO_INTERRUPT_USED_BUFFER | VIRTIO_INTERRUPT_CONFIG);
    if (bits != 0) {
        mmio_write32(device, VIRTIO_MMIO_INTERRUPT_ACK, bits);
        /* Acknowledged before the used ring is looked at: what is used after that look interrupts again. */
        virtio_full_barrier();
    }
    return bits;
}

uint32_t
virtio_mmio_config_read(struct virtio_device *device, size_t offset, unsigned width)
{
    return virtio_mmio_read(device, VIRTIO_MMIO_CONFIG + offset, width);
}

void
virtio_mmio_config_write(struct virtio_device *device, size_t offset, unsigned width,
                         uint32_t value)
{
    virtio_mmio_write(device, VIRTIO_MMIO_CONFIG + offset, width, value);
}

/* NULL for a version that the library cannot drive. §2.7.3: a legacy ring is in the CPU's byte order, ours never big-endian. */
static const struct virtio_transport_ops *
ops_for(uint32_t version)
{
    switch (version) {
    case 1: return ABI_HOST_IS_BIG_ENDIAN ? NULL : &virtio_mmio_v1_ops;
    case 2: return &virtio_mmio_v2_ops;
    default: return NULL;
    }
}

/* Read who is there into `seen`, §4.2.3.1.1: MagicValue, Version, DeviceID, in this order, and nothing else if they are wrong. */
static enum virtio_err
identify(const struct virtio_platform *plat, struct virtio_device *seen, uint32_t *version)
{
    if (register_read(plat, seen->regs + VIRTIO_MMIO_MAGIC, 4) != VIRTIO_MMIO_MAGIC_VALUE) {
        return VIRTIO_ERR_NO_DEVICE;
    }
    *version = register_read(plat, seen->regs + VIRTIO_MMIO_VERSION, 4);
    seen->ops = ops_for(*version);
    if (seen->ops == NULL) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    seen->id = register_read(plat, seen->regs + VIRTIO_MMIO_DEVICE_ID, 4);
    if (seen->id == VIRTIO_ID_NONE) {
        return VIRTIO_EMPTY;
    }
    seen->vendor = register_read(plat, seen->regs + VIRTIO_MMIO_VENDOR_ID, 4);
    return VIRTIO_OK;
}

static void
report(const struct virtio_device *device, uint32_t version)
{
    device_trace(device, TRACE_DEVICE_SEEN, trace_halves(device->id, version), device->base);
    virtio_log(device->bus->plat, VIRTIO_LOG_INFO, "virtio %s (id %u, vendor 0x%x) at 0x%llx by %s",
               virtio_device_kind(device->id), device->id, device->vendor,
               (unsigned long long)device->base, device->ops->name);
}

enum virtio_err
virtio_mmio_probe(struct virtio_bus *bus, uint64_t base, size_t size, struct virtio_device **device)
{
    *device = virtio_bus_find(bus, base);
    if (*device != NULL) {
        return VIRTIO_OK;
    }
    if (size < VIRTIO_MMIO_CONFIG) {
        return VIRTIO_ERR_INVALID;
    }
    struct virtio_device seen = { .base = base, .config_bytes = size - VIRTIO_MMIO_CONFIG };
    uint32_t version = 0;
    seen.regs = bus->plat->map(bus->plat->ctx, base, size);
    if (seen.regs == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    enum virtio_err err = identify(bus->plat, &seen, &version);
    if (err != VIRTIO_OK) {
        return err;
    }
    *device = virtio_bus_add(bus, &seen);
    if (*device == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    report(*device, version);
    return VIRTIO_OK;
}
