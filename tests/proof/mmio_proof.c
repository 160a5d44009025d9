/*
 * The MMIO helpers: every access stays within its register and its width, addresses and page numbers lose no bit, and
 * what a device says about itself is cut to what it may be (VirtIO 1.3 §4.2). The device answers any value to any read.
 */
#include "virtio/core/config.c"
#include "virtio/transport/mmio.c"
#include "virtio/transport/mmio_v1.c"
#include "virtio/transport/mmio_v2.c"

#include "tests/proof/proof.h"

enum {
    SLOT_BYTES = 0x200,
    CONFIG_BYTES = SLOT_BYTES - VIRTIO_MMIO_CONFIG,
    WRITE_COUNT_MAX = 12,
};

/* The device's side: a slot of registers reached by calls, which remembers what it was told. */
struct told {
    size_t offset;
    unsigned width;
    uint64_t value;
};

static volatile uint8_t slot[SLOT_BYTES];
static struct told told[WRITE_COUNT_MAX];
static unsigned told_count;

static uint64_t
on_read(void *ctx, const volatile void *reg, unsigned width)
{
    size_t offset = (size_t)((const volatile uint8_t *)reg - slot);

    (void)ctx;
    PROVE((width == 1 || width == 2 || width == 4) && offset <= SLOT_BYTES - width);
    PROVE(offset % width == 0);
    return nondet_u64();
}

static void
on_write(void *ctx, volatile void *reg, unsigned width, uint64_t value)
{
    size_t offset = (size_t)((volatile uint8_t *)reg - slot);

    (void)ctx;
    PROVE((width == 1 || width == 2 || width == 4) && offset <= SLOT_BYTES - width);
    PROVE(told_count < WRITE_COUNT_MAX);
    told[told_count++] = (struct told){ offset, width, value };
}

static uint64_t
any_time(void *ctx)
{
    (void)ctx;
    return nondet_u64();
}

static const struct virtio_platform by_call = { .mmio_read = on_read,
                                                .mmio_write = on_write,
                                                .now_ns = any_time };
static const struct virtio_platform by_pointer = { .now_ns = any_time };
static struct virtio_bus bus;
static struct virtio_device the_device;
static bool is_broken;

void
virtio_device_break(struct virtio_device *device, const char *rule, uint64_t value)
{
    (void)value;
    PROVE(device == &the_device && rule != NULL);
    is_broken = true;
}

enum virtio_err
virtio_device_relax(struct virtio_device *device, uint64_t deadline_ns)
{
    (void)device;
    (void)deadline_ns;
    return VIRTIO_OK;
}

static void
start(const struct virtio_platform *plat, const struct virtio_transport_ops *ops)
{
    bus.plat = plat;
    the_device.bus = &bus;
    the_device.ops = ops;
    the_device.regs = slot;
}

static const struct virtio_transport_ops *
any_version(void)
{
    return nondet_bool() ? &virtio_mmio_v1_ops : &virtio_mmio_v2_ops;
}

/* The last value written to a register, and that it was written with 32 bits. */
static uint32_t
last_told(size_t offset)
{
    uint32_t value = 0;
    bool is_found = false;

    for (unsigned i = 0; i < WRITE_COUNT_MAX; i++) {
        if (i < told_count && told[i].offset == offset) {
            PROVE(told[i].width == 4);
            value = (uint32_t)told[i].value;
            is_found = true;
        }
    }
    PROVE(is_found);
    return value;
}

/* cbmc: unwind 5.  By pointer: exactly `width` bytes at `offset`, little-endian, and no byte beside them. */
void
proof_write_by_pointer(void)
{
    size_t offset = nondet_u16();
    unsigned width = nondet_u8();
    uint32_t value = nondet_u32();
    size_t other = nondet_u16();
    uint8_t before = nondet_u8();
    size_t at = VIRTIO_MMIO_CONFIG + offset;

    ASSUME((width == 1 || width == 2 || width == 4) && offset % width == 0 &&
           offset <= CONFIG_BYTES - width);
    ASSUME(other < SLOT_BYTES && (other < at || other >= at + width));
    start(&by_pointer, any_version());
    slot[other] = before;
    the_device.ops->config_write(&the_device, offset, width, value);
    PROVE(slot[other] == before);
    for (unsigned i = 0; i < width; i++) {
        PROVE(slot[at + i] == (uint8_t)(value >> (8 * i)));
    }
    uint32_t mask = width == 4 ? UINT32_MAX : (1U << 8 * width) - 1;
    PROVE(the_device.ops->config_read(&the_device, offset, width) == (value & mask));
}

/* cbmc: unwind 13.  However large a device says that a queue may be, §2.6 and §2.7 allow no more than 32768. */
void
proof_queue_size_max(void)
{
    uint16_t queue_idx = nondet_u16();

    start(&by_call, any_version());
    PROVE(the_device.ops->queue_size_max(&the_device, queue_idx) <= VIRTQ_SIZE_MAX);
    PROVE(last_told(VIRTIO_MMIO_QUEUE_SEL) == queue_idx);
}

