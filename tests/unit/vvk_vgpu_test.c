/*
 * The way of a Vulkan client through a GPU, on the fake one: what must be there, what is made and undone. No renderer is behind
 * it: tests/system/vulkan.py has one.
 */
#include "virtio/venus_vgpu.h"

#include "tests/unit/gpu_fixture.h"

enum { WINDOW_BYTES = 1024 * 1024, CAPSET_WORDS = VVK_VGPU_CAPSET_BYTES / 4 };
#define WINDOW_BASE UINT64_C(0x4000000000)

static struct rig rig;
static struct vvk_vgpu way;
static struct vvk vvk;
static uint8_t window_memory[WINDOW_BYTES];
static uint32_t capset[CAPSET_WORDS];
static uint8_t scratch[4096];

/* A GPU with all that Venus needs; the test takes away what it likes. */
static void
prepare(void)
{
    rig_prepare(&rig, &flavours[0], 1);
    rig.fixture.fake.offered |= VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL) |
                                VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_BLOB) |
                                VIRTIO_FEATURE(VIRTIO_GPU_F_CONTEXT_INIT);
    rig.fixture.fake.has_shm = true;
    rig.fixture.fake.shm_id = VIRTIO_GPU_SHM_ID_HOST_VISIBLE;
    rig.fixture.fake.shm_base = WINDOW_BASE;
    rig.fixture.fake.shm_bytes = WINDOW_BYTES;
    rig.fixture.fp.window = window_memory;
    rig.fixture.fp.window_base = WINDOW_BASE;
    rig.fixture.fp.window_bytes = WINDOW_BYTES;
    rig.fake.capset_count = 2;
    rig.fake.capsets[0] = (struct fake_gpu_capset){ VIRTIO_GPU_CAPSET_VIRGL2, 2, 64, NULL };
    rig.fake.capsets[1] =
        (struct fake_gpu_capset){ VIRTIO_GPU_CAPSET_VENUS, 0, sizeof(capset), capset };
    rig.config.capset_bytes_max = 1024;
    memset(capset, 0, sizeof(capset));
    capset[0] = 1; /* wire format */
    capset[2] = 1;
    capset[3] = 3;
    capset[4] = 1; /* shared memory under blob id 0 */
}

static enum virtio_err
open_way(const char **why)
{
    const struct vvk_vgpu_config config = { .ctx_id = 7, .name = "test", .timeout_ms = 100 };
    rig_up(&rig);
    return vvk_vgpu_open(&way, &rig.vgpu, &config, &rig.pixels, why);
}

static void
expect_missing(enum virtio_err expected, const char *part)
{
    const char *why = NULL;
    EXPECT_EQ(open_way(&why), expected);
    EXPECT_CONTAINS(why, part);
    EXPECT_EQ(rig.fake.contexts[0].id, 0);
    vvk_vgpu_close(&way);
    rig_end(&rig);
}

UTEST(what_is_missing_is_said)
{
    prepare();
    rig.fixture.fake.offered &= ~VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_BLOB);
    expect_missing(VIRTIO_ERR_UNSUPPORTED, "RESOURCE_BLOB");
    prepare();
    rig.fixture.fake.shm_bytes = 0;
    expect_missing(VIRTIO_ERR_UNSUPPORTED, "host-visible");
    prepare();
    rig.fake.capset_count = 1;
    expect_missing(VIRTIO_ERR_UNSUPPORTED, "no Venus");
    prepare();
    rig.config.capset_bytes_max = 64;
    expect_missing(VIRTIO_ERR_BUFFER_TOO_SMALL, "capabilities");
}

