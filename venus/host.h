/*
 * The host's Vulkan, loaded at run time: which driver serves it, the loader decides (VK_DRIVER_FILES).
 */
#ifndef VENUS_HOST_H
#define VENUS_HOST_H

#include <stdbool.h>

#include "vn_args.h"

struct vn_host {
    void *library; /* NULL: not loaded yet */
    PFN_vkGetInstanceProcAddr get_instance_proc;
};

/* Loads it, once.  Returns: NULL, or why not (valid until the next call of dlerror). */
const char *vn_host_load(struct vn_host *host, const char *library);
void vn_host_unload(struct vn_host *host);

/* Fills a function table; what the host lacks is NULL.  instance: NULL fills in only what needs none. */
void
vn_host_fill_instance(const struct vn_host *host, VkInstance instance, struct vn_instance_vk *vk);
void vn_host_fill_device(PFN_vkGetDeviceProcAddr get, VkDevice device, struct vn_device_vk *vk);

#endif
