/* Device status and feature bits as the device sees them. VirtIO 1.3 §2.1, §2.2, §3.1.1. */
#include "tests/fake/fake_private.h"

enum {
    DRIVER_BITS = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK |
                  VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED,
    STEP_BITS = DRIVER_BITS & ~VIRTIO_STATUS_FAILED,
};

/* What has to stand before each step; FEATURES_OK does not exist for legacy devices (§3.1.2). */
static const struct {
    uint8_t bit;
    uint8_t before;
    uint8_t before_legacy;
} steps[] = {
    {VIRTIO_STATUS_ACKNOWLEDGE,  0,                                                0                        },
    { VIRTIO_STATUS_DRIVER,      VIRTIO_STATUS_ACKNOWLEDGE,                        VIRTIO_STATUS_ACKNOWLEDGE},
    { VIRTIO_STATUS_FEATURES_OK, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER, 0                        },
    { VIRTIO_STATUS_DRIVER_OK,
     VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK,
     VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER                                                       },
};

static void
check_order(struct fake_device *device, uint32_t value, uint32_t added)
{
    if ((added & (added - 1)) != 0) {
        fake_break(device, FAKE_REQ_INIT_ORDER, value);
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint32_t before = fake_is_legacy(device) ? steps[i].before_legacy : steps[i].before;
        if ((added & steps[i].bit) != 0 && (before & ~(uint32_t)device->status) != 0) {
            /* A refused FEATURES_OK is missing for a reason that has its own requirement. */
            fake_break(device,
                       device->is_refused ? FAKE_REQ_INIT_REFUSAL_IGNORED : FAKE_REQ_INIT_ORDER,
                       value);
        }
    }
}

static void
check_status(struct fake_device *device, uint32_t value, uint32_t added)
{
    uint32_t defined = DRIVER_BITS | VIRTIO_STATUS_DEVICE_NEEDS_RESET;
    if (fake_is_legacy(device)) {
        defined &= ~(uint32_t)VIRTIO_STATUS_FEATURES_OK;
    }
    if ((value & ~defined) != 0) {
        fake_break(device, FAKE_REQ_STATUS_UNDEFINED_BITS, value);
    }
    if ((device->status & DRIVER_BITS & ~value) != 0) {
        fake_break(device, FAKE_REQ_STATUS_BIT_CLEARED, value);
    }
    if (!device->has_reset) {
        fake_break(device, FAKE_REQ_INIT_RESET_FIRST, value);
    } else if (!device->has_read_reset) {
        fake_break(device, FAKE_REQ_RESET_AWAITED, value);
        device->has_read_reset = true;
    }
    if ((device->status & VIRTIO_STATUS_FAILED) != 0 && added != 0) {
        fake_break(device, FAKE_REQ_STATUS_AFTER_FAILED, value);
    }
    check_order(device, value, added);
}

static uint64_t
known_features(const struct fake_device *device)
{
    uint64_t common = VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX);
    if (fake_is_legacy(device)) {
        return common | VIRTIO_FEATURE(VIRTIO_F_NOTIFY_ON_EMPTY) |
               VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT) | (device->model->features & UINT32_MAX);
    }
    return common | device->model->features | VIRTIO_FEATURE(VIRTIO_F_VERSION_1) |
           VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM) | VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) |
           VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) | VIRTIO_FEATURE(VIRTIO_F_ORDER_PLATFORM) |
           VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA) | VIRTIO_FEATURE(VIRTIO_F_RING_RESET);
}

/* The whole set, when the driver says that it is final. Returns: would the device work with it? */
static bool
check_features(struct fake_device *device)
{
    uint64_t accepted = device->accepted;
    uint64_t unknown = accepted & ~known_features(device);
    bool is_good = true;
    if (unknown != 0) {
        fake_break(device, FAKE_REQ_FEATURE_RESERVED, unknown);
        is_good = false;
    }
    if ((device->offered & ~accepted & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)) != 0) {
        fake_break(device, FAKE_REQ_FEATURE_VERSION_1, accepted);
        is_good = false;
    }
    const struct fake_dependency *rule = device->model->dependencies;
    for (; rule != NULL && rule->any_of != 0; rule++) {
        if (fake_device_has(device, rule->feature) && (accepted & rule->any_of) == 0) {
            fake_break(device, FAKE_REQ_FEATURE_DEPENDENCY, rule->feature);
            is_good = false;
        }
    }
    return is_good && (accepted & ~device->offered) == 0;
}

