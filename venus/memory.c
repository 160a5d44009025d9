#include "venus/memory.h"

#include <stdlib.h>
#include <string.h>

#include "venus/chain.h"
#include "venus/context.h"
#include "venus/device.h"
#include "venus/os.h"

#define HOST_FLAGS                                                                                 \
 (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |                     \
  VK_MEMORY_PROPERTY_HOST_CACHED_BIT)

void
vn_memories_init(struct vn_memories *memories)
{
    *memories = (struct vn_memories){ 0 };
    (void)pthread_mutex_init(&memories->lock, NULL);
}

void
vn_memories_finish(struct vn_memories *memories)
{
    (void)pthread_mutex_destroy(&memories->lock);
}

struct vn_memory *
vn_memory_new(struct venus *venus, const struct vn_physical *physical, uint64_t id)
{
    struct vn_memory *memory = vn_keep(venus, sizeof(*memory));
    if (memory) {
        memory->id = id;
        memory->physical = physical;
        memory->fd = -1;
    }
    return memory;
}

static bool
is_listed(const struct vn_memories *memories, const struct vn_memory *memory)
{
    return memory->previous || memories->first == memory;
}

void
vn_memory_publish(struct venus *venus, struct vn_memory *memory)
{
    struct vn_memories *memories = &venus->memories;
    (void)pthread_mutex_lock(&memories->lock);
    memory->next = memories->first;
    if (memories->first) {
        memories->first->previous = memory;
    }
    memories->first = memory;
    (void)pthread_mutex_unlock(&memories->lock);
}

static void
unlist(struct vn_memories *memories, struct vn_memory *memory)
{
    (void)pthread_mutex_lock(&memories->lock);
    if (is_listed(memories, memory)) {
        *(memory->previous ? &memory->previous->next : &memories->first) = memory->next;
        if (memory->next) {
            memory->next->previous = memory->previous;
        }
    }
    (void)pthread_mutex_unlock(&memories->lock);
}

/* Nobody exports it any more. */
static void
tell(const struct venus *venus, const struct vn_memory *memory)
{
    bool was_exported = memory->fd < 0;
    if (venus->config.on_memory && was_exported && memory->is_bound) {
        venus->config.on_memory(venus->config.user, memory->id, memory->shared->map,
                                memory->size_bytes);
    }
}

void
vn_memory_free(struct venus *venus, struct vn_memory *memory)
{
    if (!memory) {
        return;
    }
    unlist(&venus->memories, memory);
    if (memory->shared) {
        tell(venus, memory);
        vn_shared_put(&venus->spares, memory->shared);
    } else {
        vn_os_unmap(memory->map, memory->map_bytes);
        vn_os_fd_close(memory->fd);
    }
    vn_charge_put(memory->charge);
    vn_retire(venus, memory);
}

void
vn_memory_free_data(struct venus *venus, struct vn_object *object)
{
    vn_memory_free(venus, object->data);
    object->data = NULL;
}

static enum venus_fd_kind
fd_kind(enum vn_backing backing)
{
    static const enum venus_fd_kind kinds[] = {
        [VN_BACKING_HOST] = VENUS_FD_SHM,
        [VN_BACKING_DMABUF] = VENUS_FD_DMABUF,
        [VN_BACKING_OPAQUE] = VENUS_FD_OPAQUE,
    };
    return kinds[backing];
}

static enum venus_caching
caching(const struct vn_memory *memory)
{
    const VkMemoryPropertyFlags cached =
        VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    VkMemoryPropertyFlags flags =
        memory->physical->memory.memoryTypes[memory->type_idx].propertyFlags;
    /* Shared memory is the processor's own, whatever the device thinks of it. */
    bool is_cached = memory->backing == VN_BACKING_HOST || (flags & cached) == cached;
    return is_cached ? VENUS_CACHED : VENUS_WRITE_COMBINED;
}

