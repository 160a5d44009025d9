/* Pools: what comes out of one is its child, and goes with it. */
#include "venus/call.h"
#include "venus/chain.h"
#include "venus/os.h"

/* Puts `count` handles that came out of a pool under the client's ids. */
static void
add_to_pool(struct vn_exec *exec, struct vn_object *pool, uint16_t type, const uint64_t *ids,
            const uint64_t *hosts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct vn_object like = { .id = ids[i], .host = hosts[i], .type = type, .parent = pool };
        if (!vn_exec_add(exec, &like)) {
            return; /* fatal already; the host's rest goes with its pool */
        }
    }
}

void
vn_on_vkAllocateDescriptorSets(struct vn_exec *exec, struct vn_args_vkAllocateDescriptorSets *args)
{
    const VkDescriptorSetAllocateInfo *info = args->pAllocateInfo;
    struct vn_object *pool =
        vn_exec_object(exec, VN_HANDLE_VkDescriptorPool, (uint64_t)info->descriptorPool);
    VkDescriptorSet *hosts =
        vn_exec_alloc(exec, (size_t)info->descriptorSetCount + 1, sizeof(VkDescriptorSet));
    if (!pool || !hosts) {
        vn_exec_fatal(exec, "a descriptor pool is expected");
        return;
    }
    args->ret = vn_device_of(exec)->vk.vkAllocateDescriptorSets(args->device, info, hosts);
    if (args->ret >= 0) {
        add_to_pool(exec, pool, VN_HANDLE_VkDescriptorSet, (const uint64_t *)args->pDescriptorSets,
                    (const uint64_t *)hosts, info->descriptorSetCount);
    }
}

void
vn_on_vkAllocateCommandBuffers(struct vn_exec *exec, struct vn_args_vkAllocateCommandBuffers *args)
{
    const VkCommandBufferAllocateInfo *info = args->pAllocateInfo;
    struct vn_object *pool =
        vn_exec_object(exec, VN_HANDLE_VkCommandPool, (uint64_t)info->commandPool);
    VkCommandBuffer *hosts =
        vn_exec_alloc(exec, (size_t)info->commandBufferCount + 1, sizeof(VkCommandBuffer));
    if (!pool || !hosts) {
        vn_exec_fatal(exec, "a command pool is expected");
        return;
    }
    args->ret = vn_device_of(exec)->vk.vkAllocateCommandBuffers(args->device, info, hosts);
    if (args->ret >= 0) {
        add_to_pool(exec, pool, VN_HANDLE_VkCommandBuffer, (const uint64_t *)args->pCommandBuffers,
                    (const uint64_t *)hosts, info->commandBufferCount);
    }
}

/* Those that a command frees, by the host's handles. */
struct freed {
    const struct vn_object *pool;
    const void *hosts; /* may hold nulls */
    uint32_t count;
    uint16_t type;
};

static uint64_t
host_at(const struct freed *freed, uint32_t idx)
{
    uint64_t host = 0;
    memcpy(&host, (const uint8_t *)freed->hosts + idx * sizeof(host), sizeof(host));
    return host;
}

/* Each must be the pool's, and be named once: the host would trust that. */
static struct vn_object *
claim_of_pool(struct vn_exec *exec, const struct freed *freed, uint64_t host)
{
    struct vn_object *object = vn_exec_object(exec, freed->type, host);
    if (object && object->parent != freed->pool) {
        vn_exec_fatal(exec, "frees object 0x%llx, which is not of this pool",
                      (unsigned long long)object->id);
        return NULL;
    }
    if (!object || !vn_objects_claim(&exec->venus->objects, object, freed->type, host)) {
        vn_exec_fatal(exec, "frees a %s which is named twice, or freed by another ring",
                      vn_handle_names[freed->type]);
        return NULL;
    }
    return object;
}

/* Takes the objects that the command names out of the table, before the host frees them. */
static bool
remove_from_pool(struct vn_exec *exec, const struct freed *freed)
{
    for (uint32_t i = 0; freed->hosts && i < freed->count; i++) {
        uint64_t host = host_at(freed, i);
        struct vn_object *object = host ? claim_of_pool(exec, freed, host) : NULL;
        if (host && !object) {
            return false;
        }
        if (object) {
            vn_objects_remove(exec->venus, object);
        }
    }
    return freed->hosts != NULL;
}

void
vn_on_vkFreeDescriptorSets(struct vn_exec *exec, struct vn_args_vkFreeDescriptorSets *args)
{
    const struct vn_object *pool =
        vn_exec_object(exec, VN_HANDLE_VkDescriptorPool, (uint64_t)args->descriptorPool);
    const struct vn_device *device = vn_device_of(exec);
    args->ret = VK_SUCCESS;
    const struct freed freed = { pool, args->pDescriptorSets, args->descriptorSetCount,
                                 VN_HANDLE_VkDescriptorSet };
    if (!remove_from_pool(exec, &freed)) {
        return;
    }
    args->ret = device->vk.vkFreeDescriptorSets(args->device, args->descriptorPool,
                                                args->descriptorSetCount, args->pDescriptorSets);
}

void
vn_on_vkFreeCommandBuffers(struct vn_exec *exec, struct vn_args_vkFreeCommandBuffers *args)
{
    const struct vn_object *pool =
        vn_exec_object(exec, VN_HANDLE_VkCommandPool, (uint64_t)args->commandPool);
    const struct vn_device *device = vn_device_of(exec);
    const struct freed freed = { pool, args->pCommandBuffers, args->commandBufferCount,
                                 VN_HANDLE_VkCommandBuffer };
    if (!remove_from_pool(exec, &freed)) {
        return;
    }
    device->vk.vkFreeCommandBuffers(args->device, args->commandPool, args->commandBufferCount,
                                    args->pCommandBuffers);
}

