/*
 * The host's side of instances, physical devices and devices: what hangs at their objects' `data`.
 */
#ifndef VENUS_DEVICE_H
#define VENUS_DEVICE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "venus/object.h"

#include "vn_args.h"

struct vn_instance {
    struct vn_object *object;
    VkInstance handle;
    uint32_t api_version; /* that the host's instance was made with */
    struct vn_instance_vk vk;
};

struct vn_physical {
    struct vn_object *object;
    struct vn_instance *instance;
    VkPhysicalDevice handle;
    VkPhysicalDeviceProperties properties;   /* apiVersion: what the client is told */
    VkPhysicalDeviceMemoryProperties memory; /* the host's own */
    VkExtensionProperties *extensions;       /* the host's own */
    uint32_t extension_count;
    struct vn_memory_ways
        *ways; /* memory.h: how each memory type becomes mappable; made on first use */
};

struct vn_device {
    struct vn_object *object;
    struct vn_physical *physical;
    VkDevice handle;
    struct vn_device_vk vk;
    void *memory; /* what memory.c keeps per device */
    void *queues; /* what queue.c keeps per device */
};

/* Has the host's device this extension? */
bool vn_physical_has(const struct vn_physical *physical, const char *extension);

#endif
