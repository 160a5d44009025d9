/*
 * A host's Vulkan that does nothing but remember: for tests of the renderer's handlers without a driver (vulkan_rig.h makes a
 * context over it).  Include it in one file of a test.
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

#endif
