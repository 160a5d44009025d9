/*
 * blob.c - blobs: the guest's memory, or the host's, which a renderer gives us as an fd and the front-end maps into the
 * guest's window.  VirtIO 1.3 §5.7.6.8, §5.7.6.9.
 */
#include <unistd.h>

#include "device/gpu/private.h"

/* --- creation --- */

static uint32_t
check_create(struct gpu *gpu, const struct gpu_command *command)
{
    enum {
        FLAGS = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE | VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE |
                VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE
    };
    const struct virtio_gpu_resource_create_blob *request = &command->request.create_blob;
    uint32_t kind = le32_get(request->blob_mem);
    if (kind < VIRTIO_GPU_BLOB_MEM_GUEST || kind > VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST ||
        (le32_get(request->blob_flags) & ~(uint32_t)FLAGS) != 0 || le64_get(request->size) == 0) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "blob_mem %u flags 0x%x size %llu, right is 1 to 3, 0x0 to 0x7, not 0",
                          kind, le32_get(request->blob_flags),
                          (unsigned long long)le64_get(request->size));
    }
    if (kind == VIRTIO_GPU_BLOB_MEM_HOST3D && le32_get(request->nr_entries) != 0) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "a blob of the host's memory only has %u entries of the guest's",
                          le32_get(request->nr_entries));
    }
    return GPU_OK;
}

/* A live context whose renderer makes the memory.  NULL: *refusal. */
static struct gpu_context *
maker(struct gpu *gpu, const struct gpu_command *command, uint32_t *refusal)
{
    if ((gpu->accepted >> VIRTIO_GPU_F_VIRGL & 1) == 0) {
        *refusal = gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                              "memory of the host needs VIRGL, which was not accepted");
        return NULL;
    }
    struct gpu_context *context = gpu_context_of(gpu, command);
    if (context == NULL) {
        *refusal = VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    } else if (context->is_dead) {
        *refusal = gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC, "context %u is dead: %s",
                              context->id, context->why);
        return NULL;
    }
    return context;
}

/* All of the memory that an fd keeps alive, which may be more than the blob. */
static uint64_t
memory_bytes(const struct gpu_reply *reply, const struct gpu_resource *resource)
{
    off_t end = lseek(reply->fd, 0, SEEK_END); /* fails where only Vulkan knows */
    uint64_t bytes = end >= 0 ? (uint64_t)end : reply->resource.allocation_bytes;
    return bytes > resource->size_bytes ? bytes : resource->size_bytes;
}

/*
 * Renderers count what they hold, but may end while the guest still has a blob of theirs: so the blobs are held to the
 * guest's limit by themselves, too.
 */
static uint32_t
keep(struct gpu *gpu, const struct gpu_command *command, struct gpu_resource *resource,
     const struct gpu_reply *reply)
{
    uint64_t bytes = memory_bytes(reply, resource);
    uint64_t limit_bytes = gpu_memory_limit(gpu);
    if (bytes > limit_bytes - gpu->blob_bytes) {
        (void)close(reply->fd);
        gpu_resource_remove(gpu, resource);
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "a blob of %llu bytes, of the %llu for this guest's blobs %llu are left",
                          (unsigned long long)bytes, (unsigned long long)limit_bytes,
                          (unsigned long long)(limit_bytes - gpu->blob_bytes));
    }
    gpu->blob_bytes += bytes;
    resource->blob_bytes = bytes;
    resource->fd = reply->fd;
    resource->fd_kind = reply->resource.fd_kind;
    resource->caching = reply->resource.caching & VIRTIO_GPU_MAP_CACHE_MASK;
    return GPU_OK;
}

/* A reply to CREATE_RESOURCE. */
static uint32_t
on_created(struct gpu *gpu, struct gpu_command *command, const void *result)
{
    const struct gpu_reply *reply = result;
    struct gpu_resource *resource = gpu_resource_find(gpu, command->wait_id);
    bool is_made = reply->fd >= 0 && reply->resource.fd_kind >= RENDER_FD_DMABUF &&
                   reply->resource.fd_kind <= RENDER_FD_SHM;
    if (!is_made) {
        if (reply->fd >= 0) {
            (void)close(reply->fd);
        }
        gpu_resource_remove(gpu, resource); /* there too, should it have come to be */
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "the renderer of context %u makes no memory of blob id %llu",
                          command->ctx_id,
                          (unsigned long long)le64_get(command->request.create_blob.blob_id));
    }
    return keep(gpu, command, resource, reply);
}

static void
abandon_creation(struct gpu *gpu, const struct gpu_command *command)
{
    struct gpu_context *context = gpu_context_find(gpu, command->ctx_id);
    if (context != NULL) {
        context->stale_reply_count++; /* it may still come */
    }
    gpu_resource_remove(gpu, gpu_resource_find(gpu, command->wait_id));
}

