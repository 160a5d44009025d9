#include "venus/emulate.h"

#include <stddef.h>
#include <string.h>

#include "venus/chain.h"
#include "venus/device.h"

#define DMA_BUF    VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT
#define OPAQUE_FD  VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT
#define MOD_LINEAR 0 /* DRM_FORMAT_MOD_LINEAR */

/* Extensions which this library asks about, and whether the host has them. */
struct known_extension {
    const char *name;
    size_t offset; /* of a bool in struct vn_offers */
};

static const struct known_extension known_extensions[] = {
    {"VK_EXT_external_memory_host",       offsetof(struct vn_offers, has_memory_host)  },
    { "VK_KHR_external_memory_fd",        offsetof(struct vn_offers, has_memory_fd)    },
    { "VK_EXT_external_memory_dma_buf",   offsetof(struct vn_offers, has_dma_buf)      },
    { "VK_EXT_image_drm_format_modifier", offsetof(struct vn_offers, has_drm_modifier) },
    { "VK_EXT_queue_family_foreign",      offsetof(struct vn_offers, has_queue_foreign)},
    { "VK_KHR_external_semaphore_fd",     offsetof(struct vn_offers, has_semaphore_fd) },
    { "VK_KHR_external_fence_fd",         offsetof(struct vn_offers, has_fence_fd)     },
};
#define KNOWN_COUNT (sizeof(known_extensions) / sizeof(known_extensions[0]))

/* Those that this library itself calls functions of; the rest is enabled by clients alone. */
static const char *const own_extensions[VN_OWN_EXTENSIONS] = {
    "VK_EXT_external_memory_host",  "VK_KHR_external_memory_fd", "VK_EXT_external_memory_dma_buf",
    "VK_KHR_external_semaphore_fd", "VK_KHR_external_fence_fd",  NULL,
};

static bool *
offer_of(struct vn_offers *offers, const char *name)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (strcmp(known_extensions[i].name, name) == 0) {
            return (bool *)((uint8_t *)offers + known_extensions[i].offset);
        }
    }
    return NULL;
}

static bool
has_offer(const struct vn_offers *offers, const char *name)
{
    struct vn_offers copy = *offers;
    const bool *offer = offer_of(&copy, name);
    return offer && *offer;
}

static void
ask_properties(const struct vn_physical *physical, struct vn_offers *offers)
{
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT,
    };
    VkPhysicalDeviceIDProperties id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
        .pNext = offers->has_memory_host ? &host : NULL,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &id,
    };
    physical->instance->vk.vkGetPhysicalDeviceProperties2(physical->handle, &properties);
    offers->is_cpu = properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    offers->host_pointer_alignment_bytes = host.minImportedHostPointerAlignment;
    memcpy(offers->device_uuid, id.deviceUUID, VK_UUID_SIZE);
    memcpy(offers->driver_uuid, id.driverUUID, VK_UUID_SIZE);
}

static VkExternalMemoryFeatureFlags
ask_buffer(const struct vn_physical *physical, VkExternalMemoryHandleTypeFlagBits type)
{
    const VkPhysicalDeviceExternalBufferInfo info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
        .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
        .handleType = type,
    };
    VkExternalBufferProperties properties = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
    };
    physical->instance->vk.vkGetPhysicalDeviceExternalBufferProperties(physical->handle, &info,
                                                                       &properties);
    return properties.externalMemoryProperties.externalMemoryFeatures;
}

static VkExternalSemaphoreFeatureFlags
ask_semaphore(const struct vn_physical *physical)
{
    const VkPhysicalDeviceExternalSemaphoreInfo info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
        .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
    };
    VkExternalSemaphoreProperties properties = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
    };
    physical->instance->vk.vkGetPhysicalDeviceExternalSemaphoreProperties(physical->handle, &info,
                                                                          &properties);
    return properties.externalSemaphoreFeatures;
}

static VkExternalFenceFeatureFlags
ask_fence(const struct vn_physical *physical)
{
    const VkPhysicalDeviceExternalFenceInfo info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
        .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT,
    };
    VkExternalFenceProperties properties = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
    };
    physical->instance->vk.vkGetPhysicalDeviceExternalFenceProperties(physical->handle, &info,
                                                                      &properties);
    return properties.externalFenceFeatures;
}

void
vn_offers_init(struct vn_physical *physical)
{
    struct vn_offers *offers = &physical->offers;
    *offers = (struct vn_offers){ 0 };
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        *offer_of(offers, known_extensions[i].name) =
            vn_physical_has(physical, known_extensions[i].name);
    }
    ask_properties(physical, offers);
    if (offers->has_dma_buf) {
        offers->can_export_dma_buf =
            ask_buffer(physical, DMA_BUF) & VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
    }
    if (offers->has_memory_fd) {
        offers->can_export_opaque =
            ask_buffer(physical, OPAQUE_FD) & VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
    }
    if (offers->has_semaphore_fd) {
        VkExternalSemaphoreFeatureFlags features = ask_semaphore(physical);
        offers->can_import_semaphore_sync_fd =
            features & VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
        offers->can_export_semaphore_sync_fd =
            features & VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT;
    }
    if (offers->has_fence_fd) {
        offers->can_export_fence_sync_fd =
            ask_fence(physical) & VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT;
    }
}

