/*
 * A GPU driver on the fake GPU, for the tests of the driver and of the display layer.
 */
#ifndef TESTS_UNIT_GPU_FIXTURE_H
#define TESTS_UNIT_GPU_FIXTURE_H

#include "virtio/gpu.h"

#include "tests/fake/fake_gpu.h"
#include "tests/unit/driver_fixture.h"

enum {
    RIG_TRACE_RECORDS = 4096,
    RIG_PIXEL_BYTES = 1024 * 1024,
};

struct rig {
    struct fixture fixture;
    struct fake_gpu fake;
    struct vgpu vgpu;
    struct vgpu_config config;
    struct trace_record records[RIG_TRACE_RECORDS];
    struct virtio_arena pixels; /* shared memory for the test's pictures */
};

/* Everything but the driver itself. */
static inline void
rig_prepare(struct rig *rig, const struct flavour *flavour, uint32_t scanout_count)
{
    struct fixture_wish wish = {
        .model = &fake_gpu_model,
        .flavour = flavour,
        .features = VIRTIO_FEATURE(VIRTIO_GPU_F_EDID) | VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_UUID),
        .queue_count = 2,
        .arena_bytes = 1 << 20,
    };
    memset(rig, 0, sizeof(*rig));
    fake_gpu_init(&rig->fake, scanout_count);
    fixture_start(&rig->fixture, &wish);
    rig->fixture.fake.ctx = &rig->fake;
    rig->pixels = fake_platform_arena(&rig->fixture.fp, RIG_PIXEL_BYTES);
    EXPECT_EQ(virtio_trace_init(&rig->fixture.trace, &rig->fixture.fp.plat, rig->records,
                                RIG_TRACE_RECORDS),
              VIRTIO_OK);
    virtio_trace_enable(&rig->fixture.trace, true);
    rig->config.features = VIRTIO_FEATURES_LIBRARY;
}

static inline bool
rig_up(struct rig *rig)
{
    size_t needed = vgpu_arena_bytes(&rig->config);
    size_t used_before = rig->fixture.arena.used_bytes;
    bool is_up = EXPECT_EQ(
        vgpu_init(&rig->vgpu, rig->fixture.device, &rig->config, &rig->fixture.arena), VIRTIO_OK);
    EXPECT_TRUE(rig->fixture.arena.used_bytes - used_before <= needed);
    return is_up;
}

static inline bool
rig_start(struct rig *rig, enum vgpu_driver driver)
{
    rig_prepare(rig, &flavours[0], 1);
    rig->config.driver = driver;
    return rig_up(rig);
}

static inline void
rig_end(struct rig *rig)
{
    rig->vgpu.leaked_count = 0;
    EXPECT_EQ(vgpu_finish(&rig->vgpu), VIRTIO_OK);
    EXPECT_EQ(rig->vgpu.leaked_count, 0);
    fixture_end(&rig->fixture);
    fake_gpu_finish(&rig->fake);
}

/* Memory for a picture, shared with the device. */
static inline void *
rig_pixels(struct rig *rig, size_t bytes)
{
    return virtio_arena_take(&rig->pixels, bytes, 4096);
}

static inline void
rig_advance_ms(struct rig *rig, uint64_t ms)
{
    fake_platform_advance(&rig->fixture.fp, ms * 1000000);
}

/* What a callback has seen. */
struct seen {
    unsigned count;
    struct vgpu_completion last;
};

static inline void
see(void *ctx, const struct vgpu_completion *completion)
{
    struct seen *seen = (struct seen *)ctx;
    seen->count++;
    seen->last = *completion;
    seen->last.response = NULL;
}

static inline enum virtio_err
rig_set_scanout(struct rig *rig, uint32_t scanout_id, uint32_t resource_id,
                const struct vgpu_rect *rect)
{
    struct vgpu_wait wait;
    return vgpu_wait(
        &rig->vgpu, &wait,
        vgpu_cmd_set_scanout(&rig->vgpu, scanout_id, resource_id, rect, vgpu_wait_start(&wait)));
}

/* The fake device's word on the command before last `back`. */
static inline uint32_t
rig_command_type(const struct rig *rig, uint64_t back)
{
    return rig->fake.commands[(rig->fake.command_count - 1 - back) % FAKE_GPU_COMMANDS_KEPT].type;
}

#endif
