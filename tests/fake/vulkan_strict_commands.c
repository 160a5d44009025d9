/* What each command does.  See tests/fake/vulkan_strict.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venus/chain.h"

#include "tests/fake/vulkan_strict_private.h"

#define FAILURE_ODDS    24u
#define PHYSICALS       2u
#define GROUP_HANDLE    32u /* bytes of a ray tracing group's handle */
#define ARGUMENTS_BYTES 256

static bool
starts(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static const struct vn_member *
param(const struct vn_command *command, const char *name)
{
    const struct vn_type *type = &vn_types[command->type];
    for (uint32_t i = 0; i < type->member_count; i++) {
        if (strcmp(vn_members[type->member_first + i].name, name) == 0) {
            return &vn_members[type->member_first + i];
        }
    }
    return NULL;
}

static void *
pointer_at(const struct vn_member *member, const uint8_t *args)
{
    void *pointer;
    memcpy(&pointer, args + member->offset, sizeof(pointer));
    return pointer;
}

static uint64_t
handle_at(const uint8_t *at)
{
    uint64_t handle;
    memcpy(&handle, at, sizeof(handle));
    return handle;
}

/* From registers and stack to the struct that the tables describe. */
static void
unpack(const struct vn_type *type, const uint64_t *integers, const double *floats, uint8_t *args)
{
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        bool is_float = member->form == VN_VALUE && member->look == VN_LOOK_FLOAT;
        size_t bytes = member->form == VN_VALUE ? member->size : sizeof(void *);
        const void *from = is_float ? (const void *)floats++ : (const void *)integers++;
        memcpy(args + member->offset, from, bytes);
    }
}

static uint64_t
fill_count(const struct vn_member *member, uint8_t *args)
{
    void *count = pointer_at(member, args);
    const struct vn_member *next = member + 1;
    uint64_t value = 0;
    if (count && pointer_at(next, args)) {
        strict_lower(member, count);
    } else if (count) {
        value = strict_roll(4);
        memcpy(count, &value, member->size);
    }
    return value;
}

/* The pool of what is allocated. */
static struct record *
pool_of(const struct vn_command *command, const uint8_t *args)
{
    uint64_t pool = 0;
    if (strcmp(command->name, "vkAllocateDescriptorSets") == 0) {
        const VkDescriptorSetAllocateInfo *info = pointer_at(param(command, "pAllocateInfo"), args);
        pool = (uint64_t)info->descriptorPool;
    } else if (strcmp(command->name, "vkAllocateCommandBuffers") == 0) {
        const VkCommandBufferAllocateInfo *info = pointer_at(param(command, "pAllocateInfo"), args);
        pool = (uint64_t)info->commandPool;
    }
    return strict_record(pool);
}

static void
make_handles(const struct vn_command *command, const struct vn_member *member, uint8_t *args)
{
    uint64_t *to = pointer_at(member, args);
    uint64_t count = member->form == VN_POINTER ? 1 : vn_length_of(member->length, args, 0);
    bool is_above = member->type == VN_HANDLE_VkInstance || member->type == VN_HANDLE_VkDevice;
    struct record *parent = is_above ? strict_record(handle_at(args)) : strict.device;
    if (member->type == VN_HANDLE_VkDevice && parent) {
        parent = parent->device;
    }
    for (uint64_t i = 0; to && i < count; i++) {
        to[i] = (uint64_t)(uintptr_t)strict_make(
            member->type, member->type == VN_HANDLE_VkInstance ? NULL : parent,
            pool_of(command, args));
    }
}

static void
answer(const struct vn_command *command, uint8_t *args)
{
    const struct vn_type *type = &vn_types[command->type];
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if ((member->flags & VN_OUT) && member->wire == VN_HANDLE) {
            make_handles(command, member, args);
        } else if (member->flags & VN_OUT) {
            strict_fill_member(member, args);
        }
    }
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if ((member->flags & VN_INOUT) && i + 1 < type->member_count && member->wire != VN_STRUCT) {
            (void)fill_count(member, args);
        }
    }
}

