/*
 * The Vulkan client of kernels (virtio/venus) against the real renderer in one process, on a host's Vulkan that believes nothing;
 * and against renderers that die, lie or keep silent.
 */
#include "kernel/vulkan/shaders.h"
#include "tests/fake/venus_way.h"
#include "tests/fake/vulkan_strict.h"
#include "tests/unit/utest.h"

enum { SCRATCH_BYTES = 65536, RING_BYTES = 65536 };

static uint8_t scratch[SCRATCH_BYTES];
static struct venus_way way;
static struct vvk vvk;
static struct vk_session session;

static bool
begin_with(uint32_t ring_bytes, bool is_checked)
{
    const struct vvk_config config = {
        .way = &way.way,
        .scratch = scratch,
        .scratch_bytes = ring_bytes < SCRATCH_BYTES ? ring_bytes : SCRATCH_BYTES,
        .ring_bytes = ring_bytes,
        .timeout_ms = 3000,
        .is_checked = is_checked,
    };
    vulkan_strict_reset(0);
    return EXPECT_TRUE(venus_way_open(&way, VULKAN_STRICT_LIBRARY)) &&
           EXPECT_EQ(vvk_create(&vvk, &config), VIRTIO_OK);
}

static void
say_why(void)
{
    if (venus_why(way.venus) != NULL) {
        printf("        renderer: %s\n", venus_why(way.venus));
    }
    if (vvk.why != NULL) {
        printf("        client: %s\n", vvk.why);
    }
}

/* Nothing is left, and no rule of Vulkan's was broken. */
static void
end(void)
{
    vvk_destroy(&vvk);
    EXPECT_EQ(way.blob_count, 0);
    venus_way_close(&way);
    EXPECT_EQ(vulkan_strict_live_count(), 0);
    if (!EXPECT_TRUE(vulkan_strict_fault() == NULL)) {
        printf("        %s\n", vulkan_strict_fault());
    }
}

static void
expect_healthy(void)
{
    if (!EXPECT_TRUE(vvk.failure == VIRTIO_OK) || !EXPECT_TRUE(venus_why(way.venus) == NULL)) {
        say_why();
    }
}

static void
run_session(bool is_checked)
{
    if (!begin_with(RING_BYTES, is_checked)) {
        return;
    }
    EXPECT_EQ(vk_begin(&session, &vvk), VK_SUCCESS);
    EXPECT_TRUE(session.memory.memoryTypeCount <= VK_MAX_MEMORY_TYPES);
    expect_healthy();
    vk_end(&session);
    expect_healthy();
    end();
}

UTEST(a_session_begins_and_ends)
{
    run_session(false);
    run_session(true);
}

/* An image, something done to it, and nothing left. */
static VkResult
run_round(VkShaderModule *module)
{
    VkImage image = VK_NULL_HANDLE;
    const VkClearColorValue colour = {
        .uint32 = {1, 2, 3, 4}
    };
    const VkImageSubresourceRange range = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 };
    const VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {64, 64, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
    };
    EXPECT_EQ(vvk_CreateImage(&vvk, session.device, &info, &image), VK_SUCCESS);
    EXPECT_EQ(vk_shader_make(&session, &vk_shader_colour_frag, module), VK_SUCCESS);
    EXPECT_EQ(vk_record(&session), VK_SUCCESS);
    vvk_CmdClearColorImage(&vvk, session.commands, image, VK_IMAGE_LAYOUT_GENERAL, &colour, 1,
                           &range);
    VkResult result = vk_run(&session);
    vvk_DestroyShaderModule(&vvk, session.device, *module);
    vvk_DestroyImage(&vvk, session.device, image);
    return result;
}

/* The fake host draws nothing, but looks at every argument and handle. */
static void
run_rounds(uint32_t ring_bytes, bool is_checked)
{
    VkShaderModule module = VK_NULL_HANDLE;
    if (!begin_with(ring_bytes, is_checked)) {
        return;
    }
    EXPECT_EQ(vk_begin(&session, &vvk), VK_SUCCESS);
    for (unsigned i = 0; i < 200 && vvk.failure == VIRTIO_OK; i++) {
        EXPECT_EQ(run_round(&module), VK_SUCCESS);
    }
    EXPECT_TRUE(is_checked || vvk.counters.waits * 4 < vvk.counters.commands);
    expect_healthy();
    vk_end(&session);
    expect_healthy();
    end();
}

UTEST(objects_come_work_and_go)
{
    run_rounds(RING_BYTES, false);
    run_rounds(RING_BYTES, true);
}

/* Commands go around the ring's end, and the client waits for room. */
UTEST(a_small_ring_does_too)
{
    run_rounds(4096, false);
}

UTEST(answers_begin_anew_when_their_room_is_used_up)
{
    VkPhysicalDeviceProperties properties;
    begin_with(RING_BYTES, false);
    EXPECT_EQ(vk_begin(&session, &vvk), VK_SUCCESS);
    for (unsigned i = 0; i < 1000; i++) {
        vvk_GetPhysicalDeviceProperties(&vvk, session.physical, &properties);
    }
    expect_healthy();
    vk_end(&session);
    end();
}

