/*
 * Vulkan on the kernel's GPU: context, client and session brought up together, for one user at a time.
 *
 *   struct vulkan_dev *vulkan;
 *   err = vulkan_dev_open(is_checked, &vulkan, &why);      why: one sentence
 *   vulkan->session ...                                    kernel/vulkan/session.h
 *   vulkan_dev_close(vulkan);
 */
#ifndef KERNEL_DRV_VULKAN_DEV_H
#define KERNEL_DRV_VULKAN_DEV_H

#include "virtio/venus_vgpu.h"

#include "kernel/core/base.h"
#include "kernel/vulkan/session.h"

struct vulkan_dev {
    struct vvk_vgpu way;
    struct vvk vvk;
    struct vk_session session;
    struct virtio_arena arena;
    void *scratch;
    uint64_t open_ns; /* how long it took to get here */
};

/*
 * `is_checked`: every command waits for its result. Context: main thread; blocks.
 * Returns: 0 and *opened; a negative error and *why: what is missing or went wrong, a sentence.
 */
int vulkan_dev_open(bool is_checked, struct vulkan_dev **opened, const char **why);

void vulkan_dev_close(struct vulkan_dev *dev);

#endif