static void
check_params(const struct vn_command *command, const uint8_t *args)
{
    const struct vn_type *type = &vn_types[command->type];
    const struct vn_member *first = &vn_members[type->member_first];
    strict.device = NULL;
    if (type->member_count && first->wire == VN_HANDLE && first->form == VN_VALUE) {
        struct record *record =
            strict_check_handle(first->type, handle_at(args + first->offset), "it");
        strict.device = record && record->type != VN_HANDLE_VkDevice ? record->device : record;
    }
    for (uint32_t i = 0; i < type->member_count; i++) {
        if (first[i].flags & VN_OUT) {
            uint64_t count =
                first[i].length == UINT16_MAX ? 1 : vn_length_of(first[i].length, args, 0);
            if (!(first[i].flags & VN_OPTIONAL) && count && !pointer_at(&first[i], args)) {
                strict_blame("%s is NULL", first[i].name);
            }
        } else {
            strict_check_member(&first[i], args);
        }
    }
}

static void
destroy(const struct vn_command *command, const uint8_t *args)
{
    const struct vn_member *member = &vn_members[vn_types[command->type].member_first];
    if (member->type != VN_HANDLE_VkInstance && strcmp(command->name, "vkDestroyDevice") != 0) {
        member++;
    }
    struct record *record = strict_record(handle_at(args + member->offset));
    if (record && record->is_live) {
        strict_bury(record);
    }
}

static void
free_pooled(const struct vn_member *pool, const uint8_t *args)
{
    const struct vn_member *list = pool + 2;
    const uint64_t *handles = pointer_at(list, args);
    uint64_t count = vn_length_of(list->length, args, 0);
    struct record *owner = strict_record(handle_at(args + pool->offset));
    for (uint64_t i = 0; i < count; i++) {
        struct record *record = strict_record(handles[i]);
        if (record && (record->owner != owner || !record->is_live)) {
            strict_blame("%s[%llu] is not this pool's, or freed twice", list->name,
                         (unsigned long long)i);
        } else if (record) {
            record->is_live = false;
        }
    }
}

static void
reset_pool(const struct vn_command *command, const uint8_t *args)
{
    const struct record *pool =
        strict_record(handle_at(args + param(command, "descriptorPool")->offset));
    for (uint32_t i = 0; pool && i < strict.count; i++) {
        if (strict.records[i].owner == pool) {
            strict.records[i].is_live = false;
        }
    }
}

/* What a driver would write for queries, wherever the caller says that it goes. */
static void
write_queries(void *raw)
{
    const struct vn_args_vkGetQueryPoolResults *args = raw;
    const struct record *pool = strict_record((uint64_t)args->queryPool);
    const VkQueryResultFlags extra =
        VK_QUERY_RESULT_WITH_AVAILABILITY_BIT | VK_QUERY_RESULT_WITH_STATUS_BIT_KHR;
    size_t width = args->flags & VK_QUERY_RESULT_64_BIT ? 8 : 4;
    uint32_t value_count = (pool ? pool->value_count : 0) + (args->flags & extra ? 1 : 0);
    for (uint32_t i = 0; i < args->queryCount; i++) {
        memset((uint8_t *)args->pData + i * args->stride, 1, value_count * width);
    }
}

static void
list_physicals(struct vn_args_vkEnumeratePhysicalDevices *args)
{
    struct record *instance = strict_record((uint64_t)args->instance);
    uint32_t found = 0;
    for (uint32_t i = 0; i < strict.count; i++) {
        found += strict.records[i].type == VN_HANDLE_VkPhysicalDevice &&
                 strict.records[i].device == instance;
    }
    for (; found < PHYSICALS; found++) {
        (void)strict_make(VN_HANDLE_VkPhysicalDevice, instance, instance);
    }
    if (!args->pPhysicalDeviceCount) {
        return;
    }
    if (!args->pPhysicalDevices) {
        *args->pPhysicalDeviceCount = PHYSICALS;
        return;
    }
    uint32_t room = *args->pPhysicalDeviceCount;
    uint32_t count = 0;
    for (uint32_t i = 0; i < strict.count && count < room; i++) {
        struct record *record = &strict.records[i];
        if (record->type == VN_HANDLE_VkPhysicalDevice && record->device == instance) {
            args->pPhysicalDevices[count++] = (VkPhysicalDevice)(void *)record;
        }
    }
    *args->pPhysicalDeviceCount = count;
}

