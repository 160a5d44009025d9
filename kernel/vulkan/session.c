/* See session.h. */
#include "kernel/vulkan/session.h"

#include <string.h>

enum {
    FAMILIES_MAX = 8,
    PAGE = 4096,
    ROUNDING_MAX = 2 * 1024 * 1024, /* more than any GPU adds to a buffer */
};

#define WAIT_NS UINT64_C(10000000000)

/* Note what is done, so that who reports a failure can name it. */
#define STEP(session, call) ((session)->step = "vk" #call, vvk_##call)

static VkResult
make_instance(struct vk_session *s)
{
    const VkApplicationInfo app = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "vitrine kernel",
        .apiVersion = VK_API_VERSION_1_1,
    };
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &app,
    };
    VkInstance made = VK_NULL_HANDLE;
    VkResult result = STEP(s, CreateInstance)(s->vvk, &info, &made);
    s->instance = result == VK_SUCCESS ? made : VK_NULL_HANDLE;
    return result;
}

static VkResult
pick_device(struct vk_session *s)
{
    VkPhysicalDevice first = VK_NULL_HANDLE;
    uint32_t count = 1;
    VkResult result = STEP(s, EnumeratePhysicalDevices)(s->vvk, s->instance, &count, &first);
    if (result < 0 || count == 0) {
        return result < 0 ? result : VK_ERROR_INITIALIZATION_FAILED;
    }
    s->physical = first;
    STEP(s, GetPhysicalDeviceProperties)(s->vvk, first, &s->properties);
    STEP(s, GetPhysicalDeviceMemoryProperties)(s->vvk, first, &s->memory);
    return VK_SUCCESS;
}

/* The first queue family that draws and computes. */
static VkResult
pick_family(struct vk_session *s)
{
    VkQueueFamilyProperties families[FAMILIES_MAX];
    uint32_t count = FAMILIES_MAX;
    memset(families, 0, sizeof(families));
    STEP(s, GetPhysicalDeviceQueueFamilyProperties)(s->vvk, s->physical, &count, families);
    const VkQueueFlags wanted = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
    for (uint32_t i = 0; i < count && i < FAMILIES_MAX; i++) {
        if ((families[i].queueFlags & wanted) == wanted) {
            s->family_idx = i;
            s->queue_flags = families[i].queueFlags;
            return VK_SUCCESS;
        }
    }
    return VK_ERROR_FEATURE_NOT_PRESENT;
}

static VkResult
make_device(struct vk_session *s)
{
    static const float priority = 1.0F;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = s->family_idx,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    /* Its fences are waited for by commands, so any timeline will do; queues want one of their own. */
    const VkDeviceQueueTimelineInfoMESA timeline = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA,
        .ringIdx = 1,
    };
    const VkDeviceQueueInfo2 which = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
        .pNext = &timeline,
        .queueFamilyIndex = s->family_idx,
    };
    VkDevice made = VK_NULL_HANDLE;
    VkResult result = STEP(s, CreateDevice)(s->vvk, s->physical, &info, &made);
    if (result == VK_SUCCESS) {
        s->device = made;
        STEP(s, GetDeviceQueue2)(s->vvk, made, &which, &s->queue);
    }
    return result;
}

static VkResult
make_commands(struct vk_session *s)
{
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = s->family_idx,
    };
    const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    VkResult result = STEP(s, CreateCommandPool)(s->vvk, s->device, &pool, &s->pool);
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = s->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    if (result == VK_SUCCESS) {
        result = STEP(s, AllocateCommandBuffers)(s->vvk, s->device, &commands, &s->commands);
    }
    if (result == VK_SUCCESS) {
        result = STEP(s, CreateFence)(s->vvk, s->device, &fence, &s->fence);
    }
    return result;
}

VkResult
vk_begin(struct vk_session *session, struct vvk *vvk)
{
    memset(session, 0, sizeof(*session));
    session->vvk = vvk;
    VkResult result = make_instance(session);
    if (result == VK_SUCCESS) {
        result = pick_device(session);
    }
    if (result == VK_SUCCESS) {
        result = pick_family(session);
    }
    if (result == VK_SUCCESS) {
        result = make_device(session);
    }
    return result == VK_SUCCESS ? make_commands(session) : result;
}

