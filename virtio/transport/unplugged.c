/*
 * What a device is after it was taken out of its slot: no register is left, a reset is complete at once. Contract:
 * virtio/pci.h.
 */
#include "virtio/core/internal.h"
#include "virtio/core/memory.h"
#include "virtio/pci.h"

static uint8_t
gone_get_status(struct virtio_device *device)
{
    (void)device;
    return 0;
}

static void
gone_set_status(struct virtio_device *device, uint8_t status)
{
    (void)device;
    (void)status;
}

static uint64_t
gone_get_features(struct virtio_device *device)
{
    (void)device;
    return 0;
}

static void
gone_set_features(struct virtio_device *device, uint64_t features)
{
    (void)device;
    (void)features;
}

static uint16_t
gone_queue_size_max(struct virtio_device *device, uint16_t queue_idx)
{
    (void)device;
    (void)queue_idx;
    return 0;
}

static enum virtio_err
gone_queue_enable(struct virtio_device *device, uint16_t queue_idx,
                  const struct virtio_queue_areas *areas)
{
    (void)device;
    (void)queue_idx;
    (void)areas;
    return VIRTIO_ERR_INVALID;
}

static void
gone_queue_notify(struct virtio_device *device, uint16_t queue_idx, uint32_t value)
{
    (void)device;
    (void)queue_idx;
    (void)value;
}

static uint32_t
gone_take_interrupts(struct virtio_device *device)
{
    (void)device;
    return 0;
}

/* As from a bus that nobody answers on. */
static uint32_t
gone_config_read(struct virtio_device *device, size_t offset, unsigned width)
{
    (void)device;
    (void)offset;
    return UINT32_MAX >> (32 - 8 * width);
}

static void
gone_config_write(struct virtio_device *device, size_t offset, unsigned width, uint32_t value)
{
    (void)device;
    (void)offset;
    (void)width;
    (void)value;
}

static uint32_t
gone_config_generation(struct virtio_device *device)
{
    (void)device;
    return 0;
}

static const struct virtio_transport_ops unplugged_ops = {
    .name = "unplugged",
    .get_status = gone_get_status,
    .set_status = gone_set_status,
    .get_features = gone_get_features,
    .set_features = gone_set_features,
    .queue_size_max = gone_queue_size_max,
    .queue_enable = gone_queue_enable,
    .queue_notify = gone_queue_notify,
    .take_interrupts = gone_take_interrupts,
    .config_read = gone_config_read,
    .config_write = gone_config_write,
    .config_generation = gone_config_generation,
};

void
virtio_device_unplug(struct virtio_device *device)
{
    static const char who[VIRTIO_WHO_BYTES] = "unplugging";
    const struct virtio_platform *plat = device->bus->plat;
    device->ops = &unplugged_ops;
    /* Its end is a reset like any other: health names who did it. */
    memcpy(device->last_reset.who, who, sizeof(who));
    device->last_reset.time_ns = plat->now_ns(plat->ctx);
    device_trace(device, TRACE_DEVICE_UNPLUGGED, device->id, device->base);
    virtio_log(plat, VIRTIO_LOG_WARN, "virtio %s at 0x%llx was unplugged",
               virtio_device_kind(device->id), (unsigned long long)device->base);
}

bool
virtio_device_is_unplugged(const struct virtio_device *device)
{
    return device->ops == &unplugged_ops;
}
