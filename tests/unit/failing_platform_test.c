/*
 * The world is short: arenas of every size that is too small, dma_addr that fails at its n-th call, registers that cannot be
 * mapped, a clock that stands. Each driver answers with a code, the device is nobody's again, and the next attempt works.
 */
#include "virtio/blk.h"
#include "virtio/gpu.h"
#include "virtio/input.h"
#include "virtio/net.h"

#include "tests/fake/fake_blk.h"
#include "tests/fake/fake_gpu.h"
#include "tests/fake/fake_input.h"
#include "tests/fake/fake_net.h"
#include "tests/unit/utest.h"

enum {
    SIZES_TRIED = 400,
    DMA_CALLS_MAX = 2000,
    SLOW_RESET_READS = 5,
};

static struct fake_platform fp;
static struct fake_device fake;
static struct fake_gpu fake_gpu;
static struct fake_net fake_net;
static struct fake_blk fake_blk;
static struct fake_input fake_input;
static struct virtio_bus bus;
static struct virtio_device *device;

static struct vgpu vgpu;
static struct vnet vnet;
static struct vblk vblk;
static struct vinput vinput;
static const struct vgpu_config gpu_config = { .uses_indirect = true };
static const struct vnet_config net_config = { .rx_queue_size = 16, .tx_queue_size = 16 };

static void
gpu_plug(void)
{
    fake_gpu_init(&fake_gpu, 1);
}

static size_t
gpu_bytes(void)
{
    return vgpu_arena_bytes(&gpu_config);
}

static enum virtio_err
gpu_init(struct virtio_arena *arena)
{
    return vgpu_init(&vgpu, device, &gpu_config, arena);
}

static void
gpu_finish(void)
{
    EXPECT_EQ(vgpu_finish(&vgpu), VIRTIO_OK);
    fake_gpu_finish(&fake_gpu);
}

static void
net_plug(void)
{
    fake_net_init(&fake_net, &fake);
}

static size_t
net_bytes(void)
{
    return vnet_arena_bytes(&net_config);
}

static enum virtio_err
net_init(struct virtio_arena *arena)
{
    return vnet_init(&vnet, device, &net_config, arena);
}

static void
net_finish(void)
{
    vnet_finish(&vnet);
    fake_net_finish(&fake_net);
}

static void
blk_plug(void)
{
    fake_blk_init(&fake_blk, &fake, 64);
}

static size_t
blk_bytes(void)
{
    return vblk_arena_bytes(NULL);
}

static enum virtio_err
blk_init(struct virtio_arena *arena)
{
    return vblk_init(&vblk, device, NULL, arena);
}

static void
blk_finish(void)
{
    vblk_finish(&vblk);
    fake_blk_finish(&fake_blk);
}

static void
input_plug(void)
{
    fake_input_init(&fake_input, false);
}

static size_t
input_bytes(void)
{
    return vinput_arena_bytes(NULL);
}

static enum virtio_err
input_init(struct virtio_arena *arena)
{
    return vinput_init(&vinput, device, NULL, arena);
}

static void
input_finish(void)
{
    vinput_finish(&vinput);
}

static const struct driver {
    const struct fake_model *model;
    void *model_ctx;
    void (*plug)(void);
    size_t (*arena_bytes)(void);
    enum virtio_err (*init)(struct virtio_arena *arena);
    void (*finish)(void);
} drivers[] = {
    {&fake_gpu_model,    &fake_gpu,   gpu_plug,   gpu_bytes,   gpu_init,   gpu_finish  },
    { &fake_net_model,   &fake_net,   net_plug,   net_bytes,   net_init,   net_finish  },
    { &fake_blk_model,   &fake_blk,   blk_plug,   blk_bytes,   blk_init,   blk_finish  },
    { &fake_input_model, &fake_input, input_plug, input_bytes, input_init, input_finish},
};

enum { DRIVER_COUNT = sizeof(drivers) / sizeof(drivers[0]) };

static void
plug(const struct driver *driver, uint32_t version)
{
    uint64_t features = VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) |
                        VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) | (driver->model->features & 0x6ffff);
    fake_platform_init(&fp);
    fake_device_init(&fake, &fp,
                     &(struct fake_device_config){ .model = driver->model,
                                                   .model_ctx = driver->model_ctx,
                                                   .version = version,
                                                   .features = features,
                                                   .queue_count = 3,
                                                   .queue_size_max = 1024 });
    driver->plug();
    EXPECT_EQ(virtio_bus_init(&bus, &fp.plat, NULL), VIRTIO_OK);
    EXPECT_EQ(virtio_mmio_probe(&bus, fake.base, FAKE_DEVICE_BYTES, &device), VIRTIO_OK);
}

static void
unplug(const struct driver *driver)
{
    driver->finish();
    fake_device_finish(&fake);
    EXPECT_TRUE(fake_platform_finish(&fp));
}

static void
expect_nobodys(void)
{
    EXPECT_EQ(device->owner[0], '\0');
    EXPECT_EQ(fake.status & VIRTIO_STATUS_DRIVER_OK, 0);
}

/* Returns: did it work? */
static bool
try_arena(const struct driver *driver, uint32_t version, size_t bytes)
{
    plug(driver, version);
    struct virtio_arena arena = fake_platform_arena(&fp, bytes);
    enum virtio_err err = driver->init(&arena);
    if (err != VIRTIO_OK) {
        EXPECT_EQ(err, VIRTIO_ERR_NO_MEMORY);
        expect_nobodys();
    }
    unplug(driver);
    return err == VIRTIO_OK;
}