/* What a device says that loses features while it is looked at. */
static uint64_t
offered_now(const struct fake_device *device)
{
    if (device->evil.mode != FAKE_EVIL_FEATURES_VANISH) {
        return device->offered;
    }
    uint32_t shift = device->feature_reads / 2;
    return shift > 40 ? 0 : device->offered & (UINT64_MAX << shift);
}

static void
features_ok(struct fake_device *device)
{
    bool is_good = check_features(device);
    device->has_reread_features_ok = false;
    if (!is_good || device->evil.mode == FAKE_EVIL_FEATURES_REFUSED ||
        (device->accepted & ~offered_now(device)) != 0) {
        device->is_refused = true;
        device->status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
    }
}

static void
driver_ok(struct fake_device *device, uint32_t value)
{
    if (fake_is_legacy(device)) {
        (void)check_features(device);
    } else if (device->is_refused) {
        fake_break(device, FAKE_REQ_INIT_REFUSAL_IGNORED, value);
    } else if (!device->has_reread_features_ok) {
        fake_break(device, FAKE_REQ_INIT_FEATURES_OK_REREAD, value);
    }
    for (unsigned i = 0; i < FAKE_QUEUES_MAX; i++) {
        /* Buffers may wait already: population comes before DRIVER_OK, the notification after it. */
        if (device->queues[i].is_ready && device->queues[i].is_polling) {
            fake_queue_process(device, (uint16_t)i);
        }
    }
}

static void
reset(struct fake_device *device)
{
    device->reset_countdown = device->reset_reads;
    fake_device_vanish(device);
    device->reset_count++;
    device->has_reset = true;
    device->has_read_reset = false;
}

void
fake_status_write(struct fake_device *device, uint32_t value)
{
    if (value == 0) {
        reset(device);
        return;
    }
    uint32_t added = value & ~(uint32_t)device->status & STEP_BITS;
    check_status(device, value, added);
    device->status = (uint8_t)(value | (device->status & VIRTIO_STATUS_DEVICE_NEEDS_RESET));
    if ((added & VIRTIO_STATUS_FEATURES_OK) != 0) {
        features_ok(device);
    }
    if ((added & VIRTIO_STATUS_DRIVER_OK) != 0) {
        driver_ok(device, value);
    }
}

uint32_t
fake_status_read(struct fake_device *device)
{
    if (device->has_reset && device->evil.mode == FAKE_EVIL_RESET_STUCK) {
        return VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
    }
    if (device->reset_countdown > 0) {
        device->reset_countdown--;
        return VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
    }
    if (device->status == 0) {
        device->has_read_reset = true;
    }
    if ((device->status & VIRTIO_STATUS_FEATURES_OK) != 0 || device->is_refused) {
        device->has_reread_features_ok = true;
    }
    return device->status;
}

void
fake_features_write(struct fake_device *device, uint32_t value)
{
    if (!device->has_driver_sel) {
        fake_break(device, FAKE_REQ_MMIO_DRIVER_FEATURES_SEL, value);
    }
    bool is_late = (device->status & (VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)) != 0;
    if ((device->status & VIRTIO_STATUS_DRIVER) == 0 || is_late) {
        fake_break(device, FAKE_REQ_INIT_FEATURES_STEP, value);
    }
    if (device->driver_features_sel > 1) {
        return;
    }
    unsigned shift = device->driver_features_sel * 32;
    uint64_t bits = (uint64_t)value << shift;
    if ((bits & ~device->offered) != 0) {
        fake_break(device, FAKE_REQ_FEATURE_NOT_OFFERED, bits & ~device->offered);
    }
    device->accepted &= ~((uint64_t)UINT32_MAX << shift);
    device->accepted |= bits;
}

uint32_t
fake_features_read(struct fake_device *device)
{
    if (!device->has_device_sel) {
        fake_break(device, FAKE_REQ_MMIO_DEVICE_FEATURES_SEL, 0);
    }
    if (device->device_features_sel > 1) {
        return 0;
    }
    uint64_t offered = offered_now(device);
    device->feature_reads++;
    return (uint32_t)(offered >> (device->device_features_sel * 32));
}
