/*
 * More than the host offers by itself: what Mesa's client needs in name to offer Vulkan 1.3 and a swapchain.
 *
 * The client offers external memory, and with it VK_KHR_swapchain, only to a renderer that lists VK_EXT_external_memory_dma_buf,
 * VK_EXT_image_drm_format_modifier and VK_EXT_queue_family_foreign; and VK_KHR_synchronization2, VK_KHR_swapchain and Vulkan 1.3
 * only where VkSemaphores can import a SYNC_FD.  Of the last it then asks only for "make this semaphore signalled"
 * (vkImportSemaphoreResourceMESA with resource 0).  All of that can be had on a host without it:
 *
 *    VK_KHR_external_semaphore_fd       the semaphore is marked; the next wait for it is left out of the submission (queue.c)
 *    VK_EXT_image_drm_format_modifier   one modifier, DRM_FORMAT_MOD_LINEAR, which is VK_IMAGE_TILING_LINEAR
 *    VK_EXT_external_memory_dma_buf     memory is an fd that can be mapped; only devices that are this CPU import it anyway
 *    VK_EXT_queue_family_foreign        on a CPU device, where a foreign queue sees the same memory
 */
#ifndef VENUS_EMULATE_H
#define VENUS_EMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

struct vn_physical;

/* What the host's physical device can do by itself. */
struct vn_offers {
    bool has_memory_host; /* VK_EXT_external_memory_host */
    bool has_memory_fd;
    bool has_dma_buf;
    bool has_drm_modifier;
    bool has_queue_foreign;
    bool has_semaphore_fd;
    bool has_fence_fd;
    bool can_export_dma_buf; /* memory of buffers */
    bool can_export_opaque;
    bool can_import_semaphore_sync_fd;
    bool can_export_semaphore_sync_fd;
    bool can_export_fence_sync_fd;
    bool is_cpu;
    uint64_t host_pointer_alignment_bytes; /* a power of two */
    uint8_t device_uuid[VK_UUID_SIZE];
    uint8_t driver_uuid[VK_UUID_SIZE];
};

/* Asks the host.  Needs physical's handle, instance and extensions; fills in physical->offers. */
void vn_offers_init(struct vn_physical *physical);

/* Is this an extension that clients are told of although the host lacks it? */
bool vn_emulates_extension(const struct vn_physical *physical, const char *name);

/* The idx-th such extension (from 0 on), or NULL behind the last: to add to what the host enumerates. */
const char *vn_emulated_extension(const struct vn_physical *physical, uint32_t idx);

/*
 * From the extensions that a client enables to those that the host gets: without what is emulated, with what this library uses.
 * names: room for count + VN_OWN_EXTENSIONS.
 * Returns: how many there are now.
 */
#define VN_OWN_EXTENSIONS 6
uint32_t vn_emulate_device_extensions(const struct vn_physical *physical, const char **names,
                                      uint32_t count);

/* Vulkan's own functions of these names, with the emulation around them: for handlers to call instead. */
void vn_emulate_format_properties2(const struct vn_physical *physical, VkFormat format,
                                   VkFormatProperties2 *properties);
VkResult vn_emulate_image_format_properties2(const struct vn_physical *physical,
                                             VkPhysicalDeviceImageFormatInfo2 *info,
                                             VkImageFormatProperties2 *properties);
void vn_emulate_external_buffer_properties(const struct vn_physical *physical,
                                           const VkPhysicalDeviceExternalBufferInfo *info,
                                           VkExternalBufferProperties *properties);
void vn_emulate_external_semaphore_properties(const struct vn_physical *physical,
                                              const VkPhysicalDeviceExternalSemaphoreInfo *info,
                                              VkExternalSemaphoreProperties *properties);
void vn_emulate_external_fence_properties(const struct vn_physical *physical,
                                          const VkPhysicalDeviceExternalFenceInfo *info,
                                          VkExternalFenceProperties *properties);

/*
 * Change what a client says of a buffer or image to what the host understands.
 * info: in the arena.  room: the caller's, where a link of the chain may go; it must live as long as info is used.
 */
void vn_emulate_buffer_info(const struct vn_physical *physical,
                            VkExternalMemoryBufferCreateInfo *room, VkBufferCreateInfo *info);
/* Returns: VK_SUCCESS, or why this image cannot be. */
VkResult vn_emulate_image_info(const struct vn_physical *physical,
                               VkExternalMemoryImageCreateInfo *room, VkImageCreateInfo *info);

#endif
