/*
 * A host's Vulkan that does nothing but remember, and a context with one device on it: for tests of the renderer's handlers
 * without a driver.  Include it in one file of a test.
 *
 *    vkAllocateMemory ──▶ fake.allocate_result, fake.allocated (what was chained)
 *    vkQueueSubmit    ──▶ fake.submit_result; its VkFence is signalled when fake.is_working is false
 *
 * Handles are numbers.  VkFences are small structs of their own, so that waiting works.
 */
#ifndef TESTS_FAKE_VULKAN_FAKE_H
#define TESTS_FAKE_VULKAN_FAKE_H

#include <stdlib.h>

#include "venus/call.h"
#include "venus/chain.h"
#include "venus/os.h"

#include "tests/unit/utest.h"

#define FAKE_LIST 64

struct fake_fence {
    _Atomic bool is_signalled;
    _Atomic bool is_pending; /* submitted while the device worked */
};

static struct {
    /* What the host is. */
    VkPhysicalDeviceType type;
    VkExternalMemoryFeatureFlags dma_buf_features;
    uint32_t import_bits; /* memory types that take host pointers */
    VkFormatFeatureFlags linear_features;
    /* What it answers. */
    VkResult allocate_result;
    VkResult get_fd_result;
    VkResult submit_result;
    VkResult create_fence_result;
    _Atomic bool is_working; /* submissions stay pending until fake_finish_work */
    /* What it was told. */
    _Atomic uint32_t memory_count; /* alive */
    _Atomic uint32_t fence_count;
    uint32_t set_count;
    uint64_t allocated_bytes;
    uint32_t allocated_type_idx;
    void *imported_pointer;
    VkExternalMemoryHandleTypeFlags exported_types;
    bool has_dedicated;
    VkExternalMemoryHandleTypeFlags buffer_types;
    VkImageTiling image_tiling;
    VkExternalMemoryHandleTypeFlagBits image_question;
    VkImageTiling image_question_tiling;
    uint64_t signalled_value; /* of a timeline semaphore */
    uint32_t submit_count;
    uint32_t wait_count; /* semaphores in the last submission */
    uint64_t waits[FAKE_LIST];
    uint64_t wait_values[FAKE_LIST];
    VkPipelineStageFlags wait_stages[FAKE_LIST];
    struct fake_fence *fences[FAKE_LIST]; /* pending */
    uint32_t pending_count;
    pthread_mutex_t lock;
    /* What the context told. */
    uint64_t fence_ids[FAKE_LIST];
    uint32_t fence_rings[FAKE_LIST];
    _Atomic uint32_t fence_id_count;
} fake;

