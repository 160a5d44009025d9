/*
 * resource.c - resources by id, and the guest's memory behind them.  VirtIO 1.3 §5.7.6.8.
 */
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "device/gpu/private.h"
#include "device/quota.h"

static struct gpu_resource **
bucket_of(struct gpu *gpu, uint32_t id)
{
    return &gpu->buckets[(id ^ id >> 12) % GPU_BUCKETS];
}

struct gpu_resource *
gpu_resource_find(const struct gpu *gpu, uint32_t id)
{
    struct gpu_resource *resource = gpu->buckets[(id ^ id >> 12) % GPU_BUCKETS];
    while (resource != NULL && resource->id != id) {
        resource = resource->next;
    }
    return resource;
}

struct gpu_resource *
gpu_resource_of(struct gpu *gpu, const struct gpu_command *command, uint32_t id)
{
    struct gpu_resource *resource = gpu_resource_find(gpu, id);
    if (resource == NULL) {
        (void)gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                         "resource %u does not exist", id);
    }
    return resource;
}

struct gpu_resource *
gpu_resource_add(struct gpu *gpu, const struct gpu_command *command, uint32_t id, uint32_t *refusal)
{
    if (id == 0 || gpu_resource_find(gpu, id) != NULL) {
        *refusal = gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                              "resource id %u is %s", id, id == 0 ? "none" : "taken");
        return NULL;
    }
    bool has_room = gpu->resource_count < gpu->config.limits.resource_count;
    struct gpu_resource *resource = has_room ? calloc(1, sizeof(*resource)) : NULL;
    if (resource == NULL) {
        *refusal = gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                              has_room ? "there is no memory for resource %u"
                                       : "resource %u would be one too many: --help has the limits",
                              id);
        return NULL;
    }
    struct gpu_resource **bucket = bucket_of(gpu, id);
    resource->id = id;
    resource->fd = -1;
    resource->fd_kind = RENDER_FD_NONE;
    resource->next = *bucket;
    *bucket = resource;
    gpu->resource_count++;
    return resource;
}

static void
unlink_resource(struct gpu *gpu, struct gpu_resource *resource)
{
    struct gpu_resource **link = bucket_of(gpu, resource->id);
    while (*link != resource) {
        link = &(*link)->next;
    }
    *link = resource->next;
    gpu->resource_count--;
}

void
gpu_resource_remove(struct gpu *gpu, struct gpu_resource *resource)
{
    gpu_scanouts_disable(gpu, resource->id);
    gpu_contexts_drop(gpu, resource);
    gpu_backing_detach(gpu, resource);
    unlink_resource(gpu, resource);
    if (resource->pixels != NULL) {
        gpu_memory_give_back(gpu, resource->size_bytes);
        free(resource->pixels);
    }
    if (resource->view != NULL) {
        (void)munmap(resource->view, resource->size_bytes);
    }
    if (resource->fd >= 0) {
        (void)close(resource->fd);
    }
    gpu->blob_bytes -= resource->blob_bytes;
    free(resource);
}

void
gpu_resource_remove_all(struct gpu *gpu)
{
    for (unsigned i = 0; i < GPU_BUCKETS; i++) {
        while (gpu->buckets[i] != NULL) {
            gpu_resource_remove(gpu, gpu->buckets[i]);
        }
    }
}

uint32_t
gpu_on_unref(struct gpu *gpu, struct gpu_command *command)
{
    struct gpu_resource *resource =
        gpu_resource_of(gpu, command, le32_get(command->request.unref.resource_id));
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (resource->is_mapped) {
        return gpu_blob_unref(gpu, command, resource);
    }
    gpu_resource_remove(gpu, resource);
    return GPU_OK;
}

uint32_t
gpu_on_assign_uuid(struct gpu *gpu, struct gpu_command *command)
{
    struct gpu_resource *resource =
        gpu_resource_of(gpu, command, le32_get(command->request.assign_uuid.resource_id));
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (!resource->has_uuid) {
        if (getrandom(resource->uuid, sizeof(resource->uuid), GRND_NONBLOCK) !=
            (ssize_t)sizeof(resource->uuid)) {
            return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC, "the host has no numbers");
        }
        resource->uuid[6] = (uint8_t)((resource->uuid[6] & 0x0f) | 0x40); /* RFC 4122: random */
        resource->uuid[8] = (uint8_t)((resource->uuid[8] & 0x3f) | 0x80);
        resource->has_uuid = true;
    }
    struct virtio_gpu_resp_resource_uuid response = { 0 };
    memcpy(response.uuid, resource->uuid, sizeof(response.uuid));
    gpu_put(command, &response, sizeof(response));
    return VIRTIO_GPU_RESP_OK_RESOURCE_UUID;
}

