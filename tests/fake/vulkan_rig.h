/*
 * A context with an instance, a physical device and a device over the fake Vulkan.  Include it in one file of a test.
 */
#ifndef TESTS_FAKE_VULKAN_RIG_H
#define TESTS_FAKE_VULKAN_RIG_H

#include "tests/fake/vulkan_fake.h"

/* A context with an instance (id 1), a physical device (2) and a device (3). */
struct rig {
    struct venus *venus;
    struct vn_physical *physical;
    struct vn_device *device;
    struct vn_object *trail[8];
    uint32_t command[2]; /* id and flags, as on the wire */
};

static struct vn_object *
rig_add(struct rig *rig, struct vn_object *parent, uint16_t type, uint64_t id, uint64_t host)
{
    const char *why = NULL;
    struct vn_object like = {
        .id = id,
        .type = type,
        .host = host,
        .parent = parent,
        .device = parent ? parent->device : NULL,
    };
    struct vn_object *object = vn_objects_add(rig->venus, &like, &why);
    EXPECT_TRUE(object != NULL);
    return object;
}

static void
rig_on_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    (void)user;
    uint32_t idx = fake.fence_id_count;
    fake.fence_ids[idx] = fence_id;
    fake.fence_rings[idx] = ring_idx;
    fake.fence_id_count = idx + 1;
}

static void
rig_fill_device(struct vn_device_vk *vk)
{
    vk->vkAllocateMemory = fake_allocate_memory;
    vk->vkFreeMemory = fake_free_memory;
    vk->vkGetMemoryFdKHR = fake_get_memory_fd;
    vk->vkBindBufferMemory = fake_bind_buffer;
    vk->vkCreateBuffer = fake_create_buffer;
    vk->vkDestroyBuffer = fake_destroy_buffer;
    vk->vkCreateImage = fake_create_image;
    vk->vkDestroyImage = fake_destroy_image;
    vk->vkCreateFence = fake_create_fence;
    vk->vkDestroyFence = fake_destroy_fence;
    vk->vkResetFences = fake_reset_fences;
    vk->vkWaitForFences = fake_wait_for_fences;
    vk->vkQueueSubmit = fake_queue_submit;
    vk->vkQueueSubmit2 = fake_queue_submit2;
    vk->vkGetDeviceQueue2 = fake_get_queue;
    vk->vkCreateSemaphore = fake_create_semaphore;
    vk->vkDestroySemaphore = fake_destroy_semaphore;
    vk->vkGetSemaphoreCounterValue = fake_counter_value;
    vk->vkSignalSemaphore = fake_signal_semaphore;
    vk->vkAllocateDescriptorSets = fake_allocate_sets;
    vk->vkFreeDescriptorSets = fake_free_sets;
    vk->vkResetDescriptorPool = fake_reset_pool;
    vk->vkDestroyDescriptorPool = fake_destroy_pool;
    vk->vkDestroyDevice = fake_destroy_device;
}

static struct vn_instance *
rig_instance(struct rig *rig)
{
    struct vn_instance *instance = vn_keep(rig->venus, sizeof(*instance));
    instance->object = rig_add(rig, NULL, VN_HANDLE_VkInstance, 1, 0x100);
    instance->object->data = instance;
    instance->vk.vkDestroyInstance = fake_destroy_instance;
    instance->vk.vkCreateDevice = fake_create_device;
    instance->vk.vkGetPhysicalDeviceProperties2 = fake_properties2;
    instance->vk.vkGetPhysicalDeviceExternalBufferProperties = fake_buffer_properties;
    instance->vk.vkGetPhysicalDeviceFormatProperties2 = fake_format_properties;
    instance->vk.vkGetPhysicalDeviceImageFormatProperties2 = fake_image_properties;
    rig->venus->instances = instance;
    return instance;
}

static void
rig_free_physical(struct venus *venus, struct vn_object *object)
{
    (void)venus;
    struct vn_physical *physical = object->data;
    free(physical->extensions);
    free(physical);
}

