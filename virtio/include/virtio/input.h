/*
 * Input driver: keyboards, mice, tablets. VirtIO 1.3 §5.8.
 *
 *   vinput_init(&input, device, &config, &arena)
 *   while (vinput_next(&input, &event) == VIRTIO_OK) { ... }      types and codes as in abi/virtio_input.h (evdev)
 *   vinput_set_led(&input, VIRTIO_INPUT_LED_CAPS_LOCK, true)
 *
 * Context of all functions: the caller serialises the calls on one vinput; none allocates or waits.
 */
#ifndef VIRTIO_INPUT_H
#define VIRTIO_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio_input.h"

#include "virtio/device.h"
#include "virtio/queue.h"
#include "virtio/trace.h"
#include "virtio/watch.h"

enum {
    VINPUT_EVENTS_DEFAULT = 64,
    VINPUT_EVENTS_MAX = 256,
    VINPUT_STATUS_COUNT = 8, /* LED changes in flight at most */
    VINPUT_NAME_BYTES = VIRTIO_INPUT_DATA_BYTES + 1,
};

struct vinput_config {
    uint16_t event_count; /* buffers, a power of two up to VINPUT_EVENTS_MAX; 0: the default */
    bool is_interrupting; /* false: polled */
    uint64_t features;    /* reserved bits wanted besides: any of VIRTIO_FEATURES_LIBRARY */
};

/* Values: EV_KEY 0 up, 1 down, 2 repeat; EV_REL two's complement; EV_ABS within the axis' range. */
struct vinput_event {
    uint16_t type;
    uint16_t code;
    uint32_t value;
};

/* The range of an absolute axis; two's complement. */
struct vinput_axis {
    int32_t min;
    int32_t max;
};

struct vinput_stats {
    uint64_t events;
    uint64_t events_by_type[VIRTIO_INPUT_EV_COUNT]; /* types beyond count in `events` alone */
    uint64_t leds;
    uint64_t leds_busy;
};

/* Read freely; written by the library only. */
struct vinput {
    struct virtio_device *device; /* NULL: not initialized */
    struct virtio_watch watch;
    struct virtq events;
    struct virtq status;
    struct virtio_input_event *event_cells; /* [event_count], the device writes there */
    uint64_t event_addr;
    struct virtio_input_event *status_cells; /* [VINPUT_STATUS_COUNT] */
    struct vinput_event
        status_sent[VINPUT_STATUS_COUNT]; /* what they hold, out of the device's reach */
    uint64_t status_addr;
    uint16_t event_count;
    uint8_t status_busy; /* bit i: status cell i is in flight */
    uint32_t types;      /* bit t: the device sends evdev type t */
    char name[VINPUT_NAME_BYTES];
    char serial[VINPUT_NAME_BYTES];
    uint16_t bustype;
    uint16_t vendor;
    uint16_t product;
    uint16_t version;
    struct vinput_axis axis_x; /* of EV_ABS; min == max: none */
    struct vinput_axis axis_y;
    struct vinput_stats stats;
    /*
     * From vinput_set_led until the driver saw that the device has read it; LEDs are the only status that the driver sends. An
     * event has no latency: its buffer waits for somebody to press a key.
     */
    struct virtio_histogram led_latency;
};

/* Arena bytes, at most, that vinput_init takes. 0 when `config` is out of range. NULL: the defaults, with VIRTIO_FEATURES_LIBRARY. */
size_t vinput_arena_bytes(const struct vinput_config *config);

/*
 * Claim `device` as "input", ask it who it is, and start it. `input` is the caller's and lives until vinput_finish.
 * Returns: VIRTIO_OK; VIRTIO_ERR_NO_DEVICE; VIRTIO_ERR_OWNED; VIRTIO_ERR_INVALID (configuration); VIRTIO_ERR_NO_MEMORY;
 * VIRTIO_ERR_UNSUPPORTED; VIRTIO_ERR_TIMEOUT (reset); VIRTIO_ERR_BROKEN. After a failure the device is nobody's and arena->used_bytes
 * as before; but after VIRTIO_ERR_TIMEOUT with more of it used the device still has that memory, see vinput_finish.
 * Source: VirtIO 1.3 §5.8.5.
 */
