/* The fake device's life, and the simplest model. */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_private.h"

enum { ECHO_KEEPING_QUEUE = 7 };

void
fake_device_init(struct fake_device *device, struct fake_platform *fp,
                 const struct fake_device_config *config)
{
    if (fp->device_count == FAKE_DEVICES_MAX || config->queue_count > FAKE_QUEUES_MAX) {
        abort();
    }
    memset(device, 0, sizeof(*device));
    device->fp = fp;
    device->model = config->model;
    device->ctx = config->model_ctx;
    device->idx = fp->device_count;
    device->base = FAKE_DEVICE_BASE + (uint64_t)fp->device_count * FAKE_COOKIE_BYTES;
    device->magic = VIRTIO_MMIO_MAGIC_VALUE;
    device->version = config->version == 0 ? 2 : config->version;
    device->id = config->id == 0 ? config->model->id : config->id;
    device->vendor = 0x454b4146;
    device->offered = config->features;
    device->random = 1;
    if (device->version == 1) {
        device->offered &= UINT32_MAX;
    } else {
        device->offered |= VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
    }
    for (uint16_t i = 0; i < config->queue_count; i++) {
        device->queues[i].size_max = config->queue_size_max == 0 ? 256 : config->queue_size_max;
    }
    fake_pci_init(device);
    fp->devices[fp->device_count++] = device;
}

void
fake_device_finish(struct fake_device *device)
{
    for (unsigned i = 0; i < FAKE_QUEUES_MAX; i++) {
        fake_queue_reset(&device->queues[i]);
    }
}

void
fake_device_vanish(struct fake_device *device)
{
    device->status = 0;
    device->accepted = 0;
    device->is_refused = false;
    device->has_reread_features_ok = false;
    device->interrupt_status = 0;
    device->seen_interrupts = 0;
    device->guest_page_size = 0;
    device->has_device_sel = false;
    device->has_driver_sel = false;
    fake_pci_reset(device);
    for (unsigned i = 0; i < FAKE_QUEUES_MAX; i++) {
        fake_queue_reset(&device->queues[i]);
    }
    if (device->model->reset != NULL) {
        device->model->reset(device);
    }
}

void
fake_device_need_reset(struct fake_device *device)
{
    device->status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
    if ((device->status & VIRTIO_STATUS_DRIVER_OK) != 0) {
        fake_interrupt(device, VIRTIO_INTERRUPT_CONFIG);
    }
}

void
fake_device_tick(struct fake_device *device)
{
    for (unsigned i = 0; i < FAKE_QUEUES_MAX; i++) {
        fake_queue_tick(device, (uint16_t)i);
    }
}

void
fake_device_deliver(struct fake_device *device, void (*handler)(void *ctx), void *ctx)
{
    if (!fake_device_is_interrupting(device)) {
        return;
    }
    uint32_t before = device->interrupt_status;
    device->has_read_interrupt = false;
    handler(ctx);
    if (!device->has_read_interrupt) {
        fake_break(device, FAKE_REQ_MMIO_INTERRUPT_UNREAD, before);
    } else if ((device->interrupt_status & before) != 0 && !device->is_interrupt_unread) {
        fake_break(device, FAKE_REQ_MMIO_INTERRUPT_UNACKED, device->interrupt_status);
    }
}

uint32_t
fake_random(struct fake_device *device)
{
    device->random = device->random * 1664525 + 1013904223;
    return device->random >> 8;
}

static void
echo_buffer(struct fake_device *device, struct fake_chain *chain)
{
    if (chain->queue_idx == ECHO_KEEPING_QUEUE) {
        return;
    }
    uint32_t bytes = chain->readable_bytes < chain->writable_bytes ? chain->readable_bytes
                                                                   : chain->writable_bytes;
    uint8_t *data = malloc(bytes == 0 ? 1 : bytes);
    if (data == NULL) {
        abort();
    }
    fake_chain_read(chain, 0, data, bytes);
    fake_chain_write(chain, 0, data, bytes);
    free(data);
    fake_chain_complete(device, chain, bytes);
}

/* Bytes, a word, halves of a long word, and an optional field: for tests of the configuration space. */
static const struct fake_config_field echo_fields[] = {
    {0,   1, 8, -1, false},
    { 8,  2, 2, -1, false},
    { 12, 4, 3, -1, false},
    { 24, 4, 1, 5,  false},
    { 28, 4, 1, -1, true },
    { 0,  0, 0, 0,  false},
};

static const struct fake_dependency echo_dependencies[] = {
    {1,  VIRTIO_FEATURE(0)},
    { 0, 0                },
};

const struct fake_model fake_echo_model = {
    .name = "echo",
    .id = 42,
    .features = 0xff,
    .fields = echo_fields,
    .dependencies = echo_dependencies,
    .buffer = echo_buffer,
};
