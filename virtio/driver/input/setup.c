/*
 * Bringing an input device up and down, and asking it who it is. VirtIO 1.3 §5.8.4, §5.8.5.
 */
#include "virtio/core/memory.h"
#include "virtio/driver/input/input_private.h"

/* 128 times the width of a byte, as virtio_config_read wants them: the last n of them read n bytes. */
#define EIGHT_BYTES "\1\1\1\1\1\1\1\1"
#define BYTES_32    EIGHT_BYTES EIGHT_BYTES EIGHT_BYTES EIGHT_BYTES
static const char byte_fields[VIRTIO_INPUT_DATA_BYTES + 1] = BYTES_32 BYTES_32 BYTES_32 BYTES_32;

static const struct vinput_config default_config = { .features = VIRTIO_FEATURES_LIBRARY };

static enum virtio_err
resolve_config(const struct vinput_config *given, struct vinput_config *config)
{
    *config = given != NULL ? *given : default_config;
    if (config->event_count == 0) {
        config->event_count = VINPUT_EVENTS_DEFAULT;
    }
    if (!driver_is_power_of_two(config->event_count) || config->event_count < 2 ||
        config->event_count > VINPUT_EVENTS_MAX) {
        return VIRTIO_ERR_INVALID;
    }
    return VIRTIO_OK;
}

static struct virtq_config
event_queue_config(const struct vinput_config *config)
{
    return (struct virtq_config){ .size_max = config->event_count,
                                  .is_interrupting = config->is_interrupting,
                                  .is_untimed = true };
}

static const struct virtq_config status_queue_config = { .size_max = VINPUT_STATUS_COUNT };

size_t
vinput_arena_bytes(const struct vinput_config *config)
{
    struct vinput_config chosen;
    struct virtq_config events;

    if (resolve_config(config, &chosen) != VIRTIO_OK) {
        return 0;
    }
    events = event_queue_config(&chosen);
    return virtq_arena_bytes(&events) + virtq_arena_bytes(&status_queue_config) + 2 * (size_t)64 +
           (chosen.event_count + (size_t)VINPUT_STATUS_COUNT) * sizeof(struct virtio_input_event);
}

enum virtio_err
vinput_query(struct vinput *input, uint8_t select, uint8_t subsel, void *data, size_t data_bytes,
             size_t *size)
{
    uint8_t have = 0;
    enum virtio_err err = vinput_usable(input);

    *size = 0;
    if (err != VIRTIO_OK) {
        return err;
    }
    virtio_config_write(input->device, offsetof(struct virtio_input_config, select), 1, select);
    virtio_config_write(input->device, offsetof(struct virtio_input_config, subsel), 1, subsel);
    err = virtio_config_read(input->device, offsetof(struct virtio_input_config, size), "\1", &have,
                             sizeof(have));
    if (err != VIRTIO_OK || have == 0) {
        return err != VIRTIO_OK ? err : VIRTIO_EMPTY;
    }
    if (have > VIRTIO_INPUT_DATA_BYTES) {
        return virtio_driver_broken(input->device,
                                    "configuration above 128 bytes (VirtIO 1.3 §5.8.4)", have);
    }
    *size = have;
    if (have > data_bytes) {
        return VIRTIO_ERR_BUFFER_TOO_SMALL;
    }
    return virtio_config_read(input->device, offsetof(struct virtio_input_config, data),
                              byte_fields + VIRTIO_INPUT_DATA_BYTES - have, data, have);
}

/* A string of the device's; what it does not have is empty. */
static enum virtio_err
read_string(struct vinput *input, uint8_t select, char text[VINPUT_NAME_BYTES])
{
    size_t size;
    enum virtio_err err = vinput_query(input, select, 0, text, VINPUT_NAME_BYTES - 1, &size);

    text[size] = '\0';
    return err == VIRTIO_EMPTY ? VIRTIO_OK : err;
}

static enum virtio_err
read_ids(struct vinput *input)
{
    struct virtio_input_devids ids;
    size_t size;
    enum virtio_err err =
        vinput_query(input, VIRTIO_INPUT_CFG_ID_DEVIDS, 0, &ids, sizeof(ids), &size);

    if (err == VIRTIO_OK && size == sizeof(ids)) {
        input->bustype = le16_get(ids.bustype);
        input->vendor = le16_get(ids.vendor);
        input->product = le16_get(ids.product);
        input->version = le16_get(ids.version);
    }
    return err == VIRTIO_EMPTY || err == VIRTIO_ERR_BUFFER_TOO_SMALL ? VIRTIO_OK : err;
}

static enum virtio_err
read_types(struct vinput *input)
{
    uint8_t bitmap[VIRTIO_INPUT_DATA_BYTES];
    enum virtio_err err = VIRTIO_OK;

    for (uint8_t type = 1; err == VIRTIO_OK && type < VIRTIO_INPUT_EV_COUNT; type++) {
        size_t size;

        err = vinput_query(input, VIRTIO_INPUT_CFG_EV_BITS, type, bitmap, sizeof(bitmap), &size);
        if (err == VIRTIO_OK) {
            input->types |= UINT32_C(1) << type;
        } else if (err == VIRTIO_EMPTY) {
            err = VIRTIO_OK;
        }
    }
    return err;
}

