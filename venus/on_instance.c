/* Instances: the loader is asked on the client's behalf, without layers, with nothing of the client's chain. */
#include <stdlib.h>
#include <string.h>

#include "venus/call.h"

/* What the protocol needs at least: external memory's and semaphore's capabilities are core since Vulkan 1.1. */
#define API_VERSION_MIN VK_API_VERSION_1_1

static uint32_t
lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Loads the host's Vulkan.  Returns: false: already fatal. */
static bool
load(struct vn_exec *exec, struct vn_instance_vk *vk)
{
    struct venus *venus = exec->venus;
    (void)pthread_mutex_lock(&venus->instances_lock);
    const char *why = vn_host_load(&venus->host, venus->config.vulkan_library);
    (void)pthread_mutex_unlock(&venus->instances_lock);
    if (why) {
        vn_exec_fatal(exec, "the host's Vulkan loader cannot be loaded: %s", why);
        return false;
    }
    vn_host_fill_instance(&venus->host, NULL, vk);
    if (!vk->vkCreateInstance) {
        vn_exec_fatal(exec, "the host's Vulkan loader has no vkCreateInstance");
        return false;
    }
    return true;
}

/*
 * What this library's tables know.  The loader takes any version since 1.1, and
 * devices may be newer than it (Vulkan 1.4 §4.2, vkEnumerateInstanceVersion).
 */
static uint32_t
host_version(const struct vn_instance_vk *vk)
{
    uint32_t version = VK_API_VERSION_1_0;
    if (vk->vkEnumerateInstanceVersion) {
        vk->vkEnumerateInstanceVersion(&version);
    }
    return version < API_VERSION_MIN ? version : vn_xml_version;
}

void
vn_on_vkEnumerateInstanceVersion(struct vn_exec *exec,
                                 struct vn_args_vkEnumerateInstanceVersion *args)
{
    struct vn_instance_vk vk;
    if (load(exec, &vk)) {
        *args->pApiVersion = host_version(&vk);
        args->ret = VK_SUCCESS;
    }
}

uint32_t
vn_known_extensions(const VkExtensionProperties *from, uint32_t count, VkExtensionProperties *to,
                    uint32_t room)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t n = 0; n < vn_extension_count; n++) {
            if (strcmp(from[i].extensionName, vn_extensions[n].name) != 0) {
                continue;
            }
            if (to && known < room) {
                to[known] = from[i];
                to[known].specVersion = lower(from[i].specVersion, vn_extensions[n].spec_version);
            }
            known++;
            break;
        }
    }
    return known;
}

void
vn_on_vkEnumerateInstanceExtensionProperties(
    struct vn_exec *exec, struct vn_args_vkEnumerateInstanceExtensionProperties *args)
{
    struct vn_instance_vk vk;
    if (args->pLayerName) {
        args->ret = VK_ERROR_LAYER_NOT_PRESENT;
        return;
    }
    if (!load(exec, &vk)) {
        return;
    }
    uint32_t count = 0;
    args->ret = vk.vkEnumerateInstanceExtensionProperties(NULL, &count, NULL);
    VkExtensionProperties *all = args->ret < 0 ? NULL : vn_exec_alloc(exec, count, sizeof(*all));
    if (!all) {
        return;
    }
    args->ret = vk.vkEnumerateInstanceExtensionProperties(NULL, &count, all);
    uint32_t room = args->pProperties ? *args->pPropertyCount : 0;
    uint32_t known = vn_known_extensions(all, count, args->pProperties, room);
    args->ret = args->pProperties && known > room ? VK_INCOMPLETE : VK_SUCCESS;
    *args->pPropertyCount = args->pProperties ? lower(known, room) : known;
}

static VkResult
make_instance(const struct vn_args_vkCreateInstance *args, const struct vn_instance_vk *vk,
              uint32_t version, VkInstance *out)
{
    VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO };
    if (args->pCreateInfo->pApplicationInfo) {
        application =
            *args->pCreateInfo
                 ->pApplicationInfo; /* drivers treat some applications specially, by name */
        application.pNext = NULL;
    }
    application.apiVersion = version;
    VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .pApplicationInfo = &application };
    return vk->vkCreateInstance(&info, NULL, out);
}

/* From its end on, another ring may destroy it. */
static bool
publish(struct vn_exec *exec, struct vn_instance *instance, uint64_t id)
{
    struct venus *venus = exec->venus;
    struct vn_object like = {
        .id = id, .host = (uint64_t)instance->handle, .type = VN_HANDLE_VkInstance, .data = instance
    };
    (void)pthread_mutex_lock(&venus->instances_lock);
    instance->object = vn_exec_add(exec, &like);
    bool is_added = instance->object;
    if (is_added) {
        instance->next = venus->instances;
        venus->instances = instance;
    }
    (void)pthread_mutex_unlock(&venus->instances_lock);
    return is_added;
}

void
vn_on_vkCreateInstance(struct vn_exec *exec, struct vn_args_vkCreateInstance *args)
{
    struct vn_instance *instance = vn_keep(exec->venus, sizeof(*instance));
    args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!instance || !load(exec, &instance->vk)) {
        vn_retire(exec->venus, instance);
        return;
    }
    instance->api_version = host_version(&instance->vk);
    args->ret = VK_ERROR_INCOMPATIBLE_DRIVER;
    if (instance->api_version >= API_VERSION_MIN) {
        args->ret = make_instance(args, &instance->vk, instance->api_version, &instance->handle);
    }
    if (args->ret != VK_SUCCESS) {
        vn_retire(exec->venus, instance);
        return;
    }
    vn_host_fill_instance(&exec->venus->host, instance->handle, &instance->vk);
    if (!publish(exec, instance, *(const uint64_t *)args->pInstance)) {
        instance->vk.vkDestroyInstance(instance->handle, NULL);
        vn_retire(exec->venus, instance);
    }
}

