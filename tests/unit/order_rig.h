/*
 * A driver's queue on registers and memory that take notes: the real core and MMIO transport, compiled with the headers of
 * tests/unit/recorded, and a device played by hand. Ring memory is closed to the driver but in its noted accesses.
 */
#ifndef TESTS_UNIT_ORDER_RIG_H
#define TESTS_UNIT_ORDER_RIG_H

#include <sys/mman.h>

#include "abi/virtio_pci.h"

#include "virtio/pci.h"
#include "virtio/transport.h"

#include "tests/unit/recorded/order_log.h"
#include "tests/unit/virtq_hand.h"

enum {
    RIG_EVENTS_MAX = 20000,
    RIG_BASE = 0x1000,
    RIG_MMIO_BYTES = 0x200,
    RIG_PCI_COMMON = 0x200,
    RIG_PCI_ISR = 0x280,
    RIG_PCI_NOTIFY = 0x300,
    RIG_REGS_BYTES = 0x400,
    RIG_PCI = 16, /* in place of a version of mmio */
    RIG_PAGE_BYTES = 4096,
    RIG_QUEUE_SIZE = 8,
    RIG_DMA_BASE = 0x100000, /* a legacy device's page number has 32 bits */
};

/* Where a register of the common configuration is. */
#define RIG_PCI_REG(field) (RIG_PCI_COMMON + offsetof(struct virtio_pci_common_cfg, field))

/* An event with what stood before it in the log: barriers that order stores, that order loads, loads before stores, and all. */
struct rig_event {
    struct order_event event;
    unsigned store_barriers;
    unsigned load_barriers;
    unsigned release_barriers;
    unsigned full_barriers;
};

struct rig {
    struct hand hand; /* the device's side of the rings */
    struct virtio_bus bus;
    struct virtio_platform plat;
    struct virtio_device *device;
    struct virtio_arena arena;
    struct virtq q;
    bool is_legacy;
    uint64_t features;
    uint8_t regs[RIG_REGS_BYTES];
    void *shared; /* the queue's pages; NULL: not yet known */
    size_t shared_bytes;
    bool is_closable;
    uint16_t taken; /* buffers that came back */
    size_t
        reveal_from; /* packed: where the look began that told of the buffers taken now, and its wrap counter */
    bool reveal_wrap;
    struct rig_event events[RIG_EVENTS_MAX];
    size_t event_count;
};

static struct rig *rig; /* the one that takes notes; library headers have no argument for it */

void
order_note(enum order_kind kind, const volatile void *at, uint64_t value)
{
    if (rig == NULL || !EXPECT_TRUE(rig->event_count < RIG_EVENTS_MAX)) {
        return;
    }
    struct rig_event *now = &rig->events[rig->event_count];
    if (rig->event_count > 0) {
        *now = now[-1];
    }
    now->event = (struct order_event){ kind, at, value };
    now->release_barriers += kind == ORDER_RELEASE_BARRIER || kind == ORDER_FULL_BARRIER;
    now->store_barriers +=
        kind == ORDER_STORE_BARRIER || kind == ORDER_RELEASE_BARRIER || kind == ORDER_FULL_BARRIER;
    now->load_barriers += kind == ORDER_LOAD_BARRIER || kind == ORDER_FULL_BARRIER;
    now->full_barriers += kind == ORDER_FULL_BARRIER;
    rig->event_count++;
}

static inline void
rig_protect(int protection)
{
    if (rig != NULL && rig->shared != NULL && rig->is_closable) {
        EXPECT_EQ(mprotect(rig->shared, rig->shared_bytes, protection), 0);
    }
}

void
order_open(void)
{
    rig_protect(PROT_READ | PROT_WRITE);
}

void
order_close(void)
{
    rig_protect(PROT_NONE);
}

static inline uint32_t
rig_reg(size_t offset)
{
    le32 reg;
    memcpy(&reg, &rig->regs[offset], sizeof(reg));
    return le32_get(reg);
}

static inline void
rig_set_reg(size_t offset, uint32_t value)
{
    le32 reg = le32_from(value);
    memcpy(&rig->regs[offset], &reg, sizeof(reg));
}

/* PCI: registers of fewer bytes, behind those of mmio. */
static inline bool
rig_is_pci(size_t offset)
{
    return offset >= RIG_PCI_COMMON;
}

static inline void
rig_put(size_t offset, unsigned width, uint32_t value)
{
    le32 bytes = le32_from(value);
    memcpy(&rig->regs[offset], &bytes, width);
}

static inline uint32_t
rig_get(size_t offset, unsigned width)
{
    le32 bytes = le32_from(0);
    memcpy(&bytes, &rig->regs[offset], width);
    return le32_get(bytes);
}

