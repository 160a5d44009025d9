/* The fake device's registers and configuration space on PCI. VirtIO 1.3 §4.1. */
#include "tests/fake/fake_pci.h"

#include <string.h>

#include "abi/virtio_pci.h"

#include "tests/fake/fake_private.h"

enum {
    BAR_BYTES = FAKE_COOKIE_BYTES,
    NOTIFY_BYTES = FAKE_QUEUES_MAX * FAKE_PCI_NOTIFY_MULTIPLIER,
    MSIX_ENABLED = 0x80, /* in the high byte of its control */
};

static void
put_cap(struct fake_device *device, uint8_t at, uint8_t next, uint8_t type, uint32_t offset,
        uint32_t length)
{
    uint8_t *cap = device->pci.space + at;
    cap[0] = PCI_CAPABILITY_VENDOR;
    cap[1] = next;
    cap[2] = 16;
    cap[3] = type;
    cap[4] = FAKE_PCI_BAR;
    fake_put32(cap + 8, offset);
    fake_put32(cap + 12, length);
}

/* A region as far as the platform's map reaches it: in another page of the same cookie there is nothing. */
static void
put_shm(struct fake_device *device)
{
    put_cap(device, FAKE_PCI_CAP_SHM, 0, VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 0x800, 0x400);
    device->pci.space[FAKE_PCI_CAP_SHM + 2] = sizeof(struct virtio_pci_cap64);
    device->pci.space[FAKE_PCI_CAP_SHM + 5] = 1;
}

void
fake_pci_init(struct fake_device *device)
{
    uint8_t *space = device->pci.space;
    fake_put16(space + PCI_VENDOR_ID, VIRTIO_PCI_VENDOR);
    fake_put16(space + PCI_DEVICE_ID, (uint16_t)(VIRTIO_PCI_DEVICE_MODERN + device->id));
    fake_put16(space + PCI_STATUS, PCI_STATUS_HAS_CAPABILITIES);
    space[PCI_REVISION_ID] = 1;
    space[PCI_CAPABILITIES] = FAKE_PCI_CAP_COMMON;
    put_cap(device, FAKE_PCI_CAP_COMMON, FAKE_PCI_CAP_NOTIFY, VIRTIO_PCI_CAP_COMMON_CFG,
            FAKE_PCI_COMMON, sizeof(struct virtio_pci_common_cfg));
    put_cap(device, FAKE_PCI_CAP_NOTIFY, FAKE_PCI_CAP_ISR, VIRTIO_PCI_CAP_NOTIFY_CFG,
            FAKE_PCI_NOTIFY, NOTIFY_BYTES);
    space[FAKE_PCI_CAP_NOTIFY + 2] = sizeof(struct virtio_pci_notify_cap);
    fake_put32(space + FAKE_PCI_CAP_NOTIFY + 16, FAKE_PCI_NOTIFY_MULTIPLIER);
    put_cap(device, FAKE_PCI_CAP_ISR, FAKE_PCI_CAP_DEVICE, VIRTIO_PCI_CAP_ISR_CFG, FAKE_PCI_ISR, 1);
    put_cap(device, FAKE_PCI_CAP_DEVICE, FAKE_PCI_CAP_MSIX, VIRTIO_PCI_CAP_DEVICE_CFG,
            FAKE_PCI_CONFIG, FAKE_CONFIG_BYTES);
    space[FAKE_PCI_CAP_MSIX] = PCI_CAPABILITY_MSIX;
    space[FAKE_PCI_CAP_MSIX + 1] = FAKE_PCI_CAP_SHM;
    put_shm(device);
    device->pci.vector_limit = 4;
    fake_pci_reset(device);
}

void
fake_pci_reset(struct fake_device *device)
{
    device->pci.config_vector = VIRTIO_PCI_NO_VECTOR;
    device->pci.unread_vector = 0;
    for (unsigned i = 0; i < FAKE_QUEUES_MAX; i++) {
        device->pci.vectors[i] = VIRTIO_PCI_NO_VECTOR;
    }
}