static uint32_t
ask_for_memory(struct gpu *gpu, struct gpu_command *command, struct gpu_context *context,
               struct gpu_resource *resource)
{
    const struct render_create_resource request = {
        .op = RENDER_CONTEXT_CREATE_RESOURCE,
        .res_id = resource->id,
        .blob_id = le64_get(command->request.create_blob.blob_id),
        .size_bytes = resource->size_bytes,
        .flags = resource->blob_flags,
    };
    resource->rendered = gpu_context_bit(context);
    gpu_record(gpu, GPU_EVENT_RENDERER_ASKED, command, gpu_halves(context->id, request.op), 0);
    if (!gpu_renderer_send(context, &request, sizeof(request), -1)) {
        gpu_resource_remove(gpu, resource);
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
    command->wait_id = resource->id;
    return gpu_wait_begin(gpu, command,
                          &(struct gpu_wait){ .context = context,
                                              .whom = "the renderer",
                                              .resume = on_created,
                                              .abandon = abandon_creation });
}

uint32_t
gpu_on_create_blob(struct gpu *gpu, struct gpu_command *command)
{
    static const enum gpu_resource_kind kinds[] = {
        [VIRTIO_GPU_BLOB_MEM_GUEST] = GPU_RESOURCE_GUEST,
        [VIRTIO_GPU_BLOB_MEM_HOST3D] = GPU_RESOURCE_HOST,
        [VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST] = GPU_RESOURCE_HOST_GUEST,
    };
    const struct virtio_gpu_resource_create_blob *request = &command->request.create_blob;
    uint32_t entry_count = le32_get(request->nr_entries);
    uint32_t type = check_create(gpu, command);
    bool is_guest = le32_get(request->blob_mem) == VIRTIO_GPU_BLOB_MEM_GUEST;
    struct gpu_context *context = type == GPU_OK && !is_guest ? maker(gpu, command, &type) : NULL;
    struct gpu_resource *resource =
        type == GPU_OK ? gpu_resource_add(gpu, command, le32_get(request->resource_id), &type)
                       : NULL;
    if (resource == NULL) {
        return type;
    }
    resource->kind = kinds[le32_get(request->blob_mem)];
    resource->size_bytes = le64_get(request->size);
    resource->blob_flags = le32_get(request->blob_flags);
    if (entry_count > 0) {
        type = gpu_backing_attach(gpu, command, resource, entry_count);
    }
    if (type != GPU_OK) {
        gpu_resource_remove(gpu, resource);
        return type;
    }
    return is_guest ? GPU_OK : ask_for_memory(gpu, command, context, resource);
}

/* --- the window --- */

/* size_bytes is not near the end of its type: it is compared with the window's first. */
static uint64_t
whole_pages(uint64_t size_bytes)
{
    return (size_bytes + GPU_WINDOW_PAGE_BYTES - 1) & ~(GPU_WINDOW_PAGE_BYTES - UINT64_C(1));
}

static bool
is_free(const struct gpu *gpu, uint64_t offset, uint64_t bytes)
{
    for (const struct gpu_resource *other = gpu->mapped; other != NULL;
         other = other->next_mapped) {
        if (offset < other->shm_offset + other->shm_bytes && other->shm_offset < offset + bytes) {
            return false;
        }
    }
    return true;
}

static uint32_t
check_map(struct gpu *gpu, const struct gpu_command *command, const struct gpu_resource *resource)
{
    if (resource->fd < 0 || (resource->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) == 0 ||
        resource->is_mapped) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "resource %u %s",
                          resource->id,
                          resource->fd < 0      ? "has no memory of the host's"
                          : resource->is_mapped ? "is mapped already"
                                                : "was not made to be mapped");
    }
    if (!gpu_resource_is_lasting(resource)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "blob %u is memory that only Vulkan can map, or that could shrink",
                          resource->id);
    }
    return GPU_OK;
}

static uint32_t
check_place(struct gpu *gpu, const struct gpu_command *command, uint64_t offset,
            uint64_t size_bytes)
{
    uint64_t window = gpu->config.host.map != NULL ? gpu->config.window_bytes : 0;
    uint64_t bytes = whole_pages(size_bytes);
    if (offset % GPU_WINDOW_PAGE_BYTES != 0 || size_bytes > window || bytes > window ||
        offset > window - bytes) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "offset 0x%llx and %llu bytes: not whole pages within a window of %llu",
                          (unsigned long long)offset, (unsigned long long)size_bytes,
                          (unsigned long long)window);
    }
    if (!is_free(gpu, offset, bytes)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "another blob is mapped within 0x%llx and %llu bytes",
                          (unsigned long long)offset, (unsigned long long)bytes);
    }
    return GPU_OK;
}

static void
take_out(struct gpu *gpu, struct gpu_resource *resource)
{
    struct gpu_resource **link = &gpu->mapped;
    while (*link != resource) {
        link = &(*link)->next_mapped;
    }
    *link = resource->next_mapped;
    resource->is_mapped = false;
}

bool
gpu_window_unmap(struct gpu *gpu, struct gpu_resource *resource, uint64_t *token)
{
    const struct gpu_host *host = &gpu->config.host;
    *token = ++gpu->last_token;
    take_out(gpu, resource);
    return host->unmap != NULL &&
           host->unmap(host->user, *token, resource->shm_offset, resource->shm_bytes);
}

