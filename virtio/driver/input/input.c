/*
 * Input: events come, LEDs go. VirtIO 1.3 §5.8.6.
 */
#include "virtio/driver/input/input_private.h"

enum virtio_err
vinput_usable(struct vinput *input)
{
    if (input->device == NULL) {
        return VIRTIO_ERR_NOT_INITIALIZED;
    }
    (void)driver_is_config_new(input->device, &input->watch);
    return driver_failure(input->device, &input->watch);
}

/* Offer event cell `idx` to the device. */
enum virtio_err
vinput_offer(struct vinput *input, uint16_t idx)
{
    struct virtq_seg seg = { input->event_addr + idx * sizeof(struct virtio_input_event),
                             sizeof(struct virtio_input_event) };
    struct virtq_chain chain = { .segs = &seg,
                                 .writable_count = 1,
                                 .cookie = driver_cookie(input->device),
                                 .token = &input->event_cells[idx] };

    return virtq_add(&input->events, &chain);
}

/* Read a cell that the device wrote, once. */
static struct vinput_event
read_cell(const volatile struct virtio_input_event *cell)
{
    le16 type = { cell->type.raw };
    le16 code = { cell->code.raw };
    le32 value = { cell->value.raw };

    return (struct vinput_event){ le16_get(type), le16_get(code), le32_get(value) };
}

/* The device has read a status. */
static void
count_status(struct vinput *input, const struct virtq_done *done)
{
    const struct virtio_input_event *cell = done->token;
    ptrdiff_t idx = cell - input->status_cells;
    const struct vinput_event *sent = &input->status_sent[idx];

    input->status_busy &= (uint8_t) ~(1U << idx);
    virtio_histogram_add(&input->led_latency, done->latency_ns);
    driver_trace(input->device, TRACE_INPUT_STATUS_USED, done->cookie, VIRTIO_INPUT_STATUSQ,
                 sent->type | (uint64_t)sent->code << 32, done->latency_ns);
}

static void
count_event(struct vinput *input, const struct vinput_event *event, uint32_t cookie)
{
    input->stats.events++;
    if (event->type < VIRTIO_INPUT_EV_COUNT) {
        input->stats.events_by_type[event->type]++;
    }
    /* A buffer that was offered while the trace was off has no cookie yet. */
    driver_trace(input->device, TRACE_INPUT_EVENT,
                 cookie != 0 ? cookie : driver_cookie(input->device), VIRTIO_INPUT_EVENTQ,
                 event->type | (uint64_t)event->code << 32, event->value);
}

/* Take back the status cells that the device has read, and look after a device that reads none. */
static enum virtio_err
reclaim_status(struct vinput *input)
{
    uint8_t busy_before = input->status_busy;
    struct virtq_done done;
    enum virtio_err err;

    while ((err = virtq_take_used(&input->status, &done)) == VIRTIO_OK) {
        count_status(input, &done);
    }
    if (err != VIRTIO_EMPTY) {
        return err;
    }
    return virtio_driver_silence(input->device, &input->watch,
                                 input->status_busy == 0 || input->status_busy != busy_before);
}

/* No event: what else there is to do. Returns: VIRTIO_EMPTY or as reclaim_status and virtio_device_health. */
static enum virtio_err
rest(struct vinput *input)
{
    enum virtio_err err;

    if (input->events.added_since_notify != 0) {
        (void)virtq_notify(&input->events);
    }
    err = input->status_busy != 0 ? reclaim_status(input)
                                  : virtio_driver_idle(input->device, &input->watch);
    return err == VIRTIO_OK ? VIRTIO_EMPTY : err;
}

enum virtio_err
vinput_next(struct vinput *input, struct vinput_event *event)
{
    struct virtq_done done;
    struct virtio_input_event *cell;
    enum virtio_err err = vinput_usable(input);

    if (err == VIRTIO_OK) {
        err = virtq_take_used(&input->events, &done);
    }
    if (err == VIRTIO_EMPTY) {
        err = rest(input);
    }
    if (err != VIRTIO_OK) {
        return err;
    }
    if (done.written_bytes != sizeof(*cell)) {
        return virtio_driver_broken(input->device, "event is not eight bytes (VirtIO 1.3 §5.8.6)",
                                    done.written_bytes);
    }
    cell = done.token;
    *event = read_cell(cell);
    count_event(input, event, done.cookie);
    return vinput_offer(input, (uint16_t)(cell - input->event_cells));
}

/* A status cell that is not in flight; VINPUT_STATUS_COUNT when all are. */
static unsigned
free_status_cell(const struct vinput *input)
{
    unsigned idx = 0;

    while (idx < VINPUT_STATUS_COUNT && ((input->status_busy >> idx) & 1) != 0) {
        idx++;
    }
    return idx;
}

static enum virtio_err
send_status(struct vinput *input, unsigned idx, const struct vinput_event *event)
{
    struct virtio_input_event *cell = &input->status_cells[idx];
    struct virtq_seg seg = { input->status_addr + idx * sizeof(*cell), sizeof(*cell) };
    struct virtq_chain chain = {
        .segs = &seg, .readable_count = 1, .cookie = driver_cookie(input->device), .token = cell
    };
    enum virtio_err err;

    input->status_sent[idx] = *event;
    *cell = (struct virtio_input_event){ le16_from(event->type), le16_from(event->code),
                                         le32_from(event->value) };
    driver_trace(input->device, TRACE_INPUT_STATUS, chain.cookie, VIRTIO_INPUT_STATUSQ,
                 event->type | (uint64_t)event->code << 32, event->value);
    err = virtq_add(&input->status, &chain);
    if (err == VIRTIO_OK) {
        input->status_busy |= (uint8_t)(1U << idx);
        (void)virtq_notify(&input->status);
    }
    return err;
}

enum virtio_err
vinput_set_led(struct vinput *input, uint16_t led, bool on)
{
    struct vinput_event event = { VIRTIO_INPUT_EV_LED, led, on };
    unsigned idx;
    enum virtio_err err = vinput_usable(input);

    if (err == VIRTIO_OK && !vinput_has_type(input, VIRTIO_INPUT_EV_LED)) {
        err = VIRTIO_ERR_UNSUPPORTED;
    }
    if (err == VIRTIO_OK) {
        err = reclaim_status(input);
    }
    if (err != VIRTIO_OK) {
        return err;
    }
    idx = free_status_cell(input);
    if (idx == VINPUT_STATUS_COUNT) {
        input->stats.leds_busy++;
        return VIRTIO_ERR_BUSY;
    }
    input->stats.leds++;
    return send_status(input, idx, &event);
}
