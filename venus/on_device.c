/* Devices: the client's features and queues, with the extensions that the host has for them. */
#include <stdlib.h>

#include "venus/call.h"

static VkResult
make_device(struct vn_exec *exec, const struct vn_physical *physical,
            const VkDeviceCreateInfo *wanted, VkDevice *out)
{
    VkDeviceCreateInfo info = *wanted;
    uint32_t count = info.enabledExtensionCount;
    const char **names = vn_exec_alloc(exec, (size_t)count + VN_OWN_EXTENSIONS, sizeof(*names));
    if (!names) {
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        names[i] = info.ppEnabledExtensionNames[i];
    }
    info.enabledExtensionCount = vn_emulate_device_extensions(physical, names, count);
    info.ppEnabledExtensionNames = names;
    info.enabledLayerCount = 0;
    info.ppEnabledLayerNames = NULL;
    return physical->instance->vk.vkCreateDevice(physical->handle, &info, NULL, out);
}

/* Gives the device its function table, its queues and its object.  Returns: VK_SUCCESS, or why it cannot live. */
static VkResult
set_up(struct vn_exec *exec, struct vn_device *device, const struct vn_args_vkCreateDevice *args)
{
    const struct vn_host *host = &exec->venus->host;
    PFN_vkVoidFunction get =
        host->get_instance_proc(device->physical->instance->handle, "vkGetDeviceProcAddr");
    vn_host_fill_device((PFN_vkGetDeviceProcAddr)get, device->handle, &device->vk);
    VkResult ret = vn_queues_init(&device->queues, args->pCreateInfo);
    if (ret == VK_SUCCESS) {
        struct vn_object like = { .id = *(const uint64_t *)args->pDevice,
                                  .host = (uint64_t)device->handle,
                                  .type = VN_HANDLE_VkDevice,
                                  .device = device,
                                  .data = device };
        device->object = vn_exec_add(exec, &like);
    }
    if (!device->object) {
        vn_queues_finish(exec->venus, device);
        device->vk.vkDestroyDevice(device->handle, NULL);
        return ret ? ret : VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    return VK_SUCCESS;
}

void
vn_on_vkCreateDevice(struct vn_exec *exec, struct vn_args_vkCreateDevice *args)
{
    struct vn_device *device = vn_keep(exec->venus, sizeof(*device));
    args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!device) {
        return;
    }
    (void)pthread_mutex_lock(&exec->venus->instances_lock);
    device->physical = vn_physical_of(exec);
    args->ret = make_device(exec, device->physical, args->pCreateInfo, &device->handle);
    if (args->ret == VK_SUCCESS) {
        args->ret = set_up(exec, device, args);
    }
    (void)pthread_mutex_unlock(&exec->venus->instances_lock);
    if (args->ret != VK_SUCCESS) {
        vn_retire(exec->venus, device);
    }
}

/* The host's side of what was taken out of the table. Objects without a function of their own went with their pool. */
static void
destroy_host(struct vn_object *object)
{
    if (vn_destroyers[object->type] && object->host) {
        vn_destroyers[object->type](object->device, object->host);
    }
}

void
vn_device_destroy(struct venus *venus, struct vn_device *device)
{
    bool is_idle = vn_queues_finish(venus, device) == VK_SUCCESS;
    /* A host that is still at work would find its objects gone: better lose them with this process. */
    vn_objects_remove_children(venus, device->object, is_idle ? destroy_host : NULL);
    if (is_idle) {
        device->vk.vkDestroyDevice(device->handle, NULL);
    }
    vn_retire(venus, device);
}

void
vn_on_vkDestroyDevice(struct vn_exec *exec, struct vn_args_vkDestroyDevice *args)
{
    struct venus *venus = exec->venus;
    (void)pthread_mutex_lock(&venus->instances_lock);
    struct vn_object *object = exec->trail[0];
    /* Another ring may have been faster. */
    if (vn_objects_claim(&venus->objects, object, VN_HANDLE_VkDevice, (uint64_t)args->device)) {
        vn_device_destroy(venus, (struct vn_device *)object->data);
        vn_objects_remove(venus, object);
    }
    (void)pthread_mutex_unlock(&venus->instances_lock);
}
