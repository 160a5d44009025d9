/*
 * What the Vulkan client programs share: the loader, a device, and the few objects that every one of them needs.
 *
 *   vkt_deadline(60);  vkt_open(&t, "name");  ... vkt_begin(&t) ... vkt_submit_wait(&t, cmd) ...  vkt_close(&t);
 *
 * The programs are plain Vulkan 1.2 applications.  They open libvulkan.so.1 at run time, so that building them needs
 * headers only, and know nothing of Venus: the same binary runs on a host driver and through any renderer.  Whatever
 * goes wrong ends the program with a sentence on standard error and status 1; a deadline that passes, with status 124,
 * since a client whose server died may wait for ever.
 */
#pragma once

#include <stdint.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "tests/vulkan/vkt_functions.h"

#define VKT_STATUS_DEADLINE 124

struct vkt_functions {
#define VKT_MEMBER(name) PFN_vk##name name;
    VKT_GLOBAL_FUNCTIONS(VKT_MEMBER)
    VKT_INSTANCE_FUNCTIONS(VKT_MEMBER)
    VKT_DEVICE_FUNCTIONS(VKT_MEMBER)
#undef VKT_MEMBER
};

/* The functions, filled by vkt_open; one device per program. */
extern struct vkt_functions vk;

struct vkt {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family_idx;
    VkCommandPool pool;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    VkPhysicalDeviceVulkan12Features features12;
};

struct vkt_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    VkDeviceSize size_bytes;
    void *map; /* coherent, for the buffer's whole life */
};

struct vkt_image {
    VkImage image;
    VkImageView view;
    VkDeviceMemory memory;
    VkExtent3D extent;
};

/* Ends the program with "PROGRAM: " and the sentence, and status 1. */
void
vkt_fail(const char *format, ...) __attribute__((noreturn)) __attribute__((format(printf, 1, 2)));

/* Ends the program when `result` is negative; `what` names the call. */
void vkt_must(VkResult result, const char *what);
#define VKT_MUST(call) vkt_must((call), #call)

/* Ends the program, with status 124, when it still runs after so many seconds. */
void vkt_deadline(unsigned seconds);

/* Nanoseconds of a clock that only goes forward. */
uint64_t vkt_now_ns(void);

/*
 * The loader, an instance, the first physical device, a device with one queue that can draw and compute, and a
 * command pool.  `program` names the program in messages.
 */
void vkt_open(struct vkt *t, const char *program);
void vkt_close(struct vkt *t);

/* The index of a memory type among `type_bits` that has all `flags`; ends the program when there is none. */
uint32_t vkt_memory_type(const struct vkt *t, uint32_t type_bits, VkMemoryPropertyFlags flags);

/* Memory for `requirements`. */
VkDeviceMemory vkt_allocate(const struct vkt *t, const VkMemoryRequirements *requirements,
                            VkMemoryPropertyFlags flags);

/* A buffer in mapped, coherent memory. */
struct vkt_buffer
vkt_buffer_create(const struct vkt *t, VkDeviceSize size_bytes, VkBufferUsageFlags usage);
void vkt_buffer_destroy(const struct vkt *t, struct vkt_buffer *b);

/* A 2-D image of one level in optimal tiling, with its memory and a view. */
struct vkt_image vkt_image_create(const struct vkt *t, VkFormat format, VkExtent3D extent,
                                  VkImageUsageFlags usage, VkImageAspectFlags aspect);
void vkt_image_destroy(const struct vkt *t, struct vkt_image *i);

/* The module in NAME.spv beside the program. */
VkShaderModule vkt_shader(const struct vkt *t, const char *name);

/* A command buffer of `pool` that is being recorded, for one submission. */
VkCommandBuffer vkt_begin(const struct vkt *t, VkCommandPool pool);
/* Ends the recording, submits, waits for it, frees the command buffer. */
void vkt_submit_wait(const struct vkt *t, VkCommandPool pool, VkCommandBuffer cmd);
/* Submits `cmd` (or nothing when it is NULL) and waits. */
void vkt_run(const struct vkt *t, VkCommandBuffer cmd, VkFence fence);
VkFence vkt_fence_create(const struct vkt *t);

/* Everything before has happened and is seen by everything after. */
void vkt_barrier(VkCommandBuffer cmd);
/* The same, moving a colour image from one layout to another. */
void vkt_layout(VkCommandBuffer cmd, VkImage image, VkImageLayout from, VkImageLayout to);
/* A colour image in `layout` to or from a buffer of tightly packed rows. */
VkBufferImageCopy vkt_whole_image(VkExtent3D extent);

/* 64-bit FNV-1a. */
uint64_t vkt_hash(const void *bytes, size_t size_bytes);