/* --- memory of the host's --- */

uint64_t
gpu_memory_limit(const struct gpu *gpu)
{
    const struct quota *quota = gpu->config.quota;
    return quota != NULL ? quota->limit_bytes : gpu->config.limits.memory_bytes;
}

uint64_t
gpu_memory_held(const struct gpu *gpu)
{
    const struct quota *quota = gpu->config.quota;
    return quota != NULL ? quota_held_bytes(quota) : gpu->memory_bytes;
}

bool
gpu_memory_take(struct gpu *gpu, uint64_t bytes)
{
    const struct quota *quota = gpu->config.quota;
    bool is_left = quota != NULL ? quota_take(quota, QUOTA_DEVICE_PLACE, bytes)
                                 : bytes <= gpu->config.limits.memory_bytes - gpu->memory_bytes;
    gpu->memory_bytes += is_left ? bytes : 0;
    return is_left;
}

void
gpu_memory_give_back(struct gpu *gpu, uint64_t bytes)
{
    gpu->memory_bytes -= bytes;
    if (gpu->config.quota != NULL) {
        quota_give_back(gpu->config.quota, QUOTA_DEVICE_PLACE, bytes);
    }
}

/* --- backing --- */

/* Entries as the guest wrote them, read once. */
struct entries {
    struct vq_span *spans; /* NULL: there was no memory */
    unsigned count;
    uint64_t bytes;
    unsigned empty_count;
};

static void
add_span(struct entries *entries, uint64_t guest_addr, uint32_t size_bytes)
{
    struct vq_span *last = entries->count > 0 ? &entries->spans[entries->count - 1] : NULL;
    entries->bytes += size_bytes; /* at most 2^32 entries of 2^32 */
    if (last != NULL && last->guest_addr + last->size_bytes == guest_addr) {
        last->size_bytes += size_bytes;
        return;
    }
    entries->spans[entries->count++] = (struct vq_span){ guest_addr, size_bytes };
}

/* Neighbours were merged: what is kept is what the guest's limit counts. */
static void
give_back_rest(struct entries *entries)
{
    struct vq_span *spans =
        entries->count > 0 ? realloc(entries->spans, entries->count * sizeof(*spans)) : NULL;
    entries->spans = spans != NULL ? spans : entries->spans;
}

static struct entries
read_entries(const struct gpu_command *command, uint32_t entry_count)
{
    enum { PART = 256 };
    struct virtio_gpu_mem_entry part[PART];
    struct entries entries = { .spans = calloc(entry_count, sizeof(*entries.spans)) };
    uint64_t at = command->rule->request_bytes;
    for (uint32_t left = entry_count; left > 0 && entries.spans != NULL;) {
        uint32_t count = left < PART ? left : PART;
        size_t got = vq_read(command->chain, at, part, count * sizeof(part[0]));
        for (uint32_t i = 0; i < got / sizeof(part[0]); i++) {
            uint32_t size_bytes = le32_get(part[i].length);
            entries.empty_count += size_bytes == 0;
            add_span(&entries, le64_get(part[i].addr), size_bytes);
        }
        at += count * sizeof(part[0]);
        left -= count;
    }
    give_back_rest(&entries);
    return entries;
}

static uint32_t
check_entries(struct gpu *gpu, const struct gpu_command *command,
              const struct gpu_resource *resource, const struct entries *entries)
{
    bool is_blob = resource->kind != GPU_RESOURCE_2D;
    if (entries->spans == NULL) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "there is no memory for the list of backing");
    }
    if (entries->empty_count > 0) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "%u entries of the backing of resource %u have no bytes",
                          entries->empty_count, resource->id);
    }
    if (is_blob && entries->bytes < resource->size_bytes) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "backing of %llu bytes is less than the blob's %llu",
                          (unsigned long long)entries->bytes,
                          (unsigned long long)resource->size_bytes);
    }
    if (!vq_spans_exist(gpu->config.guest, entries->spans, entries->count)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "a part of the backing of resource %u is not memory of the guest",
                          resource->id);
    }
    return GPU_OK;
}