static inline uint32_t
rig_pci_read(size_t offset, unsigned width)
{
    uint32_t value = rig_get(offset, width);
    if (offset == RIG_PCI_REG(device_feature)) {
        value = (uint32_t)(rig->features >> (32 * rig_get(RIG_PCI_REG(device_feature_select), 4)));
    } else if (offset == RIG_PCI_ISR) {
        rig_put(offset, 1, 0);
    }
    return value;
}

static inline size_t
rig_offset(const volatile void *reg)
{
    return (size_t)((const volatile uint8_t *)reg - rig->regs);
}

uint32_t
order_reg_read(const volatile void *reg, unsigned width)
{
    size_t offset = rig_offset(reg);
    if (rig_is_pci(offset)) {
        uint32_t seen = rig_pci_read(offset, width);
        order_note(ORDER_REG_READ, reg, seen);
        return seen;
    }
    EXPECT_EQ(width, 4);
    uint32_t value = rig_reg(offset);
    if (offset == VIRTIO_MMIO_DEVICE_FEATURES) {
        value = (uint32_t)(rig->features >> (32 * rig_reg(VIRTIO_MMIO_DEVICE_FEATURES_SEL)));
    }
    order_note(ORDER_REG_READ, reg, value);
    return value;
}

void
order_reg_write(volatile void *reg, unsigned width, uint32_t value)
{
    size_t offset = rig_offset(reg);
    order_note(ORDER_REG_WRITE, reg, value);
    if (rig_is_pci(offset)) {
        rig_put(offset, width, value);
        return;
    }
    EXPECT_EQ(width, 4);
    rig_set_reg(offset, value);
    if (offset == VIRTIO_MMIO_INTERRUPT_ACK) {
        rig_set_reg(VIRTIO_MMIO_INTERRUPT_STATUS, 0);
    }
}

static inline volatile void *
rig_map(void *ctx, uint64_t phys, size_t size)
{
    (void)ctx;
    EXPECT_TRUE(phys >= RIG_BASE && phys - RIG_BASE + size <= RIG_REGS_BYTES);
    return rig->regs + (phys - RIG_BASE);
}

/* Memory to be shared, zeroed before: from now on closed. */
static inline uint64_t
rig_dma(void *ctx, const volatile void *ptr, size_t bytes)
{
    (void)ctx;
    rig->shared = (void *)(uintptr_t)ptr;
    rig->shared_bytes = bytes;
    order_note(ORDER_BUFFER_WRITE, NULL, 0);
    order_close();
    uintptr_t bias = rig->is_legacy ? (uintptr_t)rig->arena.base - RIG_DMA_BASE : 0;
    return (uintptr_t)ptr - bias;
}

static inline uint64_t
rig_now(void *ctx)
{
    (void)ctx;
    return rig->hand.now_ns += 100;
}

static inline void
rig_log(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    (void)ctx;
    (void)level;
    (void)text;
    (void)bytes;
}

/* The device's side knows where the areas are, and has read none of them. */
static inline void
rig_tell_device(void)
{
    const struct virtq *q = &rig->q;
    rig->hand.areas = (struct virtio_queue_areas){ .desc_addr = (uintptr_t)q->desc_area,
                                                   .driver_addr = (uintptr_t)q->driver_area,
                                                   .device_addr = (uintptr_t)q->device_area,
                                                   .size = q->size };
    rig->hand.is_packed = (q->device->accepted & VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)) != 0;
    rig->hand.avail_wrap = true;
    rig->hand.used_wrap = true;
}

static inline uint32_t
rig_config_read(void *ctx, uint16_t offset, unsigned width)
{
    uint32_t value = 0;
    memcpy(&value, (const uint8_t *)ctx + offset, width);
    return le32_get((le32){ value });
}

static inline void
rig_put_cap(uint8_t *space, unsigned idx, uint32_t offset, uint32_t bytes)
{
    uint8_t at = (uint8_t)(PCI_CAPABILITY_FIRST + idx * sizeof(struct virtio_pci_notify_cap));
    uint8_t next = (uint8_t)(at + sizeof(struct virtio_pci_notify_cap));
    struct virtio_pci_notify_cap cap = {
        .cap = {.cap_vndr = PCI_CAPABILITY_VENDOR,
                .cap_next = idx < 2 ? next : 0,
                .cap_len = sizeof(cap),
                .cfg_type = (uint8_t)(VIRTIO_PCI_CAP_COMMON_CFG + idx),
                .offset = le32_from(offset),
                .length = le32_from(bytes)},
        .notify_off_multiplier = le32_from(sizeof(le32)),
    };
    memcpy(space + at, &cap, sizeof(cap));
}