void
gpu_window_clear(struct gpu *gpu)
{
    uint64_t token;
    while (gpu->mapped != NULL) {
        (void)gpu_window_unmap(gpu, gpu->mapped, &token);
    }
}

static uint32_t
on_mapped(struct gpu *gpu, struct gpu_command *command, const void *result)
{
    struct gpu_resource *resource = gpu_resource_find(gpu, command->wait_id);
    const struct virtio_gpu_resp_map_info response = { .map_info = le32_from(resource->caching) };
    if (!*(const bool *)result) {
        take_out(gpu, resource);
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "the front-end could not map blob %u", resource->id);
    }
    gpu_put(command, &response, sizeof(response));
    return VIRTIO_GPU_RESP_OK_MAP_INFO;
}

/* The front-end carries out what it is asked in order: this comes after the mapping. */
static void
abandon_mapping(struct gpu *gpu, const struct gpu_command *command)
{
    uint64_t token;
    (void)gpu_window_unmap(gpu, gpu_resource_find(gpu, command->wait_id), &token);
}

static uint32_t
ask_to_map(struct gpu *gpu, struct gpu_command *command, struct gpu_resource *resource,
           uint64_t offset)
{
    const struct gpu_host *host = &gpu->config.host;
    uint64_t bytes = whole_pages(resource->size_bytes);
    uint64_t token = ++gpu->last_token;
    if (host->has_room != NULL && !host->has_room(host->user)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "blob %u would be one mapping more than the front-end has room for",
                          resource->id);
    }
    if (!host->map(host->user, token, resource->fd, 0, offset, bytes)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "the front-end cannot be asked to map blob %u", resource->id);
    }
    resource->is_mapped = true;
    resource->shm_offset = offset;
    resource->shm_bytes = bytes;
    resource->next_mapped = gpu->mapped;
    gpu->mapped = resource;
    command->wait_id = resource->id;
    return gpu_wait_begin(gpu, command,
                          &(struct gpu_wait){ .token = token,
                                              .whom = "the front-end",
                                              .resume = on_mapped,
                                              .abandon = abandon_mapping });
}

uint32_t
gpu_on_map_blob(struct gpu *gpu, struct gpu_command *command)
{
    const struct virtio_gpu_resource_map_blob *request = &command->request.map_blob;
    struct gpu_resource *resource = gpu_resource_of(gpu, command, le32_get(request->resource_id));
    uint64_t offset = le64_get(request->offset);
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    uint32_t type = check_map(gpu, command, resource);
    if (type == GPU_OK) {
        type = check_place(gpu, command, offset, resource->size_bytes);
    }
    return type == GPU_OK ? ask_to_map(gpu, command, resource, offset) : type;
}

static uint32_t
on_unmapped(struct gpu *gpu, struct gpu_command *command, const void *result)
{
    return *(const bool *)result
               ? GPU_OK
               : gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                            "the front-end could not unmap blob %u", command->wait_id);
}

uint32_t
gpu_on_unmap_blob(struct gpu *gpu, struct gpu_command *command)
{
    struct gpu_wait wait = { .whom = "the front-end", .resume = on_unmapped };
    struct gpu_resource *resource =
        gpu_resource_of(gpu, command, le32_get(command->request.unmap_blob.resource_id));
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (!resource->is_mapped) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "resource %u is not mapped", resource->id);
    }
    command->wait_id = resource->id;
    if (!gpu_window_unmap(gpu, resource, &wait.token)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "the front-end cannot be asked to unmap blob %u", resource->id);
    }
    return gpu_wait_begin(gpu, command, &wait);
}

static void
abandon_unref(struct gpu *gpu, const struct gpu_command *command)
{
    gpu_resource_remove(gpu, gpu_resource_find(gpu, command->wait_id));
}

static uint32_t
on_unref_unmapped(struct gpu *gpu, struct gpu_command *command, const void *result)
{
    (void)result; /* gone or not: the guest has no name for it any more */
    abandon_unref(gpu, command);
    return GPU_OK;
}

/* Out of the window first, so that the guest finds nothing there when its command is answered. */
uint32_t
gpu_blob_unref(struct gpu *gpu, struct gpu_command *command, struct gpu_resource *resource)
{
    struct gpu_wait wait = { .whom = "the front-end",
                             .resume = on_unref_unmapped,
                             .abandon = abandon_unref };
    command->wait_id = resource->id;
    if (!gpu_window_unmap(gpu, resource, &wait.token)) {
        gpu_resource_remove(gpu, resource);
        return GPU_OK;
    }
    return gpu_wait_begin(gpu, command, &wait);
}

void
gpu_map_done(struct gpu *gpu, uint64_t token, bool is_done)
{
    if (gpu->wait.command != NULL && token != 0 && gpu->wait.token == token) {
        gpu_wait_done(gpu, &is_done);
    }
}