void
vn_on_vkResetDescriptorPool(struct vn_exec *exec, struct vn_args_vkResetDescriptorPool *args)
{
    struct vn_object *pool =
        vn_exec_object(exec, VN_HANDLE_VkDescriptorPool, (uint64_t)args->descriptorPool);
    const struct vn_device *device = vn_device_of(exec);
    if (!pool || !vn_objects_clear(exec->venus, pool, VN_HANDLE_VkDescriptorPool,
                                   (uint64_t)args->descriptorPool)) {
        vn_exec_fatal(exec, "resets no descriptor pool, or one that another ring destroys");
        return;
    }
    args->ret = device->vk.vkResetDescriptorPool(args->device, args->descriptorPool, args->flags);
}

/* `data` of a VkQueryPool's object: what its results take. */
struct query_pool {
    uint32_t query_count;
    uint32_t value_count; /* of each query; 0: it depends, the host is trusted */
};

static uint32_t
count_values(const VkQueryPoolCreateInfo *info)
{
    switch (info->queryType) {
    case VK_QUERY_TYPE_PIPELINE_STATISTICS:
        return (uint32_t)__builtin_popcount(info->pipelineStatistics);
    case VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT: return 2;
    case VK_QUERY_TYPE_PERFORMANCE_QUERY_KHR: return 0;
    default: return 1;
    }
}

static void
free_query_pool(struct venus *venus, struct vn_object *object)
{
    vn_retire(venus, object->data);
}

void
vn_on_vkCreateQueryPool(struct vn_exec *exec, struct vn_args_vkCreateQueryPool *args)
{
    const struct vn_device *device = vn_device_of(exec);
    struct query_pool *pool = vn_keep(exec->venus, sizeof(*pool));
    VkQueryPool host = VK_NULL_HANDLE;
    args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (pool) {
        pool->query_count = args->pCreateInfo->queryCount;
        pool->value_count = count_values(args->pCreateInfo);
        args->ret = device->vk.vkCreateQueryPool(args->device, args->pCreateInfo, NULL, &host);
    }
    if (args->ret < 0) {
        vn_retire(exec->venus, pool);
        return;
    }
    struct vn_object like = { .id = *(uint64_t *)args->pQueryPool,
                              .host = (uint64_t)host,
                              .type = VN_HANDLE_VkQueryPool,
                              .data = pool,
                              .free_data = free_query_pool };
    if (!vn_exec_add(exec, &like)) {
        device->vk.vkDestroyQueryPool(args->device, host, NULL);
        vn_retire(exec->venus, pool);
    }
}

/* Does what the host will write lie within dataSize? */
static bool
has_room(const struct query_pool *pool, const struct vn_args_vkGetQueryPoolResults *args)
{
    const VkQueryResultFlags extra =
        VK_QUERY_RESULT_WITH_AVAILABILITY_BIT | VK_QUERY_RESULT_WITH_STATUS_BIT_KHR;
    uint64_t value_bytes = args->flags & VK_QUERY_RESULT_64_BIT ? 8 : 4;
    uint64_t one_bytes = (pool->value_count + (args->flags & extra ? 1u : 0u)) * value_bytes;
    if (args->queryCount == 0) {
        return true;
    }
    uint64_t last = args->queryCount - 1u;
    bool is_inside = args->firstQuery <= pool->query_count &&
                     args->queryCount <= pool->query_count - args->firstQuery;
    return is_inside && one_bytes <= args->dataSize &&
           (last == 0 || args->stride <= (args->dataSize - one_bytes) / last);
}

#define POLL_MIN_NS 20000u
#define POLL_MAX_NS 1000000u

/*
 * VK_QUERY_RESULT_WAIT_BIT would wait in the host for what may never come, beyond the end of the context: so asked for again and
 * again, ever more rarely.
 */
static VkResult
wait_for_results(const struct vn_exec *exec, const struct vn_args_vkGetQueryPoolResults *args)
{
    const struct vn_device *device = vn_device_of(exec);
    VkQueryResultFlags flags = args->flags;
    bool waits = flags & VK_QUERY_RESULT_WAIT_BIT;
    if (waits) {
        flags &= ~(VkQueryResultFlags)(VK_QUERY_RESULT_WAIT_BIT | VK_QUERY_RESULT_PARTIAL_BIT);
    }
    uint64_t pause_ns = POLL_MIN_NS;
    for (;;) {
        VkResult result = device->vk.vkGetQueryPoolResults(
            args->device, args->queryPool, args->firstQuery, args->queryCount, args->dataSize,
            args->pData, args->stride, flags);
        if (!waits || result != VK_NOT_READY || atomic_load(&exec->venus->is_fatal)) {
            return result;
        }
        vn_os_sleep_ns(pause_ns);
        pause_ns = pause_ns * 2 < POLL_MAX_NS ? pause_ns * 2 : POLL_MAX_NS;
    }
}

void
vn_on_vkGetQueryPoolResults(struct vn_exec *exec, struct vn_args_vkGetQueryPoolResults *args)
{
    const struct vn_object *object =
        vn_exec_object(exec, VN_HANDLE_VkQueryPool, (uint64_t)args->queryPool);
    if (!object || !has_room(object->data, args)) {
        vn_exec_fatal(exec,
                      "queries %u to %u with a stride of %llu bytes do not fit into the pool, or "
                      "their results into %zu bytes",
                      args->firstQuery, args->firstQuery + args->queryCount,
                      (unsigned long long)args->stride, args->dataSize);
        return;
    }
    args->ret = wait_for_results(exec, args);
}
