/* Physical devices: what the host says, less what the protocol cannot carry, with what is emulated. */
#include <stdlib.h>
#include <string.h>

#include "venus/call.h"
#include "venus/wire.h"

bool
vn_physical_has(const struct vn_physical *physical, const char *extension)
{
    for (uint32_t i = 0; i < physical->extension_count; i++) {
        if (!strcmp(physical->extensions[i].extensionName, extension)) {
            return true;
        }
    }
    return false;
}

static void
free_physical(struct venus *venus, struct vn_object *object)
{
    struct vn_physical *physical = (struct vn_physical *)object->data;
    vn_retire(venus, physical->extensions);
    vn_retire(venus, physical);
}

static VkResult
list_extensions(struct venus *venus, struct vn_physical *physical)
{
    const struct vn_instance_vk *vk = &physical->instance->vk;
    VkResult ret = vk->vkEnumerateDeviceExtensionProperties(physical->handle, NULL,
                                                            &physical->extension_count, NULL);
    if (ret != VK_SUCCESS) {
        return ret;
    }
    physical->extensions =
        vn_keep(venus, ((size_t)physical->extension_count + 1) * sizeof(*physical->extensions));
    if (!physical->extensions) {
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    return vk->vkEnumerateDeviceExtensionProperties(
        physical->handle, NULL, &physical->extension_count, physical->extensions);
}

bool
vn_physical_add(struct vn_exec *exec, struct vn_instance *instance, VkPhysicalDevice handle,
                uint64_t id)
{
    struct vn_physical *physical = vn_keep(exec->venus, sizeof(*physical));
    if (!physical) {
        vn_exec_fatal(exec, "the host's memory is short");
        return false;
    }
    physical->instance = instance;
    physical->handle = handle;
    instance->vk.vkGetPhysicalDeviceProperties(handle, &physical->properties);
    instance->vk.vkGetPhysicalDeviceMemoryProperties(handle, &physical->memory);
    VkResult ret = list_extensions(exec->venus, physical);
    if (ret != VK_SUCCESS) {
        vn_exec_fatal(exec, "the host cannot list the extensions of %s: %s",
                      physical->properties.deviceName, vn_result_name(ret));
    } else {
        vn_offers_init(physical);
        vn_memory_plan_init(exec->venus, physical);
        struct vn_object like = { .id = id,
                                  .host = (uint64_t)handle,
                                  .type = VN_HANDLE_VkPhysicalDevice,
                                  .data = physical,
                                  .free_data = free_physical };
        physical->object = vn_exec_add(exec, &like);
    }
    if (!physical->object) {
        vn_retire(exec->venus, physical->extensions);
        vn_retire(exec->venus, physical);
        return false;
    }
    return true;
}

/* What is emulated comes behind what the host has. */
static void
add_emulated(const struct vn_physical *physical, VkExtensionProperties *to, uint32_t room,
             uint32_t *count)
{
    const char *name;
    for (uint32_t i = 0; (name = vn_emulated_extension(physical, i)) != NULL; i++) {
        VkExtensionProperties one = { .specVersion = UINT32_MAX };
        strncpy(one.extensionName, name, sizeof(one.extensionName) - 1);
        bool fits = to && *count < room;
        *count += vn_known_extensions(&one, 1, fits ? &to[*count] : NULL, 1);
    }
}

void
vn_on_vkEnumerateDeviceExtensionProperties(
    struct vn_exec *exec, struct vn_args_vkEnumerateDeviceExtensionProperties *args)
{
    const struct vn_physical *physical = vn_physical_of(exec);
    if (args->pLayerName) {
        args->ret = VK_ERROR_LAYER_NOT_PRESENT;
        return;
    }
    uint32_t room = args->pProperties ? *args->pPropertyCount : 0;
    uint32_t count = vn_known_extensions(physical->extensions, physical->extension_count,
                                         args->pProperties, room);
    add_emulated(physical, args->pProperties, room, &count);
    args->ret = args->pProperties && count > room ? VK_INCOMPLETE : VK_SUCCESS;
    *args->pPropertyCount = args->pProperties && count > room ? room : count;
}

static void
cap_version(const struct vn_physical *physical, VkPhysicalDeviceProperties *properties)
{
    if (properties->apiVersion > physical->instance->api_version) {
        properties->apiVersion = physical->instance->api_version;
    }
}

void
vn_on_vkGetPhysicalDeviceProperties(struct vn_exec *exec,
                                    struct vn_args_vkGetPhysicalDeviceProperties *args)
{
    const struct vn_physical *physical = vn_physical_of(exec);
    *args->pProperties = physical->properties;
    cap_version(physical, args->pProperties);
}

void
vn_on_vkGetPhysicalDeviceProperties2(struct vn_exec *exec,
                                     struct vn_args_vkGetPhysicalDeviceProperties2 *args)
{
    const struct vn_physical *physical = vn_physical_of(exec);
    physical->instance->vk.vkGetPhysicalDeviceProperties2(args->physicalDevice, args->pProperties);
    cap_version(physical, &args->pProperties->properties);
}

void
vn_on_vkGetPhysicalDeviceMemoryProperties(struct vn_exec *exec,
                                          struct vn_args_vkGetPhysicalDeviceMemoryProperties *args)
{
    const struct vn_physical *physical = vn_physical_of(exec);
    *args->pMemoryProperties = physical->memory;
    vn_memory_filter_properties(physical, exec->venus, args->pMemoryProperties);
}

void
vn_on_vkGetPhysicalDeviceMemoryProperties2(
    struct vn_exec *exec, struct vn_args_vkGetPhysicalDeviceMemoryProperties2 *args)
{
    const struct vn_physical *physical = vn_physical_of(exec);
    physical->instance->vk.vkGetPhysicalDeviceMemoryProperties2(args->physicalDevice,
                                                                args->pMemoryProperties);
    vn_memory_filter_properties2(physical, exec->venus, args->pMemoryProperties);
}

void
vn_on_vkGetPhysicalDeviceFormatProperties2(
    struct vn_exec *exec, struct vn_args_vkGetPhysicalDeviceFormatProperties2 *args)
{
    vn_emulate_format_properties2(vn_physical_of(exec), args->format, args->pFormatProperties);
}

void
vn_on_vkGetPhysicalDeviceImageFormatProperties2(
    struct vn_exec *exec, struct vn_args_vkGetPhysicalDeviceImageFormatProperties2 *args)
{
    VkPhysicalDeviceImageFormatInfo2 *info =
        (VkPhysicalDeviceImageFormatInfo2 *)(uintptr_t)args->pImageFormatInfo;
    args->ret = vn_emulate_image_format_properties2(vn_physical_of(exec), info,
                                                    args->pImageFormatProperties);
}

void
vn_on_vkGetPhysicalDeviceExternalBufferProperties(
    struct vn_exec *exec, struct vn_args_vkGetPhysicalDeviceExternalBufferProperties *args)
{
    vn_emulate_external_buffer_properties(vn_physical_of(exec), args->pExternalBufferInfo,
                                          args->pExternalBufferProperties);
}

void
vn_on_vkGetPhysicalDeviceExternalSemaphoreProperties(
    struct vn_exec *exec, struct vn_args_vkGetPhysicalDeviceExternalSemaphoreProperties *args)
{
    vn_emulate_external_semaphore_properties(vn_physical_of(exec), args->pExternalSemaphoreInfo,
                                             args->pExternalSemaphoreProperties);
}

void
vn_on_vkGetPhysicalDeviceExternalFenceProperties(
    struct vn_exec *exec, struct vn_args_vkGetPhysicalDeviceExternalFenceProperties *args)
{
    vn_emulate_external_fence_properties(vn_physical_of(exec), args->pExternalFenceInfo,
                                         args->pExternalFenceProperties);
}
