/* The registers of virtio-mmio, one table for both versions. VirtIO 1.3 §4.2.2, §4.2.4. */
#include "tests/fake/fake_private.h"

enum {
    V1 = 1, /* version in which the register exists */
    V2 = 2,
    SHM = 4,        /* only for drivers that expect shared memory */
    CONFIGURES = 8, /* not to be touched while the queue is ready */
};

struct reg {
    uint16_t offset;
    uint8_t flags;
    uint32_t (*read)(struct fake_device *device);
    void (*write)(struct fake_device *device, uint32_t value);
};

static struct fake_queue *
selected(struct fake_device *device)
{
    return &device->queues[device->queue_sel < FAKE_QUEUES_MAX ? device->queue_sel : 0];
}

static bool
is_selectable(const struct fake_device *device)
{
    return device->queue_sel < FAKE_QUEUES_MAX;
}

static uint32_t
read_magic(struct fake_device *device)
{
    device->has_read_magic = true;
    return device->magic;
}

static uint32_t
read_version(struct fake_device *device)
{
    device->has_read_version = true;
    return device->version;
}

static uint32_t
read_id(struct fake_device *device)
{
    device->has_read_id = true;
    return device->id;
}

static uint32_t
read_vendor(struct fake_device *device)
{
    return device->vendor;
}

static void
write_device_features_sel(struct fake_device *device, uint32_t value)
{
    device->device_features_sel = value;
    device->has_device_sel = true;
}

static void
write_driver_features_sel(struct fake_device *device, uint32_t value)
{
    device->driver_features_sel = value;
    device->has_driver_sel = true;
}

static void
write_page_size(struct fake_device *device, uint32_t value)
{
    if (value == 0 || (value & (value - 1)) != 0) {
        fake_break(device, FAKE_REQ_MMIO_LEGACY_PAGE_SIZE, value);
    }
    device->guest_page_size = value;
}

static void
write_queue_sel(struct fake_device *device, uint32_t value)
{
    device->queue_sel = value;
}

static uint32_t
read_queue_size_max(struct fake_device *device)
{
    if (!is_selectable(device)) {
        return 0;
    }
    selected(device)->has_read_max = true;
    if (device->evil.mode == FAKE_EVIL_QUEUE_SIZE) {
        return (uint32_t)device->evil.value;
    }
    return selected(device)->size_max;
}

static void
write_queue_size(struct fake_device *device, uint32_t value)
{
    struct fake_queue *q = selected(device);
    uint64_t max = device->evil.mode == FAKE_EVIL_QUEUE_SIZE ? device->evil.value : q->size_max;
    if (!is_selectable(device) || value > max) {
        fake_break(device, FAKE_REQ_MMIO_QUEUE_SIZE, value);
        return;
    }
    q->size = value;
}

static void
write_queue_align(struct fake_device *device, uint32_t value)
{
    if (value == 0 || (value & (value - 1)) != 0) {
        fake_break(device, FAKE_REQ_MMIO_LEGACY_ALIGN, value);
        return;
    }
    selected(device)->align = value;
}

static uint32_t
read_queue_pfn(struct fake_device *device)
{
    selected(device)->has_read_ready = true;
    return selected(device)->pfn;
}

static void
write_queue_pfn(struct fake_device *device, uint32_t value)
{
    struct fake_queue *q = selected(device);
    if (value == 0) {
        fake_queue_reset(q);
        return;
    }
    if (device->guest_page_size == 0) {
        fake_break(device, FAKE_REQ_MMIO_LEGACY_PAGE_SIZE, value);
        return;
    }
    q->pfn = value;
    q->desc_addr = (uint64_t)value * device->guest_page_size;
    fake_queue_enable(device, q);
}

static uint32_t
read_queue_ready(struct fake_device *device)
{
    struct fake_queue *q = selected(device);
    q->has_read_ready = true;
    q->must_read_ready = false;
    return q->is_ready;
}