static uint32_t
space_read(void *ctx, uint16_t offset, unsigned width)
{
    const struct fake_device *device = ctx;
    uint8_t bytes[4] = { 0 };
    memcpy(bytes, device->pci.space + offset, width);
    return fake_get32(bytes);
}

struct virtio_pci_function
fake_pci_function(struct fake_device *device)
{
    struct virtio_pci_function function = { .ctx = device,
                                            .config_read = space_read,
                                            .address = FAKE_PCI_ADDRESS };
    function.bars[FAKE_PCI_BAR] =
        (struct virtio_pci_bar){ .base = device->base, .bytes = BAR_BYTES };
    return function;
}

enum virtio_err
fake_device_probe(struct virtio_bus *bus, struct fake_device *fake, struct virtio_device **device)
{
    struct virtio_pci_function function = fake_pci_function(fake);
    return fake_is_pci(fake) ? virtio_pci_probe(bus, &function, device)
                             : virtio_mmio_probe(bus, fake->base, FAKE_DEVICE_BYTES, device);
}

static bool
has_msix(const struct fake_device *device)
{
    return (device->pci.space[FAKE_PCI_CAP_MSIX + PCI_MSIX_CONTROL + 1] & MSIX_ENABLED) != 0;
}

void
fake_pci_deliver(struct fake_device *device, struct virtio_device *driver_side,
                 void (*handler)(void *ctx), void *ctx)
{
    if (device->interrupt_status == 0) {
        return;
    }
    virtio_device_note_vector(driver_side, device->interrupt_status);
    device->interrupt_status = 0;
    handler(ctx);
}

static struct fake_queue *
selected(struct fake_device *device)
{
    return device->pci.queue_sel < FAKE_QUEUES_MAX ? &device->queues[device->pci.queue_sel] : NULL;
}

static uint32_t
count_queues(const struct fake_device *device)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < FAKE_QUEUES_MAX; i++) {
        count = device->queues[i].size_max != 0 ? i + 1 : count;
    }
    return count;
}

static uint32_t
size_max(const struct fake_device *device, const struct fake_queue *q)
{
    return device->evil.mode == FAKE_EVIL_QUEUE_SIZE ? (uint32_t)device->evil.value : q->size_max;
}

static void
write_size(struct fake_device *device, struct fake_queue *q, uint32_t value)
{
    bool is_odd = (value & (value - 1)) != 0 && !fake_is_packed(device);
    if (value == 0 || is_odd || value > size_max(device, q)) {
        fake_break(device, FAKE_REQ_PCI_QUEUE_SIZE, value);
        return;
    }
    q->size = value;
}

static void
write_enable(struct fake_device *device, struct fake_queue *q, uint32_t value)
{
    if (value == 0) {
        fake_break(device, FAKE_REQ_PCI_QUEUE_ENABLE_ZERO, device->pci.queue_sel);
        return;
    }
    device->queue_sel = device->pci.queue_sel;
    fake_queue_enable(device, q);
}

static void
put_half(uint64_t *address, unsigned shift, uint32_t value)
{
    *address &= ~((uint64_t)UINT32_MAX << shift);
    *address |= (uint64_t)value << shift;
}

static uint16_t
taken_vector(const struct fake_device *device, uint32_t value)
{
    return value < device->pci.vector_limit ? (uint16_t)value : VIRTIO_PCI_NO_VECTOR;
}