static enum virtio_err
read_axis(struct vinput *input, uint8_t code, struct vinput_axis *axis)
{
    struct virtio_input_absinfo info;
    size_t size;
    enum virtio_err err =
        vinput_query(input, VIRTIO_INPUT_CFG_ABS_INFO, code, &info, sizeof(info), &size);

    if (err == VIRTIO_OK && size == sizeof(info)) {
        axis->min = (int32_t)le32_get(info.min);
        axis->max = (int32_t)le32_get(info.max);
    }
    return err == VIRTIO_EMPTY || err == VIRTIO_ERR_BUFFER_TOO_SMALL ? VIRTIO_OK : err;
}

static enum virtio_err
read_identity(struct vinput *input)
{
    enum virtio_err err = read_string(input, VIRTIO_INPUT_CFG_ID_NAME, input->name);

    if (err == VIRTIO_OK) {
        err = read_string(input, VIRTIO_INPUT_CFG_ID_SERIAL, input->serial);
    }
    if (err == VIRTIO_OK) {
        err = read_ids(input);
    }
    if (err == VIRTIO_OK) {
        err = read_types(input);
    }
    if (err == VIRTIO_OK && vinput_has_type(input, VIRTIO_INPUT_EV_ABS)) {
        err = read_axis(input, VIRTIO_INPUT_AXIS_X, &input->axis_x);
    }
    if (err == VIRTIO_OK && vinput_has_type(input, VIRTIO_INPUT_EV_ABS)) {
        err = read_axis(input, VIRTIO_INPUT_AXIS_Y, &input->axis_y);
    }
    return err;
}

static enum virtio_err
cells_init(struct vinput *input, struct virtio_arena *arena)
{
    enum virtio_err err = VIRTIO_OK;

    input->event_count = input->events.size;
    input->event_cells = virtio_driver_take_shared(
        input->device, arena, input->event_count * sizeof(*input->event_cells), &input->event_addr);
    input->status_cells = virtio_driver_take_shared(
        input->device, arena, VINPUT_STATUS_COUNT * sizeof(*input->status_cells),
        &input->status_addr);
    if (input->event_cells == NULL || input->status_cells == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    for (uint16_t i = 0; err == VIRTIO_OK && i < input->event_count; i++) {
        err = vinput_offer(input, i);
    }
    return err;
}

static enum virtio_err
bring_up(struct vinput *input, const struct vinput_config *config, struct virtio_arena *arena)
{
    struct virtq_config events = event_queue_config(config);
    enum virtio_err err = read_identity(input);

    if (err == VIRTIO_OK) {
        err = virtq_setup(&input->events, input->device, VIRTIO_INPUT_EVENTQ, &events, arena);
    }
    if (err == VIRTIO_OK) {
        err = virtq_setup(&input->status, input->device, VIRTIO_INPUT_STATUSQ, &status_queue_config,
                          arena);
    }
    if (err == VIRTIO_OK) {
        err = cells_init(input, arena);
    }
    if (err == VIRTIO_OK) {
        err = virtio_device_start(input->device);
    }
    if (err == VIRTIO_OK) {
        (void)virtq_notify(&input->events);
    }
    return err;
}

enum virtio_err
vinput_init(struct vinput *input, struct virtio_device *device, const struct vinput_config *config,
            struct virtio_arena *arena)
{
    struct driver_wish wish = { .device_id = VIRTIO_ID_INPUT, .who = "input" };
    struct vinput_config chosen;
    size_t arena_used = arena->used_bytes;
    enum virtio_err err = resolve_config(config, &chosen);

    memset(input, 0, sizeof(*input));
    if (err == VIRTIO_OK) {
        wish.reserved_features = chosen.features;
        err = virtio_driver_begin(device, &wish);
    }
    if (err != VIRTIO_OK) {
        return err;
    }
    input->device = device;
    input->watch.config_seen = driver_config_changes(device);
    err = bring_up(input, &chosen, arena);
    if (err != VIRTIO_OK) {
        if (vinput_finish(input) == VIRTIO_ERR_TIMEOUT) {
            return VIRTIO_ERR_TIMEOUT;
        }
        arena->used_bytes = arena_used;
    }
    return err;
}

uint32_t
vinput_take_events(struct vinput *input)
{
    return driver_take_events(input->device);
}

enum virtio_err
vinput_finish(struct vinput *input)
{
    if (input->device != NULL) {
        if (virtio_device_release(input->device, "input") == VIRTIO_ERR_TIMEOUT) {
            return VIRTIO_ERR_TIMEOUT; /* it still has our memory */
        }
        virtq_finish(&input->events, NULL, NULL);
        virtq_finish(&input->status, NULL, NULL);
    }
    memset(input, 0, sizeof(*input));
    return VIRTIO_OK;
}
