/*
 * Agreeing on features, and telling what came of it. Contract: virtio/device.h; VirtIO 1.3 §2.2, §3.1.1, §6.
 */
#include "virtio/core/internal.h"

/* The bits that do not belong to one kind of device: 24 to 49, VirtIO 1.3 §2.2. */
#define RESERVED_BITS (((UINT64_C(1) << 50) - 1) & ~((UINT64_C(1) << 24) - 1))
#define LEGACY_BITS   ((uint64_t)UINT32_MAX)

/* A kind's own bits are its driver's matter; of the reserved ones only those that the library can drive. */
static uint64_t
drivable(uint64_t features)
{
    return features & (~RESERVED_BITS | VIRTIO_FEATURES_LIBRARY);
}

static uint64_t
wanted_of(const struct virtio_device *device, const struct virtio_feature_request *request)
{
    uint64_t wanted = request->wanted | request->required;
    if (device->ops->is_legacy) {
        return drivable(wanted) & LEGACY_BITS & ~VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
    }
    /* §6.1: a driver must accept VERSION_1 and should accept the other two where they are offered. */
    wanted |= VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM) |
              VIRTIO_FEATURE(VIRTIO_F_ORDER_PLATFORM);
    return drivable(wanted) & ~VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT); /* §6.3: a legacy bit */
}

/* The sentence for the log; the first bit that is missing is named. */
static enum virtio_err
refuse(struct virtio_device *device, const char *what, uint64_t bits)
{
    unsigned bit = (unsigned)__builtin_ctzll(bits);
    const char *name = virtio_feature_name(device->id, bit);
    virtio_log(device->bus->plat, VIRTIO_LOG_ERROR, "virtio %s at 0x%llx: %s %s (bit %u)",
               virtio_device_kind(device->id), (unsigned long long)device->base, what,
               name != NULL ? name : "a feature", bit);
    virtio_device_give_up(device);
    return VIRTIO_ERR_UNSUPPORTED;
}

/* Steps 5 and 6 of §3.1.1; §3.1.2: a legacy device has no FEATURES_OK. */
static enum virtio_err
confirm_features(struct virtio_device *device)
{
    if (device->ops->is_legacy) {
        return VIRTIO_OK;
    }
    virtio_device_set_status(device, device->status | VIRTIO_STATUS_FEATURES_OK);
    if ((device->ops->get_status(device) & VIRTIO_STATUS_FEATURES_OK) == 0) {
        return refuse(device, "it does not accept the features that it offers, the first is",
                      device->accepted | VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
    }
    return VIRTIO_OK;
}

enum virtio_err
virtio_device_negotiate(struct virtio_device *device, const struct virtio_feature_request *request)
{
    if (device->life == VIRTIO_LIFE_SEEN) {
        return VIRTIO_ERR_STATE;
    }
    enum virtio_err err = virtio_device_reset(device, device->owner);
    if (err != VIRTIO_OK) {
        return err;
    }
    virtio_device_set_status(device, VIRTIO_STATUS_ACKNOWLEDGE);
    virtio_device_set_status(device, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    device->offered = device->ops->get_features(device);
    device->wanted = wanted_of(device, request);
    device->accepted = device->offered & device->wanted;
    device_trace(device, TRACE_FEATURES_OFFERED, device->offered, 0);
    device_trace(device, TRACE_FEATURES_ACCEPTED, device->wanted, device->accepted);

    uint64_t required = request->required;
    if (!device->ops->is_legacy) {
        required |= VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
    }
    if ((required & ~device->accepted) != 0) {
        return refuse(device, "it does not offer", required & ~device->accepted);
    }
    device->ops->set_features(device, device->accepted);
    err = confirm_features(device);
    return err == VIRTIO_OK ? virtio_device_set_life(device, VIRTIO_LIFE_NEGOTIATED) : err;
}

enum virtio_err
virtio_feature_next(const struct virtio_device *device, unsigned *position,
                    struct virtio_feature_line *line)
{
    for (unsigned bit = *position; bit < 64; bit++) {
        if (((device->offered | device->wanted) >> bit & 1) == 0) {
            continue;
        }
        *position = bit + 1;
        *line = (struct virtio_feature_line){
            .name = virtio_feature_name(device->id, bit),
            .bit = (uint8_t)bit,
            .is_offered = (device->offered >> bit & 1) != 0,
            .is_wanted = (device->wanted >> bit & 1) != 0,
            .is_accepted = (device->accepted >> bit & 1) != 0,
        };
        return VIRTIO_OK;
    }
    *position = 64;
    return VIRTIO_EMPTY;
}
