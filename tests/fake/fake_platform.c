#include "tests/fake/fake_platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include "tests/fake/fake_device.h"

const struct fake_requirement_info fake_requirements[FAKE_REQ_COUNT] = {
#define REQUIREMENT(id, section, sentence)    { #id, section, sentence, true },
#define RECOMMENDATION(id, section, sentence) { #id, section, sentence, false },
#include "tests/fake/requirements.def"
#undef REQUIREMENT
#undef RECOMMENDATION
};

static volatile void *
fake_map(void *ctx, uint64_t phys, size_t size)
{
    struct fake_platform *fp = ctx;
    fp->map_count++;
    if (fp->is_map_failing) {
        return NULL;
    }
    for (uint32_t i = 0; i < fp->device_count; i++) {
        uint64_t base = fp->devices[i]->base;
        if (phys >= base && phys - base < FAKE_COOKIE_BYTES &&
            size <= FAKE_COOKIE_BYTES - (phys - base)) {
            return fp->cookies + (size_t)i * FAKE_COOKIE_BYTES + (phys - base);
        }
    }
    return NULL;
}

static void *
fake_map_cached(void *ctx, uint64_t phys, uint64_t size)
{
    const struct fake_platform *fp = ctx;
    bool is_inside = phys >= fp->window_base && phys - fp->window_base <= fp->window_bytes &&
                     size <= fp->window_bytes - (phys - fp->window_base);
    return fp->window != NULL && is_inside ? fp->window + (phys - fp->window_base) : NULL;
}

static uint64_t
fake_dma_addr(void *ctx, const volatile void *ptr, size_t bytes)
{
    struct fake_platform *fp = ctx;
    uintptr_t address = (uintptr_t)ptr;
    if (fp->dma_count++ >= fp->dma_fail_from) {
        return UINT64_MAX;
    }
    for (uint32_t i = 0; i < fp->region_count; i++) {
        const struct fake_region *region = &fp->regions[i];
        uintptr_t base = (uintptr_t)region->ptr;
        if (address >= base && address - base <= region->bytes &&
            bytes <= region->bytes - (address - base)) {
            return region->dma + (address - base);
        }
    }
    return UINT64_MAX;
}

static uint64_t
fake_now_ns(void *ctx)
{
    struct fake_platform *fp = ctx;
    fp->clock_count++;
    return fp->now_ns;
}

static void
fake_log(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    struct fake_platform *fp = ctx;
    size_t room = sizeof(fp->log) - fp->log_bytes;
    if (room < bytes + 4) {
        return;
    }
    char *line = fp->log + fp->log_bytes;
    line[0] = "EWID"[level & 3];
    line[1] = ' ';
    memcpy(line + 2, text, bytes);
    line[bytes + 2] = '\n';
    line[bytes + 3] = '\0';
    fp->log_bytes += bytes + 3;
}

void
fake_platform_advance(struct fake_platform *fp, uint64_t ns)
{
    if (!fp->is_clock_stuck) {
        fp->now_ns += ns;
    }
    for (uint32_t i = 0; i < fp->device_count; i++) {
        fake_device_tick(fp->devices[i]);
    }
}

static void
fake_relax(void *ctx, uint64_t deadline_ns)
{
    struct fake_platform *fp = ctx;
    (void)deadline_ns;
    fp->relax_count++;
    if (fp->relax_count > fp->relax_limit) {
        (void)fprintf(stderr, "fake platform: a wait without end (%llu turns)\n",
                      (unsigned long long)fp->relax_count);
        abort();
    }
    fake_platform_advance(fp, fp->relax_step_ns);
}

static struct fake_device *
fake_device_at(struct fake_platform *fp, const volatile void *reg, uint32_t *offset)
{
    uintptr_t distance = (uintptr_t)reg - (uintptr_t)fp->cookies;
    uint32_t idx = (uint32_t)(distance / FAKE_COOKIE_BYTES);
    if ((uintptr_t)reg < (uintptr_t)fp->cookies || idx >= fp->device_count) {
        (void)fprintf(stderr, "fake platform: register access outside every device\n");
        abort();
    }
    *offset = (uint32_t)(distance % FAKE_COOKIE_BYTES);
    return fp->devices[idx];
}

static uint64_t
fake_mmio_read_hook(void *ctx, const volatile void *reg, unsigned width)
{
    uint32_t offset;
    struct fake_device *device = fake_device_at(ctx, reg, &offset);
    return fake_device_read(device, offset, width);
}

static void
fake_mmio_write_hook(void *ctx, volatile void *reg, unsigned width, uint64_t value)
{
    uint32_t offset;
    struct fake_device *device = fake_device_at(ctx, reg, &offset);
    fake_device_write(device, offset, width, value);
}