/* cbmc: unwind 13.  §4.2.2.2: no undefined bit is acknowledged, and what is acknowledged is what is reported. */
void
proof_take_interrupts(void)
{
    start(&by_call, any_version());
    uint32_t bits = the_device.ops->take_interrupts(&the_device);
    PROVE((bits & ~(uint32_t)(VIRTIO_INTERRUPT_USED_BUFFER | VIRTIO_INTERRUPT_CONFIG)) == 0);
    PROVE(told_count == (bits != 0));
    PROVE(bits == 0 || last_told(VIRTIO_MMIO_INTERRUPT_ACK) == bits);
}

/* cbmc: unwind 13.  Version 2: the three addresses arrive whole, and the queue becomes ready last. */
void
proof_v2_queue_enable(void)
{
    struct virtio_queue_areas areas = { nondet_u64(), nondet_u64(), nondet_u64(), nondet_u16() };

    start(&by_call, &virtio_mmio_v2_ops);
    enum virtio_err err = the_device.ops->queue_enable(&the_device, nondet_u16(), &areas);
    PROVE(err == VIRTIO_OK || (err == VIRTIO_ERR_BUSY && told_count == 1));
    if (err == VIRTIO_OK) {
        PROVE(last_told(VIRTIO_MMIO_QUEUE_SIZE) == areas.size);
        PROVE(((uint64_t)last_told(VIRTIO_MMIO_QUEUE_DESC_HIGH) << 32 |
               last_told(VIRTIO_MMIO_QUEUE_DESC_LOW)) == areas.desc_addr);
        PROVE(((uint64_t)last_told(VIRTIO_MMIO_QUEUE_DRIVER_HIGH) << 32 |
               last_told(VIRTIO_MMIO_QUEUE_DRIVER_LOW)) == areas.driver_addr);
        PROVE(((uint64_t)last_told(VIRTIO_MMIO_QUEUE_DEVICE_HIGH) << 32 |
               last_told(VIRTIO_MMIO_QUEUE_DEVICE_LOW)) == areas.device_addr);
        PROVE(told[told_count - 1].offset == VIRTIO_MMIO_QUEUE_READY &&
              told[told_count - 1].value == 1);
    }
}

/* cbmc: unwind 13.  Version 1: one page number stands for all three areas, exactly where §2.7.2 puts them, or it is refused. */
void
proof_v1_queue_enable(void)
{
    struct virtio_queue_areas areas = { nondet_u64(), nondet_u64(), nondet_u64(), nondet_u16() };

    start(&by_call, &virtio_mmio_v1_ops);
    enum virtio_err err = the_device.ops->queue_enable(&the_device, nondet_u16(), &areas);
    PROVE(err == VIRTIO_OK || err == VIRTIO_ERR_BUSY ||
          (err == VIRTIO_ERR_INVALID && told_count == 0));
    if (err == VIRTIO_OK) {
        uint64_t base = (uint64_t)last_told(VIRTIO_MMIO_QUEUE_PFN) << 12;
        uint64_t used = base + 16ULL * areas.size + 2ULL * (3ULL + areas.size);
        PROVE(areas.desc_addr == base);
        PROVE(areas.driver_addr == base + 16ULL * areas.size);
        PROVE(areas.device_addr == (used + 4095) / 4096 * 4096);
        PROVE(last_told(VIRTIO_MMIO_QUEUE_ALIGN) == 4096);
    }
}

/* cbmc: unwind 13.  Features: all 64 bits in version 2, the low 32 in version 1. */
void
proof_set_features(void)
{
    uint64_t features = nondet_u64();

    start(&by_call, any_version());
    the_device.ops->set_features(&the_device, features);
    for (unsigned i = 0; i < told_count; i++) {
        if (told[i].offset == VIRTIO_MMIO_DRIVER_FEATURES) {
            PROVE(told[i - 1].offset == VIRTIO_MMIO_DRIVER_FEATURES_SEL);
            PROVE(told[i].value == (uint32_t)(features >> (32 * told[i - 1].value)));
        }
    }
    PROVE(last_told(VIRTIO_MMIO_DRIVER_FEATURES_SEL) == !the_device.ops->is_legacy);
}

/* cbmc: unwind 13, virtio_config_read.0:65.  Whatever the device answers: configuration is read within the slot, written within the buffer, never beyond what was mapped, in bounded time. */
void
proof_config_read(void)
{
    static const char fields[] = { 8, 4, 2, 1, 1, 0 };
    uint8_t data[18] = { 0 };
    uint8_t guard = nondet_u8();
    size_t bytes = nondet_u8();

    ASSUME(bytes <= 16);
    data[bytes] = guard;
    start(&by_call, any_version());
    the_device.config_bytes = nondet_u16();
    ASSUME(the_device.config_bytes <=
           0x100); /* the slot is 0x200 bytes, its registers the lower half */
    enum virtio_err err = virtio_config_read(&the_device, 0, fields, data, bytes);
    PROVE((err == VIRTIO_ERR_BUFFER_TOO_SMALL) == (bytes < 16));
    PROVE((err == VIRTIO_ERR_INVALID) == (bytes >= 16 && the_device.config_bytes < 16));
    PROVE(err == VIRTIO_OK || err == VIRTIO_ERR_BUFFER_TOO_SMALL || err == VIRTIO_ERR_INVALID ||
          (err == VIRTIO_ERR_TIMEOUT && is_broken));
    PROVE(data[bytes] == guard);
}
