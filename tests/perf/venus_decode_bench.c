/*
 * What decoding costs: streams of one command each, written by the encoder, executed by the renderer over a host whose functions
 * do nothing.  Time is the thread's own, so that a busy machine does not show.
 *
 *   venus_decode_bench [ROUNDS]      prints `command ns bytes` a line
 *
 * conformance: S3-09
 */
#include <stdio.h>
#include <stdlib.h>

#include <time.h>

#include "venus/call.h"
#include "venus/wire.h"

#define COMMANDS     20000u
#define STREAM_BYTES ((size_t)16 << 20)

enum { ID_BUFFER = 100, ID_PIPELINE, ID_LAYOUT, ID_SET, ID_COMMAND_BUFFER, ID_IMAGE, ID_SAMPLER };

static uint64_t
now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Stands for every function of the host: called with any arguments, does nothing, says VK_SUCCESS. */
static VkResult
nothing(void)
{
    return VK_SUCCESS;
}

static VkResult
make_sampler(VkDevice device, const VkSamplerCreateInfo *info,
             const VkAllocationCallbacks *allocator, VkSampler *sampler)
{
    (void)device;
    (void)info;
    (void)allocator;
    *sampler = (VkSampler)(uintptr_t)4096;
    return VK_SUCCESS;
}

static void
add(struct venus *venus, uint64_t id, uint16_t type, struct vn_device *device)
{
    struct vn_object like = { .id = id, .host = id * 16, .type = type, .device = device };
    const char *why;
    if (!vn_objects_add(venus, &like, &why)) {
        (void)fprintf(stderr, "venus_decode_bench: object %llu: %s\n", (unsigned long long)id, why);
        exit(1);
    }
}

static const struct vn_command *
command_named(const char *name)
{
    for (uint32_t i = 0; i < vn_command_count; i++) {
        if (!strcmp(vn_commands[i].name, name)) {
            return &vn_commands[i];
        }
    }
    (void)fprintf(stderr, "venus_decode_bench: no command %s\n", name);
    exit(1);
}

static double
run(struct venus *venus, const char *name, const uint8_t *stream, size_t size, int rounds)
{
    double best = 1e9;
    for (int i = 0; i < rounds; i++) {
        uint64_t begin = now_ns();
        if (vn_exec_run(&venus->exec, stream, size, true, 0) != size) {
            (void)fprintf(stderr, "venus_decode_bench: %s: %s\n", name, venus_why(venus));
            exit(1);
        }
        double each = (double)(now_ns() - begin) / COMMANDS;
        best = each < best ? each : best;
    }
    return best;
}

static double
measure(struct venus *venus, const char *name, const void *args, int rounds, size_t *bytes)
{
    uint8_t *stream = malloc(STREAM_BYTES);
    struct vn_writer out = { .base = stream, .size = STREAM_BYTES };
    for (uint32_t i = 0; i < COMMANDS; i++) {
        vn_encode_request(&out, command_named(name), 0, args);
    }
    *bytes = out.at / COMMANDS;
    double best = run(venus, name, stream, out.at, rounds);
    free(stream);
    return best;
}