void
vk_end(struct vk_session *session)
{
    struct vk_session *s = session;
    if (s->device != VK_NULL_HANDLE) {
        (void)vvk_DeviceWaitIdle(s->vvk, s->device);
        vvk_DestroyFence(s->vvk, s->device, s->fence);
        vvk_DestroyCommandPool(s->vvk, s->device, s->pool);
        vvk_DestroyDevice(s->vvk, s->device);
    }
    if (s->instance != VK_NULL_HANDLE) {
        vvk_DestroyInstance(s->vvk, s->instance);
    }
    memset(s, 0, sizeof(*s));
}

/* The first allowed memory type that has all of `wanted`. */
static VkResult
allocate(struct vk_session *s, const VkMemoryRequirements *needs, VkMemoryPropertyFlags wanted,
         VkDeviceMemory *memory)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = (needs->size + PAGE - 1) & ~(VkDeviceSize)(PAGE - 1),
    };
    for (uint32_t i = 0; i < s->memory.memoryTypeCount; i++) {
        bool is_allowed = (needs->memoryTypeBits >> i & 1) != 0;
        if (is_allowed && (s->memory.memoryTypes[i].propertyFlags & wanted) == wanted) {
            VkDeviceMemory made = VK_NULL_HANDLE;
            info.memoryTypeIndex = i;
            VkResult result = STEP(s, AllocateMemory)(s->vvk, s->device, &info, &made);
            *memory = result == VK_SUCCESS ? made : VK_NULL_HANDLE;
            return result;
        }
    }
    return VK_ERROR_FEATURE_NOT_PRESENT;
}

/* So many bytes are mapped, and callers write as many as they asked for: the host must not say less, nor anything at all. */
static bool
is_plausible(uint64_t needed_bytes, uint64_t bytes)
{
    return needed_bytes >= bytes && needed_bytes - bytes <= ROUNDING_MAX;
}

/* Allocate, bind, map and clear. */
static VkResult
back_buffer(struct vk_session *s, uint64_t bytes, struct vk_buffer *buffer)
{
    VkMemoryRequirements needs;
    memset(&needs, 0, sizeof(needs));
    STEP(s, GetBufferMemoryRequirements)(s->vvk, s->device, buffer->buffer, &needs);
    if (s->vvk->failure == VIRTIO_OK && !is_plausible(needs.size, bytes)) {
        s->step = "the host's answer to vkGetBufferMemoryRequirements cannot be right";
        return VK_ERROR_UNKNOWN;
    }
    VkResult result = allocate(
        s, &needs, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
        &buffer->memory);
    if (result == VK_SUCCESS) {
        result = STEP(s, BindBufferMemory)(s->vvk, s->device, buffer->buffer, buffer->memory, 0);
    }
    if (result != VK_SUCCESS) {
        return result;
    }
    s->step = "mapping memory";
    uint64_t mapped_bytes = (needs.size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    if (vvk_map_memory(s->vvk, (uintptr_t)buffer->memory, mapped_bytes, &buffer->blob) !=
        VIRTIO_OK) {
        return VK_ERROR_MEMORY_MAP_FAILED;
    }
    memset(buffer->blob.memory, 0, mapped_bytes);
    return VK_SUCCESS;
}

VkResult
vk_buffer_make(struct vk_session *session, uint64_t bytes, VkBufferUsageFlags usage,
               struct vk_buffer *buffer)
{
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = bytes,
        .usage = usage,
    };
    VkBuffer made = VK_NULL_HANDLE;
    memset(buffer, 0, sizeof(*buffer));
    VkResult result = STEP(session, CreateBuffer)(session->vvk, session->device, &info, &made);
    if (result != VK_SUCCESS) {
        return result;
    }
    buffer->buffer = made;
    result = back_buffer(session, bytes, buffer);
    if (result != VK_SUCCESS) {
        vk_buffer_free(session, buffer);
    }
    return result;
}

void
vk_buffer_free(struct vk_session *session, struct vk_buffer *buffer)
{
    vvk_unmap_memory(session->vvk, &buffer->blob);
    if (buffer->buffer != VK_NULL_HANDLE) {
        vvk_DestroyBuffer(session->vvk, session->device, buffer->buffer);
    }
    if (buffer->memory != VK_NULL_HANDLE) {
        vvk_FreeMemory(session->vvk, session->device, buffer->memory);
    }
    memset(buffer, 0, sizeof(*buffer));
}