UTEST(another_protocol_is_not_spoken)
{
    static const struct {
        uint8_t word;
        uint32_t value;
        const char *why;
    } wrong[] = {
        {0,  2, "wire format"  },
        { 0, 0, "wire format"  },
        { 2, 0, "version"      },
        { 3, 0, "version"      },
        { 4, 0, "shared memory"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        prepare();
        capset[wrong[i].word] = wrong[i].value;
        expect_missing(VIRTIO_ERR_UNSUPPORTED, wrong[i].why);
    }
    prepare();
    rig.fake.capsets[1].bytes = 100;
    expect_missing(VIRTIO_ERR_UNSUPPORTED, "older");
}

UTEST(a_context_that_is_refused_is_said)
{
    const char *why = NULL;
    prepare();
    rig.fake.fail_type = VIRTIO_GPU_CMD_CTX_CREATE;
    rig.fake.fail_response = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    EXPECT_EQ(open_way(&why), VIRTIO_ERR_REFUSED);
    EXPECT_CONTAINS(why, "does not make a context");
    vvk_vgpu_close(&way);
    rig_end(&rig);
}

/* Nobody executes the ring: vvk_create gives up, and everything is undone. */
UTEST(a_ring_that_nobody_serves_leaves_nothing)
{
    const char *why = NULL;
    const struct vvk_config config = { .way = &way.way,
                                       .scratch = scratch,
                                       .scratch_bytes = sizeof(scratch),
                                       .ring_bytes = 4096,
                                       .timeout_ms = 50 };
    prepare();
    EXPECT_EQ(open_way(&why), VIRTIO_OK);
    EXPECT_TRUE(why == NULL);
    EXPECT_EQ(rig.fake.contexts[0].id, 7);
    EXPECT_EQ(rig.fake.contexts[0].capset_id, VIRTIO_GPU_CAPSET_VENUS);
    EXPECT_EQ(vvk_create(&vvk, &config), VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(rig.fake.contexts[0].stream_count, 1);
    uint32_t command_id = 0;
    memcpy(&command_id, rig.fake.contexts[0].stream, sizeof(command_id));
    EXPECT_EQ(command_id, 188); /* vkCreateRingMESA */
    EXPECT_EQ(rig.fake.resource_count, 0);
    EXPECT_EQ(way.window.span_count, 0);
    vvk_destroy(&vvk);
    vvk_vgpu_close(&way);
    EXPECT_EQ(rig.fake.contexts[0].id, 0);
    rig_end(&rig);
}

/* Notifications go out without a wait, a few at a time; beyond these the ring is told to wait. */
UTEST(streams_that_are_not_waited_for_are_few)
{
    const char *why = NULL;
    const uint32_t words[2] = { 1, 2 };
    prepare();
    EXPECT_EQ(open_way(&why), VIRTIO_OK);
    rig.fixture.fake.delay_ns = 1000000;
    for (unsigned i = 0; i < VVK_VGPU_STREAMS; i++) {
        EXPECT_EQ(way.way.submit(way.way.ctx, words, sizeof(words), false), VIRTIO_OK);
    }
    EXPECT_EQ(way.way.submit(way.way.ctx, words, sizeof(words), false), VIRTIO_ERR_BUSY);
    rig_advance_ms(&rig, 2);
    EXPECT_EQ(way.way.submit(way.way.ctx, words, sizeof(words), false), VIRTIO_OK);
    EXPECT_EQ(rig.fake.contexts[0].stream_count, VVK_VGPU_STREAMS + 1);
    vvk_vgpu_close(&way);
    EXPECT_EQ(rig.vgpu.in_flight_count, 0);
    rig_end(&rig);
}

UTEST(blobs_that_were_left_are_closed)
{
    const char *why = NULL;
    struct vvk_blob blob;
    prepare();
    EXPECT_EQ(open_way(&why), VIRTIO_OK);
    EXPECT_EQ(way.way.blob_open(way.way.ctx, 33, 4096, &blob), VIRTIO_OK);
    EXPECT_EQ(fake_gpu_find(&rig.fake, blob.resource_id)->blob_id, 33);
    EXPECT_TRUE(blob.memory == window_memory);
    vvk_vgpu_close(&way);
    EXPECT_EQ(rig.fake.resource_count, 0);
    rig_end(&rig);
}

UTEST(a_gpu_that_fails_ends_the_wait)
{
    const char *why = NULL;
    prepare();
    EXPECT_EQ(open_way(&why), VIRTIO_OK);
    rig.fixture.fake.evil.mode = FAKE_EVIL_NEEDS_RESET;
    fake_device_need_reset(&rig.fixture.fake);
    const uint32_t words[2] = { 1, 2 };
    (void)way.way.submit(way.way.ctx, words, sizeof(words), false);
    enum virtio_err err = VIRTIO_OK;
    for (unsigned i = 0; i < 100000 && err == VIRTIO_OK; i++) {
        err = way.way.relax(way.way.ctx, UINT64_MAX);
    }
    EXPECT_EQ(err, VIRTIO_ERR_NEEDS_RESET);
    rig.fixture.fake.evil.mode = FAKE_EVIL_NONE;
    vvk_vgpu_close(&way);
    rig_end(&rig);
}