uint32_t
gpu_backing_attach(struct gpu *gpu, const struct gpu_command *command,
                   struct gpu_resource *resource, uint32_t entry_count)
{
    uint64_t room = command->chain->readable_bytes - command->rule->request_bytes;
    uint32_t left = gpu->config.limits.backing_count - gpu->span_count;
    if (entry_count == 0 || entry_count > room / sizeof(struct virtio_gpu_mem_entry)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "%u entries of backing are announced, %llu bytes follow", entry_count,
                          (unsigned long long)room);
    }
    if (entry_count > left) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "%u entries of backing, there is room for %u", entry_count, left);
    }
    struct entries entries = read_entries(command, entry_count);
    uint32_t type = check_entries(gpu, command, resource, &entries);
    if (type != GPU_OK) {
        free(entries.spans);
        return type;
    }
    resource->has_backing = true;
    resource->spans = entries.spans;
    resource->span_count = entries.count;
    resource->backing_bytes = entries.bytes;
    gpu->span_count += entries.count;
    return GPU_OK;
}

void
gpu_backing_detach(struct gpu *gpu, struct gpu_resource *resource)
{
    gpu->span_count -= resource->span_count;
    free(resource->spans);
    resource->spans = NULL;
    resource->span_count = 0;
    resource->backing_bytes = 0;
    resource->has_backing = false;
}

uint32_t
gpu_on_attach(struct gpu *gpu, struct gpu_command *command)
{
    const struct virtio_gpu_resource_attach_backing *request = &command->request.attach_backing;
    struct gpu_resource *resource = gpu_resource_of(gpu, command, le32_get(request->resource_id));
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (resource->has_backing || resource->kind == GPU_RESOURCE_HOST) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC, "resource %u %s", resource->id,
                          resource->has_backing ? "has backing already"
                                                : "is a blob of the host's memory only");
    }
    return gpu_backing_attach(gpu, command, resource, le32_get(request->nr_entries));
}

uint32_t
gpu_on_detach(struct gpu *gpu, struct gpu_command *command)
{
    struct gpu_resource *resource =
        gpu_resource_of(gpu, command, le32_get(command->request.detach_backing.resource_id));
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (!resource->has_backing) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC, "resource %u has no backing",
                          resource->id);
    }
    gpu_backing_detach(gpu, resource);
    return GPU_OK;
}

/* --- contents --- */

/* Told by its file system: what only a dma-buf can do, as to begin an access, waits for the GPU's work on it. */
static bool
is_dma_buf(int fd)
{
    struct statfs system;
    return fstatfs(fd, &system) == 0 && system.f_type == DMA_BUF_MAGIC;
}

bool
gpu_resource_is_lasting(const struct gpu_resource *resource)
{
    struct stat status;
    if (resource->fd_kind == RENDER_FD_SHM) {
        int seals = fcntl(resource->fd, F_GET_SEALS);
        return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && fstat(resource->fd, &status) == 0 &&
               (uint64_t)status.st_size >= resource->size_bytes;
    }
    if (resource->fd_kind != RENDER_FD_DMABUF || !is_dma_buf(resource->fd)) {
        return false;
    }
    off_t size_bytes = lseek(resource->fd, 0, SEEK_END);
    return size_bytes >= 0 && (uint64_t)size_bytes >= resource->size_bytes;
}

static bool
read_spans(const struct gpu *gpu, const struct gpu_resource *resource, struct gpu_place *at,
           uint64_t offset, void *to, size_t size_bytes)
{
    if (offset < at->span_first_byte) {
        *at = (struct gpu_place){ 0 };
    }
    while (at->span_idx < resource->span_count &&
           offset - at->span_first_byte >= resource->spans[at->span_idx].size_bytes) {
        at->span_first_byte += resource->spans[at->span_idx].size_bytes;
        at->span_idx++;
    }
    return at->span_idx < resource->span_count &&
           vq_spans_read(gpu->config.guest, resource->spans + at->span_idx,
                         resource->span_count - at->span_idx, offset - at->span_first_byte, to,
                         size_bytes);
}

bool
gpu_resource_read(const struct gpu *gpu, const struct gpu_resource *resource, struct gpu_place *at,
                  uint64_t offset, void *to, size_t size_bytes)
{
    const uint8_t *memory = resource->pixels != NULL ? resource->pixels : resource->view;
    if (offset > resource->size_bytes || size_bytes > resource->size_bytes - offset) {
        return false;
    }
    if (memory == NULL) {
        return read_spans(gpu, resource, at, offset, to, size_bytes);
    }
    memcpy(to, memory + offset, size_bytes);
    return true;
}