static VkResult
fake_allocate_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                     const VkAllocationCallbacks *callbacks, VkDeviceMemory *out)
{
    (void)device;
    (void)callbacks;
    const VkImportMemoryHostPointerInfoEXT *import =
        vn_chain_find(info, VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT);
    const VkExportMemoryAllocateInfo *export =
        vn_chain_find(info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    fake.allocated_bytes = info->allocationSize;
    fake.allocated_type_idx = info->memoryTypeIndex;
    fake.imported_pointer = import ? import->pHostPointer : NULL;
    fake.exported_types = export ? export->handleTypes : 0;
    fake.has_dedicated = vn_chain_find(info, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
    if (fake.allocate_result < 0 ||
        (import && !(fake.import_bits & (1u << info->memoryTypeIndex)))) {
        return fake.allocate_result < 0 ? fake.allocate_result : VK_ERROR_INVALID_EXTERNAL_HANDLE;
    }
    *out = (VkDeviceMemory)(uintptr_t)(0x1000u + ++fake.memory_count);
    return VK_SUCCESS;
}

static void
fake_free_memory(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks *callbacks)
{
    (void)device;
    (void)memory;
    (void)callbacks;
    fake.memory_count--;
}

static VkResult
fake_get_memory_fd(VkDevice device, const VkMemoryGetFdInfoKHR *info, int *fd)
{
    (void)device;
    (void)info;
    if (fake.get_fd_result < 0) {
        return fake.get_fd_result;
    }
    *fd = vn_os_memory_create("fake-export", fake.allocated_bytes);
    return VK_SUCCESS;
}

static VkResult
fake_host_pointer_properties(VkDevice device, VkExternalMemoryHandleTypeFlagBits type,
                             const void *pointer, VkMemoryHostPointerPropertiesEXT *properties)
{
    (void)device;
    (void)type;
    (void)pointer;
    properties->memoryTypeBits = UINT32_MAX; /* a lie: fake.import_bits says what works */
    return VK_SUCCESS;
}

static VkResult
fake_bind_buffer(VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset)
{
    (void)device;
    (void)buffer;
    (void)memory;
    (void)offset;
    return VK_SUCCESS;
}

static VkResult
fake_create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                   const VkAllocationCallbacks *callbacks, VkBuffer *out)
{
    (void)device;
    (void)callbacks;
    const VkExternalMemoryBufferCreateInfo *external =
        vn_chain_find(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    fake.buffer_types = external ? external->handleTypes : 0;
    *out = (VkBuffer)(uintptr_t)0x2000u;
    return VK_SUCCESS;
}

static VkResult
fake_create_image(VkDevice device, const VkImageCreateInfo *info,
                  const VkAllocationCallbacks *callbacks, VkImage *out)
{
    (void)device;
    (void)callbacks;
    fake.image_tiling = info->tiling;
    *out = (VkImage)(uintptr_t)0x3000u;
    return VK_SUCCESS;
}

static void
fake_destroy_buffer(VkDevice device, VkBuffer buffer, const VkAllocationCallbacks *callbacks)
{
    (void)device;
    (void)buffer;
    (void)callbacks;
}

static void
fake_destroy_image(VkDevice device, VkImage image, const VkAllocationCallbacks *callbacks)
{
    (void)device;
    (void)image;
    (void)callbacks;
}

static VkResult
fake_create_fence(VkDevice device, const VkFenceCreateInfo *info,
                  const VkAllocationCallbacks *callbacks, VkFence *out)
{
    (void)device;
    (void)info;
    (void)callbacks;
    if (fake.create_fence_result < 0) {
        return fake.create_fence_result;
    }
    fake.fence_count++;
    struct fake_fence *fence = calloc(1, sizeof(*fence));
    *out = (VkFence)(uintptr_t)fence;
    return VK_SUCCESS;
}

static void
fake_destroy_fence(VkDevice device, VkFence fence, const VkAllocationCallbacks *callbacks)
{
    (void)device;
    (void)callbacks;
    fake.fence_count--;
    free((void *)(uintptr_t)fence);
}

static VkResult
fake_reset_fences(VkDevice device, uint32_t count, const VkFence *fences)
{
    (void)device;
    for (uint32_t i = 0; i < count; i++) {
        struct fake_fence *fence = (struct fake_fence *)(uintptr_t)fences[i];
        EXPECT_FALSE(fence->is_pending);
        fence->is_signalled = false;
    }
    return VK_SUCCESS;
}

static VkResult
fake_wait_for_fences(VkDevice device, uint32_t count, const VkFence *fences, VkBool32 all,
                     uint64_t timeout_ns)
{
    (void)device;
    (void)all;
    (void)count;
    struct fake_fence *fence = (struct fake_fence *)(uintptr_t)fences[0];
    uint64_t start_ns = vn_os_now_ns();
    while (!fence->is_signalled) {
        if (vn_os_now_ns() - start_ns >= timeout_ns) {
            return VK_TIMEOUT;
        }
        vn_os_sleep_ns(1000000);
    }
    return VK_SUCCESS;
}

static void
fake_pend(VkFence handle)
{
    struct fake_fence *fence = (struct fake_fence *)(uintptr_t)handle;
    if (!fence) {
        return;
    }
    EXPECT_FALSE(fence->is_signalled);
    (void)pthread_mutex_lock(&fake.lock);
    if (fake.is_working && fake.pending_count < FAKE_LIST) {
        fence->is_pending = true;
        fake.fences[fake.pending_count++] = fence;
    } else {
        fence->is_signalled = true;
    }
    (void)pthread_mutex_unlock(&fake.lock);
}

/* All that was submitted is done. */
static inline void
fake_finish_work(void)
{
    (void)pthread_mutex_lock(&fake.lock);
    fake.is_working = false;
    for (uint32_t i = 0; i < fake.pending_count; i++) {
        fake.fences[i]->is_pending = false;
        fake.fences[i]->is_signalled = true;
    }
    fake.pending_count = 0;
    (void)pthread_mutex_unlock(&fake.lock);
}

static VkResult
fake_counter_value(VkDevice device, VkSemaphore semaphore, uint64_t *value)
{
    (void)device;
    (void)semaphore;
    *value = 5;
    return VK_SUCCESS;
}

/* All that was submitted waited for this. */
static VkResult
fake_signal_semaphore(VkDevice device, const VkSemaphoreSignalInfo *info)
{
    (void)device;
    fake.signalled_value = info->value;
    fake_finish_work();
    return VK_SUCCESS;
}

static VkResult
fake_queue_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *submits, VkFence fence)
{
    (void)queue;
    fake.submit_count++;
    for (uint32_t i = 0; i < count; i++) {
        const VkTimelineSemaphoreSubmitInfo *values =
            vn_chain_find(&submits[i], VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
        fake.wait_count = submits[i].waitSemaphoreCount;
        for (uint32_t n = 0; n < fake.wait_count && n < FAKE_LIST; n++) {
            fake.waits[n] = (uint64_t)submits[i].pWaitSemaphores[n];
            fake.wait_stages[n] = submits[i].pWaitDstStageMask[n];
            fake.wait_values[n] = values ? values->pWaitSemaphoreValues[n] : 0;
        }
    }
    if (fake.submit_result == VK_SUCCESS) {
        fake_pend(fence);
    }
    return fake.submit_result;
}

static VkResult
fake_queue_submit2(VkQueue queue, uint32_t count, const VkSubmitInfo2 *submits, VkFence fence)
{
    (void)queue;
    for (uint32_t i = 0; i < count; i++) {
        fake.wait_count = submits[i].waitSemaphoreInfoCount;
        for (uint32_t n = 0; n < fake.wait_count && n < FAKE_LIST; n++) {
            fake.waits[n] = (uint64_t)submits[i].pWaitSemaphoreInfos[n].semaphore;
        }
    }
    fake_pend(fence);
    return fake.submit_result;
}

static void
fake_get_queue(VkDevice device, const VkDeviceQueueInfo2 *info, VkQueue *out)
{
    (void)device;
    EXPECT_TRUE(info->pNext == NULL);
    *out = (VkQueue)(uintptr_t)(0x4000u + info->queueFamilyIndex * 16 + info->queueIndex);
}

static VkResult
fake_create_semaphore(VkDevice device, const VkSemaphoreCreateInfo *info,
                      const VkAllocationCallbacks *callbacks, VkSemaphore *out)
{
    static uint32_t made_count;
    (void)device;
    (void)callbacks;
    EXPECT_TRUE(!vn_chain_find(info, VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO));
    *out = (VkSemaphore)(uintptr_t)(0x5000u + ++made_count);
    return VK_SUCCESS;
}

static void
fake_destroy_semaphore(VkDevice device, VkSemaphore semaphore,
                       const VkAllocationCallbacks *callbacks)
{
    (void)device;
    (void)semaphore;
    (void)callbacks;
}

static VkResult
fake_allocate_sets(VkDevice device, const VkDescriptorSetAllocateInfo *info, VkDescriptorSet *out)
{
    static uint32_t made_count;
    (void)device;
    for (uint32_t i = 0; i < info->descriptorSetCount; i++) {
        out[i] = (VkDescriptorSet)(uintptr_t)(0x6000u + ++made_count);
        fake.set_count++;
    }
    return VK_SUCCESS;
}

static VkResult
fake_free_sets(VkDevice device, VkDescriptorPool pool, uint32_t count, const VkDescriptorSet *sets)
{
    (void)device;
    (void)pool;
    (void)sets;
    fake.set_count -= count;
    return VK_SUCCESS;
}

static VkResult
fake_reset_pool(VkDevice device, VkDescriptorPool pool, VkDescriptorPoolResetFlags flags)
{
    (void)device;
    (void)pool;
    (void)flags;
    fake.set_count = 0;
    return VK_SUCCESS;
}

static void
fake_destroy_pool(VkDevice device, VkDescriptorPool pool, const VkAllocationCallbacks *callbacks)
{
    (void)device;
    (void)pool;
    (void)callbacks;
}

static void
fake_destroy_device(VkDevice device, const VkAllocationCallbacks *callbacks)
{
    (void)device;
    (void)callbacks;
}

static void
fake_destroy_instance(VkInstance instance, const VkAllocationCallbacks *callbacks)
{
    (void)instance;
    (void)callbacks;
}

static VkResult
fake_create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                   const VkAllocationCallbacks *callbacks, VkDevice *out)
{
    (void)physical;
    (void)info;
    (void)callbacks;
    *out = (VkDevice)(uintptr_t)0x7000u;
    return VK_SUCCESS;
}

static void
fake_properties2(VkPhysicalDevice physical, VkPhysicalDeviceProperties2 *properties)
{
    (void)physical;
    properties->properties.deviceType = fake.type;
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT *host = vn_chain_find(
        properties, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT);
    if (host) {
        host->minImportedHostPointerAlignment = 4096;
    }
}

static void
fake_buffer_properties(VkPhysicalDevice physical, const VkPhysicalDeviceExternalBufferInfo *info,
                       VkExternalBufferProperties *properties)
{
    (void)physical;
    if (info->handleType == VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT) {
        properties->externalMemoryProperties.externalMemoryFeatures = fake.dma_buf_features;
    }
}

static void
fake_format_properties(VkPhysicalDevice physical, VkFormat format, VkFormatProperties2 *properties)
{
    (void)physical;
    (void)format;
    properties->formatProperties.linearTilingFeatures = fake.linear_features;
}

static VkResult
fake_image_properties(VkPhysicalDevice physical, const VkPhysicalDeviceImageFormatInfo2 *info,
                      VkImageFormatProperties2 *properties)
{
    (void)physical;
    (void)properties;
    const VkPhysicalDeviceExternalImageFormatInfo *external =
        vn_chain_find(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
    fake.image_question = external ? external->handleType : 0;
    fake.image_question_tiling = info->tiling;
    return VK_SUCCESS;
}

/* vkGetInstanceProcAddr and vkGetDeviceProcAddr, as far as the trial of imports asks. */
static PFN_vkVoidFunction
fake_device_proc(VkDevice device, const char *name)
{
    static const struct {
        const char *name;
        PFN_vkVoidFunction function;
    } functions[] = {
        {"vkAllocateMemory",                     (PFN_vkVoidFunction)fake_allocate_memory        },
        { "vkFreeMemory",                        (PFN_vkVoidFunction)fake_free_memory            },
        { "vkDestroyDevice",                     (PFN_vkVoidFunction)fake_destroy_device         },
        { "vkGetMemoryHostPointerPropertiesEXT", (PFN_vkVoidFunction)fake_host_pointer_properties},
    };
    (void)device;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strcmp(functions[i].name, name) == 0) {
            return functions[i].function;
        }
    }
    return NULL;
}

static PFN_vkVoidFunction
fake_instance_proc(VkInstance instance, const char *name)
{
    (void)instance;
    return strcmp(name, "vkGetDeviceProcAddr") == 0 ? (PFN_vkVoidFunction)fake_device_proc : NULL;
}

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
    struct vn_object *object = vn_objects_add(&rig->venus->objects, &like, &why);
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
    struct vn_instance *instance = calloc(1, sizeof(*instance));
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
    struct vn_device *device = calloc(1, sizeof(*device));
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

#endif
