/*
 * Pictures drawn by the host's GPU into memory that this CPU and the display see: a triangle, a turning cube.
 *
 *   vk_picture_make(&session, &config, &picture)
 *   vk_picture_draw(&session, &picture, frame)     picture.pixels.blob: rows of width x 4 bytes, B G R X
 *   vk_picture_free(&session, &picture)
 */
#ifndef KERNEL_VULKAN_PICTURE_H
#define KERNEL_VULKAN_PICTURE_H

#include "kernel/vulkan/session.h"

enum vk_picture_kind {
    VK_PICTURE_TRIANGLE,
    VK_PICTURE_CUBE,
};

struct vk_picture {
    enum vk_picture_kind kind;
    VkExtent2D size;
    struct vk_image image;   /* drawn into */
    struct vk_buffer pixels; /* copied into */
    VkRenderPass pass;
    VkFramebuffer framebuffer;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

/* Returns: VK_SUCCESS; why not, in session->step: then there is nothing to free. */
VkResult vk_picture_make(struct vk_session *session, enum vk_picture_kind kind, VkExtent2D size,
                         struct vk_picture *picture);

/* Draw and copy, and wait until the pixels are there. */
VkResult vk_picture_draw(struct vk_session *session, struct vk_picture *picture, uint32_t frame);

void vk_picture_free(struct vk_session *session, struct vk_picture *picture);

#endif