UTEST(what_the_protocol_has_no_bytes_for_is_not_sent)
{
    const VkBaseInStructure stray = { .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT };
    const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
                                     .pNext = &stray };
    VkFence fence = VK_NULL_HANDLE;
    begin_with(RING_BYTES, false);
    EXPECT_EQ(vk_begin(&session, &vvk), VK_SUCCESS);
    EXPECT_EQ(vvk_CreateFence(&vvk, session.device, &info, &fence), VK_ERROR_DEVICE_LOST);
    EXPECT_CONTAINS(vvk.refusal, "pNext");
    expect_healthy();
    EXPECT_EQ(vvk_DeviceWaitIdle(&vvk, session.device), VK_SUCCESS);
    EXPECT_TRUE(vvk.refusal == NULL);
    vk_end(&session);
    end();
}

UTEST(a_command_longer_than_the_ring_is_refused_here)
{
    static const uint32_t words[2048] = { 0x07230203 };
    const struct vk_shader shader = { words, sizeof(words) };
    VkShaderModule module = VK_NULL_HANDLE;
    begin_with(4096, false);
    EXPECT_EQ(vk_begin(&session, &vvk), VK_SUCCESS);
    EXPECT_EQ(vk_shader_make(&session, &shader, &module), VK_ERROR_DEVICE_LOST);
    EXPECT_CONTAINS(vvk.refusal, "longer");
    expect_healthy();
    vk_end(&session);
    end();
}

/* --- renderers that fail --- */

/* A wrong handle kills the context; whoever waits next hears it at once and not by a timeout. */
UTEST(a_context_that_died_is_told)
{
    begin_with(RING_BYTES, false);
    EXPECT_EQ(vk_begin(&session, &vvk), VK_SUCCESS);
    uint64_t before_ns = venus_way_now_ns(NULL);
    vvk_DestroyBuffer(&vvk, session.device, (VkBuffer)(uintptr_t)0x12345);
    EXPECT_EQ(vvk_DeviceWaitIdle(&vvk, session.device), VK_ERROR_DEVICE_LOST);
    EXPECT_EQ(vvk.failure, VIRTIO_ERR_LOST);
    EXPECT_CONTAINS(vvk.why, "given this context up");
    EXPECT_TRUE(venus_why(way.venus) != NULL);
    EXPECT_TRUE(venus_way_now_ns(NULL) - before_ns < UINT64_C(2000000000));
    EXPECT_EQ(vvk_DeviceWaitIdle(&vvk, session.device), VK_ERROR_DEVICE_LOST);
    vk_end(&session);
    vvk_destroy(&vvk);
    venus_way_close(&way);
}

/* A renderer of the test's own: nobody reads the ring unless the test does. */
static struct {
    struct vvk_way way;
    uint64_t now_ns;
    uint64_t step_ns;
    uint8_t *memory;
    void (*on_relax)(void);
    unsigned open_count;
} toy;

static enum virtio_err
toy_submit(void *ctx, const void *bytes, size_t byte_count, bool is_waited)
{
    (void)ctx;
    (void)bytes;
    (void)byte_count;
    (void)is_waited;
    return VIRTIO_OK;
}

static enum virtio_err
toy_blob_open(void *ctx, uint64_t blob_id, uint64_t bytes, struct vvk_blob *blob)
{
    (void)ctx;
    (void)blob_id;
    toy.memory = calloc(1, bytes);
    toy.open_count++;
    *blob = (struct vvk_blob){ .resource_id = 1, .bytes = bytes, .memory = toy.memory };
    return VIRTIO_OK;
}

static void
toy_blob_close(void *ctx, struct vvk_blob *blob)
{
    (void)ctx;
    toy.open_count--;
    free(blob->memory);
}

static uint64_t
toy_now_ns(void *ctx)
{
    (void)ctx;
    toy.now_ns += toy.step_ns;
    return toy.now_ns;
}

static enum virtio_err
toy_relax(void *ctx, uint64_t deadline_ns)
{
    (void)ctx;
    (void)deadline_ns;
    if (toy.on_relax != NULL) {
        toy.on_relax();
    }
    return VIRTIO_OK;
}

static uint32_t *
toy_word(size_t offset)
{
    return (uint32_t *)(void *)(toy.memory + offset);
}

/* Executes all, and answers nothing. */
static void
toy_execute(void)
{
    *toy_word(0) = *toy_word(64);
}

static enum virtio_err
toy_begin(void (*on_relax)(void))
{
    memset(&toy, 0, sizeof(toy));
    toy.way = (struct vvk_way){ .submit = toy_submit,
                                .blob_open = toy_blob_open,
                                .blob_close = toy_blob_close,
                                .now_ns = toy_now_ns,
                                .relax = toy_relax };
    toy.step_ns = 1000000;
    toy.on_relax = on_relax;
    const struct vvk_config config = { .way = &toy.way,
                                       .scratch = scratch,
                                       .scratch_bytes = SCRATCH_BYTES,
                                       .ring_bytes = RING_BYTES,
                                       .timeout_ms = 20000 };
    return vvk_create(&vvk, &config);
}

