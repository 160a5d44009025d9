/* The configuration space as the device sees it. VirtIO 1.3 §2.5, §4.2.2.2. */
#include <string.h>

#include "tests/fake/fake_private.h"

static const struct fake_config_field *
field_at(const struct fake_device *device, uint32_t offset)
{
    const struct fake_config_field *field = device->model->fields;
    for (; field != NULL && field->width != 0; field++) {
        if (offset >= field->offset &&
            offset - field->offset < (uint32_t)field->width * field->count) {
            return field;
        }
    }
    return NULL;
}

/* Returns: the field, when the access is one that the driver may make there. */
static const struct fake_config_field *
check_access(struct fake_device *device, uint32_t offset, unsigned width)
{
    const struct fake_config_field *field = field_at(device, offset);
    if (field == NULL) {
        fake_break(device, FAKE_REQ_CONFIG_RANGE, offset);
        return NULL;
    }
    if (width != field->width || (offset - field->offset) % field->width != 0) {
        fake_break(device, FAKE_REQ_CONFIG_WIDTH, (uint64_t)offset << 8 | width);
        return NULL;
    }
    if (field->feature >= 0 && ((device->offered >> field->feature) & 1) == 0) {
        fake_break(device, FAKE_REQ_CONFIG_OPTIONAL_FIELD, offset);
    }
    return field;
}

/* The configuration changes while it is being read. */
static void
tear(struct fake_device *device)
{
    if (device->evil.mode == FAKE_EVIL_CONFIG_TORN && device->config_reads == 2 &&
        device->evil.value > 0) {
        uint8_t before[FAKE_CONFIG_BYTES];
        memcpy(before, device->config, sizeof(before));
        memcpy(device->config, device->config_next, sizeof(before));
        memcpy(device->config_next, before, sizeof(before));
        device->generation++;
        device->evil.value--;
    }
}

uint64_t
fake_config_read(struct fake_device *device, uint32_t offset, unsigned width)
{
    if (!device->has_read_generation && !fake_is_legacy(device)) {
        fake_break(device, FAKE_REQ_CONFIG_GENERATION, offset);
    }
    if (check_access(device, offset, width) == NULL) {
        return 0;
    }
    device->config_reads++;
    tear(device);
    if (device->model->config_read != NULL) {
        device->model->config_read(device, offset);
    }
    if (device->evil.mode == FAKE_EVIL_CONFIG_ONES) {
        return UINT32_MAX >> (32 - 8 * width);
    }
    uint8_t bytes[8] = { 0 };
    memcpy(bytes, device->config + offset, width);
    return fake_get64(bytes);
}

void
fake_config_write(struct fake_device *device, uint32_t offset, unsigned width, uint32_t value)
{
    if ((device->status & (VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)) == 0 &&
        !fake_is_legacy(device)) {
        fake_break(device, FAKE_REQ_INIT_CONFIG_WRITE, offset);
    }
    const struct fake_config_field *field = check_access(device, offset, width);
    if (field == NULL) {
        return;
    }
    if (!field->is_writable) {
        fake_break(device,
                   device->model->id == 18 ? FAKE_REQ_INPUT_CONFIG_WRITE : FAKE_REQ_CONFIG_WRITE,
                   offset);
        return;
    }
    uint8_t bytes[4];
    fake_put32(bytes, value);
    memcpy(device->config + offset, bytes, width);
    if (device->model->config_written != NULL) {
        device->model->config_written(device, offset);
    }
}

uint32_t
fake_generation_read(struct fake_device *device)
{
    device->has_read_generation = true;
    device->config_reads = 0;
    if (device->evil.mode == FAKE_EVIL_CONFIG_UNSETTLED) {
        device->generation++;
    }
    return device->generation;
}

void
fake_device_config_changed(struct fake_device *device)
{
    device->generation++;
    fake_interrupt(device, VIRTIO_INTERRUPT_CONFIG);
}