static const char *const extensions[] = {
    "VK_EXT_external_memory_host",
    "VK_KHR_external_memory_fd",
    "VK_EXT_external_memory_dma_buf",
};

static void
list_extensions(struct vn_args_vkEnumerateDeviceExtensionProperties *args)
{
    uint32_t all = sizeof(extensions) / sizeof(extensions[0]);
    if (!args->pPropertyCount) {
        return;
    }
    uint32_t room = args->pProperties ? *args->pPropertyCount : 0;
    for (uint32_t i = 0; i < all && i < room; i++) {
        (void)snprintf(args->pProperties[i].extensionName, VK_MAX_EXTENSION_NAME_SIZE, "%s",
                       extensions[i]);
        args->pProperties[i].specVersion = 1;
    }
    *args->pPropertyCount = args->pProperties && room < all ? room : all;
}

static void
describe(VkPhysicalDeviceProperties *properties)
{
    properties->apiVersion = VK_API_VERSION_1_3;
    properties->deviceType = VK_PHYSICAL_DEVICE_TYPE_CPU;
}

static void
describe2(VkPhysicalDeviceProperties2 *properties)
{
    describe(&properties->properties);
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT *host = vn_chain_find(
        properties, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT);
    if (host) {
        host->minImportedHostPointerAlignment = 4096;
    }
    VkPhysicalDeviceRayTracingPipelinePropertiesKHR *tracing = vn_chain_find(
        properties, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR);
    if (tracing) {
        tracing->shaderGroupHandleSize = GROUP_HANDLE;
        tracing->shaderGroupHandleCaptureReplaySize = GROUP_HANDLE;
    }
}

static void
describe_memory(VkPhysicalDeviceMemoryProperties *memory)
{
    *memory = (VkPhysicalDeviceMemoryProperties){ .memoryTypeCount = 2, .memoryHeapCount = 1 };
    memory->memoryTypes[0].propertyFlags =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    memory->memoryTypes[1].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    memory->memoryHeaps[0].size = UINT64_C(1) << 40;
}

static void
list_groups(void *raw)
{
    const struct vn_args_vkEnumeratePhysicalDeviceGroups *args = raw;
    for (uint32_t i = 0;
         args->pPhysicalDeviceGroupProperties && i < *args->pPhysicalDeviceGroupCount; i++) {
        args->pPhysicalDeviceGroupProperties[i].physicalDeviceCount = strict_roll(3);
    }
}

static void
note_memory(void *raw)
{
    const struct vn_args_vkAllocateMemory *args = raw;
    const VkImportMemoryHostPointerInfoEXT *import =
        vn_chain_find(args->pAllocateInfo, VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT);
    struct record *record = strict_record((uint64_t)*args->pMemory);
    if (import && record) {
        record->map = import->pHostPointer;
        record->bytes = args->pAllocateInfo->allocationSize;
        strict_touch(record);
    }
}

static void
note_queries(void *raw)
{
    const struct vn_args_vkCreateQueryPool *args = raw;
    struct record *record = strict_record((uint64_t)*args->pQueryPool);
    if (record) {
        VkQueryType type = args->pCreateInfo->queryType;
        record->value_count =
            type == VK_QUERY_TYPE_PIPELINE_STATISTICS
                ? (uint32_t)__builtin_popcount(args->pCreateInfo->pipelineStatistics)
            : type == VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT ? 2
                                                                  : 1;
    }
}

static void
finish_properties(void *args)
{
    struct vn_args_vkGetPhysicalDeviceProperties *a = args;
    describe(a->pProperties);
}

static void
finish_properties2(void *args)
{
    struct vn_args_vkGetPhysicalDeviceProperties2 *a = args;
    describe2(a->pProperties);
}

