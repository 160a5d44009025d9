/*
 * Is the device still what its driver left, and which rule did it break? Contract: virtio/device.h; VirtIO 1.3 §2.1.
 */
#include "virtio/core/internal.h"
#include "virtio/core/memory.h"
#include "virtio/queue.h"

static void
break_queues(struct virtio_device *device, const struct virtio_fault *fault)
{
    for (size_t i = 0; i < VIRTIO_DEVICE_QUEUES_MAX; i++) {
        struct virtq *q = device->queues[i];
        if (q != NULL) {
            (void)fault_is_first(&q->fault, fault->rule, fault->value, fault->time_ns);
        }
    }
}

/* Keep, count, break the queues. Returns whether it is the first fault of this life, which is the one to talk about. */
static bool
note_fault(struct virtio_device *device, const char *rule, uint64_t value)
{
    const struct virtio_platform *plat = device->bus->plat;
    struct virtio_fault fault = { .rule = rule,
                                  .value = value,
                                  .time_ns = plat->now_ns(plat->ctx) };
    (void)virtio_fetch_add(&device->fault_count, 1);
    bool is_first = fault_is_first(&device->fault, rule, value, fault.time_ns);
    break_queues(device, &fault);
    return is_first;
}

static size_t
length_of(const char *string)
{
    size_t length = 0;
    while (string[length] != '\0') {
        length++;
    }
    return length;
}

void
virtio_device_break(struct virtio_device *device, const char *rule, uint64_t value)
{
    bool is_first = note_fault(device, rule, value);
    device_trace(device, TRACE_DEVICE_BROKEN, length_of(rule), value);
    virtio_trace_text(device->bus->trace, 0, device_origin(device), rule);
    if (is_first) {
        virtio_log(device->bus->plat, VIRTIO_LOG_ERROR,
                   "virtio %s at 0x%llx broke a rule: %s; the value is 0x%llx",
                   virtio_device_kind(device->id), (unsigned long long)device->base, rule,
                   (unsigned long long)value);
    }
}

/* Who to blame for a vanished DRIVER_OK: the last reset that was asked for here, unless that was the owner's own. */
static void
log_lost(const struct virtio_device *device, uint8_t status)
{
    const struct virtio_reset *last = &device->last_reset;
    bool is_own = memcmp(last->who, device->owner, sizeof(last->who)) == 0;
    if (is_own || last->time_ns == 0) {
        virtio_log(
            device->bus->plat, VIRTIO_LOG_ERROR,
            "virtio %s at 0x%llx: DRIVER_OK vanished beneath %s, status is 0x%x; nobody here "
            "asked: the device or another driver did it",
            virtio_device_kind(device->id), (unsigned long long)device->base, device->owner,
            status);
        return;
    }
    const uint64_t millisecond_ns = 1000000;
    uint64_t ago_ns = device->fault.time_ns - last->time_ns;
    virtio_log(device->bus->plat, VIRTIO_LOG_ERROR,
               "virtio %s at 0x%llx: DRIVER_OK vanished beneath %s, status is 0x%x; reset by %s "
               "%llu ms ago",
               virtio_device_kind(device->id), (unsigned long long)device->base, device->owner,
               status, last->who, (unsigned long long)(ago_ns / millisecond_ns));
}

static enum virtio_err
find_lost(struct virtio_device *device, uint8_t status)
{
    if (note_fault(device, "DRIVER_OK vanished beneath the driver (VirtIO 1.3 §2.1)", status)) {
        device_trace(device, TRACE_DEVICE_LOST, status, device->status);
        virtio_trace_text(device->bus->trace, 0, device_origin(device), device->last_reset.who);
        log_lost(device, status);
    }
    return VIRTIO_ERR_LOST;
}

static enum virtio_err
find_needs_reset(struct virtio_device *device, uint8_t status)
{
    if (note_fault(device, "the device set DEVICE_NEEDS_RESET (VirtIO 1.3 §2.1.2)", status)) {
        device_trace(device, TRACE_DEVICE_NEEDS_RESET, status, 0);
        virtio_log(device->bus->plat, VIRTIO_LOG_ERROR,
                   "virtio %s at 0x%llx says that it needs a reset, status is 0x%x",
                   virtio_device_kind(device->id), (unsigned long long)device->base, status);
    }
    return VIRTIO_ERR_NEEDS_RESET;
}

enum virtio_err
virtio_device_health(struct virtio_device *device)
{
    if (device->life != VIRTIO_LIFE_RUNNING) {
        return VIRTIO_ERR_STATE;
    }
    uint8_t status = device->ops->get_status(device);
    if ((status & VIRTIO_STATUS_DRIVER_OK) == 0) {
        return find_lost(device, status);
    }
    if ((status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0) {
        return find_needs_reset(device, status);
    }
    return device->fault.rule != NULL ? VIRTIO_ERR_BROKEN : VIRTIO_OK;
}
