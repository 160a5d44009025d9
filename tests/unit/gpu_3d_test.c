/*
 * Contexts, streams, timelines, blobs and the host-visible window: the driver on the fake GPU.
 */
#include "virtio/gpu_3d.h"

#include "tests/unit/gpu_fixture.h"

enum {
    WINDOW_BYTES = 1024 * 1024,
    CTX = 3,
};
#define WINDOW_BASE UINT64_C(0x4000000000)
#define FEATURES_3D                                                                                \
 (VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL) | VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_BLOB) |                \
  VIRTIO_FEATURE(VIRTIO_GPU_F_CONTEXT_INIT))

static struct rig rig;
static struct vgpu_window window;
static uint8_t window_memory[WINDOW_BYTES];

static enum virtio_err
wait_for(struct vgpu_wait *wait, enum virtio_err sent)
{
    return vgpu_wait(&rig.vgpu, wait, sent);
}

static enum virtio_err
make_context(uint32_t ctx_id)
{
    struct vgpu_wait wait;
    return wait_for(&wait, vgpu_cmd_ctx_create(&rig.vgpu, ctx_id, VIRTIO_GPU_CAPSET_VENUS, "test",
                                               vgpu_wait_start(&wait)));
}

static void
prepare(uint64_t features)
{
    rig_prepare(&rig, &flavours[0], 1);
    rig.fixture.fake.offered |= features;
    rig.fixture.fake.has_shm = true;
    rig.fixture.fake.shm_id = VIRTIO_GPU_SHM_ID_HOST_VISIBLE;
    rig.fixture.fake.shm_base = WINDOW_BASE;
    rig.fixture.fake.shm_bytes = WINDOW_BYTES;
    rig.fixture.fp.window = window_memory;
    rig.fixture.fp.window_base = WINDOW_BASE;
    rig.fixture.fp.window_bytes = WINDOW_BYTES;
}

static void
begin(enum vgpu_driver driver)
{
    prepare(FEATURES_3D);
    rig.config.driver = driver;
    rig_up(&rig);
    EXPECT_TRUE(vgpu_3d_missing(&rig.vgpu) == NULL);
    EXPECT_EQ(make_context(CTX), VIRTIO_OK);
    EXPECT_EQ(vgpu_window_init(&window, &rig.vgpu), VIRTIO_OK);
}

static const struct vgpu_blob_config mapped = {
    .ctx_id = CTX, .blob_id = 77, .bytes = 5000, .flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE
};