static void
write_queue_ready(struct fake_device *device, uint32_t value)
{
    struct fake_queue *q = selected(device);
    if (value != 0) {
        fake_queue_enable(device, q);
        return;
    }
    bool has_read_max = q->has_read_max;
    fake_queue_reset(q);
    q->has_read_max = has_read_max;
    q->must_read_ready = true;
}

static uint32_t
read_interrupt_status(struct fake_device *device)
{
    device->has_read_interrupt = true;
    device->is_interrupt_unread = false;
    if (device->evil.mode == FAKE_EVIL_INTERRUPT_STORM) {
        device->seen_interrupts = UINT32_MAX;
        return UINT32_MAX;
    }
    device->seen_interrupts |= device->interrupt_status;
    return device->interrupt_status;
}

static void
write_interrupt_ack(struct fake_device *device, uint32_t value)
{
    uint32_t defined = VIRTIO_INTERRUPT_USED_BUFFER | VIRTIO_INTERRUPT_CONFIG;
    if ((value & ~(defined & device->seen_interrupts)) != 0) {
        fake_break(device, FAKE_REQ_MMIO_INTERRUPT_ACK_BITS, value);
    }
    device->interrupt_status &= ~value;
    device->seen_interrupts &= ~value;
}

static void
put_half(uint64_t *address, unsigned shift, uint32_t value)
{
    *address &= ~((uint64_t)UINT32_MAX << shift);
    *address |= (uint64_t)value << shift;
}

static void
write_desc_low(struct fake_device *device, uint32_t value)
{
    put_half(&selected(device)->desc_addr, 0, value);
}

static void
write_desc_high(struct fake_device *device, uint32_t value)
{
    put_half(&selected(device)->desc_addr, 32, value);
}

static void
write_driver_low(struct fake_device *device, uint32_t value)
{
    put_half(&selected(device)->driver_addr, 0, value);
}

static void
write_driver_high(struct fake_device *device, uint32_t value)
{
    put_half(&selected(device)->driver_addr, 32, value);
}

static void
write_device_low(struct fake_device *device, uint32_t value)
{
    put_half(&selected(device)->device_addr, 0, value);
}

static void
write_device_high(struct fake_device *device, uint32_t value)
{
    put_half(&selected(device)->device_addr, 32, value);
}

static void
write_shm_sel(struct fake_device *device, uint32_t value)
{
    device->shm_sel = value;
}

/* Of a region that is not there length and base read as -1. §4.2.2. */
static bool
has_region(const struct fake_device *device)
{
    return device->shm_bytes > 0 && device->shm_sel == device->shm_id;
}

static uint32_t
read_shm_len_low(struct fake_device *device)
{
    return has_region(device) ? (uint32_t)device->shm_bytes : UINT32_MAX;
}

static uint32_t
read_shm_len_high(struct fake_device *device)
{
    return has_region(device) ? (uint32_t)(device->shm_bytes >> 32) : UINT32_MAX;
}

static uint32_t
read_shm_base_low(struct fake_device *device)
{
    return has_region(device) ? (uint32_t)device->shm_base : UINT32_MAX;
}

static uint32_t
read_shm_base_high(struct fake_device *device)
{
    return has_region(device) ? (uint32_t)(device->shm_base >> 32) : UINT32_MAX;
}

static uint32_t
read_queue_reset(struct fake_device *device)
{
    (void)device;
    return 0;
}

static void
write_queue_reset(struct fake_device *device, uint32_t value)
{
    if (value == 1 && fake_device_has(device, VIRTIO_F_RING_RESET)) {
        fake_queue_reset(selected(device));
    }
}

