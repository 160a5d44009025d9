/*
 * Images: what this library keeps of each.
 */
#ifndef VENUS_IMAGE_H
#define VENUS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

/* `data` of a VkImage's object. */
struct vn_image {
    VkFormat format;
    bool has_modifier; /* the client made it with a DRM format modifier, which is emulated */
};

/* A format's block in memory. */
struct vn_block {
    uint32_t bytes; /* 0: not known */
    uint32_t width;
    uint32_t height;
};

/* Of one aspect (of one plane, where there are several) of a format. */
struct vn_block vn_block_of(VkFormat format, VkImageAspectFlags aspect);

#endif
