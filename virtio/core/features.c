/*
 * Agreeing on features, and telling what came of it. Contract: virtio/device.h; VirtIO 1.3 §2.2, §3.1.1, §6.
 */
#include "abi/virtio_gpu.h"
#include "abi/virtio_net.h"

#include "virtio/core/internal.h"

/* The bits that do not belong to one kind of device: 24 to 49, VirtIO 1.3 §2.2. */
#define RESERVED_BITS (((UINT64_C(1) << 50) - 1) & ~((UINT64_C(1) << 24) - 1))
#define LEGACY_BITS   ((uint64_t)UINT32_MAX)

#define NET(name) VIRTIO_FEATURE(VIRTIO_NET_F_##name)
#define NEED_GUEST_CSUM                                                                            \
 (NET(GUEST_TSO4) | NET(GUEST_TSO6) | NET(GUEST_UFO) | NET(GUEST_USO4) | NET(GUEST_USO6))
#define NEED_GUEST_TSO (NET(GUEST_ECN))
#define NEED_CSUM      (NET(HOST_TSO4) | NET(HOST_TSO6) | NET(HOST_UFO) | NET(HOST_USO))
#define NEED_HOST_TSO  (NET(HOST_ECN) | NET(RSC_EXT))
#define NEED_CTRL_VQ                                                                               \
 (NET(CTRL_RX) | NET(CTRL_VLAN) | NET(GUEST_ANNOUNCE) | NET(MQ) | NET(CTRL_MAC_ADDR) |             \
  NET(HASH_TUNNEL) | NET(VQ_NOTF_COAL) | NET(NOTF_COAL) | NET(RSS))
#define NEED_VIRGL (VIRTIO_FEATURE(VIRTIO_GPU_F_CONTEXT_INIT))

/* Features that need another one, or one of two: §5.1.3.1, §5.7.3. What others need is looked at before them. */
static const struct {
    uint64_t dependents;
    uint8_t id;
    uint8_t need;
    uint8_t or_need;
} needs[] = {
    {NEED_GUEST_CSUM,   VIRTIO_ID_NET, VIRTIO_NET_F_GUEST_CSUM,  VIRTIO_NET_F_GUEST_CSUM },
    { NEED_GUEST_TSO,   VIRTIO_ID_NET, VIRTIO_NET_F_GUEST_TSO4,  VIRTIO_NET_F_GUEST_TSO6 },
    { NEED_CSUM,        VIRTIO_ID_NET, VIRTIO_NET_F_CSUM,        VIRTIO_NET_F_CSUM       },
    { NEED_HOST_TSO,    VIRTIO_ID_NET, VIRTIO_NET_F_HOST_TSO4,   VIRTIO_NET_F_HOST_TSO6  },
    { NET(HASH_TUNNEL), VIRTIO_ID_NET, VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_HASH_REPORT},
    { NEED_CTRL_VQ,     VIRTIO_ID_NET, VIRTIO_NET_F_CTRL_VQ,     VIRTIO_NET_F_CTRL_VQ    },
    { NEED_VIRGL,       VIRTIO_ID_GPU, VIRTIO_GPU_F_VIRGL,       VIRTIO_GPU_F_VIRGL      },
};

/* §2.2.1: no feature without those that it requires. */
static uint64_t
without_dangling(uint32_t device_id, uint64_t features)
{
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        bool is_met =
            (features >> needs[i].need & 1) != 0 || (features >> needs[i].or_need & 1) != 0;
        if (needs[i].id == device_id && !is_met) {
            features &= ~needs[i].dependents;
        }
    }
    return features;
}

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
    device->accepted = without_dangling(device->id, device->offered & device->wanted);
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
    if (err == VIRTIO_OK) {
        err = virtio_device_apply_vector(device, VIRTIO_VECTOR_OF_CONFIG);
    }
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
