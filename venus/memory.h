/*
 * Device memory that clients can map, on any driver.
 *
 * A client maps an fd, at offset 0.  Vulkan has no "make any mappable memory an fd"; so each memory type that the host calls
 * HOST_VISIBLE gets one way to be backed, chosen once per physical device:
 *
 *    VN_BACKING_HOST    a sealed memfd of ours, mapped here and imported with VK_EXT_external_memory_host
 *    VN_BACKING_DMABUF  allocated by the host for export as a dma-buf, which can be mapped
 *    VN_BACKING_NONE    neither works: the type is shown to clients without HOST_VISIBLE
 *
 * Types that are not HOST_VISIBLE need no fd, but for allocations that the client wants to share (VkExportMemoryAllocateInfo):
 * these are exported as dma-buf or opaque fd where the host can, else not at all.
 *
 *    vkAllocateMemory ──▶ ledger ──▶ fd + mapping ──▶ the host's vkAllocateMemory ──▶ object {struct vn_memory}
 *    venus_resource_create(blob id = the object's id) ──▶ vn_memory_export ──▶ the fd, once, for good
 *    vkFreeMemory ──▶ the host's vkFreeMemory, then the mapping goes; the client's own mapping lives on by its fd.  Or, with
 *                     VN_BACKING_HOST, all of it is kept for the next allocation when the resource is gone too (venus/shared.h)
 */
#ifndef VENUS_MEMORY_H
#define VENUS_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>
#include <vulkan/vulkan_core.h>

#include "venus/ledger.h"
#include "venus/shared.h"
#include "venus/venus.h"

struct venus;
struct vn_device;
struct vn_exec;
struct vn_object;
struct vn_physical;

enum vn_backing {
    VN_BACKING_NONE,
    VN_BACKING_HOST,
    VN_BACKING_DMABUF,
    VN_BACKING_OPAQUE,
};

/* Of a physical device: how each memory type is backed. */
struct vn_memory_plan {
    uint8_t backing[VK_MAX_MEMORY_TYPES]; /* enum vn_backing; NONE for what is not HOST_VISIBLE */
    uint64_t alignment_bytes;             /* sizes of VN_BACKING_HOST are multiples of it */
    bool is_all_host;                     /* every type is VN_BACKING_HOST */
};

/* One VkDeviceMemory: `data` of its object. */
struct vn_memory {
    uint64_t id;
    VkResult
        failure; /* not VK_SUCCESS: there is none, and the client does not know yet (see on_memory.c) */
    const struct vn_physical *physical;
    uint32_t type_idx;
    enum vn_backing backing;
    uint64_t size_bytes;      /* as allocated: whole pages where it has an fd */
    struct vn_charge *charge; /* held; NULL: nothing was charged yet */
    atomic_bool is_bound;     /* to anything, once */
    int fd;                   /* for the client to have; -1: there is none, or it has it */
    uint8_t *map;             /* of an imported resource: what the host imported in its turn */
    uint64_t map_bytes;
    struct vn_shared *shared; /* VN_BACKING_HOST: what fd is the fd of; held */
    struct vn_memory *next;   /* in vn_memories */
    struct vn_memory *previous;
};

/* Of a context: every vn_memory that has an fd.  A front exports on one thread what a ring frees on another. */
struct vn_memories {
    pthread_mutex_t lock;
    struct vn_memory *first; /* the youngest: it is the likeliest to be asked for */
};

void vn_memories_init(struct vn_memories *memories);
/* All memory must have been freed. */
void vn_memories_finish(struct vn_memories *memories);

/*
 * Chooses physical->plan.  Needs physical's handle, memory (as the host says) and offers (see venus/emulate.h).
 * Context: may make and destroy a VkDevice, to try the import.
 */
void vn_memory_plan_init(const struct venus *venus, struct vn_physical *physical);

/*
 * Shows a client only what it can have: mappable types that are mappable for it, and no heap larger than the context's limit.
 * properties: as the host filled it in.
 */
void vn_memory_filter_properties(const struct vn_physical *physical, const struct venus *venus,
                                 VkPhysicalDeviceMemoryProperties *properties);

/* The same, and VkPhysicalDeviceMemoryBudgetPropertiesEXT where it is chained. */
void vn_memory_filter_properties2(const struct vn_physical *physical, const struct venus *venus,
                                  VkPhysicalDeviceMemoryProperties2 *properties);

/*
 * Hands out the fd of the device memory with the id blob->blob_id.
 * blob: size_bytes at most what was allocated; flags as venus.h has them.
 * out: fd is the caller's from now on.  shared: what it is the fd of, held for the caller; NULL: nothing more to hold.
 * charge: of the memory, held for the caller, who may have it for longer than the VkDeviceMemory lives.
 * Returns: VENUS_OK; VENUS_NO_BLOB (no such memory, too small, not mappable, or it was exported before; or the host is short).
 * Context: any thread.
 */
enum venus_status
vn_memory_export(struct venus *venus, const struct venus_blob *blob, struct venus_memory *out,
                 struct vn_shared **shared, struct vn_charge **charge);

/* Gets a struct vn_memory that holds nothing yet.  Returns: NULL when memory is short. */
struct vn_memory *
vn_memory_new(struct venus *venus, const struct vn_physical *physical, uint64_t id);

/* Makes it exportable: from now on vn_memory_export finds it. */
void vn_memory_publish(struct venus *venus, struct vn_memory *memory);

/* Unlinks, unmaps, closes, lets go of the charge and frees.  The host's VkDeviceMemory must be gone already. */
void vn_memory_free(struct venus *venus, struct vn_memory *memory);

/*
 * Does the command at work name memory that could not be allocated?  Then the context dies of it, with the reason of then.
 * For what binds memory: a host would not survive that.
 */
bool vn_memory_is_lost(struct vn_exec *exec);

/* free_data of a VkDeviceMemory's object. */
void vn_memory_free_data(struct venus *venus, struct vn_object *object);

#endif
