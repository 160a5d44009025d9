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
    if (err != VIRTIO_OK) {
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
virtio_driver_look(struct virtio_device *device, struct virtio_watch *watch)
{
    enum virtio_err err = virtio_device_health(device);

    if (watch->failure == VIRTIO_OK) {
        watch->failure = err;
    }
    return err;
}

enum virtio_err
virtio_driver_note_change(struct virtio_device *device, struct virtio_watch *watch)
{
    watch->config_seen = driver_config_changes(device);
    return virtio_driver_look(device, watch);
}

enum virtio_err
virtio_driver_silence(struct virtio_device *device, struct virtio_watch *watch, bool has_progress)
{
    uint64_t now_ns;

    if (has_progress) {
        watch->look_ns = 0;
        return VIRTIO_OK;
    }
    now_ns = virtio_driver_deadline_ns(device, 0);
    if (watch->look_ns != 0 && now_ns < watch->look_ns) {
        return VIRTIO_OK;
    }
    if (watch->look_ns == 0) {
        watch->look_ns = now_ns + VIRTIO_SILENCE_MS * (uint64_t)NS_PER_MS;
        return VIRTIO_OK;
    }
    watch->look_ns = 0;
    return virtio_driver_look(device, watch);
}

enum virtio_err
virtio_driver_idle(struct virtio_device *device, struct virtio_watch *watch)
{
    if (++watch->idle_turns % VIRTIO_IDLE_TURNS != 0) {
        return VIRTIO_OK;
    }
    return virtio_driver_silence(device, watch, false);
}

enum virtio_err
virtio_driver_wait_turn(struct virtio_device *device, struct virtio_watch *watch,
                        uint64_t deadline_ns)
{
    enum virtio_err err = virtio_device_relax(device, deadline_ns);

    if (err == VIRTIO_OK) {
        return VIRTIO_OK;
    }
    err = virtio_driver_look(device, watch);
    return err == VIRTIO_OK ? VIRTIO_ERR_TIMEOUT : err;
}

enum virtio_err
virtio_driver_broken(struct virtio_device *device, const char *rule, uint64_t value)
{
    virtio_device_break(device, rule, value);
    return VIRTIO_ERR_BROKEN;
}
