/*
 * scanout.c - what is shown where, who looks at it, and its pixels.  VirtIO 1.3 §5.7.6.8.
 */
#include <string.h>

#include <sys/mman.h>

#include "device/gpu/private.h"

/* Which byte of a pixel is what. */
struct format {
    uint32_t id;
    uint8_t red;
    uint8_t green;
    uint8_t blue;
    uint8_t alpha;
    bool has_alpha;
};

static const struct format formats[] = {
    {VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,  2, 1, 0, 3, true },
    { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 2, 1, 0, 3, false},
    { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, 1, 2, 3, 0, true },
    { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, 1, 2, 3, 0, false},
    { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, 0, 1, 2, 3, true },
    { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, 3, 2, 1, 0, false},
    { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, 3, 2, 1, 0, true },
    { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, 0, 1, 2, 3, false},
};

static const struct format *
find_format(uint32_t id)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (formats[i].id == id) {
            return &formats[i];
        }
    }
    return NULL;
}

bool
gpu_format_is_known(uint32_t format)
{
    return find_format(format) != NULL;
}

void
gpu_format_convert(uint32_t format, uint32_t *pixels, size_t count, bool is_opaque)
{
    const struct format *found = find_format(format);
    uint32_t more = is_opaque && !found->has_alpha ? 0xff000000u : 0;
    bool is_same = !ABI_HOST_IS_BIG_ENDIAN && found->red == 2 && found->blue == 0;
    if (is_same && more == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        memcpy(bytes, &pixels[i], sizeof(bytes));
        pixels[i] = ((uint32_t)bytes[found->alpha] << 24 | (uint32_t)bytes[found->red] << 16 |
                     (uint32_t)bytes[found->green] << 8 | bytes[found->blue]) |
                    more;
    }
}

bool
gpu_rect_is_within(const struct gpu_rect *rect, uint32_t width_px, uint32_t height_px)
{
    return rect->width_px > 0 && rect->height_px > 0 &&
           (uint64_t)rect->x + rect->width_px <= width_px &&
           (uint64_t)rect->y + rect->height_px <= height_px;
}

struct gpu_rect
gpu_rect_get(const struct virtio_gpu_rect *rect)
{
    return (struct gpu_rect){ le32_get(rect->x), le32_get(rect->y), le32_get(rect->width),
                              le32_get(rect->height) };
}

/* --- who looks --- */

bool
gpu_watch(struct gpu *gpu, const struct gpu_watcher *watcher)
{
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        if (gpu->watchers[i] == NULL) {
            gpu->watchers[i] = watcher;
            return true;
        }
    }
    return false;
}

void
gpu_unwatch(struct gpu *gpu, const struct gpu_watcher *watcher)
{
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        if (gpu->watchers[i] == watcher) {
            gpu->watchers[i] = NULL;
        }
    }
}

static void
tell_changed(const struct gpu *gpu, unsigned scanout_idx)
{
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        const struct gpu_watcher *watcher = gpu->watchers[i];
        if (watcher != NULL && watcher->scanout_changed != NULL) {
            watcher->scanout_changed(watcher->user, scanout_idx);
        }
    }
}

static void
tell_flushed(const struct gpu *gpu, unsigned scanout_idx, const struct gpu_rect *rect)
{
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        const struct gpu_watcher *watcher = gpu->watchers[i];
        if (watcher != NULL && watcher->flushed != NULL) {
            watcher->flushed(watcher->user, scanout_idx, rect);
        }
    }
}

const struct gpu_scanout *
gpu_scanout(const struct gpu *gpu, unsigned scanout_idx)
{
    return scanout_idx < gpu->config.scanout_count ? &gpu->scanouts[scanout_idx].shown : NULL;
}

unsigned
gpu_scanout_count(const struct gpu *gpu)
{
    return gpu->config.scanout_count;
}

/* --- commands --- */

/* shows: NULL: nothing. */
static void
set_scanout(struct gpu *gpu, unsigned scanout_idx, const struct gpu_scanout_state *shows)
{
    struct gpu_scanout_state *state = &gpu->scanouts[scanout_idx];
    const struct gpu_scanout_config display = state->shown.display;
    *state = shows != NULL ? *shows : (struct gpu_scanout_state){ 0 };
    state->shown.display = display;
    tell_changed(gpu, scanout_idx);
}

void
gpu_scanouts_disable(struct gpu *gpu, uint32_t resource_id)
{
    for (unsigned i = 0; i < gpu->config.scanout_count; i++) {
        uint32_t shown = gpu->scanouts[i].shown.resource_id;
        if (shown != 0 && (shown == resource_id || resource_id == 0)) {
            set_scanout(gpu, i, NULL);
        }
    }
}

static uint32_t
check_scanout(struct gpu *gpu, const struct gpu_command *command, uint32_t scanout_id)
{
    return scanout_id < gpu->config.scanout_count
               ? GPU_OK
               : gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
                            "scanout %u does not exist, there are %u", scanout_id,
                            gpu->config.scanout_count);
}