static const struct reg regs[] = {
    {VIRTIO_MMIO_MAGIC,                V1 | V2,              read_magic,            NULL                     },
    { VIRTIO_MMIO_VERSION,             V1 | V2,              read_version,          NULL                     },
    { VIRTIO_MMIO_DEVICE_ID,           V1 | V2,              read_id,               NULL                     },
    { VIRTIO_MMIO_VENDOR_ID,           V1 | V2,              read_vendor,           NULL                     },
    { VIRTIO_MMIO_DEVICE_FEATURES,     V1 | V2,              fake_features_read,    NULL                     },
    { VIRTIO_MMIO_DEVICE_FEATURES_SEL, V1 | V2,              NULL,                  write_device_features_sel},
    { VIRTIO_MMIO_DRIVER_FEATURES,     V1 | V2,              NULL,                  fake_features_write      },
    { VIRTIO_MMIO_DRIVER_FEATURES_SEL, V1 | V2,              NULL,                  write_driver_features_sel},
    { VIRTIO_MMIO_GUEST_PAGE_SIZE,     V1,                   NULL,                  write_page_size          },
    { VIRTIO_MMIO_QUEUE_SEL,           V1 | V2,              NULL,                  write_queue_sel          },
    { VIRTIO_MMIO_QUEUE_SIZE_MAX,      V1 | V2,              read_queue_size_max,   NULL                     },
    { VIRTIO_MMIO_QUEUE_SIZE,          V1 | V2 | CONFIGURES, NULL,                  write_queue_size         },
    { VIRTIO_MMIO_QUEUE_ALIGN,         V1 | CONFIGURES,      NULL,                  write_queue_align        },
    { VIRTIO_MMIO_QUEUE_PFN,           V1,                   read_queue_pfn,        write_queue_pfn          },
    { VIRTIO_MMIO_QUEUE_READY,         V2,                   read_queue_ready,      write_queue_ready        },
    { VIRTIO_MMIO_QUEUE_NOTIFY,        V1 | V2,              NULL,                  fake_queue_notified      },
    { VIRTIO_MMIO_INTERRUPT_STATUS,    V1 | V2,              read_interrupt_status, NULL                     },
    { VIRTIO_MMIO_INTERRUPT_ACK,       V1 | V2,              NULL,                  write_interrupt_ack      },
    { VIRTIO_MMIO_STATUS,              V1 | V2,              fake_status_read,      fake_status_write        },
    { VIRTIO_MMIO_QUEUE_DESC_LOW,      V2 | CONFIGURES,      NULL,                  write_desc_low           },
    { VIRTIO_MMIO_QUEUE_DESC_HIGH,     V2 | CONFIGURES,      NULL,                  write_desc_high          },
    { VIRTIO_MMIO_QUEUE_DRIVER_LOW,    V2 | CONFIGURES,      NULL,                  write_driver_low         },
    { VIRTIO_MMIO_QUEUE_DRIVER_HIGH,   V2 | CONFIGURES,      NULL,                  write_driver_high        },
    { VIRTIO_MMIO_QUEUE_DEVICE_LOW,    V2 | CONFIGURES,      NULL,                  write_device_low         },
    { VIRTIO_MMIO_QUEUE_DEVICE_HIGH,   V2 | CONFIGURES,      NULL,                  write_device_high        },
    { VIRTIO_MMIO_SHM_SEL,             V2 | SHM,             NULL,                  write_shm_sel            },
    { VIRTIO_MMIO_SHM_LEN_LOW,         V2 | SHM,             read_shm_len_low,      NULL                     },
    { VIRTIO_MMIO_SHM_LEN_HIGH,        V2 | SHM,             read_shm_len_high,     NULL                     },
    { VIRTIO_MMIO_SHM_BASE_LOW,        V2 | SHM,             read_shm_base_low,     NULL                     },
    { VIRTIO_MMIO_SHM_BASE_HIGH,       V2 | SHM,             read_shm_base_high,    NULL                     },
    { VIRTIO_MMIO_QUEUE_RESET,         V2,                   read_queue_reset,      write_queue_reset        },
    { VIRTIO_MMIO_CONFIG_GENERATION,   V2,                   fake_generation_read,  NULL                     },
};

