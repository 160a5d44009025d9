/*
 * A device of the strict fake on a bus of its own, for the tests of the library's core.
 */
#ifndef TESTS_UNIT_CORE_BENCH_H
#define TESTS_UNIT_CORE_BENCH_H

#include "abi/virtio_gpu.h"
#include "abi/virtio_net.h"

#include "virtio/queue.h"

#include "tests/fake/fake_device.h"
#include "tests/fake/fake_gpu.h"
#include "tests/fake/fake_net.h"
#include "tests/fake/fake_pci.h"
#include "tests/unit/utest.h"

enum {
    ARENA_BYTES = 1 << 18,
    TRACE_RECORDS = 256,
    FEATURE_OF_MODEL = 1,
};

struct bench {
    struct fake_platform fp;
    struct fake_device fake;
    struct virtio_trace trace;
    struct trace_record records[TRACE_RECORDS];
    struct virtio_bus bus;
    struct virtio_device *device;
    struct virtio_arena arena;
    struct virtq q;
};

static struct bench b;

/* Every transport in turn: for (version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) */
static inline uint32_t
next_version(uint32_t version)
{
    return version == 2 ? FAKE_VERSION_PCI : version + 1;
}

static inline void
begin_device(uint32_t version, uint64_t features, const struct fake_model *model, void *model_ctx)
{
    memset(&b, 0, sizeof(b));
    fake_platform_init(&b.fp);
    b.arena = fake_platform_arena(&b.fp, ARENA_BYTES);
    struct fake_device_config config = { .model = model,
                                         .model_ctx = model_ctx,
                                         .version = version,
                                         .features = features,
                                         .queue_count = 2 };
    fake_device_init(&b.fake, &b.fp, &config);
    EXPECT_EQ(virtio_trace_init(&b.trace, &b.fp.plat, b.records, TRACE_RECORDS), VIRTIO_OK);
    virtio_trace_enable(&b.trace, true);
    EXPECT_EQ(virtio_bus_init(&b.bus, &b.fp.plat, &b.trace), VIRTIO_OK);
}

static inline void
begin_without_probe(uint32_t version, uint64_t features)
{
    begin_device(version, features, &fake_echo_model, NULL);
}

static inline void
begin_model(uint32_t version, uint64_t features, const struct fake_model *model, void *model_ctx)
{
    begin_device(version, features, model, model_ctx);
    EXPECT_EQ(fake_device_probe(&b.bus, &b.fake, &b.device), VIRTIO_OK);
}

static inline void
begin(uint32_t version, uint64_t features)
{
    begin_model(version, features, &fake_echo_model, NULL);
}

static inline void
run(uint64_t wanted)
{
    struct virtio_feature_request request = { .wanted = wanted };
    struct virtq_config config = { .size_max = 16, .indirect_max = 4, .is_interrupting = true };
    EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
    EXPECT_EQ(virtq_setup(&b.q, b.device, 0, &config, &b.arena), VIRTIO_OK);
    EXPECT_EQ(virtio_device_start(b.device), VIRTIO_OK);
}

/* Not one requirement broken, and not one recommendation missed. */
static inline void
end(void)
{
    fake_device_finish(&b.fake);
    for (int i = 0; i < FAKE_REQ_COUNT; i++) {
        if (!EXPECT_EQ(b.fp.hits[i], 0)) {
            printf("        %s\n", fake_requirements[i].sentence);
        }
    }
    EXPECT_TRUE(fake_platform_finish(&b.fp));
}

/* Is `text` somewhere in the trace, as it prints? */
static inline bool
is_traced(const char *text)
{
    struct virtio_trace_reader reader = virtio_trace_read_start(&b.trace);
    struct trace_record record;
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        char line[160];
        (void)virtio_trace_format(&record, line, sizeof(line));
        if (strstr(line, text) != NULL) {
            return true;
        }
    }
    return false;
}

#endif
