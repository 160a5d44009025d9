/*
 * What the drivers of single-purpose devices do alike: begin, end, wait.
 */
#ifndef VIRTIO_DRIVER_BRING_UP_H
#define VIRTIO_DRIVER_BRING_UP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio_mmio.h"

#include "virtio/device.h"
#include "virtio/queue.h"
#include "virtio/watch.h"

/* What a driver wants to begin with. */
struct driver_wish {
    uint32_t device_id;
    const char *who;
    uint64_t features;        /* of the device's kind: accepted where offered */
    uint64_t legacy_features; /* wanted in addition where the transport is legacy */
    uint64_t reserved_features;
};

/*
 * Claim the device and agree on features; on failure it is nobody's again.
 * Returns: as virtio_device_claim and virtio_device_negotiate; VIRTIO_ERR_NO_DEVICE for another kind of device.
 */
enum virtio_err virtio_driver_begin(struct virtio_device *device, const struct driver_wish *wish);

/*
 * Take zeroed memory from `arena` and share it with the device.
 * Returns: NULL when the arena is too small or the memory cannot be shared.
 */
void *virtio_driver_take_shared(struct virtio_device *device, struct virtio_arena *arena,
                                size_t bytes, uint64_t *addr);

/* When a wait of `timeout_ms` that begins now ends. */
uint64_t virtio_driver_deadline_ns(const struct virtio_device *device, uint32_t timeout_ms);

/*
 * One turn of a waiting loop.
 * Returns: VIRTIO_OK: look again; after the deadline, why nothing came: VIRTIO_ERR_TIMEOUT, VIRTIO_ERR_LOST,
 * VIRTIO_ERR_NEEDS_RESET, VIRTIO_ERR_BROKEN.
 */
enum virtio_err virtio_driver_wait_turn(struct virtio_device *device, struct virtio_watch *watch,
                                        uint64_t deadline_ns);

/* Look at the device's health; the first failure stays. Returns: as virtio_device_health. */
enum virtio_err virtio_driver_look(struct virtio_device *device, struct virtio_watch *watch);

/* The configuration has changed: remember how often, and look. Returns: as virtio_device_health. */
enum virtio_err virtio_driver_note_change(struct virtio_device *device, struct virtio_watch *watch);

/*
 * Nothing came back though something is in flight (`has_progress` false): look at the device once that has lasted.
 * Returns: VIRTIO_OK, or as virtio_device_health.
 */
enum virtio_err
virtio_driver_silence(struct virtio_device *device, struct virtio_watch *watch, bool has_progress);

/*
 * A poll found nothing, and the device owes nothing either: look at it all the same, seldom enough to cost nothing, since
 * neither the clock nor a register is free. Returns: VIRTIO_OK, or as virtio_device_health.
 */
enum virtio_err virtio_driver_idle(struct virtio_device *device, struct virtio_watch *watch);

/* An interrupt handler may count on at any time. */
static inline uint32_t
driver_config_changes(const struct virtio_device *device)
{
    return (uint32_t) *
           (const volatile __typeof__(device->config_change_count) *)&device->config_change_count;
}

/* Has the configuration changed since the last call, with the device alive to be asked about it? */
static inline bool
driver_is_config_new(struct virtio_device *device, struct virtio_watch *watch)
{
    return driver_config_changes(device) != watch->config_seen &&
           virtio_driver_note_change(device, watch) == VIRTIO_OK;
}

/* Has the device been caught breaking a rule, or found dead? Returns: VIRTIO_OK, or which of the two. */
static inline enum virtio_err
driver_failure(const struct virtio_device *device, const struct virtio_watch *watch)
{
    if (device->fault.rule == NULL) {
        return VIRTIO_OK;
    }
    return watch->failure != VIRTIO_OK ? watch->failure : VIRTIO_ERR_BROKEN;
}

/* The interrupts' own bits are the drivers' events: used buffers 1, configuration 2. Any context. */
static inline uint32_t
driver_take_events(struct virtio_device *device)
{
    uint32_t bits = device != NULL ? virtio_device_take_interrupts(device) : 0;

    return bits & (VIRTIO_INTERRUPT_USED_BUFFER | VIRTIO_INTERRUPT_CONFIG);
}

/* The trace's name for a queue of the device. */
static inline uint16_t
driver_origin(const struct virtio_device *device, uint16_t queue_idx)
{
    return (uint16_t)((unsigned)device->index << 8 | queue_idx);
}

/* A cookie where somebody will read it. */
static inline uint32_t
driver_cookie(const struct virtio_device *device)
{
    struct virtio_trace *trace = device->bus->trace;

    return trace != NULL && trace->is_on ? virtio_trace_cookie(trace) : 0;
}

static inline void
driver_trace(const struct virtio_device *device, enum virtio_trace_event event, uint32_t cookie,
             uint16_t queue_idx, uint64_t a, uint64_t b)
{
    virtio_trace_emit(device->bus->trace, event, cookie, driver_origin(device, queue_idx), a, b);
}

static inline bool
driver_is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* Record the rule that the device broke. Returns: VIRTIO_ERR_BROKEN, always. */
enum virtio_err
virtio_driver_broken(struct virtio_device *device, const char *rule, uint64_t value);

#endif
