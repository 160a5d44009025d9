/*
 * preload.c - the three Vulkan calls that this takes, declared here: the device knows no more of Vulkan than that.
 */
#include "device/preload.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <dlfcn.h>

/* VkInstanceCreateInfo of Vulkan 1.0, whose layout is fixed for ever; sType 1. */
struct instance_create_info {
    uint32_t type;
    const void *next;
    uint32_t flags;
    const void *application;
    uint32_t layer_count;
    const char *const *layers;
    uint32_t extension_count;
    const char *const *extensions;
};

typedef int32_t
create_instance_fn(const struct instance_create_info *info, const void *allocator, void **instance);
typedef int32_t enumerate_fn(void *instance, uint32_t *count, void **devices);

static void
look_up(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof(address));
}

int
preload_vulkan(const char *library)
{
    void *loader = dlopen(library != NULL ? library : "libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (loader == NULL) {
        return -1;
    }
    create_instance_fn *create_instance = NULL;
    enumerate_fn *enumerate = NULL;
    look_up(loader, "vkCreateInstance", (void *)&create_instance);
    look_up(loader, "vkEnumeratePhysicalDevices", (void *)&enumerate);
    struct instance_create_info info = { .type = 1 };
    void *instance = NULL;
    uint32_t device_count = 0;
    if (create_instance == NULL || enumerate == NULL ||
        create_instance(&info, NULL, &instance) != 0 ||
        enumerate(instance, &device_count, NULL) != 0) {
        return 0;
    }
    return (int)device_count;
}