enum virtio_err vinput_init(struct vinput *input, struct virtio_device *device,
                            const struct vinput_config *config, struct virtio_arena *arena);

/*
 * Reset the device and give it back; the arena is the caller's again. Accepts a zeroed vinput.
 * Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT: the device does not reset. It stays claimed and broken and may use the arena
 * for ever, unless a later call of this function says VIRTIO_OK: use that memory for nothing else.
 * Source: VirtIO 1.3 §2.4.2.
 */
enum virtio_err vinput_finish(struct vinput *input);

/*
 * Take the next event and give its buffer back to the device.
 * Returns: VIRTIO_OK; VIRTIO_EMPTY; VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_BROKEN, VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET.
 * Source: VirtIO 1.3 §5.8.6.
 */
enum virtio_err vinput_next(struct vinput *input, struct vinput_event *event);

/* What vinput_take_events saw. */
enum {
    VINPUT_EVENT_QUEUE = 1,  /* events may have come */
    VINPUT_EVENT_CONFIG = 2, /* the device may need a reset: the next call looks */
};

/*
 * Read and acknowledge the device's interrupt. VINPUT_EVENT_* bits; 0: it was not for us.
 * Context: interrupt handlers, or polling.
 */
uint32_t vinput_take_events(struct vinput *input);

/* Does the device send events of an evdev type (VIRTIO_INPUT_EV_*)? */
static inline bool
vinput_has_type(const struct vinput *input, unsigned type)
{
    return type < 32 && ((input->types >> type) & 1) != 0;
}

/*
 * Ask the configuration space: `select` is VIRTIO_INPUT_CFG_*. Up to `data_bytes` are copied; *size is what the device has.
 * Returns: VIRTIO_OK; VIRTIO_EMPTY (the device has no such thing; *size is 0); VIRTIO_ERR_NOT_INITIALIZED;
 * VIRTIO_ERR_BUFFER_TOO_SMALL (nothing copied); VIRTIO_ERR_TIMEOUT; VIRTIO_ERR_BROKEN (a size above VIRTIO_INPUT_DATA_BYTES).
 * Source: VirtIO 1.3 §5.8.4, §5.8.5.1.
 */
enum virtio_err vinput_query(struct vinput *input, uint8_t select, uint8_t subsel, void *data,
                             size_t data_bytes, size_t *size);

/*
 * Turn an LED (VIRTIO_INPUT_LED_*) on or off.
 * Returns: VIRTIO_OK: on its way; VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_UNSUPPORTED (the device has no LEDs);
 * VIRTIO_ERR_BUSY (VINPUT_STATUS_COUNT are in flight); VIRTIO_ERR_BROKEN, VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET.
 * Source: VirtIO 1.3 §5.8.6.1.
 */
enum virtio_err vinput_set_led(struct vinput *input, uint16_t led, bool on);

/* "SYN", "KEY", "REL", "ABS", "LED": evdev's name of a type (VIRTIO_INPUT_EV_*); "other type". Never NULL. */
const char *vinput_type_name(uint16_t type);

/*
 * Print an input record of the trace: an event or a status with type, code and value, and when the device had taken the
 * status, with its latency. `reader`: stands behind `record`; not moved.
 *    0.0911 device 3 queue 0 #5 input event type 1 code 30 value 1: KEY 30 = 1
 *    0.0913 device 3 queue 1 #6 input status type 17 code 1 value 1: LED 1 = 1
 *    0.0917 device 3 queue 1 #6 input status type 17 code 1 taken after 22952 ns: LED
 * An event's buffer has one cookie from VIRTQ_ADD to VIRTQ_USED and its INPUT_EVENT.
 * Returns: characters written, less than `text_bytes`; 0 when it is not an input record (virtio_trace_print prints any).
 * Context: any.
 */
size_t vinput_trace_format(const struct virtio_trace_reader *reader,
                           const struct trace_record *record, char *text, size_t text_bytes);

#endif