static void
rig_add_extension(struct vn_physical *physical, const char *name)
{
    (void)snprintf(physical->extensions[physical->extension_count++].extensionName,
                   VK_MAX_EXTENSION_NAME_SIZE, "%s", name);
}

/* Set up `fake` before.  memory_bytes: the ledger's limit. has_pointers: VK_EXT_external_memory_host. */
static inline void
rig_start(struct rig *rig, uint64_t memory_bytes, bool has_pointers)
{
    struct venus_config config = {
        .limits = { .memory_bytes = memory_bytes },
        .on_fence = rig_on_fence,
    };
    *rig = (struct rig){ 0 };
    EXPECT_EQ(venus_create(&config, &rig->venus), VENUS_OK);
    rig->venus->host.get_instance_proc = fake_instance_proc;
    struct vn_instance *instance = rig_instance(rig);

    struct vn_physical *physical = calloc(1, sizeof(*physical));
    physical->instance = instance;
    physical->handle = (VkPhysicalDevice)(uintptr_t)0x200u;
    physical->extensions = calloc(4, sizeof(*physical->extensions));
    physical->memory.memoryTypeCount = 2;
    physical->memory.memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    physical->memory.memoryTypes[1].propertyFlags =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    if (fake.type == VK_PHYSICAL_DEVICE_TYPE_CPU) { /* as lavapipe: one type */
        physical->memory.memoryTypes[0].propertyFlags =
            physical->memory.memoryTypes[1].propertyFlags;
    }
    physical->memory.memoryHeapCount = 1;
    physical->memory.memoryHeaps[0].size = UINT64_C(1) << 40;
    rig_add_extension(physical, "VK_KHR_external_memory_fd");
    if (has_pointers) {
        rig_add_extension(physical, "VK_EXT_external_memory_host");
    }
    if (fake.dma_buf_features) {
        rig_add_extension(physical, "VK_EXT_external_memory_dma_buf");
    }
    vn_offers_init(physical);
    vn_memory_plan_init(rig->venus, physical);
    physical->object = rig_add(rig, instance->object, VN_HANDLE_VkPhysicalDevice, 2, 0x200);
    physical->object->data = physical;
    physical->object->free_data = rig_free_physical;
    rig->physical = physical;

    static const float priorities[2] = { 1, 1 };
    const VkDeviceQueueCreateInfo queues = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 2,
        .pQueuePriorities = priorities,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queues,
    };
    struct vn_device *device = vn_keep(rig->venus, sizeof(*device));
    device->physical = physical;
    device->handle = (VkDevice)(uintptr_t)0x300u;
    rig_fill_device(&device->vk);
    EXPECT_EQ(vn_queues_init(&device->queues, &info), VK_SUCCESS);
    device->object = rig_add(rig, physical->object, VN_HANDLE_VkDevice, 3, 0x300);
    device->object->data = device;
    device->object->device = device;
    rig->device = device;
}

/* The next command names these objects (NULL: no more); wants_reply as its flag says. */
static inline struct vn_exec *
rig_command(struct rig *rig, bool wants_reply, struct vn_object *on, struct vn_object *also,
            struct vn_object *last)
{
    struct vn_exec *exec = &rig->venus->exec;
    struct vn_object *named[] = { on, also, last };
    rig->command[1] = wants_reply ? 1 : 0;
    exec->command_at = exec->stream_at = (const uint8_t *)rig->command;
    exec->in.at = exec->command_at;
    exec->trail_count = 0;
    for (size_t i = 0; i < 3 && named[i]; i++) {
        exec->trail[exec->trail_count++] = named[i];
    }
    return exec;
}

static inline struct vn_object *
rig_find(struct rig *rig, uint64_t id)
{
    return vn_objects_find(&rig->venus->objects, id);
}

/* As vkFreeMemory does it. */
static inline void
rig_free_memory(struct rig *rig, uint64_t id)
{
    struct vn_object *object = rig_find(rig, id);
    struct vn_args_vkFreeMemory args = {
        .device = rig->device->handle,
        .memory = (VkDeviceMemory)(uintptr_t)object->host,
    };
    vn_on_vkFreeMemory(rig_command(rig, false, rig->device->object, object, NULL), &args);
}

#endif
