/*
 * One fake device, one driver, one trace, for the tests of net, blk and input: the test plays the device by hand through
 * fake_queue_oldest and fake_chain_complete, in every flavour of transport and ring.
 */
#ifndef TESTS_UNIT_DRIVER_FIXTURE_H
#define TESTS_UNIT_DRIVER_FIXTURE_H

#include "virtio/device.h"

#include "tests/fake/fake_device.h"
#include "tests/fake/fake_pci.h"
#include "tests/unit/utest.h"

struct flavour {
    const char *name;
    uint32_t version;
    uint64_t features;
};

static const struct flavour flavours[] = {
    {"v2 split",              2,                0                                   },
    { "v2 split event index", 2,
     VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) | VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC)    },
    { "v2 split in order",    2,                VIRTIO_FEATURE(VIRTIO_F_IN_ORDER)   },
    { "v2 packed",            2,                VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)},
    { "v2 packed all",        2,
     VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) |
          VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) |
          VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM) | VIRTIO_FEATURE(VIRTIO_F_ORDER_PLATFORM) |
          VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA)                                },
    { "v1",                   1,                VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT) },
    { "pci split",            FAKE_VERSION_PCI, VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)  },
    { "pci packed",           FAKE_VERSION_PCI,
     VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) | VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) |
          VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA)                                },
    { "v1 strict layout",     1,                VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)  },
};

enum {
    FLAVOUR_COUNT = sizeof(flavours) / sizeof(flavours[0]),
    FIXTURE_TRACE_RECORDS = 256,
};

struct fixture {
    struct fake_platform fp;
    struct fake_device fake;
    struct virtio_bus bus;
    struct virtio_trace trace;
    struct trace_record records[FIXTURE_TRACE_RECORDS];
    struct virtio_device *device;
    struct virtio_arena arena;
};

/* What the device is; `arena_bytes` is what the driver may take. */
struct fixture_wish {
    const struct fake_model *model;
    const struct flavour *flavour;
    uint64_t features;
    uint16_t queue_count;
    size_t arena_bytes;
};

static inline void
fixture_start(struct fixture *fixture, const struct fixture_wish *wish)
{
    struct fake_device_config config = { .model = wish->model,
                                         .version = wish->flavour->version,
                                         .features = wish->features | wish->flavour->features,
                                         .queue_count = wish->queue_count };

    memset(fixture, 0, sizeof(*fixture));
    fake_platform_init(&fixture->fp);
    fixture->arena = fake_platform_arena(&fixture->fp, wish->arena_bytes);
    fake_device_init(&fixture->fake, &fixture->fp, &config);
    EXPECT_EQ(virtio_trace_init(&fixture->trace, &fixture->fp.plat, fixture->records,
                                FIXTURE_TRACE_RECORDS),
              VIRTIO_OK);
    virtio_trace_enable(&fixture->trace, true);
    EXPECT_EQ(virtio_bus_init(&fixture->bus, &fixture->fp.plat, &fixture->trace), VIRTIO_OK);
    EXPECT_EQ(fake_device_probe(&fixture->bus, &fixture->fake, &fixture->device), VIRTIO_OK);
}

static inline void
fixture_end(struct fixture *fixture)
{
    if (fixture->fp.log_bytes != 0 && utest.has_failed) {
        printf("%.*s", (int)fixture->fp.log_bytes, fixture->fp.log);
    }
    fake_device_finish(&fixture->fake);
    EXPECT_TRUE(fake_platform_finish(&fixture->fp));
}

/* A model's `buffer` that leaves every buffer to the test. */
static inline void
fixture_keep(struct fake_device *device, struct fake_chain *chain)
{
    (void)device;
    (void)chain;
}

/* Was an event of this kind recorded? */
static inline bool
fixture_has_event(const struct fixture *fixture, enum virtio_trace_event event)
{
    struct virtio_trace_reader reader = virtio_trace_read_start(&fixture->trace);
    struct trace_record record;

    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        if (le16_get(record.event) == event) {
            return true;
        }
    }
    return false;
}

/* The whole trace as the drivers print it, or as elements of a Chrome trace. */
static inline const char *
fixture_printed(const struct fixture *fixture, bool is_json)
{
    static char text[FIXTURE_TRACE_RECORDS * 256];
    char line[VIRTIO_TRACE_TEXT_BYTES];
    struct virtio_trace_reader reader = virtio_trace_read_start(&fixture->trace);
    struct trace_record record;
    size_t used = 0;

    text[0] = '\0';
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        size_t length = is_json ? virtio_trace_json(&reader, &record, line, sizeof(line))
                                : virtio_trace_print(&reader, &record, line, sizeof(line));

        EXPECT_TRUE(used + length + 2 < sizeof(text));
        if (length > 0 && used + length + 2 < sizeof(text)) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", line);
        }
    }
    return text;
}

/* Was there a command whose events, in this order, all bear one cookie of its own? `events` ends with TRACE_NONE. */
static inline bool
fixture_has_command(const struct fixture *fixture, const enum virtio_trace_event *events)
{
    struct virtio_trace_reader reader = virtio_trace_read_start(&fixture->trace);
    struct trace_record record;
    uint32_t cookie = 0;

    while (*events != TRACE_NONE && virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        bool is_ours = cookie == 0 || record.cookie.raw == cookie;

        if (is_ours && le16_get(record.event) == *events && record.cookie.raw != 0) {
            cookie = record.cookie.raw;
            events++;
        }
    }
    return *events == TRACE_NONE;
}

#endif