/* Registers of the selected queue. Returns: whether there is such a register. */
static bool
write_queue(struct fake_device *device, uint32_t offset, uint32_t value)
{
    struct fake_queue *q = selected(device);
    if (q == NULL || q->size_max == 0) {
        fake_break(device, FAKE_REQ_QUEUE_UNAVAILABLE, device->pci.queue_sel);
        return true;
    }
    if (q->is_ready && offset != offsetof(struct virtio_pci_common_cfg, queue_enable)) {
        fake_break(device, FAKE_REQ_PCI_QUEUE_ENABLED_ACCESS, offset);
        return true;
    }
    switch (offset) {
    case offsetof(struct virtio_pci_common_cfg, queue_size): write_size(device, q, value); break;
    case offsetof(struct virtio_pci_common_cfg, queue_msix_vector):
        device->pci.vectors[device->pci.queue_sel] = taken_vector(device, value);
        device->pci.unread_vector = offset;
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_enable):
        write_enable(device, q, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_desc_low):
        put_half(&q->desc_addr, 0, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_desc_high):
        put_half(&q->desc_addr, 32, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_driver_low):
        put_half(&q->driver_addr, 0, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_driver_high):
        put_half(&q->driver_addr, 32, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_device_low):
        put_half(&q->device_addr, 0, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_device_high):
        put_half(&q->device_addr, 32, value);
        break;
    default: return false;
    }
    return true;
}

static void
write_common(struct fake_device *device, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case offsetof(struct virtio_pci_common_cfg, device_feature_select):
        device->device_features_sel = value;
        device->has_device_sel = true;
        return;
    case offsetof(struct virtio_pci_common_cfg, driver_feature_select):
        device->driver_features_sel = value;
        device->has_driver_sel = true;
        return;
    case offsetof(struct virtio_pci_common_cfg, driver_feature):
        fake_features_write(device, value);
        return;
    case offsetof(struct virtio_pci_common_cfg, config_msix_vector):
        device->pci.config_vector = taken_vector(device, value);
        device->pci.unread_vector = offset;
        return;
    case offsetof(struct virtio_pci_common_cfg, device_status):
        fake_status_write(device, value);
        return;
    case offsetof(struct virtio_pci_common_cfg, queue_select):
        device->pci.queue_sel = (uint16_t)value;
        return;
    default:
        if (!write_queue(device, offset, value)) {
            fake_break(device, FAKE_REQ_PCI_READ_ONLY, offset);
        }
    }
}

static uint32_t
read_queue(struct fake_device *device, uint32_t offset)
{
    struct fake_queue *q = selected(device);
    if (q == NULL) {
        return 0;
    }
    switch (offset) {
    case offsetof(struct virtio_pci_common_cfg, queue_size):
        q->has_read_max = true;
        return q->is_ready && q->size != 0 ? q->size : size_max(device, q);
    case offsetof(struct virtio_pci_common_cfg, queue_msix_vector):
        return device->pci.vectors[device->pci.queue_sel];
    case offsetof(struct virtio_pci_common_cfg, queue_enable):
        q->has_read_ready = true;
        return q->is_ready;
    case offsetof(struct virtio_pci_common_cfg, queue_notify_off):
        return device->pci.queue_sel + device->pci.notify_offset_shift;
    default: return 0;
    }
}

static uint32_t
read_common(struct fake_device *device, uint32_t offset)
{
    switch (offset) {
    case offsetof(struct virtio_pci_common_cfg, device_feature): return fake_features_read(device);
    case offsetof(struct virtio_pci_common_cfg, config_msix_vector):
        return device->pci.config_vector;
    case offsetof(struct virtio_pci_common_cfg, num_queues): return count_queues(device);
    case offsetof(struct virtio_pci_common_cfg, device_status): return fake_status_read(device);
    case offsetof(struct virtio_pci_common_cfg, config_generation):
        return (uint8_t)fake_generation_read(device);
    default: return read_queue(device, offset);
    }
}

/* The width of each register, by §4.1.4.3; 64-bit ones are two. */
static unsigned
common_width(uint32_t offset)
{
    if (offset < offsetof(struct virtio_pci_common_cfg, config_msix_vector)) {
        return 4;
    }
    if (offset == offsetof(struct virtio_pci_common_cfg, device_status) ||
        offset == offsetof(struct virtio_pci_common_cfg, config_generation)) {
        return 1;
    }
    bool is_address = offset >= offsetof(struct virtio_pci_common_cfg, queue_desc_low) &&
                      offset < offsetof(struct virtio_pci_common_cfg, queue_notif_config_data);
    return is_address ? 4 : 2;
}

