/*
 * A platform for host tests: memory that only registered arenas give to the device, a clock that only the test moves,
 * a log that can be searched, and a bus of fake devices reached through mmio_read and mmio_write.
 *
 *   struct fake_platform fp;
 *   fake_platform_init(&fp);
 *   struct virtio_arena arena = fake_platform_arena(&fp, 1 << 20);
 *   fake_device_init(&device, &fp, &config);            tests/fake/fake_device.h
 *   virtio_bus_init(&bus, &fp.plat, NULL);
 *   virtio_mmio_probe(&bus, device.base, FAKE_DEVICE_BYTES, &driver_side);
 *   ...
 *   fake_device_finish(&device);
 *   EXPECT_TRUE(fake_platform_finish(&fp));             false, with a list, when the driver broke a requirement
 *
 * DMA addresses differ from pointers, so an untranslated pointer reaches nothing and is a violation.
 */
#ifndef FAKE_PLATFORM_H
#define FAKE_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/platform.h"

enum fake_requirement {
#define REQUIREMENT(id, section, sentence)    FAKE_REQ_##id,
#define RECOMMENDATION(id, section, sentence) FAKE_REQ_##id,
#include "tests/fake/requirements.def"
#undef REQUIREMENT
#undef RECOMMENDATION
    FAKE_REQ_COUNT
};

/* One line of requirements.def. */
struct fake_requirement_info {
    const char *name;
    const char *section;
    const char *sentence;
    bool is_must;
};

extern const struct fake_requirement_info fake_requirements[FAKE_REQ_COUNT];

enum {
    FAKE_REGIONS_MAX = 64,
    FAKE_DEVICES_MAX = 16,
    FAKE_LOG_BYTES = 32768,
    FAKE_DEVICE_BYTES = 0x200, /* registers and configuration space of one device */
    FAKE_COOKIE_BYTES = 0x1000,
};

#define FAKE_DEVICE_BASE UINT64_C(0x0a000000) /* physical address of the first device */
#define FAKE_DMA_BASE    UINT64_C(0x40000000) /* device address of the first region */
#define FAKE_DMA_STRIDE  UINT64_C(0x10000000)

/* Memory that devices can reach. */
struct fake_region {
    uint8_t *ptr;
    size_t bytes;
    uint64_t dma;
    bool is_owned; /* allocated here */
};

struct fake_device;

struct fake_platform {
    struct virtio_platform plat; /* give this to the library */

    uint64_t now_ns;
    uint64_t relax_step_ns; /* what one call of relax adds; 10 us at first */
    bool is_clock_stuck;
    uint64_t clock_count; /* times that it was read */
    uint64_t relax_count;
    uint64_t relax_limit; /* abort beyond: a wait without end */

    uint32_t map_count;
    uint32_t dma_count;
    uint32_t dma_fail_from; /* the dma_addr call that fails, and all after it; UINT32_MAX: none */
    bool is_map_failing;
    uint8_t *
        window; /* the device's shared memory region, the test's own memory; NULL: cannot be mapped */
    uint64_t window_base;
    uint64_t window_bytes;

    struct fake_region regions[FAKE_REGIONS_MAX];
    uint32_t region_count;
    uint64_t dma_base; /* FAKE_DMA_BASE unless the test wants, say, addresses above 4 GiB */

    struct fake_device *devices[FAKE_DEVICES_MAX];
    uint32_t device_count;
    uint8_t *cookies; /* what map returns: addresses without memory behind them */

    char log[FAKE_LOG_BYTES];
    size_t log_bytes;

    uint32_t hits[FAKE_REQ_COUNT];       /* times each was broken or missed */
    uint64_t hit_values[FAKE_REQ_COUNT]; /* the first value */
    uint32_t violation_count;            /* of requirements, not of recommendations */
    bool is_expecting_violations;        /* the test looks itself */
    bool is_loud;                        /* print violations when they happen; true at first */
};

/* Everything off, clock at one second. */
void fake_platform_init(struct fake_platform *fp);

/* Give memory back. Returns: false, with a list, when requirements were broken, unless is_expecting_violations. */
bool fake_platform_finish(struct fake_platform *fp) __attribute__((warn_unused_result));

/* A new arena that devices can reach, aligned to 4096, filled with 0xa5. Owned by the platform. */
struct virtio_arena fake_platform_arena(struct fake_platform *fp, size_t bytes);

/* Let devices reach `bytes` of the test's own memory. */
void fake_platform_share(struct fake_platform *fp, void *ptr, size_t bytes);

/* Memory at a device address; NULL unless all of it lies in one region. */
uint8_t *fake_platform_at(struct fake_platform *fp, uint64_t dma, uint64_t bytes);

/* Advance the clock and every device. */
void fake_platform_advance(struct fake_platform *fp, uint64_t ns);

/* Does the log contain `text`? */
bool fake_platform_logged(const struct fake_platform *fp, const char *text);

/* Record that a driver broke a requirement or missed a recommendation. */
void fake_violate(struct fake_platform *fp, enum fake_requirement requirement, uint64_t value);

/* No requirement broken so far? Prints those that were. */
bool fake_platform_is_clean(const struct fake_platform *fp);

/* Forget violations: for tests that provoke one. */
void fake_platform_forget(struct fake_platform *fp);

#endif