#define HANDLE(type, id) ((type)(uintptr_t)(id))
#define MEASURE(name, ...)                                                                         \
 do {                                                                                              \
  struct vn_args_##name args = { __VA_ARGS__ };                                                    \
  size_t bytes;                                                                                    \
  double ns = measure(venus, #name, &args, rounds, &bytes);                                        \
  (void)printf("%-28s %8.1f ns %6zu bytes\n", #name, ns, bytes);                                   \
 } while (0)

static void
measure_recording(struct venus *venus, int rounds)
{
    VkCommandBuffer cb = HANDLE(VkCommandBuffer, ID_COMMAND_BUFFER);
    VkPipelineLayout layout = HANDLE(VkPipelineLayout, ID_LAYOUT);
    VkViewport viewport = { 0, 0, 640, 480, 0, 1 };
    VkRect2D scissor = {
        {0,    0  },
        { 640, 480}
    };
    VkBuffer buffer = HANDLE(VkBuffer, ID_BUFFER);
    VkDescriptorSet set = HANDLE(VkDescriptorSet, ID_SET);
    VkDeviceSize offset = 64;
    uint32_t dynamic = 256;
    uint8_t values[64] = { 1 };
    MEASURE(vkCmdSetViewport, .commandBuffer = cb, .viewportCount = 1, .pViewports = &viewport);
    MEASURE(vkCmdSetScissor, .commandBuffer = cb, .scissorCount = 1, .pScissors = &scissor);
    MEASURE(vkCmdBindPipeline, .commandBuffer = cb, .pipeline = HANDLE(VkPipeline, ID_PIPELINE));
    MEASURE(vkCmdBindDescriptorSets, .commandBuffer = cb, .layout = layout, .descriptorSetCount = 1,
            .pDescriptorSets = &set, .dynamicOffsetCount = 1, .pDynamicOffsets = &dynamic);
    MEASURE(vkCmdBindVertexBuffers, .commandBuffer = cb, .bindingCount = 1, .pBuffers = &buffer,
            .pOffsets = &offset);
    MEASURE(vkCmdPushConstants, .commandBuffer = cb, .layout = layout, .stageFlags = 1, .size = 64,
            .pValues = values);
}

static void
measure_work(struct venus *venus, int rounds)
{
    VkCommandBuffer cb = HANDLE(VkCommandBuffer, ID_COMMAND_BUFFER);
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .image = HANDLE(VkImage, ID_IMAGE),
        .subresourceRange = {1, 0, 1, 0, 1}
    };
    MEASURE(vkCmdDraw, .commandBuffer = cb, .vertexCount = 3, .instanceCount = 1);
    MEASURE(vkCmdDrawIndexed, .commandBuffer = cb, .indexCount = 36, .instanceCount = 1);
    MEASURE(vkCmdDispatch, .commandBuffer = cb, .groupCountX = 1, .groupCountY = 1,
            .groupCountZ = 1);
    MEASURE(vkCmdPipelineBarrier, .commandBuffer = cb, .srcStageMask = 1, .dstStageMask = 1,
            .imageMemoryBarrierCount = 1, .pImageMemoryBarriers = &barrier);
}

static void
measure_objects(struct venus *venus, int rounds)
{
    VkDescriptorImageInfo image = { .sampler = HANDLE(VkSampler, ID_SAMPLER) };
    VkWriteDescriptorSet write = { .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                   .dstSet = HANDLE(VkDescriptorSet, ID_SET),
                                   .descriptorCount = 1,
                                   .descriptorType = VK_DESCRIPTOR_TYPE_SAMPLER,
                                   .pImageInfo = &image };
    MEASURE(vkUpdateDescriptorSets, .device = HANDLE(VkDevice, 1), .descriptorWriteCount = 1,
            .pDescriptorWrites = &write);
}

/* Two commands: an object comes and goes. */
static void
measure_pair(struct venus *venus, int rounds)
{
    uint8_t *stream = malloc(STREAM_BYTES);
    struct vn_writer out = { .base = stream, .size = STREAM_BYTES };
    VkSamplerCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO };
    for (uint64_t i = 0; i < COMMANDS; i++) {
        VkSampler id = HANDLE(VkSampler, 1000 + i);
        struct vn_args_vkCreateSampler create = { .device = HANDLE(VkDevice, 1),
                                                  .pCreateInfo = &info,
                                                  .pSampler = &id };
        struct vn_args_vkDestroySampler destroy = { .device = HANDLE(VkDevice, 1), .sampler = id };
        vn_encode_request(&out, command_named("vkCreateSampler"), 0, &create);
        vn_encode_request(&out, command_named("vkDestroySampler"), 0, &destroy);
    }
    double ns = run(venus, "vkCreateSampler", stream, out.at, rounds);
    (void)printf("%-28s %8.1f ns %6zu bytes\n", "vkCreateSampler and destroy", ns,
                 out.at / COMMANDS);
    free(stream);
}

int
main(int argc, char **argv)
{
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 20;
    struct venus_config config = { .name = "bench" };
    struct venus *venus;
    if (rounds < 1 || venus_create(&config, &venus) != VENUS_OK) {
        (void)fprintf(stderr, "usage: venus_decode_bench [ROUNDS]   (at least 1)\n");
        return 2;
    }
    struct vn_device device = { .handle = HANDLE(VkDevice, 16) };
    VkResult (**functions)(void) = (VkResult(**)(void))(void *)&device.vk;
    for (size_t i = 0; i < sizeof(device.vk) / sizeof(*functions); i++) {
        functions[i] = nothing;
    }
    add(venus, 1, VN_HANDLE_VkDevice, &device);
    add(venus, ID_BUFFER, VN_HANDLE_VkBuffer, &device);
    add(venus, ID_PIPELINE, VN_HANDLE_VkPipeline, &device);
    add(venus, ID_LAYOUT, VN_HANDLE_VkPipelineLayout, &device);
    add(venus, ID_SET, VN_HANDLE_VkDescriptorSet, &device);
    add(venus, ID_COMMAND_BUFFER, VN_HANDLE_VkCommandBuffer, &device);
    add(venus, ID_IMAGE, VN_HANDLE_VkImage, &device);
    add(venus, ID_SAMPLER, VN_HANDLE_VkSampler, &device);
    measure_recording(venus, rounds);
    measure_work(venus, rounds);
    measure_objects(venus, rounds);
    device.vk.vkCreateSampler = make_sampler;
    measure_pair(venus, rounds);
    venus_destroy(venus);
    return 0;
}