static void
destroy_instance(struct venus *venus, struct vn_instance *instance)
{
    (void)vn_objects_claim(&venus->objects, instance->object, VN_HANDLE_VkInstance,
                           (uint64_t)instance->handle); /* no new devices meanwhile */
    for (struct vn_object *physical = instance->object->child; physical;
         physical = instance->object->child) {
        while (physical->child) {
            struct vn_object *device = physical->child;
            vn_device_destroy(venus, (struct vn_device *)device->data);
            vn_objects_remove(venus, device);
        }
        vn_objects_remove(venus, physical);
    }
    vn_objects_remove(venus, instance->object);
    instance->vk.vkDestroyInstance(instance->handle, NULL);
    vn_retire(venus, instance);
}

void
vn_on_vkDestroyInstance(struct vn_exec *exec, struct vn_args_vkDestroyInstance *args)
{
    (void)args;
    struct venus *venus = exec->venus;
    const struct vn_instance *wanted = vn_instance_of(exec);
    (void)pthread_mutex_lock(&venus->instances_lock);
    struct vn_instance **link = &venus->instances;
    while (*link && *link != wanted) {
        link = &(*link)->next;
    }
    struct vn_instance *instance = *link;
    if (instance) { /* else another ring was faster */
        *link = instance->next;
        destroy_instance(venus, instance);
    }
    (void)pthread_mutex_unlock(&venus->instances_lock);
}

void
vn_instances_finish(struct venus *venus)
{
    while (venus->instances) {
        struct vn_instance *instance = venus->instances;
        venus->instances = instance->next;
        destroy_instance(venus, instance);
    }
}

static struct vn_object *
find_physical(const struct vn_instance *instance, VkPhysicalDevice handle)
{
    struct vn_object *first = instance->object->child;
    for (struct vn_object *at = first; at;
         at = at->sibling_next == first ? NULL : at->sibling_next) {
        if (at->host == (uint64_t)handle) {
            return at;
        }
    }
    return NULL;
}

/* The client names the host's devices, in the host's order; it may ask again, and must use the same names. */
static bool
name_physical(struct vn_exec *exec, struct vn_instance *instance, VkPhysicalDevice handle,
              uint64_t id)
{
    struct vn_object *object = find_physical(instance, handle);
    if (!object) {
        return vn_physical_add(exec, instance, handle, id);
    }
    if (object->id != id) {
        vn_exec_fatal(exec, "the physical device named 0x%llx before is named 0x%llx",
                      (unsigned long long)object->id, (unsigned long long)id);
        return false;
    }
    return true;
}

void
vn_on_vkEnumeratePhysicalDevices(struct vn_exec *exec,
                                 struct vn_args_vkEnumeratePhysicalDevices *args)
{
    struct vn_instance *instance = vn_instance_of(exec);
    const uint64_t *ids = (const uint64_t *)args->pPhysicalDevices;
    /* Without names to give, the client's count means nothing. */
    size_t count = ids ? *args->pPhysicalDeviceCount : 1;
    VkPhysicalDevice *hosts = vn_exec_alloc(exec, count, sizeof(VkPhysicalDevice));
    if (!hosts) {
        return;
    }
    args->ret = instance->vk.vkEnumeratePhysicalDevices(args->instance, args->pPhysicalDeviceCount,
                                                        ids ? hosts : NULL);
    (void)pthread_mutex_lock(&exec->venus->instances_lock);
    for (uint32_t i = 0; ids && args->ret >= 0 && i < *args->pPhysicalDeviceCount; i++) {
        if (!name_physical(exec, instance, hosts[i], ids[i])) {
            break;
        }
    }
    (void)pthread_mutex_unlock(&exec->venus->instances_lock);
}

void
vn_on_vkEnumeratePhysicalDeviceGroups(struct vn_exec *exec,
                                      struct vn_args_vkEnumeratePhysicalDeviceGroups *args)
{
    struct vn_instance *instance = vn_instance_of(exec);
    args->ret = instance->vk.vkEnumeratePhysicalDeviceGroups(
        args->instance, args->pPhysicalDeviceGroupCount, args->pPhysicalDeviceGroupProperties);
    (void)pthread_mutex_lock(&exec->venus->instances_lock);
    for (uint32_t i = 0;
         args->pPhysicalDeviceGroupProperties && i < *args->pPhysicalDeviceGroupCount; i++) {
        VkPhysicalDeviceGroupProperties *group = &args->pPhysicalDeviceGroupProperties[i];
        for (uint32_t n = 0; n < VK_MAX_DEVICE_GROUP_SIZE; n++) {
            /* The reply carries ids; what lies behind the count is no device. */
            struct vn_object *object = n < group->physicalDeviceCount
                                           ? find_physical(instance, group->physicalDevices[n])
                                           : NULL;
            uint64_t id = object ? object->id : 0;
            memcpy(&group->physicalDevices[n], &id, sizeof(id));
        }
    }
    (void)pthread_mutex_unlock(&exec->venus->instances_lock);
}
