/*
 * What the core's files share among themselves and with the transports. Not for drivers.
 */
#ifndef VIRTIO_CORE_INTERNAL_H
#define VIRTIO_CORE_INTERNAL_H

#include "virtio/core/barrier.h"
#include "virtio/device.h"

/* The trace's origin for events of a device as a whole. */
static inline uint16_t
device_origin(const struct virtio_device *device)
{
    return (uint16_t)(device->index << 8 | TRACE_QUEUE_NONE);
}

/* Two values for one of a record's: {a.lo} and {a.hi} in trace.def. */
static inline uint64_t
trace_halves(uint32_t low, uint32_t high)
{
    return high * (UINT64_C(1) << 32) + low;
}

static inline void
device_trace(const struct virtio_device *device, enum virtio_trace_event event, uint64_t a,
             uint64_t b)
{
    virtio_trace_emit(device->bus->trace, event, 0, device_origin(device), a, b);
}

/* Keep `fault` unless there is one already. Several CPUs may find one at once: the first wins. */
static inline bool
fault_is_first(struct virtio_fault *fault, const char *rule, uint64_t value, uint64_t time_ns)
{
    if (!virtio_set_if_null(&fault->rule, rule)) {
        return false;
    }
    fault->value = value;
    fault->time_ns = time_ns;
    return true;
}

/* The device that was seen at `base` before, or NULL. */
struct virtio_device *virtio_bus_find(struct virtio_bus *bus, uint64_t base);

/* A new device on the bus; `seen` gives regs, ops, base, id and vendor. NULL when the bus is full. */
struct virtio_device *virtio_bus_add(struct virtio_bus *bus, const struct virtio_device *seen);

/* Set the vector of a queue, or VIRTIO_VECTOR_OF_CONFIG, where vectors are on. Returns: VIRTIO_OK, VIRTIO_ERR_UNSUPPORTED. */
enum virtio_err virtio_device_apply_vector(struct virtio_device *device, uint16_t queue_idx);

/* Write the status register and remember it; traced. */
void virtio_device_set_status(struct virtio_device *device, uint8_t status);

/*
 * Go to another state of life.
 * Returns: VIRTIO_OK, VIRTIO_ERR_STATE when the table does not allow it; nothing changed then.
 */
enum virtio_err virtio_device_set_life(struct virtio_device *device, enum virtio_life life);

/* Set FAILED without a word. */
void virtio_device_give_up(struct virtio_device *device);

#endif