static uint32_t
refuse_rect(struct gpu *gpu, const struct gpu_command *command, const struct gpu_rect *rect,
            uint32_t width_px, uint32_t height_px)
{
    return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                      "%ux%u pixels at %u,%u are not within %ux%u", rect->width_px, rect->height_px,
                      rect->x, rect->y, width_px, height_px);
}

static struct gpu_scanout_state
shows(const struct gpu_resource *resource, const struct gpu_rect *rect)
{
    return (struct gpu_scanout_state){
        .shown.resource_id = resource->id,
        .shown.width_px = rect->width_px,
        .shown.height_px = rect->height_px,
        .x = rect->x,
        .y = rect->y,
    };
}

uint32_t
gpu_on_set_scanout(struct gpu *gpu, struct gpu_command *command)
{
    const struct virtio_gpu_set_scanout *request = &command->request.set_scanout;
    uint32_t scanout_id = le32_get(request->scanout_id);
    uint32_t resource_id = le32_get(request->resource_id);
    struct gpu_rect rect = gpu_rect_get(&request->r);
    uint32_t type = check_scanout(gpu, command, scanout_id);
    if (type != GPU_OK) {
        return type;
    }
    if (resource_id == 0) {
        set_scanout(gpu, scanout_id, NULL);
        return GPU_OK;
    }
    const struct gpu_resource *resource = gpu_resource_of(gpu, command, resource_id);
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (resource->kind != GPU_RESOURCE_2D) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                          "resource %u is a blob: only SET_SCANOUT_BLOB says how it looks",
                          resource_id);
    }
    if (!gpu_rect_is_within(&rect, resource->width_px, resource->height_px)) {
        return refuse_rect(gpu, command, &rect, resource->width_px, resource->height_px);
    }
    struct gpu_scanout_state state = shows(resource, &rect);
    state.format = resource->format;
    state.stride_bytes = resource->width_px * VIRTIO_GPU_BYTES_PER_PX;
    state.first_byte =
        (uint64_t)rect.y * state.stride_bytes + (uint64_t)rect.x * VIRTIO_GPU_BYTES_PER_PX;
    set_scanout(gpu, scanout_id, &state);
    return GPU_OK;
}

/* Makes a blob's pixels readable here.  Returns: NULL; why not. */
static const char *
view_blob(struct gpu_resource *resource)
{
    if (resource->view != NULL || resource->has_backing) {
        return NULL;
    }
    if (resource->fd < 0) {
        return "has no backing";
    }
    if (!gpu_resource_is_lasting(resource)) {
        return "is memory that only Vulkan can read, or that could shrink";
    }
    void *view = mmap(NULL, resource->size_bytes, PROT_READ, MAP_SHARED, resource->fd, 0);
    if (view == MAP_FAILED) {
        return "could not be mapped";
    }
    resource->view = view;
    return NULL;
}

static uint32_t
check_blob(struct gpu *gpu, const struct gpu_command *command, const struct gpu_resource *resource,
           const struct gpu_rect *rect)
{
    const struct virtio_gpu_set_scanout_blob *request = &command->request.set_scanout_blob;
    uint32_t width_px = le32_get(request->width);
    uint32_t height_px = le32_get(request->height);
    uint32_t stride = le32_get(request->strides[0]);
    uint64_t row_bytes = (uint64_t)width_px * VIRTIO_GPU_BYTES_PER_PX;
    const struct gpu_rect whole = { 0, 0, width_px, height_px };
    if (!gpu_format_is_known(le32_get(request->format))) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "format %u is none of VirtIO's", le32_get(request->format));
    }
    if (!gpu_rect_is_within(&whole, GPU_SIDE_PX_MAX, GPU_SIDE_PX_MAX) ||
        !gpu_rect_is_within(rect, width_px, height_px)) {
        return refuse_rect(gpu, command, rect, width_px, height_px);
    }
    uint64_t end = le32_get(request->offsets[0]) + (uint64_t)(height_px - 1) * stride + row_bytes;
    if (stride < row_bytes || end > resource->size_bytes) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "%ux%u pixels in rows of %u bytes do not fit a blob of %llu", width_px,
                          height_px, stride, (unsigned long long)resource->size_bytes);
    }
    return GPU_OK;
}

