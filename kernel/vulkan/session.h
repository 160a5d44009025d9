/*
 * What every Vulkan program of this kernel begins with: an instance, the first device, a queue, a command buffer, a fence; and
 * memory that both sides see.
 *
 *   vk_begin(&session, &vvk)            VK_SUCCESS, or session.step says what failed
 *   vk_buffer_make(&session, bytes, usage, &buffer)
 *   vk_record(&session); vvk_Cmd...(session.vvk, session.commands, ...); vk_run(&session)
 *   vk_end(&session)
 *
 * Knows no console and no GPU: the same files run in host tests, on a renderer in the same process.
 */
#ifndef KERNEL_VULKAN_SESSION_H
#define KERNEL_VULKAN_SESSION_H

#include "virtio/venus.h"

#include "vvk_commands.h"

struct vk_session {
    struct vvk *vvk;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t family_idx;
    VkQueueFlags queue_flags;
    VkDevice device;
    VkQueue queue;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    const char *step; /* what is being done, or failed: "vkCreateDevice" */
};

/* A buffer in memory of its own, mapped. */
struct vk_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    struct vvk_blob blob; /* blob.memory: its bytes */
};

/* An image in memory of its own, with a view; the device's alone. */
struct vk_image {
    VkImage image;
    VkDeviceMemory memory;
    VkImageView view;
};

/* `vvk`: created. Returns: VK_SUCCESS; why not, in session->step; vk_end must follow either way. */
VkResult vk_begin(struct vk_session *session, struct vvk *vvk);

/* Waits for the device and destroys all that vk_begin made. Accepts what failed half way. */
void vk_end(struct vk_session *session);

/* Zeroed memory of `bytes`. Returns: VK_SUCCESS; why not: then there is nothing to free. */
VkResult vk_buffer_make(struct vk_session *session, uint64_t bytes, VkBufferUsageFlags usage,
                        struct vk_buffer *buffer);
/* Accepts a zeroed one. */
void vk_buffer_free(struct vk_session *session, struct vk_buffer *buffer);

VkResult vk_image_make(struct vk_session *session, VkFormat format, VkExtent2D size,
                       VkImageUsageFlags usage, struct vk_image *image);
void vk_image_free(struct vk_session *session, struct vk_image *image);

/* SPIR-V, as vk_shaders.h has it. */
struct vk_shader {
    const uint32_t *words;
    size_t bytes;
};
VkResult
vk_shader_make(struct vk_session *session, const struct vk_shader *shader, VkShaderModule *module);

/* Begin the session's command buffer, for one submission. */
VkResult vk_record(struct vk_session *session);

/* End it, submit it, wait for it. */
VkResult vk_run(struct vk_session *session);

/* The two halves of the latter. */
VkResult vk_submit(struct vk_session *session);
VkResult vk_wait(struct vk_session *session);

/* "VK_ERROR_DEVICE_LOST"; "a VkResult" for those that a kernel seldom meets. */
const char *vk_result_name(VkResult result);

#endif