/* Returns: whether the driver may make this access to the common configuration. */
static bool
check_common(struct fake_device *device, uint32_t offset, unsigned width)
{
    if (offset >= sizeof(struct virtio_pci_common_cfg)) {
        fake_break(device, FAKE_REQ_PCI_UNDESCRIBED, offset);
        return false;
    }
    if (width != common_width(offset) || offset % width != 0) {
        fake_break(device, FAKE_REQ_PCI_WIDTH, (uint64_t)offset << 8 | width);
        return false;
    }
    if (device->pci.unread_vector != 0 && device->pci.unread_vector != offset) {
        fake_break(device, FAKE_REQ_PCI_VECTOR_UNREAD, offset);
    }
    device->pci.unread_vector = 0;
    if (offset != offsetof(struct virtio_pci_common_cfg, config_generation)) {
        device->has_read_generation = false;
    }
    return true;
}

/* §4.1.4.5: reading acknowledges, and drops the line. */
static uint32_t
read_isr(struct fake_device *device)
{
    uint32_t bits = device->interrupt_status;
    if (has_msix(device)) {
        fake_break(device, FAKE_REQ_PCI_ISR_WITH_VECTORS, bits);
    }
    device->has_read_interrupt = true;
    device->is_interrupt_unread = false;
    device->interrupt_status = 0;
    return device->evil.mode == FAKE_EVIL_INTERRUPT_STORM ? 0xff : bits;
}

static void
notify(struct fake_device *device, uint32_t offset, unsigned width, uint32_t value)
{
    unsigned wanted = fake_device_has(device, VIRTIO_F_NOTIFICATION_DATA) ? 4 : 2;
    if (width != wanted) {
        fake_break(device, FAKE_REQ_PCI_NOTIFY_WIDTH, width);
    } else if (offset !=
               ((value & 0xffff) + device->pci.notify_offset_shift) * FAKE_PCI_NOTIFY_MULTIPLIER) {
        fake_break(device, FAKE_REQ_PCI_NOTIFY_PLACE, (uint64_t)offset << 32 | value);
    } else {
        fake_queue_notified(device, value);
    }
}

uint64_t
fake_pci_read(struct fake_device *device, uint32_t offset, unsigned width)
{
    if (offset >= FAKE_PCI_CONFIG && offset < FAKE_PCI_CONFIG + FAKE_CONFIG_BYTES) {
        return fake_config_read(device, offset - FAKE_PCI_CONFIG, width);
    }
    if (offset == FAKE_PCI_ISR && width == 1) {
        return read_isr(device);
    }
    return check_common(device, offset, width) ? read_common(device, offset) : 0;
}

void
fake_pci_write(struct fake_device *device, uint32_t offset, unsigned width, uint32_t value)
{
    if (offset >= FAKE_PCI_CONFIG && offset < FAKE_PCI_CONFIG + FAKE_CONFIG_BYTES) {
        fake_config_write(device, offset - FAKE_PCI_CONFIG, width, value);
    } else if (offset >= FAKE_PCI_NOTIFY && offset < FAKE_PCI_NOTIFY + NOTIFY_BYTES) {
        notify(device, offset - FAKE_PCI_NOTIFY, width, value);
    } else if (check_common(device, offset, width)) {
        bool is_vector = offset == offsetof(struct virtio_pci_common_cfg, config_msix_vector) ||
                         offset == offsetof(struct virtio_pci_common_cfg, queue_msix_vector);
        write_common(device, offset, value);
        device->pci.unread_vector = is_vector ? device->pci.unread_vector : 0;
    }
}
