#include "tests/fake/mini_driver.h"

#include <stdio.h>
#include <string.h>

#include "tests/fake/fake_private.h"

/* Which checks have fired in this program. */
static bool is_proven[FAKE_REQ_COUNT];

void
mini_init(struct mini *m, uint32_t version, uint64_t features, const struct fake_model *model,
          void *model_ctx)
{
    memset(m, 0, sizeof(*m));
    fake_platform_init(&m->fp);
    m->fp.is_expecting_violations = true;
    struct virtio_arena arena = fake_platform_arena(&m->fp, MINI_ARENA_BYTES);
    m->mem = arena.base;
    memset(m->mem, 0, MINI_ARENA_BYTES);
    m->dma = m->fp.plat.dma_addr(m->fp.plat.ctx, m->mem, MINI_ARENA_BYTES);
    struct fake_device_config config = { .model = model,
                                         .model_ctx = model_ctx,
                                         .version = version,
                                         .features = features,
                                         .queue_count = 3,
                                         .queue_size_max = 16 };
    fake_device_init(&m->device, &m->fp, &config);
    m->features = m->device.offered;
    m->queue_count = 1;
    m->regs = m->fp.plat.map(m->fp.plat.ctx, m->device.base, FAKE_DEVICE_BYTES);
    memset(m->avail_wrap, true, sizeof(m->avail_wrap));
}

uint32_t
mini_read(struct mini *m, uint32_t offset)
{
    return (uint32_t)m->fp.plat.mmio_read(&m->fp, m->regs + offset, 4);
}

void
mini_write(struct mini *m, uint32_t offset, uint32_t value)
{
    m->fp.plat.mmio_write(&m->fp, m->regs + offset, 4, value);
}

static void
write_features(struct mini *m)
{
    for (uint32_t sel = 0; sel < (m->device.version == 1 ? 1u : 2u); sel++) {
        mini_write(m, VIRTIO_MMIO_DEVICE_FEATURES_SEL, sel);
        (void)mini_read(m, VIRTIO_MMIO_DEVICE_FEATURES);
        mini_write(m, VIRTIO_MMIO_DRIVER_FEATURES_SEL, sel);
        mini_write(m, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(m->features >> (32 * sel)));
    }
}

static void
add_status(struct mini *m, uint32_t bit)
{
    mini_write(m, VIRTIO_MMIO_STATUS, mini_read(m, VIRTIO_MMIO_STATUS) | bit);
}

static void
features_ok(struct mini *m)
{
    if (m->device.version == 1) {
        mini_write(m, VIRTIO_MMIO_GUEST_PAGE_SIZE, 4096);
        return;
    }
    add_status(m, VIRTIO_STATUS_FEATURES_OK);
    (void)mini_read(m, VIRTIO_MMIO_STATUS);
}

void
mini_step(struct mini *m, enum mini_step step)
{
    switch (step) {
    case MINI_PROBED:
        (void)mini_read(m, VIRTIO_MMIO_MAGIC);
        (void)mini_read(m, VIRTIO_MMIO_VERSION);
        (void)mini_read(m, VIRTIO_MMIO_DEVICE_ID);
        break;
    case MINI_RESET:
        mini_write(m, VIRTIO_MMIO_STATUS, 0);
        (void)mini_read(m, VIRTIO_MMIO_STATUS);
        break;
    case MINI_ACKNOWLEDGE: add_status(m, VIRTIO_STATUS_ACKNOWLEDGE); break;
    case MINI_DRIVER: add_status(m, VIRTIO_STATUS_DRIVER); break;
    case MINI_FEATURES: write_features(m); break;
    case MINI_FEATURES_OK: features_ok(m); break;
    case MINI_QUEUES:
        for (uint16_t i = 0; i < m->queue_count; i++) {
            mini_queue(m, i, MINI_QUEUE_SIZE);
        }
        break;
    case MINI_DRIVER_OK: add_status(m, VIRTIO_STATUS_DRIVER_OK); break;
    }
}

void
mini_start(struct mini *m, enum mini_step last)
{
    for (enum mini_step step = MINI_PROBED; step <= last; step++) {
        mini_step(m, step);
    }
}

static uint32_t
area_offset(const struct mini *m, uint16_t queue_idx, unsigned area)
{
    const uint32_t offsets[] = { 0, 16 * MINI_QUEUE_SIZE, MINI_DEVICE_OFFSET };
    (void)m;
    return (uint32_t)queue_idx * MINI_QUEUE_BYTES + offsets[area];
}

uint8_t *
mini_area(struct mini *m, uint16_t queue_idx, unsigned area)
{
    return m->mem + area_offset(m, queue_idx, area);
}

uint64_t
mini_area_dma(const struct mini *m, uint16_t queue_idx, unsigned area)
{
    return m->dma + area_offset(m, queue_idx, area);
}

uint64_t
mini_data(const struct mini *m, uint32_t offset)
{
    return m->dma + MINI_DATA + offset;
}

static void
queue_modern(struct mini *m, uint16_t queue_idx)
{
    static const uint32_t lows[] = { VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DRIVER_LOW,
                                     VIRTIO_MMIO_QUEUE_DEVICE_LOW };
    for (unsigned area = 0; area < 3; area++) {
        uint64_t addr = mini_area_dma(m, queue_idx, area);
        mini_write(m, lows[area], (uint32_t)addr);
        mini_write(m, lows[area] + 4, (uint32_t)(addr >> 32));
    }
    mini_write(m, VIRTIO_MMIO_QUEUE_READY, 1);
}