void
fake_platform_init(struct fake_platform *fp)
{
    memset(fp, 0, sizeof(*fp));
    fp->plat = (struct virtio_platform){ .ctx = fp,
                                         .map = fake_map,
                                         .map_cached = fake_map_cached,
                                         .dma_addr = fake_dma_addr,
                                         .now_ns = fake_now_ns,
                                         .log = fake_log,
                                         .relax = fake_relax,
                                         .mmio_read = fake_mmio_read_hook,
                                         .mmio_write = fake_mmio_write_hook };
    fp->now_ns = 1000000000;
    fp->relax_step_ns = 10000;
    fp->relax_limit = 10000000;
    fp->dma_fail_from = UINT32_MAX;
    fp->dma_base = FAKE_DMA_BASE;
    fp->is_loud = true;
    fp->cookies = mmap(NULL, (size_t)FAKE_DEVICES_MAX * FAKE_COOKIE_BYTES, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fp->cookies == MAP_FAILED) {
        abort();
    }
}

bool
fake_platform_finish(struct fake_platform *fp)
{
    bool is_clean = fp->is_expecting_violations || fake_platform_is_clean(fp);
    for (uint32_t i = 0; i < fp->region_count; i++) {
        if (fp->regions[i].is_owned) {
            free(fp->regions[i].ptr);
        }
    }
    munmap(fp->cookies, (size_t)FAKE_DEVICES_MAX * FAKE_COOKIE_BYTES);
    return is_clean;
}

static struct fake_region *
fake_region_add(struct fake_platform *fp, void *ptr, size_t bytes)
{
    if (fp->region_count == FAKE_REGIONS_MAX || bytes > FAKE_DMA_STRIDE) {
        abort();
    }
    struct fake_region *region = &fp->regions[fp->region_count];
    region->ptr = ptr;
    region->bytes = bytes;
    /* The offset within a page stays, so alignment means the same on both sides. */
    region->dma = fp->dma_base + fp->region_count * FAKE_DMA_STRIDE + ((uintptr_t)ptr & 4095);
    fp->region_count++;
    return region;
}

struct virtio_arena
fake_platform_arena(struct fake_platform *fp, size_t bytes)
{
    /* An exact size, so that AddressSanitizer sees one byte too far; posix_memalign allows any. */
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, bytes == 0 ? 1 : bytes) != 0) {
        abort();
    }
    memset(memory, 0xa5, bytes);
    fake_region_add(fp, memory, bytes)->is_owned = true;
    return (struct virtio_arena){ .base = memory, .bytes = bytes };
}

void
fake_platform_share(struct fake_platform *fp, void *ptr, size_t bytes)
{
    fake_region_add(fp, ptr, bytes)->is_owned = false;
}

uint8_t *
fake_platform_at(struct fake_platform *fp, uint64_t dma, uint64_t bytes)
{
    for (uint32_t i = 0; i < fp->region_count; i++) {
        const struct fake_region *region = &fp->regions[i];
        if (dma >= region->dma && dma - region->dma <= region->bytes &&
            bytes <= region->bytes - (dma - region->dma)) {
            return region->ptr + (dma - region->dma);
        }
    }
    return NULL;
}

bool
fake_platform_logged(const struct fake_platform *fp, const char *text)
{
    return strstr(fp->log, text) != NULL;
}

static void
fake_violation_print(const struct fake_requirement_info *info, uint64_t value)
{
    (void)fprintf(stderr, "violation: VirtIO 1.3 \302\247%s %s (%s), value 0x%llx\n", info->section,
                  info->sentence, info->name, (unsigned long long)value);
}

void
fake_violate(struct fake_platform *fp, enum fake_requirement requirement, uint64_t value)
{
    const struct fake_requirement_info *info = &fake_requirements[requirement];
    if (fp->hits[requirement]++ == 0) {
        fp->hit_values[requirement] = value;
    }
    if (!info->is_must) {
        return;
    }
    fp->violation_count++;
    if (fp->is_loud && !fp->is_expecting_violations && fp->hits[requirement] == 1) {
        fake_violation_print(info, value);
    }
}

bool
fake_platform_is_clean(const struct fake_platform *fp)
{
    for (unsigned i = 0; i < FAKE_REQ_COUNT; i++) {
        if (fp->hits[i] > 0 && fake_requirements[i].is_must) {
            fake_violation_print(&fake_requirements[i], fp->hit_values[i]);
        }
    }
    return fp->violation_count == 0;
}

void
fake_platform_forget(struct fake_platform *fp)
{
    memset(fp->hits, 0, sizeof(fp->hits));
    fp->violation_count = 0;
}