static void
toy_end(enum virtio_err expected, const char *why)
{
    EXPECT_EQ(vvk.failure, expected);
    EXPECT_CONTAINS(vvk.why, why);
    vvk_destroy(&vvk);
    EXPECT_EQ(toy.open_count, 0);
}

UTEST(a_renderer_that_never_begins_is_given_up)
{
    EXPECT_EQ(toy_begin(NULL), VIRTIO_ERR_LOST);
    toy_end(VIRTIO_ERR_LOST, "no sign of life");
}

static void
toy_live(void)
{
    *toy_word(128) |= 4;
}

UTEST(one_that_lives_and_does_nothing_times_out)
{
    EXPECT_EQ(toy_begin(toy_live), VIRTIO_ERR_TIMEOUT);
    toy_end(VIRTIO_ERR_TIMEOUT, "in time");
}

static void
toy_run_ahead(void)
{
    *toy_word(0) = *toy_word(64) + 4;
}

UTEST(a_head_beyond_the_tail_is_a_lie)
{
    EXPECT_EQ(toy_begin(toy_run_ahead), VIRTIO_ERR_BROKEN);
    toy_end(VIRTIO_ERR_BROKEN, "ahead");
}

UTEST(an_answer_of_another_command_is_a_lie)
{
    EXPECT_EQ(toy_begin(toy_execute), VIRTIO_OK);
    memset(toy.memory + 4096 + RING_BYTES, 0xff, 64);
    EXPECT_EQ(vvk_DeviceWaitIdle(&vvk, VK_NULL_HANDLE), VK_ERROR_DEVICE_LOST);
    toy_end(VIRTIO_ERR_BROKEN, "answer");
}

/* A count that leads out of its array, as the caller would follow it. */
UTEST(an_answer_with_too_large_a_count_is_a_lie)
{
    VkPhysicalDeviceMemoryProperties memory = { 0 };
    const uint32_t answer[] = { VVK_ID_vkGetPhysicalDeviceMemoryProperties, 1, 0, 33, 32, 0 };
    memory.memoryTypeCount = 7;
    EXPECT_EQ(toy_begin(toy_execute), VIRTIO_OK);
    uint8_t *reply = toy.memory + 4096 + RING_BYTES;
    memcpy(reply, answer, sizeof(answer));
    const uint32_t heaps[] = { 1, 16, 0 };
    memcpy(reply + sizeof(answer) + sizeof(memory.memoryTypes), heaps, sizeof(heaps));
    vvk_GetPhysicalDeviceMemoryProperties(&vvk, VK_NULL_HANDLE, &memory);
    EXPECT_EQ(memory.memoryTypeCount, 0);
    toy_end(VIRTIO_ERR_BROKEN, "answer");
}

/* What the caller would write does not fit into what the renderer says; or all memory of the world is asked for. */
static void
expect_not_believed(uint64_t needed_bytes)
{
    const uint32_t answer[] = {
        VVK_ID_vkGetBufferMemoryRequirements, 1,    0, (uint32_t)needed_bytes,
        (uint32_t)(needed_bytes >> 32),       4096, 0, 1
    };
    struct vk_buffer buffer;
    EXPECT_EQ(toy_begin(toy_execute), VIRTIO_OK);
    memset(&session, 0, sizeof(session));
    session.vvk = &vvk;
    memcpy(toy.memory + 4096 + RING_BYTES, answer, sizeof(answer));
    EXPECT_EQ(vk_buffer_make(&session, 65536, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &buffer),
              VK_ERROR_UNKNOWN);
    EXPECT_CONTAINS(session.step, "cannot be right");
    EXPECT_EQ(toy.open_count, 1); /* the ring */
    EXPECT_EQ(vvk.failure, VIRTIO_OK);
    vvk_destroy(&vvk);
}

UTEST(a_size_that_cannot_be_a_buffers_is_a_lie)
{
    expect_not_believed(16);
    expect_not_believed(65535);
    expect_not_believed(UINT64_MAX);
    expect_not_believed(UINT64_C(1) << 40);
}

UTEST(a_config_that_cannot_be_is_refused)
{
    struct vvk_config config = { .way = &toy.way, .scratch = scratch, .scratch_bytes = 4096 };
    const uint32_t sizes[] = { 4095, 2048, 5000, 1U << 25 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        config.ring_bytes = sizes[i];
        EXPECT_EQ(vvk_create(&vvk, &config), VIRTIO_ERR_INVALID);
    }
    config.ring_bytes = 4096;
    config.scratch_bytes = 8192;
    EXPECT_EQ(vvk_create(&vvk, &config), VIRTIO_ERR_INVALID);
    vvk_destroy(&vvk);
}