UTEST(an_arena_of_any_size_is_either_enough_or_too_small)
{
    for (unsigned i = 0; i < DRIVER_COUNT; i++) {
        for (uint32_t version = 1; version <= 2; version++) {
            size_t enough = drivers[i].arena_bytes();
            size_t step = enough / SIZES_TRIED + 1;
            bool has_worked = false;
            for (size_t bytes = 0; bytes < enough; bytes += step) {
                bool works = try_arena(&drivers[i], version, bytes);
                EXPECT_TRUE(works || !has_worked); /* more is never worse */
                has_worked = works;
            }
            EXPECT_TRUE(try_arena(&drivers[i], version, enough));
        }
    }
}

UTEST(memory_that_cannot_be_shared_is_no_memory)
{
    for (unsigned i = 0; i < DRIVER_COUNT; i++) {
        enum virtio_err err = VIRTIO_ERR_NO_MEMORY;
        for (uint32_t n = 0; n < DMA_CALLS_MAX && err != VIRTIO_OK; n++) {
            plug(&drivers[i], 2);
            struct virtio_arena arena = fake_platform_arena(&fp, drivers[i].arena_bytes());
            fp.dma_fail_from = n;
            err = drivers[i].init(&arena);
            if (err != VIRTIO_OK) {
                EXPECT_EQ(err, VIRTIO_ERR_NO_MEMORY);
                expect_nobodys();
                fp.dma_fail_from = UINT32_MAX;
                arena.used_bytes = 0;
                EXPECT_EQ(drivers[i].init(&arena), VIRTIO_OK); /* the next attempt works */
            }
            unplug(&drivers[i]);
        }
        EXPECT_EQ(err, VIRTIO_OK);
    }
}

UTEST(registers_that_cannot_be_mapped_are_no_device)
{
    fake_platform_init(&fp);
    fake_device_init(&fake, &fp,
                     &(struct fake_device_config){ .model = &fake_echo_model, .queue_count = 1 });
    EXPECT_EQ(virtio_bus_init(&bus, &fp.plat, NULL), VIRTIO_OK);
    fp.is_map_failing = true;
    EXPECT_EQ(virtio_mmio_probe(&bus, fake.base, FAKE_DEVICE_BYTES, &device), VIRTIO_ERR_NO_MEMORY);
    EXPECT_EQ(bus.device_count, 0);
    fp.is_map_failing = false;
    EXPECT_EQ(virtio_mmio_probe(&bus, fake.base, FAKE_DEVICE_BYTES, &device), VIRTIO_OK);
    fake_device_finish(&fake);
    EXPECT_TRUE(fake_platform_finish(&fp));
}

UTEST(a_bus_that_is_full_takes_no_more)
{
    static struct fake_device fakes[FAKE_DEVICES_MAX];
    fake_platform_init(&fp);
    EXPECT_EQ(virtio_bus_init(&bus, &fp.plat, NULL), VIRTIO_OK);
    for (unsigned i = 0; i < FAKE_DEVICES_MAX; i++) {
        fake_device_init(
            &fakes[i], &fp,
            &(struct fake_device_config){ .model = &fake_echo_model, .queue_count = 1 });
    }
    bus.device_count = VIRTIO_BUS_DEVICES_MAX - FAKE_DEVICES_MAX + 1; /* others were seen before */
    for (unsigned i = 0; i < FAKE_DEVICES_MAX; i++) {
        enum virtio_err err = virtio_mmio_probe(&bus, fakes[i].base, FAKE_DEVICE_BYTES, &device);
        EXPECT_EQ(err, i + 1 < FAKE_DEVICES_MAX ? VIRTIO_OK : VIRTIO_ERR_NO_MEMORY);
    }
    for (unsigned i = 0; i < FAKE_DEVICES_MAX; i++) {
        fake_device_finish(&fakes[i]);
    }
    EXPECT_TRUE(fake_platform_finish(&fp));
}

UTEST(a_clock_that_stands_stops_nothing_that_need_not_wait)
{
    for (unsigned i = 0; i < DRIVER_COUNT; i++) {
        plug(&drivers[i], 2);
        struct virtio_arena arena = fake_platform_arena(&fp, drivers[i].arena_bytes());
        fp.is_clock_stuck = true;
        fake.reset_reads = SLOW_RESET_READS;
        EXPECT_EQ(drivers[i].init(&arena), VIRTIO_OK);
        unplug(&drivers[i]);
    }
}

/* A clock that stands and a device that does not answer: counted turns end the wait. */
UTEST(a_clock_that_stands_and_a_silent_device_end)
{
    for (uint32_t version = 1; version <= 2; version++) {
        plug(&drivers[2], version);
        struct virtio_arena arena = fake_platform_arena(&fp, drivers[2].arena_bytes());
        uint8_t *sector = fake_platform_arena(&fp, 512).base;
        EXPECT_EQ(drivers[2].init(&arena), VIRTIO_OK);
        fp.is_clock_stuck = true;
        fake.evil.mode = FAKE_EVIL_SILENCE;
        EXPECT_EQ(vblk_read(&vblk, 0, 1, sector, 100), VIRTIO_ERR_TIMEOUT);
        fp.is_clock_stuck = false;
        fake_platform_advance(&fp, 1000);
        fp.is_clock_stuck = true;
        fake.evil.mode = FAKE_EVIL_RESET_STUCK;
        EXPECT_EQ(virtio_device_release(device, device->owner), VIRTIO_ERR_TIMEOUT);
        EXPECT_TRUE(fp.relax_count < UINT64_C(3) * VIRTIO_STILL_TURNS_MAX);
        fake.evil.mode = FAKE_EVIL_NONE;
        unplug(&drivers[2]);
    }
}