static VkResult
back_image(struct vk_session *s, VkFormat format, struct vk_image *image)
{
    VkMemoryRequirements needs;
    memset(&needs, 0, sizeof(needs));
    STEP(s, GetImageMemoryRequirements)(s->vvk, s->device, image->image, &needs);
    VkResult result = allocate(s, &needs, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, &image->memory);
    if (result != VK_SUCCESS) {
        return result;
    }
    const VkImageViewCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = image->image,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = format,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };
    result = STEP(s, BindImageMemory)(s->vvk, s->device, image->image, image->memory, 0);
    return result == VK_SUCCESS ? STEP(s, CreateImageView)(s->vvk, s->device, &view, &image->view)
                                : result;
}

VkResult
vk_image_make(struct vk_session *session, VkFormat format, VkExtent2D size, VkImageUsageFlags usage,
              struct vk_image *image)
{
    const VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = format,
        .extent = {size.width, size.height, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .tiling = VK_IMAGE_TILING_OPTIMAL,
        .usage = usage,
    };
    VkImage made = VK_NULL_HANDLE;
    memset(image, 0, sizeof(*image));
    VkResult result = STEP(session, CreateImage)(session->vvk, session->device, &info, &made);
    if (result != VK_SUCCESS) {
        return result;
    }
    image->image = made;
    result = back_image(session, format, image);
    if (result != VK_SUCCESS) {
        vk_image_free(session, image);
    }
    return result;
}

void
vk_image_free(struct vk_session *session, struct vk_image *image)
{
    if (image->view != VK_NULL_HANDLE) {
        vvk_DestroyImageView(session->vvk, session->device, image->view);
    }
    if (image->image != VK_NULL_HANDLE) {
        vvk_DestroyImage(session->vvk, session->device, image->image);
    }
    if (image->memory != VK_NULL_HANDLE) {
        vvk_FreeMemory(session->vvk, session->device, image->memory);
    }
    memset(image, 0, sizeof(*image));
}

VkResult
vk_shader_make(struct vk_session *session, const struct vk_shader *shader, VkShaderModule *module)
{
    const VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = shader->bytes,
        .pCode = shader->words,
    };
    return STEP(session, CreateShaderModule)(session->vvk, session->device, &info, module);
}

VkResult
vk_record(struct vk_session *session)
{
    const VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    return STEP(session, BeginCommandBuffer)(session->vvk, session->commands, &info);
}

VkResult
vk_submit(struct vk_session *session)
{
    const VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &session->commands,
    };
    VkResult result = STEP(session, EndCommandBuffer)(session->vvk, session->commands);
    if (result == VK_SUCCESS) {
        result = STEP(session, QueueSubmit)(session->vvk, session->queue, 1, &info, session->fence);
    }
    return result;
}

VkResult
vk_wait(struct vk_session *session)
{
    VkResult result = STEP(session, WaitForFences)(session->vvk, session->device, 1,
                                                   &session->fence, VK_TRUE, WAIT_NS);
    if (result == VK_SUCCESS) {
        result = STEP(session, ResetFences)(session->vvk, session->device, 1, &session->fence);
    }
    return result;
}

VkResult
vk_run(struct vk_session *session)
{
    VkResult result = vk_submit(session);
    return result == VK_SUCCESS ? vk_wait(session) : result;
}

const char *
vk_result_name(VkResult result)
{
    switch (result) {
    case VK_SUCCESS: return "VK_SUCCESS";
    case VK_TIMEOUT: return "VK_TIMEOUT";
    case VK_ERROR_OUT_OF_HOST_MEMORY: return "VK_ERROR_OUT_OF_HOST_MEMORY";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
    case VK_ERROR_INITIALIZATION_FAILED: return "VK_ERROR_INITIALIZATION_FAILED";
    case VK_ERROR_DEVICE_LOST: return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_MEMORY_MAP_FAILED: return "VK_ERROR_MEMORY_MAP_FAILED";
    case VK_ERROR_FEATURE_NOT_PRESENT: return "VK_ERROR_FEATURE_NOT_PRESENT";
    case VK_ERROR_UNKNOWN: return "VK_ERROR_UNKNOWN";
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "VK_ERROR_INCOMPATIBLE_DRIVER";
    default: return "a VkResult";
    }
}
