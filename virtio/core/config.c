/*
 * Configuration space, read so that its fields belong together. Contract: virtio/device.h; VirtIO 1.3 §2.5.
 */
#include "virtio/core/check.h"
#include "virtio/core/internal.h"
#include "virtio/core/memory.h"

enum {
    CONFIG_TRIES_MAX = 64,
    RELAX_NS = 1000000, /* how long one try may let others run */
};

/* Read one field of `width` bytes, store it little-endian. Returns whether it differs from what was there. */
static bool
read_field(struct virtio_device *device, size_t offset, unsigned width, uint8_t *to)
{
    uint32_t value = device->ops->config_read(device, offset, width);
    bool is_changed = false;
    for (unsigned i = 0; i < width; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        is_changed = is_changed || to[i] != byte;
        to[i] = byte;
    }
    return is_changed;
}

/* One pass over all fields; §4.2.2.2: 64-bit fields are read as two halves, low first. */
static bool
read_fields(struct virtio_device *device, size_t offset, const char *fields, uint8_t *to)
{
    bool is_changed = false;
    for (; *fields != '\0'; fields++) {
        unsigned left = (unsigned)*fields;
        while (left > 0) {
            unsigned width = left < 4 ? left : 4;
            is_changed = read_field(device, offset, width, to) || is_changed;
            offset += width;
            to += width;
            left -= width;
        }
    }
    return is_changed;
}

/* One consistent reading, or VIRTIO_EMPTY: try again. */
static enum virtio_err
try_read(struct virtio_device *device, size_t offset, const char *fields, uint8_t *to)
{
    if (device->ops->is_legacy) {
        /* §2.5.4: no generation; two readings in a row that agree. */
        (void)read_fields(device, offset, fields, to);
        return read_fields(device, offset, fields, to) ? VIRTIO_EMPTY : VIRTIO_OK;
    }
    uint32_t before = device->ops->config_generation(device);
    (void)read_fields(device, offset, fields, to);
    return device->ops->config_generation(device) == before ? VIRTIO_OK : VIRTIO_EMPTY;
}

static size_t
sum_of(const char *fields)
{
    size_t sum = 0;
    for (; *fields != '\0'; fields++) {
        VIRTIO_CHECK(*fields == 1 || *fields == 2 || *fields == 4 || *fields == 8);
        sum += (size_t)*fields;
    }
    return sum;
}

static bool
is_mapped(const struct virtio_device *device, size_t offset, size_t bytes)
{
    return offset <= device->config_bytes && bytes <= device->config_bytes - offset;
}

enum virtio_err
virtio_config_read(struct virtio_device *device, size_t offset, const char *fields, void *data,
                   size_t bytes)
{
    const struct virtio_platform *plat = device->bus->plat;
    size_t sum = sum_of(fields);
    if (sum > bytes) {
        return VIRTIO_ERR_BUFFER_TOO_SMALL;
    }
    if (!is_mapped(device, offset, sum)) {
        return VIRTIO_ERR_INVALID;
    }
    memset(data, 0, bytes);
    for (unsigned i = 0; i < CONFIG_TRIES_MAX; i++) {
        if (try_read(device, offset, fields, data) == VIRTIO_OK) {
            return VIRTIO_OK;
        }
        (void)virtio_device_relax(device, plat->now_ns(plat->ctx) + RELAX_NS);
    }
    virtio_device_break(device, "the configuration never holds still (VirtIO 1.3 §2.5.2)", offset);
    return VIRTIO_ERR_TIMEOUT;
}

enum virtio_err
virtio_config_write(struct virtio_device *device, size_t offset, unsigned width, uint32_t value)
{
    VIRTIO_CHECK(width == 1 || width == 2 || width == 4);
    if (!is_mapped(device, offset, width)) {
        return VIRTIO_ERR_INVALID;
    }
    device->ops->config_write(device, offset, width, value);
    return VIRTIO_OK;
}

enum virtio_err
virtio_device_shm(struct virtio_device *device, uint8_t id, uint64_t *phys, uint64_t *bytes)
{
    enum virtio_err err = VIRTIO_ERR_UNSUPPORTED;
    if (device->ops->shm != NULL) {
        err = device->ops->shm(device, id, phys, bytes);
    }
    if (err == VIRTIO_OK && (*bytes == 0 || *phys + (*bytes - 1) < *phys)) {
        virtio_device_break(device, "a shared memory region is no range (VirtIO 1.3 §2.10)", *phys);
        return VIRTIO_ERR_BROKEN;
    }
    return err;
}
