/*
 * The host's side of instances, physical devices and devices: what hangs at their objects' `data`.
 */
#ifndef VENUS_DEVICE_H
#define VENUS_DEVICE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "venus/emulate.h"
#include "venus/memory.h"
#include "venus/object.h"
#include "venus/queue.h"

#include "vn_args.h"

struct vn_instance {
    struct vn_object *object;
    struct vn_instance *next; /* of the context */
    VkInstance handle;
    uint32_t
        api_version; /* that the host's instance was made with, and the highest that clients are told */
    struct vn_instance_vk vk;
};

struct vn_physical {
    struct vn_object *object;
    struct vn_instance *instance;
    VkPhysicalDevice handle;
    VkPhysicalDeviceProperties properties; /* the host's own, as are the next three */
    VkPhysicalDeviceMemoryProperties memory;
    VkExtensionProperties *extensions;
    uint32_t extension_count;
    struct vn_offers offers;
    struct vn_memory_plan plan;
};

struct vn_device {
    struct vn_object *object;
    struct vn_physical *physical;
    VkDevice handle;
    struct vn_device_vk vk;
    struct vn_queues queues;
};

/* Has the host's device this extension? */
bool vn_physical_has(const struct vn_physical *physical, const char *extension);

/*
 * Those of `from` that the tables can decode, in `to` (NULL only counts), at most `room` of them.
 * Returns: how many there are.
 */
uint32_t vn_known_extensions(const VkExtensionProperties *from, uint32_t count,
                             VkExtensionProperties *to, uint32_t room);

/* Looks at the host's physical device and keeps it as `data` of a new object.  false: already fatal. */
bool vn_physical_add(struct vn_exec *exec, struct vn_instance *instance, VkPhysicalDevice handle,
                     uint64_t id);

/* Destroys all that hangs on a device, then it.  Its object stays in the table. */
void vn_device_destroy(struct venus *venus, struct vn_device *device);

/* Destroys every instance that the client left, with all that hangs on it. */
void vn_instances_finish(struct venus *venus);

#endif
