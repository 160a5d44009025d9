/*
 * struct virtio_platform over the qtest protocol; see qtest_platform.h.
 */
#include "tests/qtest/qtest_platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sched.h>
#include <time.h>

enum {
    TURNS_BEFORE_SLEEP =
        64, /* QEMU shares the processors with us: after so many, leave them to it */
    SLEEP_NS = 50000,
};

/* A register's pointer is its physical address: it is never followed. */
static volatile void *
platform_map(void *ctx, uint64_t phys, size_t size)
{
    (void)ctx;
    (void)size;
    return (volatile void *)(uintptr_t)phys;
}

static uint64_t
platform_dma_addr(void *ctx, const volatile void *ptr, size_t bytes)
{
    const struct qtest_platform *platform = ctx;
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)platform->qemu->ram;
    if (offset > QEMU_RAM_BYTES || bytes > QEMU_RAM_BYTES - offset) {
        return UINT64_MAX;
    }
    return QEMU_RAM_BASE + offset;
}

static uint64_t
platform_now_ns(void *ctx)
{
    struct timespec now;
    (void)ctx;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void
platform_log(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    struct qtest_platform *platform = ctx;
    char *line = platform->log[platform->log_count++ % QTEST_LOG_LINES];
    size_t kept = bytes < QTEST_LOG_LINE_BYTES - 1 ? bytes : QTEST_LOG_LINE_BYTES - 1;
    memcpy(line, text, kept);
    line[kept] = '\0';
    if (getenv("QTEST_VERBOSE") != NULL) {
        (void)fprintf(stderr, "    log %d: %s\n", (int)level, line);
    }
}

static void
platform_relax(void *ctx, uint64_t deadline_ns)
{
    static const struct timespec nap = { .tv_nsec = SLEEP_NS };
    struct qtest_platform *platform = ctx;
    (void)deadline_ns;
    if (platform->is_spinning || platform->turns++ < TURNS_BEFORE_SLEEP) {
        (void)sched_yield();
    } else {
        (void)nanosleep(&nap, NULL);
    }
}

static uint64_t
platform_mmio_read(void *ctx, const volatile void *reg, unsigned width)
{
    struct qtest_platform *platform = ctx;
    platform->turns = 0;
    return qemu_read(platform->qemu, (uintptr_t)reg, width);
}

static void
platform_mmio_write(void *ctx, volatile void *reg, unsigned width, uint64_t value)
{
    struct qtest_platform *platform = ctx;
    platform->turns = 0;
    qemu_write(platform->qemu, (uintptr_t)reg, width, value);
}

void
qtest_platform_init(struct qtest_platform *platform, struct qemu *qemu)
{
    memset(platform, 0, sizeof(*platform));
    platform->qemu = qemu;
    platform->table = (struct virtio_platform){
        .ctx = platform,
        .map = platform_map,
        .dma_addr = platform_dma_addr,
        .now_ns = platform_now_ns,
        .log = platform_log,
        .relax = platform_relax,
        .mmio_read = platform_mmio_read,
        .mmio_write = platform_mmio_write,
    };
}

bool
qtest_log_contains(const struct qtest_platform *platform, const char *part)
{
    for (uint32_t i = 0; i < QTEST_LOG_LINES && i < platform->log_count; i++) {
        if (strstr(platform->log[i], part) != NULL) {
            return true;
        }
    }
    return false;
}

void
qtest_log_clear(struct qtest_platform *platform)
{
    platform->log_count = 0;
    memset(platform->log, 0, sizeof(platform->log));
}