UTEST(a_device_without_3d_is_asked_nothing_of_it)
{
    struct vgpu_then none = { 0 };
    const struct vgpu_blob_wish wish = { .mem = VIRTIO_GPU_BLOB_MEM_HOST3D, .bytes = 4096 };
    struct vgpu_resource *resource = NULL;
    prepare(0);
    rig_up(&rig);
    EXPECT_CONTAINS(vgpu_3d_missing(&rig.vgpu), "VIRGL");
    EXPECT_EQ(make_context(CTX), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_EQ(vgpu_cmd_ctx_destroy(&rig.vgpu, CTX, &none), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_EQ(vgpu_resource_create_blob(&rig.vgpu, CTX, &wish, &none, &resource),
              VIRTIO_ERR_UNSUPPORTED);
    EXPECT_TRUE(resource == NULL);
    EXPECT_EQ(vgpu_resource_report(&rig.vgpu, NULL, NULL), 0);
    EXPECT_EQ(rig.fake.command_count, 0);
    rig_end(&rig);
}

UTEST(without_context_init_only_virgl_speaks)
{
    struct vgpu_wait wait;
    prepare(VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL));
    rig_up(&rig);
    EXPECT_CONTAINS(vgpu_3d_missing(&rig.vgpu), "CONTEXT_INIT");
    EXPECT_EQ(make_context(CTX), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_EQ(wait_for(&wait, vgpu_cmd_ctx_create(&rig.vgpu, CTX, VIRTIO_GPU_CAPSET_VIRGL, "old",
                                                  vgpu_wait_start(&wait))),
              VIRTIO_OK);
    EXPECT_EQ(rig.fake.contexts[0].capset_id, 0); /* the field is reserved then, §5.7.6.9 */
    rig_end(&rig);
}

UTEST(a_context_is_made_and_destroyed)
{
    struct vgpu_wait wait;
    begin(VGPU_DRIVER_QUEUED);
    EXPECT_EQ(rig.fake.contexts[0].id, CTX);
    EXPECT_EQ(rig.fake.contexts[0].capset_id, VIRTIO_GPU_CAPSET_VENUS);
    EXPECT_STREQ(rig.fake.contexts[0].name, "test");
    EXPECT_EQ(make_context(CTX), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(wait_for(&wait, vgpu_cmd_ctx_destroy(&rig.vgpu, CTX, vgpu_wait_start(&wait))),
              VIRTIO_OK);
    EXPECT_EQ(rig.fake.contexts[0].id, 0);
    rig_end(&rig);
}

UTEST(a_stream_reaches_its_context_on_its_timeline)
{
    struct vgpu_wait wait;
    static const uint8_t words[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    begin(VGPU_DRIVER_QUEUED);
    uint8_t *bytes = rig_pixels(&rig, sizeof(words));
    memcpy(bytes, words, sizeof(words));
    struct vgpu_stream stream = {
        .ctx_id = CTX, .has_ring_idx = true, .ring_idx = 5, .commands = {bytes, sizeof(words)}
    };
    (void)vgpu_wait_start(&wait);
    wait.then.is_fenced = true;
    EXPECT_EQ(wait_for(&wait, vgpu_cmd_submit_3d(&rig.vgpu, &stream, &wait.then)), VIRTIO_OK);
    EXPECT_TRUE(vgpu_fence_done(&rig.vgpu, vgpu_last_fence(&rig.vgpu)));
    const struct fake_gpu_context *context = &rig.fake.contexts[0];
    EXPECT_EQ(context->stream_count, 1);
    EXPECT_EQ(context->stream_bytes, sizeof(words));
    EXPECT_MEMEQ(context->stream, words, sizeof(words));
    EXPECT_TRUE(context->has_ring_idx);
    EXPECT_EQ(context->ring_idx, 5);
    stream.ring_idx = 64;
    EXPECT_EQ(vgpu_cmd_submit_3d(&rig.vgpu, &stream, NULL), VIRTIO_ERR_INVALID);
    stream.ring_idx = 0;
    stream.commands.byte_count = 0;
    EXPECT_EQ(vgpu_cmd_submit_3d(&rig.vgpu, &stream, NULL), VIRTIO_ERR_INVALID);
    rig_end(&rig);
}

/* The stream is not taken for a list of memory, whatever its length. */
UTEST(a_stream_is_traced_by_its_beginning)
{
    struct vgpu_wait wait;
    char text[1024];
    begin(VGPU_DRIVER_QUEUED);
    uint8_t *bytes = rig_pixels(&rig, 4096);
    memset(bytes, 0x5a, 4096);
    struct vgpu_stream stream = {
        .ctx_id = CTX, .commands = {bytes, 4096}
    };
    EXPECT_EQ(wait_for(&wait, vgpu_cmd_submit_3d(&rig.vgpu, &stream, vgpu_wait_start(&wait))),
              VIRTIO_OK);
    struct virtio_trace_reader reader = virtio_trace_read_start(&rig.fixture.trace);
    struct trace_record record;
    unsigned found_count = 0;
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        EXPECT_TRUE(le16_get(record.event) != TRACE_GPU_ENTRY);
        if (le16_get(record.event) == TRACE_GPU_REQUEST &&
            le64_get(record.a) == VIRTIO_GPU_CMD_SUBMIT_3D) {
            vgpu_trace_format(&reader, &record, text, sizeof(text));
            EXPECT_CONTAINS(text, "SUBMIT_3D flags 0x0 fence_id 0 ctx_id 3 size 4096 stream 5a5a");
            EXPECT_CONTAINS(text, "5a...");
            found_count++;
        }
    }
    EXPECT_EQ(found_count, 1);
    rig_end(&rig);
}

static void
open_and_close(enum vgpu_driver driver)
{
    struct vgpu_blob blob;
    struct vgpu_blob second;
    begin(driver);
    EXPECT_EQ(vgpu_blob_open_wait(&blob, &window, &mapped), VIRTIO_OK);
    EXPECT_EQ(vgpu_blob_open_wait(&second, &window, &mapped), VIRTIO_OK);
    const struct fake_gpu_resource *made = fake_gpu_find(&rig.fake, second.resource->id);
    EXPECT_EQ(made->blob_id, 77);
    EXPECT_EQ(made->blob_bytes, 5000);
    EXPECT_EQ(made->ctx_id, CTX);
    EXPECT_TRUE(made->is_mapped);
    EXPECT_TRUE(blob.memory == window_memory);
    EXPECT_TRUE(second.memory == window_memory + VGPU_SPAN_BYTES);
    EXPECT_EQ(made->map_offset, VGPU_SPAN_BYTES);
    EXPECT_EQ(vgpu_blob_close_wait(&blob), VIRTIO_OK);
    EXPECT_EQ(rig.fake.resource_count, 1);
    EXPECT_EQ(window.span_count, 1);
    EXPECT_EQ(vgpu_blob_close_wait(&second), VIRTIO_OK);
    EXPECT_EQ(rig.fake.resource_count, 0);
    EXPECT_EQ(vgpu_blob_close_wait(&second), VIRTIO_OK); /* zeroed */
    EXPECT_EQ(vgpu_resource_report(&rig.vgpu, NULL, NULL), 0);
    rig_end(&rig);
}

UTEST(a_blob_is_made_attached_mapped_and_undone)
{
    open_and_close(VGPU_DRIVER_QUEUED);
    open_and_close(VGPU_DRIVER_SIMPLE);
}

UTEST(a_blob_can_be_shown)
{
    struct vgpu_blob blob;
    struct vgpu_wait wait;
    struct vgpu_blob_image image = {
        .rect = {0, 0, 16, 16},
        .width_px = 16,
        .height_px = 16,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .stride_bytes = 64
    };
    begin(VGPU_DRIVER_QUEUED);
    EXPECT_EQ(vgpu_blob_open_wait(&blob, &window, &mapped), VIRTIO_OK);
    uint32_t id = blob.resource->id;
    EXPECT_EQ(wait_for(&wait,
                       vgpu_cmd_set_scanout_blob(&rig.vgpu, 0, id, &image, vgpu_wait_start(&wait))),
              VIRTIO_OK);
    EXPECT_EQ(rig.fake.scanouts[0].blob_resource_id, id);
    image.stride_bytes = 512;
    EXPECT_EQ(wait_for(&wait,
                       vgpu_cmd_set_scanout_blob(&rig.vgpu, 0, id, &image, vgpu_wait_start(&wait))),
              VIRTIO_ERR_REFUSED);
    EXPECT_EQ(vgpu_blob_close_wait(&blob), VIRTIO_OK);
    rig_end(&rig);
}

/* Each step refused in its turn: what was made before it is gone again. */
UTEST(a_blob_that_fails_half_way_leaves_nothing)
{
    static const uint32_t steps[] = { VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
                                      VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
                                      VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB };
    for (unsigned driver = VGPU_DRIVER_QUEUED; driver <= VGPU_DRIVER_SIMPLE; driver++) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            struct vgpu_blob blob;
            begin((enum vgpu_driver)driver);
            rig.fake.fail_type = steps[i];
            rig.fake.fail_response = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
            EXPECT_EQ(vgpu_blob_open_wait(&blob, &window, &mapped), VIRTIO_ERR_REFUSED);
            EXPECT_EQ(rig.fake.resource_count, 0);
            EXPECT_EQ(window.span_count, 0);
            EXPECT_EQ(vgpu_resource_report(&rig.vgpu, NULL, NULL), 0);
            rig_end(&rig);
        }
    }
}

UTEST(memory_that_is_not_cached_is_not_taken)
{
    struct vgpu_blob blob;
    begin(VGPU_DRIVER_QUEUED);
    rig.fake.map_info = VIRTIO_GPU_MAP_CACHE_WC;
    EXPECT_EQ(vgpu_blob_open_wait(&blob, &window, &mapped), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_EQ(rig.fake.resource_count, 0);
    EXPECT_EQ(window.span_count, 0);
    rig_end(&rig);
}

UTEST(a_lying_answer_to_a_mapping_breaks_the_device)
{
    static const struct {
        enum fake_evil_mode mode;
        uint64_t value;
    } lies[] = {
        {FAKE_EVIL_RESPONSE_TYPE,   VIRTIO_GPU_RESP_OK_NODATA},
        { FAKE_EVIL_RESPONSE_SHORT, 24                       },
        { FAKE_EVIL_RESPONSE_SHORT, 0                        },
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct vgpu_blob blob;
        begin(VGPU_DRIVER_QUEUED);
        rig.fixture.fake.evil = (struct fake_evil){ .mode = lies[i].mode, .value = lies[i].value };
        rig.fixture.fake.evil.after = (uint32_t)rig.fixture.fake.used_count + 2;
        EXPECT_EQ(vgpu_blob_open_wait(&blob, &window, &mapped), VIRTIO_ERR_BROKEN);
        EXPECT_EQ(rig.vgpu.state, VGPU_FAILED);
        EXPECT_EQ(window.span_count, 1); /* it may still be mapped there */
        rig.fixture.fake.evil.mode = FAKE_EVIL_NONE;
        rig_end(&rig);
    }
}

UTEST(a_silent_device_times_out_and_keeps_the_range)
{
    struct vgpu_blob blob;
    begin(VGPU_DRIVER_QUEUED);
    rig.fixture.fake.evil.mode = FAKE_EVIL_SILENCE;
    EXPECT_EQ(vgpu_blob_open_wait(&blob, &window, &mapped), VIRTIO_ERR_TIMEOUT);
    rig.fixture.fake.evil.mode = FAKE_EVIL_NONE;
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    rig_end(&rig);
}

UTEST(the_window_is_taken_where_it_fits_first)
{
    uint64_t a = 0;
    uint64_t b = 0;
    uint64_t c = 0;
    begin(VGPU_DRIVER_QUEUED);
    EXPECT_EQ(vgpu_window_take(&window, 1, &a), VIRTIO_OK);
    EXPECT_EQ(vgpu_window_take(&window, UINT64_C(3) * VGPU_SPAN_BYTES, &b), VIRTIO_OK);
    EXPECT_EQ(vgpu_window_take(&window, VGPU_SPAN_BYTES + 1, &c), VIRTIO_OK);
    EXPECT_EQ(a, 0);
    EXPECT_EQ(b, VGPU_SPAN_BYTES);
    EXPECT_EQ(c, 4 * VGPU_SPAN_BYTES);
    vgpu_window_give(&window, b);
    EXPECT_EQ(vgpu_window_take(&window, UINT64_C(4) * VGPU_SPAN_BYTES, &b), VIRTIO_OK);
    EXPECT_EQ(b, 6 * VGPU_SPAN_BYTES);
    EXPECT_EQ(vgpu_window_take(&window, UINT64_C(2) * VGPU_SPAN_BYTES, &b), VIRTIO_OK);
    EXPECT_EQ(b, VGPU_SPAN_BYTES);
    EXPECT_EQ(vgpu_window_take(&window, UINT64_C(7) * VGPU_SPAN_BYTES, &b), VIRTIO_ERR_NO_MEMORY);
    EXPECT_EQ(vgpu_window_take(&window, UINT64_C(6) * VGPU_SPAN_BYTES, &b), VIRTIO_OK);
    EXPECT_EQ(vgpu_window_take(&window, 0, &b), VIRTIO_ERR_NO_MEMORY);
    EXPECT_EQ(vgpu_window_take(&window, UINT64_MAX, &b), VIRTIO_ERR_NO_MEMORY);
    rig_end(&rig);
}

UTEST(a_window_that_is_not_there_or_no_range_is_said_so)
{
    begin(VGPU_DRIVER_QUEUED);
    rig.fixture.fake.shm_id = 9;
    EXPECT_EQ(vgpu_window_init(&window, &rig.vgpu), VIRTIO_ERR_UNSUPPORTED);
    rig.fixture.fake.shm_id = VIRTIO_GPU_SHM_ID_HOST_VISIBLE;
    rig.fixture.fp.window = NULL;
    EXPECT_EQ(vgpu_window_init(&window, &rig.vgpu), VIRTIO_ERR_NO_MEMORY);
    rig.fixture.fake.shm_base = UINT64_MAX - 4096;
    EXPECT_EQ(vgpu_window_init(&window, &rig.vgpu), VIRTIO_ERR_BROKEN);
    rig_end(&rig);
}