/* The same registers as a PCI function, with common, notification and ISR structures in BAR 0. */
static inline enum virtio_err
rig_probe_pci(void)
{
    uint8_t space[PCI_CONFIG_BYTES] = {
        [PCI_STATUS] = PCI_STATUS_HAS_CAPABILITIES, [PCI_CAPABILITIES] = PCI_CAPABILITY_FIRST
    };
    struct virtio_pci_function function = { .ctx = space, .config_read = rig_config_read };
    function.bars[0] = (struct virtio_pci_bar){ .base = RIG_BASE, .bytes = RIG_REGS_BYTES };
    le16 ids[2] = { le16_from(VIRTIO_PCI_VENDOR),
                    le16_from(VIRTIO_PCI_DEVICE_MODERN + VIRTIO_ID_BLOCK) };
    memcpy(space, ids, sizeof(ids));
    rig_put_cap(space, 0, RIG_PCI_COMMON, sizeof(struct virtio_pci_common_cfg));
    rig_put_cap(space, 1, RIG_PCI_NOTIFY, sizeof(le32));
    rig_put_cap(space, 2, RIG_PCI_ISR, 1);
    rig_put(RIG_PCI_REG(num_queues), 2, 1);
    rig_put(RIG_PCI_REG(queue_size), 2, RIG_QUEUE_SIZE);
    return virtio_pci_probe(&rig->bus, &function, &rig->device);
}

/* A device that is negotiated, with one queue, not started. */
static inline void
rig_start(uint32_t version, uint64_t features, bool is_interrupting)
{
    struct virtq_config config = { .size_max = RIG_QUEUE_SIZE,
                                   .indirect_max = 4,
                                   .is_interrupting = is_interrupting };
    struct virtio_feature_request request = { .wanted = features };
    rig = calloc(1, sizeof(*rig));
    rig->plat = (struct virtio_platform){
        .map = rig_map, .dma_addr = rig_dma, .now_ns = rig_now, .log = rig_log
    };
    rig->is_legacy = version == 1;
    rig->features = features | (rig->is_legacy ? 0 : VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
    rig->is_closable = sysconf(_SC_PAGESIZE) == RIG_PAGE_BYTES;
    rig->arena = (struct virtio_arena){ .base = aligned_alloc(RIG_PAGE_BYTES, HAND_ARENA_BYTES),
                                        .bytes = HAND_ARENA_BYTES };
    rig_set_reg(VIRTIO_MMIO_MAGIC, VIRTIO_MMIO_MAGIC_VALUE);
    rig_set_reg(VIRTIO_MMIO_VERSION, version);
    rig_set_reg(VIRTIO_MMIO_DEVICE_ID, VIRTIO_ID_BLOCK);
    rig_set_reg(VIRTIO_MMIO_QUEUE_SIZE_MAX, RIG_QUEUE_SIZE);
    EXPECT_EQ(virtio_bus_init(&rig->bus, &rig->plat, NULL), VIRTIO_OK);
    EXPECT_EQ(version == RIG_PCI
                  ? rig_probe_pci()
                  : virtio_mmio_probe(&rig->bus, RIG_BASE, RIG_MMIO_BYTES, &rig->device),
              VIRTIO_OK);
    EXPECT_EQ(virtio_device_claim(rig->device, "test"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(rig->device, &request), VIRTIO_OK);
    EXPECT_EQ(virtq_setup(&rig->q, rig->device, 0, &config, &rig->arena), VIRTIO_OK);
    rig_tell_device();
}

static inline void
rig_end(void)
{
    EXPECT_EQ(virtio_device_release(rig->device, "test"), VIRTIO_OK);
    order_open();
    virtq_finish(&rig->q, NULL, NULL);
    free(rig->arena.base);
    free(rig);
    rig = NULL;
}

/* The device serves all that is there, and interrupts; in order it may tell so for all of them at once. Returns how many. */
static inline unsigned
rig_serve(bool is_batch)
{
    struct hand_buffer buffer;
    uint16_t last_id = 0;
    uint16_t count = 0;
    uint16_t desc_count = 0;
    order_open();
    while (hand_take(&rig->hand, &buffer)) {
        count++;
        last_id = buffer.id;
        desc_count = (uint16_t)(desc_count + buffer.desc_count);
        if (!is_batch) {
            hand_use(&rig->hand, &buffer, buffer.writable_count * 16U);
        }
    }
    if (is_batch && count != 0) {
        hand_use_batch(&rig->hand, last_id, 16, count, desc_count);
    }
    order_close();
    rig_set_reg(VIRTIO_MMIO_INTERRUPT_STATUS, count != 0 ? VIRTIO_INTERRUPT_USED_BUFFER : 0);
    rig_put(RIG_PCI_ISR, 1, count != 0 ? VIRTIO_INTERRUPT_USED_BUFFER : 0);
    return count;
}

#endif