/* §4.2.3.1.1: MagicValue, Version, DeviceID, and then perhaps nothing more. */
static void
check_probe(struct fake_device *device, uint32_t offset)
{
    if (offset <= VIRTIO_MMIO_DEVICE_ID) {
        bool has_before = (offset < VIRTIO_MMIO_VERSION || device->has_read_magic) &&
                          (offset < VIRTIO_MMIO_DEVICE_ID || device->has_read_version);
        if (!has_before) {
            fake_break(device, FAKE_REQ_MMIO_PROBE_ORDER, offset);
        }
        return;
    }
    if (!device->has_read_magic || !device->has_read_version || !device->has_read_id) {
        fake_break(device, FAKE_REQ_MMIO_PROBE_ORDER, offset);
    }
    if (device->magic != VIRTIO_MMIO_MAGIC_VALUE) {
        fake_break(device, FAKE_REQ_MMIO_MAGIC_IGNORED, offset);
    } else if (device->version != 1 && device->version != 2) {
        fake_break(device, FAKE_REQ_MMIO_VERSION_IGNORED, offset);
    } else if (device->id == 0) {
        fake_break(device, FAKE_REQ_MMIO_EMPTY_SLOT, offset);
    }
}

static const struct reg *
find(const struct fake_device *device, uint32_t offset)
{
    uint8_t version = fake_is_legacy(device) ? V1 : V2;
    for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
        if (regs[i].offset == offset && (regs[i].flags & version) != 0) {
            return &regs[i];
        }
    }
    return NULL;
}

/* Returns: the register, when the access is one that the driver may make. */
static const struct reg *
check_register(struct fake_device *device, uint32_t offset, unsigned width)
{
    check_probe(device, offset);
    if (offset != VIRTIO_MMIO_CONFIG_GENERATION) {
        device->has_read_generation = false;
    }
    if (width != 4 || offset % 4 != 0) {
        fake_break(device, FAKE_REQ_MMIO_WIDTH, (uint64_t)offset << 8 | width);
        return NULL;
    }
    const struct reg *reg = find(device, offset);
    if (reg == NULL) {
        fake_break(device, FAKE_REQ_MMIO_UNDESCRIBED, offset);
        return NULL;
    }
    if ((reg->flags & SHM) != 0 && !device->has_shm) {
        fake_break(device, FAKE_REQ_MMIO_SHM_UNEXPECTED, offset);
    }
    struct fake_queue *q = selected(device);
    if ((reg->flags & CONFIGURES) != 0 && q->is_ready) {
        fake_break(device, FAKE_REQ_MMIO_QUEUE_READY_ACCESS, offset);
        return NULL;
    }
    if (q->must_read_ready && offset != VIRTIO_MMIO_QUEUE_READY) {
        fake_break(device, FAKE_REQ_MMIO_QUEUE_STOP_READ, offset);
        q->must_read_ready = false;
    }
    return reg;
}

uint64_t
fake_device_read(struct fake_device *device, uint32_t offset, unsigned width)
{
    if (fake_is_pci(device)) {
        return fake_pci_read(device, offset, width);
    }
    if (offset >= VIRTIO_MMIO_CONFIG) {
        check_probe(device, offset);
        return fake_config_read(device, offset - VIRTIO_MMIO_CONFIG, width);
    }
    const struct reg *reg = check_register(device, offset, width);
    if (reg == NULL) {
        return 0;
    }
    if (reg->read == NULL) {
        fake_break(device, FAKE_REQ_MMIO_READ_WRITE_ONLY, offset);
        return 0;
    }
    return reg->read(device);
}

void
fake_device_write(struct fake_device *device, uint32_t offset, unsigned width, uint64_t value)
{
    if (fake_is_pci(device)) {
        fake_pci_write(device, offset, width, (uint32_t)value);
        return;
    }
    if (offset >= VIRTIO_MMIO_CONFIG) {
        check_probe(device, offset);
        fake_config_write(device, offset - VIRTIO_MMIO_CONFIG, width, (uint32_t)value);
        return;
    }
    const struct reg *reg = check_register(device, offset, width);
    if (reg == NULL) {
        return;
    }
    if (reg->write == NULL) {
        fake_break(device, FAKE_REQ_MMIO_WRITE_READ_ONLY, offset);
        return;
    }
    reg->write(device, (uint32_t)value);
}
