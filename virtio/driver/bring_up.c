#include "virtio/driver/bring_up.h"

#include "abi/virtio.h"

enum { NS_PER_MS = 1000000 };

enum virtio_err
virtio_driver_begin(struct virtio_device *device, const struct driver_wish *wish)
{
    struct virtio_feature_request request = { .wanted = wish->features | wish->reserved_features };
    enum virtio_err err;

    if (device->id != wish->device_id) {
        return VIRTIO_ERR_NO_DEVICE;
    }
    err = virtio_device_claim(device, wish->who);
    if (err != VIRTIO_OK) {
        return err;
    }
    if (device->ops->is_legacy) {
        request.wanted |= wish->legacy_features;
    }
    err = virtio_device_negotiate(device, &request);
    if (err != VIRTIO_OK && err != VIRTIO_ERR_TIMEOUT) {
        (void)virtio_device_release(device, wish->who);
    }
    return err;
}

void *
virtio_driver_take_shared(struct virtio_device *device, struct virtio_arena *arena, size_t bytes,
                          uint64_t *addr)
{
    const struct virtio_platform *plat = device->bus->plat;
    void *memory = virtio_arena_take(arena, bytes, 64);

    if (memory == NULL) {
        return NULL;
    }
    *addr = plat->dma_addr(plat->ctx, memory, bytes);
    return *addr == UINT64_MAX ? NULL : memory;
}

uint64_t
virtio_driver_deadline_ns(const struct virtio_device *device, uint32_t timeout_ms)
{
    const struct virtio_platform *plat = device->bus->plat;

    return plat->now_ns(plat->ctx) + (uint64_t)timeout_ms * NS_PER_MS;
}

enum virtio_err
virtio_driver_wait_turn(struct virtio_device *device, uint64_t deadline_ns)
{
    const struct virtio_platform *plat = device->bus->plat;
    enum virtio_err err;

    if (plat->now_ns(plat->ctx) < deadline_ns) {
        if (plat->relax != NULL) {
            plat->relax(plat->ctx, deadline_ns);
        }
        return VIRTIO_OK;
    }
    err = virtio_device_health(device);
    return err == VIRTIO_OK ? VIRTIO_ERR_TIMEOUT : err;
}

enum virtio_err
virtio_driver_broken(struct virtio_device *device, const char *rule, uint64_t value)
{
    virtio_device_break(device, rule, value);
    return VIRTIO_ERR_BROKEN;
}