static void
finish_memory(void *args)
{
    struct vn_args_vkGetPhysicalDeviceMemoryProperties *a = args;
    describe_memory(a->pMemoryProperties);
}

static void
finish_memory2(void *args)
{
    struct vn_args_vkGetPhysicalDeviceMemoryProperties2 *a = args;
    describe_memory(&a->pMemoryProperties->memoryProperties);
}

/* What the tables cannot tell of a command. */
static const struct {
    const char *name;
    void (*finish)(void *args);
} finishers[] = {
    {"vkGetPhysicalDeviceProperties",         finish_properties },
    { "vkGetPhysicalDeviceProperties2",       finish_properties2},
    { "vkGetPhysicalDeviceMemoryProperties",  finish_memory     },
    { "vkGetPhysicalDeviceMemoryProperties2", finish_memory2    },
    { "vkEnumeratePhysicalDeviceGroups",      list_groups       },
    { "vkAllocateMemory",                     note_memory       },
    { "vkCreateQueryPool",                    note_queries      },
    { "vkGetQueryPoolResults",                write_queries     },
};

static void
finish(const struct vn_command *command, void *args)
{
    for (size_t i = 0; i < sizeof(finishers) / sizeof(finishers[0]); i++) {
        if (strcmp(finishers[i].name, command->name) == 0) {
            finishers[i].finish(args);
        }
    }
}

static bool
is_destroyer(const char *name)
{
    return starts(name, "vkDestroy") || strcmp(name, "vkFreeMemory") == 0;
}

static uint64_t
carry_out(const struct vn_command *command, uint8_t *args)
{
    const char *name = command->name;
    const struct vn_member *first = &vn_members[vn_types[command->type].member_first];
    if (is_destroyer(name)) {
        destroy(command, args);
    } else if (strcmp(name, "vkEnumeratePhysicalDevices") == 0) {
        list_physicals((void *)args);
    } else if (strcmp(name, "vkEnumerateDeviceExtensionProperties") == 0) {
        list_extensions((void *)args);
    } else if (strcmp(name, "vkEnumerateInstanceVersion") == 0) {
        *(uint32_t *)pointer_at(first, args) = VK_API_VERSION_1_3;
    } else if (starts(name, "vkFreeDescriptorSets") || starts(name, "vkFreeCommandBuffers")) {
        free_pooled(first + 1, args);
    } else if (strcmp(name, "vkResetDescriptorPool") == 0) {
        reset_pool(command, args);
    } else {
        answer(command, args);
        finish(command, args);
    }
    return 0;
}

static bool
fails(const struct vn_command *command)
{
    return strict.may_fail && command->ret_bytes == 4 && !is_destroyer(command->name) &&
           strict_roll(FAILURE_ODDS) == 0;
}

/* Recording, submitting and waiting: most of what rings do at the same time. */
static bool
makes_nothing(const char *name)
{
    return starts(name, "vkCmd") || starts(name, "vkQueue") || starts(name, "vkWait") ||
           starts(name, "vkGetFenceStatus") || starts(name, "vkResetFences");
}

uint64_t
strict_call(uint32_t index, const uint64_t *integers, const double *floats)
{
    const struct vn_command *command = &vn_commands[index];
    const struct vn_type *type = &vn_types[command->type];
    _Alignas(16) uint8_t args[ARGUMENTS_BYTES] = { 0 }; /* not of the heap, which may be short */
    if (type->size_bytes > sizeof(args)) {
        abort();
    }
    if (strict.is_relaxed && makes_nothing(command->name)) {
        return VK_SUCCESS;
    }
    (void)pthread_mutex_lock(&strict.lock);
    strict.command = command->name;
    strict.call_count++;
    unpack(type, integers, floats, args);
    check_params(command, args);
    uint64_t ret = (uint64_t)(uint32_t)VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!fails(command)) {
        ret = carry_out(command, args);
    } else if (starts(command->name, "vkWait") || starts(command->name, "vkGetFence")) {
        ret = VK_TIMEOUT;
    }
    (void)pthread_mutex_unlock(&strict.lock);
    return ret;
}