static uint32_t
show_blob(struct gpu *gpu, const struct gpu_command *command, uint32_t scanout_id,
          struct gpu_resource *resource)
{
    const struct virtio_gpu_set_scanout_blob *request = &command->request.set_scanout_blob;
    struct gpu_rect rect = gpu_rect_get(&request->r);
    if (resource->kind == GPU_RESOURCE_2D) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                          "resource %u is no blob", resource->id);
    }
    uint32_t type = check_blob(gpu, command, resource, &rect);
    const char *why = type == GPU_OK ? view_blob(resource) : NULL;
    if (why != NULL) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC, "blob %u %s", resource->id,
                          why);
    }
    if (type == GPU_OK) {
        struct gpu_scanout_state state = shows(resource, &rect);
        state.format = le32_get(request->format);
        state.stride_bytes = le32_get(request->strides[0]);
        state.first_byte = le32_get(request->offsets[0]) + (uint64_t)rect.y * state.stride_bytes +
                           (uint64_t)rect.x * VIRTIO_GPU_BYTES_PER_PX;
        set_scanout(gpu, scanout_id, &state);
    }
    return type;
}

uint32_t
gpu_on_set_scanout_blob(struct gpu *gpu, struct gpu_command *command)
{
    const struct virtio_gpu_set_scanout_blob *request = &command->request.set_scanout_blob;
    uint32_t scanout_id = le32_get(request->scanout_id);
    uint32_t resource_id = le32_get(request->resource_id);
    uint32_t type = check_scanout(gpu, command, scanout_id);
    if (type != GPU_OK) {
        return type;
    }
    if (resource_id == 0) {
        set_scanout(gpu, scanout_id, NULL);
        return GPU_OK;
    }
    struct gpu_resource *resource = gpu_resource_of(gpu, command, resource_id);
    return resource != NULL ? show_blob(gpu, command, scanout_id, resource)
                            : VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
}

/* Of a rectangle in the resource, the part that a scanout shows, in the scanout's own coordinates. */
static bool
intersect(const struct gpu_scanout_state *state, const struct gpu_rect *rect,
          struct gpu_rect *shown)
{
    uint64_t left = rect->x > state->x ? rect->x : state->x;
    uint64_t top = rect->y > state->y ? rect->y : state->y;
    uint64_t right = (uint64_t)rect->x + rect->width_px;
    uint64_t bottom = (uint64_t)rect->y + rect->height_px;
    uint64_t right_max = (uint64_t)state->x + state->shown.width_px;
    uint64_t bottom_max = (uint64_t)state->y + state->shown.height_px;
    right = right < right_max ? right : right_max;
    bottom = bottom < bottom_max ? bottom : bottom_max;
    if (left >= right || top >= bottom) {
        return false;
    }
    *shown = (struct gpu_rect){ (uint32_t)(left - state->x), (uint32_t)(top - state->y),
                                (uint32_t)(right - left), (uint32_t)(bottom - top) };
    return true;
}

uint32_t
gpu_on_flush(struct gpu *gpu, struct gpu_command *command)
{
    const struct virtio_gpu_resource_flush *request = &command->request.flush;
    const struct gpu_resource *resource =
        gpu_resource_of(gpu, command, le32_get(request->resource_id));
    struct gpu_rect rect = gpu_rect_get(&request->r);
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (resource->kind == GPU_RESOURCE_2D &&
        !gpu_rect_is_within(&rect, resource->width_px, resource->height_px)) {
        return refuse_rect(gpu, command, &rect, resource->width_px, resource->height_px);
    }
    for (unsigned i = 0; i < gpu->config.scanout_count; i++) {
        struct gpu_scanout_state *state = &gpu->scanouts[i];
        struct gpu_rect shown;
        if (state->shown.resource_id == resource->id && intersect(state, &rect, &shown)) {
            state->shown.flush_count++;
            state->shown.flush_ns = loop_now_ns();
            gpu_record(gpu, GPU_EVENT_FLUSH, command, gpu_halves(i, resource->id),
                       gpu_halves(shown.width_px, shown.height_px));
            tell_flushed(gpu, i, &shown);
        }
    }
    return GPU_OK;
}

/* --- pixels --- */

bool
gpu_read_pixels(const struct gpu *gpu, unsigned scanout_idx, const struct gpu_rect *rect, void *to,
                size_t row_bytes)
{
    if (scanout_idx >= gpu->config.scanout_count) {
        return false;
    }
    const struct gpu_scanout_state *state = &gpu->scanouts[scanout_idx];
    const struct gpu_resource *resource = gpu_resource_find(gpu, state->shown.resource_id);
    if (resource == NULL ||
        !gpu_rect_is_within(rect, state->shown.width_px, state->shown.height_px)) {
        return false;
    }
    struct gpu_place at = { 0 };
    size_t bytes = (size_t)rect->width_px * VIRTIO_GPU_BYTES_PER_PX;
    for (uint32_t row = 0; row < rect->height_px; row++) {
        uint64_t offset = state->first_byte + ((uint64_t)rect->y + row) * state->stride_bytes +
                          (uint64_t)rect->x * VIRTIO_GPU_BYTES_PER_PX;
        void *line = (uint8_t *)to + row * row_bytes;
        if (!gpu_resource_read(gpu, resource, &at, offset, line, bytes)) {
            return false;
        }
        gpu_format_convert(state->format, line, rect->width_px, false);
    }
    return true;
}