void
mini_queue(struct mini *m, uint16_t queue_idx, uint32_t size)
{
    bool is_legacy = m->device.version == 1;
    mini_write(m, VIRTIO_MMIO_QUEUE_SEL, queue_idx);
    (void)mini_read(m, is_legacy ? VIRTIO_MMIO_QUEUE_PFN : VIRTIO_MMIO_QUEUE_READY);
    (void)mini_read(m, VIRTIO_MMIO_QUEUE_SIZE_MAX);
    mini_write(m, VIRTIO_MMIO_QUEUE_SIZE, size);
    if (is_legacy) {
        mini_write(m, VIRTIO_MMIO_QUEUE_ALIGN, 4096);
        mini_write(m, VIRTIO_MMIO_QUEUE_PFN, (uint32_t)(mini_area_dma(m, queue_idx, 0) / 4096));
    } else {
        queue_modern(m, queue_idx);
    }
}

static void
put_desc(uint8_t *entry, const struct mini_desc *desc)
{
    fake_put64(entry, desc->addr);
    fake_put32(entry + 8, desc->len);
    fake_put16(entry + 12, desc->flags);
    fake_put16(entry + 14, desc->next);
}

void
mini_entry(struct mini *m, uint16_t queue_idx, uint16_t idx, const struct mini_desc *desc)
{
    put_desc(mini_area(m, queue_idx, 0) + (size_t)16 * idx, desc);
}

void
mini_expose(struct mini *m, uint16_t queue_idx, uint16_t head)
{
    uint8_t *avail = mini_area(m, queue_idx, 1);
    fake_put16(avail + 4 + (size_t)2 * (m->avail_idx[queue_idx] % MINI_QUEUE_SIZE), head);
    m->avail_idx[queue_idx]++;
    fake_put16(avail + 2, m->avail_idx[queue_idx]);
}

void
mini_slot(struct mini *m, uint16_t queue_idx, const struct mini_desc *desc)
{
    uint8_t *entry = mini_area(m, queue_idx, 0) + (size_t)16 * m->avail_idx[queue_idx];
    uint16_t bits = m->avail_wrap[queue_idx] ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
    put_desc(entry, desc);
    fake_put16(entry + 12, desc->next);
    fake_put16(entry + 14, (uint16_t)(desc->flags | bits));
    if (++m->avail_idx[queue_idx] == MINI_QUEUE_SIZE) {
        m->avail_idx[queue_idx] = 0;
        m->avail_wrap[queue_idx] = !m->avail_wrap[queue_idx];
    }
}

void
mini_notify(struct mini *m, uint16_t queue_idx)
{
    mini_write(m, VIRTIO_MMIO_QUEUE_NOTIFY, queue_idx);
}

void
mini_offer(struct mini *m, uint16_t queue_idx, uint16_t first, const struct mini_desc *descs,
           uint16_t count)
{
    bool is_packed = fake_device_has(&m->device, VIRTIO_F_RING_PACKED);
    for (uint16_t i = 0; i < count; i++) {
        struct mini_desc desc = descs[i];
        bool is_last = i + 1 == count;
        desc.flags = (uint16_t)(desc.flags | (is_last ? 0 : VIRTQ_DESC_F_NEXT));
        if (is_packed) {
            desc.next = first;
            mini_slot(m, queue_idx, &desc);
        } else {
            desc.next = (uint16_t)(is_last ? 0 : first + i + 1);
            mini_entry(m, queue_idx, (uint16_t)(first + i), &desc);
        }
    }
    if (!is_packed) {
        mini_expose(m, queue_idx, first);
    }
    mini_notify(m, queue_idx);
}

/* The platform expects violations, so it has no objection of its own. */
static bool
finish(struct mini *m)
{
    fake_device_finish(&m->device);
    return fake_platform_finish(&m->fp);
}

bool
mini_broke(struct mini *m, enum fake_requirement requirement)
{
    bool is_right = m->fp.hits[requirement] > 0;
    if (!is_right) {
        printf("    not noticed: %s\n", fake_requirements[requirement].name);
    }
    is_proven[requirement] = is_proven[requirement] || is_right;
    for (unsigned i = 0; i < FAKE_REQ_COUNT; i++) {
        if (i != requirement && m->fp.hits[i] > 0 && fake_requirements[i].is_must) {
            printf("    also broken: %s (0x%llx)\n", fake_requirements[i].name,
                   (unsigned long long)m->fp.hit_values[i]);
            is_right = false;
        }
    }
    return finish(m) && is_right;
}

bool
mini_is_clean(struct mini *m)
{
    bool is_clean = fake_platform_is_clean(&m->fp);
    return finish(m) && is_clean;
}

unsigned
mini_unproven(enum fake_requirement first, enum fake_requirement last)
{
    unsigned count = 0;
    for (unsigned i = first; i <= last; i++) {
        if (!is_proven[i]) {
            printf("    no broken driver for %s\n", fake_requirements[i].name);
            count++;
        }
    }
    return count;
}