/* Memory of a CPU device is ours by an fd; what else looks at that fd maps it. */
static bool
has_shared_memory(const struct vn_physical *physical)
{
    return physical->plan.is_all_host;
}

bool
vn_emulates_extension(const struct vn_physical *physical, const char *name)
{
    const struct vn_offers *offers = &physical->offers;
    if (has_offer(offers, name)) {
        return false;
    }
    if (strcmp(name, "VK_KHR_external_semaphore_fd") == 0) {
        return true;
    }
    if (strcmp(name, "VK_EXT_queue_family_foreign") == 0) {
        return offers->is_cpu;
    }
    return has_shared_memory(physical) && (strcmp(name, "VK_EXT_image_drm_format_modifier") == 0 ||
                                           strcmp(name, "VK_EXT_external_memory_dma_buf") == 0 ||
                                           strcmp(name, "VK_KHR_external_memory_fd") == 0);
}

const char *
vn_emulated_extension(const struct vn_physical *physical, uint32_t idx)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (vn_emulates_extension(physical, known_extensions[i].name) && idx-- == 0) {
            return known_extensions[i].name;
        }
    }
    return NULL;
}

static bool
is_among(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

uint32_t
vn_emulate_device_extensions(const struct vn_physical *physical, const char **names, uint32_t count)
{
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!vn_emulates_extension(physical, names[i])) {
            names[kept_count++] = names[i];
        }
    }
    for (size_t i = 0; i < VN_OWN_EXTENSIONS && own_extensions[i]; i++) {
        if (has_offer(&physical->offers, own_extensions[i]) &&
            !is_among(names, kept_count, own_extensions[i])) {
            names[kept_count++] = own_extensions[i];
        }
    }
    return kept_count;
}

/* Formats of several planes have several images' worth of offsets; the client gets no modifier for them. */
static bool
has_one_plane(VkFormat format)
{
    return format < VK_FORMAT_G8B8G8R8_422_UNORM || format > VK_FORMAT_G16_B16_R16_3PLANE_444_UNORM;
}

static void
list_modifiers(VkFormat format, const VkFormatProperties *properties,
               VkDrmFormatModifierPropertiesListEXT *list)
{
    VkFormatFeatureFlags features = properties->linearTilingFeatures;
    bool is_empty = features == 0 || !has_one_plane(format);
    if (is_empty) {
        list->drmFormatModifierCount = 0;
    } else if (!list->pDrmFormatModifierProperties) {
        list->drmFormatModifierCount = 1;
    } else if (list->drmFormatModifierCount > 0) {
        list->drmFormatModifierCount = 1;
        list->pDrmFormatModifierProperties[0] = (VkDrmFormatModifierPropertiesEXT){
            .drmFormatModifier = MOD_LINEAR,
            .drmFormatModifierPlaneCount = 1,
            .drmFormatModifierTilingFeatures = features,
        };
    }
}

static void
list_modifiers2(VkFormat format, VkFormatFeatureFlags2 features,
                VkDrmFormatModifierPropertiesList2EXT *list)
{
    bool is_empty = features == 0 || !has_one_plane(format);
    if (is_empty) {
        list->drmFormatModifierCount = 0;
    } else if (!list->pDrmFormatModifierProperties) {
        list->drmFormatModifierCount = 1;
    } else if (list->drmFormatModifierCount > 0) {
        list->drmFormatModifierCount = 1;
        list->pDrmFormatModifierProperties[0] = (VkDrmFormatModifierProperties2EXT){
            .drmFormatModifier = MOD_LINEAR,
            .drmFormatModifierPlaneCount = 1,
            .drmFormatModifierTilingFeatures = features,
        };
    }
}

void
vn_emulate_format_properties2(const struct vn_physical *physical, VkFormat format,
                              VkFormatProperties2 *properties)
{
    physical->instance->vk.vkGetPhysicalDeviceFormatProperties2(physical->handle, format,
                                                                properties);
    if (!vn_emulates_extension(physical, "VK_EXT_image_drm_format_modifier")) {
        return;
    }
    VkDrmFormatModifierPropertiesListEXT *list =
        vn_chain_find(properties, VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT);
    if (list) {
        list_modifiers(format, &properties->formatProperties, list);
    }
    VkDrmFormatModifierPropertiesList2EXT *list2 =
        vn_chain_find(properties, VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_2_EXT);
    const VkFormatProperties3 *properties3 =
        vn_chain_find(properties, VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3);
    if (list2) {
        list_modifiers2(format,
                        properties3 ? properties3->linearTilingFeatures
                                    : properties->formatProperties.linearTilingFeatures,
                        list2);
    }
}
