/*
 * See venus/resource.h.  The public functions of venus/venus.h about resources are here.
 */
#include "venus/resource.h"

#include <stdlib.h>

#include "venus/context.h"
#include "venus/memory.h"
#include "venus/os.h"

void
vn_resources_init(struct vn_resources *resources, struct venus *venus)
{
    *resources =
        (struct vn_resources){ .venus = venus, .limit_count = venus->config.limits.resource_count };
    (void)pthread_mutex_init(&resources->lock, NULL);
}

static struct vn_resource **
slot_of(struct vn_resources *resources, uint32_t res_id)
{
    return &resources->slots[res_id % VN_RESOURCE_SLOTS];
}

/* The link that points at it, or at NULL where it would be added.  Under the lock. */
static struct vn_resource **
find(struct vn_resources *resources, uint32_t res_id)
{
    struct vn_resource **link = slot_of(resources, res_id);
    while (*link && (*link)->res_id != res_id) {
        link = &(*link)->next;
    }
    return link;
}

struct vn_resource *
vn_resource_get(struct vn_resources *resources, uint32_t res_id)
{
    (void)pthread_mutex_lock(&resources->lock);
    struct vn_resource *resource = *find(resources, res_id);
    if (resource) {
        atomic_fetch_add_explicit(&resource->use_count, 1, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&resources->lock);
    return resource;
}

/* Of all that it holds, be it in the table or not. */
static void
let_go(struct venus *venus, const struct vn_resource *resource)
{
    vn_os_unmap(resource->map, resource->size_bytes);
    if (resource->shared) {
        vn_shared_put(&venus->spares, resource->shared);
    } else {
        vn_os_fd_close(resource->fd);
    }
    vn_charge_put(resource->charge);
}

static void
discard(struct vn_resource *resource)
{
    let_go(resource->home->venus, resource);
    free(resource);
}

void
vn_resource_put(struct vn_resource *resource)
{
    /* Acquire and release: what others did with it happened before it is unmapped. */
    if (resource && atomic_fetch_sub_explicit(&resource->use_count, 1, memory_order_acq_rel) == 1) {
        discard(resource);
    }
}

static void
drop(struct vn_resource *resource)
{
    atomic_store_explicit(&resource->is_gone, true, memory_order_release);
    vn_resource_put(resource);
}

void
vn_resources_finish(struct vn_resources *resources)
{
    for (uint32_t i = 0; i < VN_RESOURCE_SLOTS; i++) {
        while (resources->slots[i]) {
            struct vn_resource *resource = resources->slots[i];
            resources->slots[i] = resource->next;
            drop(resource);
        }
    }
    (void)pthread_mutex_destroy(&resources->lock);
}

/* May another one get this id?  Asked again by add, since another thread may take it meanwhile. */
static enum venus_status
check_new(struct venus *venus, uint32_t res_id, uint64_t size_bytes)
{
    struct vn_resources *resources = &venus->resources;
    if (atomic_load(&venus->is_fatal)) {
        return VENUS_FATAL;
    }
    if (res_id == 0 || size_bytes == 0 || size_bytes > INT64_MAX - vn_os_page_bytes()) {
        return VENUS_INVALID;
    }
    (void)pthread_mutex_lock(&resources->lock);
    bool is_taken = *find(resources, res_id) != NULL;
    bool is_full = resources->live_count >= resources->limit_count;
    (void)pthread_mutex_unlock(&resources->lock);
    return is_taken ? VENUS_NO_RESOURCE : is_full ? VENUS_NO_MEMORY : VENUS_OK;
}

/* Puts a copy of `like` into the table.  What `like` holds becomes the table's on VENUS_OK only. */
static enum venus_status
add(struct vn_resources *resources, const struct vn_resource *like)
{
    struct vn_resource *resource = malloc(sizeof(*resource));
    if (!resource) {
        return VENUS_NO_MEMORY;
    }
    *resource = *like;
    resource->home = resources;
    atomic_init(&resource->is_gone, false);
    atomic_init(&resource->use_count, 1);

    (void)pthread_mutex_lock(&resources->lock);
    struct vn_resource **link = find(resources, resource->res_id);
    bool is_taken = *link != NULL;
    if (!is_taken) {
        *link = resource;
        resources->live_count++;
    }
    (void)pthread_mutex_unlock(&resources->lock);
    if (is_taken) {
        free(resource);
        return VENUS_NO_RESOURCE;
    }
    return VENUS_OK;
}

/*
 * Memory for rings, replies and streams; its fd and mapping go into *made, whole pages.  The fd is of the very size that was
 * asked for: virglrenderer takes no other.
 */
static enum venus_status
make_shm(struct venus *venus, uint64_t size_bytes, struct vn_resource *made)
{
    uint64_t whole_bytes = vn_os_whole_pages(size_bytes);
    made->charge = vn_charge_take(&venus->ledger, VN_LEDGER_SHM, whole_bytes);
    if (!made->charge) {
        return VENUS_NO_MEMORY;
    }
    made->kind = VENUS_FD_SHM;
    made->size_bytes = whole_bytes;
    made->fd = vn_os_memory_create("venus-shm", size_bytes);
    bool is_sealed = made->fd >= 0 && vn_os_memory_seal(made->fd, size_bytes);
    made->map = is_sealed ? vn_os_map(made->fd, whole_bytes) : NULL;
    return made->map ? VENUS_OK : VENUS_NO_MEMORY;
}

static enum venus_status
make(struct venus *venus, const struct venus_blob *blob, struct vn_resource *made,
     struct venus_memory *out)
{
    enum venus_status status = VENUS_OK;
    if (blob->blob_id == 0) {
        status = make_shm(venus, blob->size_bytes, made);
        out->kind = VENUS_FD_SHM;
        out->caching = VENUS_CACHED;
        out->size_bytes = made->size_bytes;
        out->fd = status == VENUS_OK ? vn_os_fd_copy(made->fd) : -1;
    } else {
        status = vn_memory_export(venus, blob, out, &made->shared, &made->charge);
        made->kind = out->kind;
        made->size_bytes = out->size_bytes;
        if (status == VENUS_OK) {
            made->fd = made->shared ? made->shared->fd : vn_os_fd_copy(out->fd);
        }
    }
    bool has_fds = made->fd >= 0 && out->fd >= 0;
    return status == VENUS_OK && !has_fds ? VENUS_NO_MEMORY : status;
}

enum venus_status
venus_resource_create(struct venus *venus, uint32_t res_id, const struct venus_blob *blob,
                      struct venus_memory *out)
{
    *out = (struct venus_memory){ .fd = -1 };
    enum venus_status status = check_new(venus, res_id, blob->size_bytes);
    if (status != VENUS_OK) {
        return status;
    }
    struct vn_resource made = { .res_id = res_id, .fd = -1 };
    status = make(venus, blob, &made, out);
    if (status == VENUS_OK) {
        status = add(&venus->resources, &made);
    }
    if (status != VENUS_OK) {
        let_go(venus, &made);
        vn_os_fd_close(out->fd);
        out->fd = -1;
    }
    return status;
}

enum venus_status
venus_resource_import(struct venus *venus, uint32_t res_id, int fd, enum venus_fd_kind kind,
                      uint64_t size_bytes)
{
    enum venus_status status = check_new(venus, res_id, size_bytes);
    if (status != VENUS_OK) {
        return status;
    }
    bool is_shm = kind == VENUS_FD_SHM;
    size_bytes = is_shm ? vn_os_whole_pages(size_bytes) : size_bytes;
    if (fd < 0 || kind < VENUS_FD_SHM || kind > VENUS_FD_OPAQUE ||
        (is_shm && vn_os_memory_fix(fd, size_bytes) != NULL)) {
        return VENUS_INVALID;
    }
    struct vn_resource made = {
        .res_id = res_id, .kind = kind, .fd = fd, .size_bytes = size_bytes
    };
    made.map = is_shm ? vn_os_map(fd, size_bytes) : NULL;
    status = is_shm && !made.map ? VENUS_NO_MEMORY : add(&venus->resources, &made);
    if (status != VENUS_OK) {
        vn_os_unmap(made.map, size_bytes);
    }
    return status;
}

enum venus_status
venus_resource_destroy(struct venus *venus, uint32_t res_id)
{
    struct vn_resources *resources = &venus->resources;
    (void)pthread_mutex_lock(&resources->lock);
    struct vn_resource **link = find(resources, res_id);
    struct vn_resource *resource = *link;
    if (resource) {
        *link = resource->next;
        resources->live_count--;
    }
    (void)pthread_mutex_unlock(&resources->lock);
    if (!resource) {
        return VENUS_NO_RESOURCE;
    }
    uint64_t ring_id = 0;
    bool has_ring = vn_rings_find_in(&venus->rings, resource, &ring_id);
    drop(resource);
    if (has_ring) {
        vn_fatal(venus,
                 "resource %u was destroyed while ring %#llx is in it; destroy the ring first",
                 res_id, (unsigned long long)ring_id);
    }
    return atomic_load(&venus->is_fatal) ? VENUS_FATAL : VENUS_OK;
}