static bool
can_export(const struct vn_memory *memory, const struct venus_blob *blob)
{
    bool is_mappable = memory->backing == VN_BACKING_HOST || memory->backing == VN_BACKING_DMABUF;
    return memory->fd >= 0 && blob->size_bytes <= memory->size_bytes &&
           (is_mappable || !(blob->flags & VENUS_BLOB_MAPPABLE));
}

/*
 * Shared memory gets the very size that the resource shall have, since virglrenderer takes no other; but all pages that the
 * host's driver works on stay.
 */
static bool
seal(const struct vn_memory *memory, const struct venus_blob *blob)
{
    bool is_whole = vn_os_whole_pages(blob->size_bytes) == memory->size_bytes;
    return !memory->shared ||
           vn_shared_seal(memory->shared, is_whole ? blob->size_bytes : memory->size_bytes);
}

/* The fd for whoever asked: the only one, or a copy of what is held.  Returns: false when the host is short of fds. */
static bool
hand_out(struct vn_memory *memory, int *fd, struct vn_shared **shared)
{
    *fd = memory->shared ? vn_os_fd_copy(memory->fd) : memory->fd;
    if (*fd < 0) {
        return false;
    }
    if (memory->shared) {
        vn_shared_hold(memory->shared);
    }
    *shared = memory->shared;
    memory->fd = -1; /* two resources of the same memory are one too many, for every client */
    return true;
}

enum venus_status
vn_memory_export(struct venus *venus, const struct venus_blob *blob, struct venus_memory *out,
                 struct vn_shared **shared, struct vn_charge **charge)
{
    int fd = -1;
    struct vn_memories *memories = &venus->memories;
    (void)pthread_mutex_lock(&memories->lock);
    struct vn_memory *memory = memories->first;
    while (memory && memory->id != blob->blob_id) {
        memory = memory->next;
    }
    bool is_found =
        memory && can_export(memory, blob) && seal(memory, blob) && hand_out(memory, &fd, shared);
    if (is_found) {
        *charge = vn_charge_hold(memory->charge);
        *out = (struct venus_memory){
            .fd = fd,
            .kind = fd_kind(memory->backing),
            .caching = caching(memory),
            .size_bytes = memory->size_bytes,
            .memory_type_idx = memory->type_idx,
        };
        memcpy(out->device_uuid, memory->physical->offers.device_uuid, sizeof(out->device_uuid));
        memcpy(out->driver_uuid, memory->physical->offers.driver_uuid, sizeof(out->driver_uuid));
    }
    (void)pthread_mutex_unlock(&memories->lock);
    return is_found ? VENUS_OK : VENUS_NO_BLOB;
}

void
vn_memory_filter_properties(const struct vn_physical *physical, const struct venus *venus,
                            VkPhysicalDeviceMemoryProperties *properties)
{
    for (uint32_t i = 0; i < properties->memoryTypeCount; i++) {
        if (physical->plan.backing[i] == VN_BACKING_NONE) {
            properties->memoryTypes[i].propertyFlags &= ~(VkMemoryPropertyFlags)HOST_FLAGS;
        }
    }
    for (uint32_t i = 0; i < properties->memoryHeapCount; i++) {
        if (properties->memoryHeaps[i].size > venus->ledger.limit_bytes) {
            properties->memoryHeaps[i].size = venus->ledger.limit_bytes;
        }
    }
}

void
vn_memory_filter_properties2(const struct vn_physical *physical, const struct venus *venus,
                             VkPhysicalDeviceMemoryProperties2 *properties)
{
    VkPhysicalDeviceMemoryProperties *plain = &properties->memoryProperties;
    vn_memory_filter_properties(physical, venus, plain);
    VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget =
        vn_chain_find(properties, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
    for (uint32_t i = 0; budget && i < plain->memoryHeapCount; i++) {
        if (budget->heapBudget[i] > plain->memoryHeaps[i].size) {
            budget->heapBudget[i] = plain->memoryHeaps[i].size;
        }
    }
}
