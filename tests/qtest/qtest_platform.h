/*
 * The library's platform on top of a QEMU without a running CPU: registers by the qtest protocol, memory shared.
 *
 *   mmio_read, mmio_write   one line each way, some 20 us
 *   dma_addr                offset in the shared memory, plus where the machine has its RAM
 *   now_ns                  the host's monotonic clock
 *   log                     kept, to be looked for
 */
#ifndef TESTS_QTEST_QTEST_PLATFORM_H
#define TESTS_QTEST_QTEST_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/platform.h"

#include "tests/qtest/qemu.h"

enum {
    QTEST_LOG_LINES = 64,
    QTEST_LOG_LINE_BYTES = 224,
};

struct qtest_platform {
    struct virtio_platform table;
    struct qemu *qemu;
    uint32_t turns;                                  /* of the present wait */
    bool is_spinning;                                /* waits do not sleep: for measuring */
    char log[QTEST_LOG_LINES][QTEST_LOG_LINE_BYTES]; /* the last ones, as a ring */
    uint32_t log_count;
};

/* Fill in the table. `qemu` runs. With QTEST_VERBOSE in the environment each log line is printed too. */
void qtest_platform_init(struct qtest_platform *platform, struct qemu *qemu);

/* Was a line logged that contains `part`? */
bool qtest_log_contains(const struct qtest_platform *platform, const char *part);

/* Forget the lines. */
void qtest_log_clear(struct qtest_platform *platform);

#endif
