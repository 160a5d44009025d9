#include "tests/fake/fake_input.h"

#include <string.h>

#include "tests/fake/fake_private.h"

enum {
    KEY_BYTES = 16, /* bitmap of keys 0 to 127 */
    SIZE_OFFSET = offsetof(struct virtio_input_config, size),
    DATA_OFFSET = offsetof(struct virtio_input_config, data),
    AXIS_MAX = 32767,
};

/* What the driver asked for, into `out`. Returns: its size, 0: there is no such thing. */
static uint8_t
look_up(const struct fake_input *input, uint8_t select, uint8_t subsel, uint8_t *out)
{
    static const char name[] = "fake input";
    switch (select) {
    case VIRTIO_INPUT_CFG_ID_NAME: memcpy(out, name, sizeof(name) - 1); return sizeof(name) - 1;
    case VIRTIO_INPUT_CFG_ID_DEVIDS: fake_put16(out, 6); return 8;
    case VIRTIO_INPUT_CFG_EV_BITS:
        if (subsel == VIRTIO_INPUT_EV_KEY) {
            memset(out, 0xff, KEY_BYTES);
            return KEY_BYTES;
        }
        if (subsel == VIRTIO_INPUT_EV_ABS && input->is_tablet) {
            out[0] = 1 << VIRTIO_INPUT_AXIS_X | 1 << VIRTIO_INPUT_AXIS_Y;
            return 1;
        }
        if (subsel == VIRTIO_INPUT_EV_LED && !input->is_tablet) {
            out[0] = 7;
            return 1;
        }
        return 0;
    case VIRTIO_INPUT_CFG_ABS_INFO:
        if (!input->is_tablet || subsel > VIRTIO_INPUT_AXIS_Y) {
            return 0;
        }
        fake_put32(out + offsetof(struct virtio_input_absinfo, max), AXIS_MAX);
        return sizeof(struct virtio_input_absinfo);
    default: return 0;
    }
}

static void
input_config_read(struct fake_device *device, uint32_t offset)
{
    struct fake_input *input = device->ctx;
    if (offset < SIZE_OFFSET) {
        return;
    }
    if (!input->has_select || !input->has_subsel) {
        fake_break(device, FAKE_REQ_INPUT_SELECT_BOTH, offset);
    }
    if (offset == SIZE_OFFSET) {
        input->has_read_size = true;
    } else if (!input->has_read_size) {
        fake_break(device, FAKE_REQ_INPUT_SIZE_READ, offset);
    }
}

static void
input_config_written(struct fake_device *device, uint32_t offset)
{
    struct fake_input *input = device->ctx;
    if (input->has_select && input->has_subsel) {
        /* A new query: both again. */
        input->has_select = false;
        input->has_subsel = false;
    }
    *(offset == 0 ? &input->has_select : &input->has_subsel) = true;
    input->has_read_size = false;
    memset(device->config + SIZE_OFFSET, 0, FAKE_CONFIG_BYTES - SIZE_OFFSET);
    device->config[SIZE_OFFSET] =
        look_up(input, device->config[0], device->config[1], device->config + DATA_OFFSET);
}

static void
input_buffer(struct fake_device *device, struct fake_chain *chain)
{
    struct fake_input *input = device->ctx;
    if (chain->queue_idx == VIRTIO_INPUT_EVENTQ) {
        if (chain->writable_bytes < sizeof(struct virtio_input_event) ||
            chain->readable_bytes != 0) {
            fake_break(device, FAKE_REQ_INPUT_EVENT_BUFFER, chain->writable_bytes);
        }
        return;
    }
    if (chain->readable_bytes < sizeof(struct virtio_input_event)) {
        fake_break(device, FAKE_REQ_INPUT_STATUS_BUFFER, chain->readable_bytes);
    }
    fake_chain_read(chain, 0, &input->last_status, sizeof(input->last_status));
    input->status_count++;
    fake_chain_complete(device, chain, 0);
}

bool
fake_input_event(struct fake_device *device, uint16_t type, uint16_t code, uint32_t value)
{
    struct fake_input *input = device->ctx;
    struct fake_chain *chain = fake_queue_oldest(device, VIRTIO_INPUT_EVENTQ);
    if (chain == NULL) {
        input->dropped_count++;
        return false;
    }
    struct virtio_input_event event = { le16_from(type), le16_from(code), le32_from(value) };
    if (fake_is_evil(device, FAKE_EVIL_RESPONSE_NOISE)) {
        uint8_t *bytes = (uint8_t *)&event;
        for (size_t i = 0; i < sizeof(event); i++) {
            bytes[i] = (uint8_t)fake_random(device);
        }
    }
    uint32_t written = fake_chain_write(chain, 0, &event, sizeof(event));
    if (fake_is_evil(device, FAKE_EVIL_RESPONSE_SHORT)) {
        written = (uint32_t)device->evil.value;
    }
    input->injected_count++;
    fake_chain_complete(device, chain, written);
    return true;
}

void
fake_input_init(struct fake_input *input, bool is_tablet)
{
    memset(input, 0, sizeof(*input));
    input->is_tablet = is_tablet;
}

static const struct fake_config_field input_fields[] = {
    {0,  1, 2,   -1, true }, /* select, subsel */
    { 2, 1, 1,   -1, false}, /* size */
    { 8, 1, 128, -1, false}, /* string or bitmap; numbers are read as bytes too, by width 1 */
    { 0, 0, 0,   0,  false},
};

const struct fake_model fake_input_model = {
    .name = "input",
    .id = VIRTIO_ID_INPUT,
    .features = 0,
    .fields = input_fields,
    .buffer = input_buffer,
    .config_read = input_config_read,
    .config_written = input_config_written,
};
