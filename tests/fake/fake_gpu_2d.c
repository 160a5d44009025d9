/* What the fake GPU's commands do: resources, scanouts, cursor, EDID. VirtIO 1.3 §5.7.6.8, §5.7.6.10. */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_gpu_private.h"

enum {
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    BAD_RESOURCE = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
    BAD_PARAMETER = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
    BAD_SCANOUT = VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
    UNSPECIFIC = VIRTIO_GPU_RESP_ERR_UNSPEC,
    ENTRIES_MAX = 16384,
    PX_BYTES = VIRTIO_GPU_BYTES_PER_PX,
};

/* Where red, green, blue and alpha stand in the four bytes; alpha -1: there is none. */
static const struct {
    uint32_t format;
    int8_t red, green, blue, alpha;
} formats[] = {
    {VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,  2, 1, 0, 3 },
    { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 2, 1, 0, -1},
    { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, 1, 2, 3, 0 },
    { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, 1, 2, 3, -1},
    { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, 0, 1, 2, 3 },
    { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, 3, 2, 1, -1},
    { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, 3, 2, 1, 0 },
    { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, 0, 1, 2, -1},
};

static int
find_format(uint32_t format)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (formats[i].format == format) {
            return (int)i;
        }
    }
    return -1;
}

uint32_t
fake_gpu_colour(uint32_t format, const uint8_t *pixel)
{
    int i = find_format(format);
    if (i < 0) {
        return UINT32_MAX;
    }
    uint32_t alpha = formats[i].alpha < 0 ? 0xff : pixel[formats[i].alpha];
    return alpha << 24 | (uint32_t)pixel[formats[i].red] << 16 |
           (uint32_t)pixel[formats[i].green] << 8 | pixel[formats[i].blue];
}

struct fake_gpu_resource *
fake_gpu_find(const struct fake_gpu *gpu, uint32_t resource_id)
{
    struct fake_gpu_resource *resource = gpu->resources;
    while (resource != NULL && resource->id != resource_id) {
        resource = resource->next;
    }
    return resource;
}

static void
scanout_off(struct fake_gpu_scanout *scanout)
{
    free(scanout->screen);
    scanout->screen = NULL;
    scanout->resource_id = 0;
    scanout->rect = (struct fake_gpu_rect){ 0 };
}

static void
resource_free(struct fake_gpu *gpu, struct fake_gpu_resource *resource)
{
    gpu->resource_count--;
    gpu->resource_bytes -= (uint64_t)resource->width_px * resource->height_px * PX_BYTES;
    free(resource->pixels);
    free(resource->entries);
    free(resource);
}

void
fake_gpu_forget_resources(struct fake_gpu *gpu)
{
    while (gpu->resources != NULL) {
        struct fake_gpu_resource *next = gpu->resources->next;
        resource_free(gpu, gpu->resources);
        gpu->resources = next;
    }
    memset(gpu->contexts, 0, sizeof(gpu->contexts));
    for (uint32_t i = 0; i < VIRTIO_GPU_SCANOUTS_MAX; i++) {
        scanout_off(&gpu->scanouts[i]);
        gpu->scanouts[i].cursor_resource_id = 0;
    }
}

void
fake_gpu_init(struct fake_gpu *gpu, uint32_t scanout_count)
{
    memset(gpu, 0, sizeof(*gpu));
    gpu->scanout_count = scanout_count;
    gpu->resource_bytes_max = (uint64_t)256 << 20; /* QEMU's max_hostmem */
    for (uint32_t i = 0; i < scanout_count; i++) {
        gpu->scanouts[i].display = (struct fake_gpu_rect){ i * 1280, 0, 1280, 800 };
        gpu->scanouts[i].is_enabled = true;
    }
    fake_gpu_edid(gpu->edid, 1280, 800);
    gpu->edid_bytes = 128;
    gpu->map_info = VIRTIO_GPU_MAP_CACHE_CACHED;
}

void
fake_gpu_finish(struct fake_gpu *gpu)
{
    fake_gpu_forget_resources(gpu);
}

void
fake_gpu_edid(uint8_t edid[128], uint32_t width, uint32_t height)
{
    static const uint8_t magic[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x1a, 0x32 };
    memset(edid, 0, 128);
    memcpy(edid, magic, sizeof(magic));
    edid[18] = 1; /* version 1.4 */
    edid[19] = 4;
    edid[20] = 0xa5;
    uint8_t *timing = edid + 54;
    uint32_t blank = 160;
    uint32_t clock_10khz = (width + blank) * (height + 40) * 60 / 10000;
    timing[0] = (uint8_t)clock_10khz;
    timing[1] = (uint8_t)(clock_10khz >> 8);
    timing[2] = (uint8_t)width;
    timing[3] = (uint8_t)blank;
    timing[4] = (uint8_t)((width >> 8) << 4 | blank >> 8);
    timing[5] = (uint8_t)height;
    timing[6] = 40;
    timing[7] = (uint8_t)((height >> 8) << 4);
    static const uint8_t name[] = { 0xfc, 0, 'f', 'a', 'k', 'e', ' ', 'g', 'p', 'u', '\n' };
    memcpy(edid + 72 + 3, name, sizeof(name));
    uint8_t sum = 0;
    for (unsigned i = 0; i < 127; i++) {
        sum = (uint8_t)(sum + edid[i]);
    }
    edid[127] = (uint8_t)(256 - sum);
}

uint32_t
fake_gpu_get_display_info(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    for (uint32_t i = 0; i < gpu->scanout_count; i++) {
        const struct fake_gpu_scanout *scanout = &gpu->scanouts[i];
        struct virtio_gpu_display_one *one = &call->response.display.pmodes[i];
        one->r.x = le32_from(scanout->display.x);
        one->r.y = le32_from(scanout->display.y);
        one->r.width = le32_from(scanout->display.width);
        one->r.height = le32_from(scanout->display.height);
        one->enabled = le32_from(scanout->is_enabled);
    }
    call->response_bytes = sizeof(call->response.display);
    return VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

uint32_t
fake_gpu_create_2d(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.create.resource_id);
    uint32_t width = le32_get(call->request.create.width);
    uint32_t height = le32_get(call->request.create.height);
    uint64_t bytes = (uint64_t)width * height * PX_BYTES;
    call->resource_id = id;
    if (id == 0 || fake_gpu_find(gpu, id) != NULL) {
        return BAD_RESOURCE;
    }
    if (find_format(le32_get(call->request.create.format)) < 0) {
        return BAD_PARAMETER;
    }
    if (width == 0 || height == 0 || width > FAKE_GPU_SIDE_MAX_PX ||
        height > FAKE_GPU_SIDE_MAX_PX || gpu->resource_bytes + bytes > gpu->resource_bytes_max) {
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    }
    struct fake_gpu_resource *resource = calloc(1, sizeof(*resource));
    uint8_t *pixels = calloc(1, bytes);
    if (resource == NULL || pixels == NULL) {
        abort();
    }
    resource->id = id;
    resource->format = le32_get(call->request.create.format);
    resource->width_px = width;
    resource->height_px = height;
    resource->pixels = pixels;
    resource->next = gpu->resources;
    gpu->resources = resource;
    gpu->resource_count++;
    gpu->resource_bytes += bytes;
    return OK;
}

uint32_t
fake_gpu_unref(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.unref.resource_id);
    call->resource_id = id;
    struct fake_gpu_resource **link = &gpu->resources;
    while (*link != NULL && (*link)->id != id) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        return BAD_RESOURCE;
    }
    for (uint32_t i = 0; i < gpu->scanout_count; i++) {
        if (gpu->scanouts[i].resource_id == id) {
            scanout_off(&gpu->scanouts[i]);
        }
    }
    struct fake_gpu_resource *resource = *link;
    if (resource->is_mapped) {
        fake_violate(gpu->device->fp, FAKE_REQ_GPU_UNREF_MAPPED, id);
    }
    *link = resource->next;
    resource_free(gpu, resource);
    return OK;
}

static struct fake_gpu_rect
get_rect(const struct virtio_gpu_rect *wire)
{
    return (struct fake_gpu_rect){ le32_get(wire->x), le32_get(wire->y), le32_get(wire->width),
                                   le32_get(wire->height) };
}

static bool
is_inside(const struct fake_gpu_rect *rect, const struct fake_gpu_resource *resource)
{
    return rect->x <= resource->width_px && rect->width <= resource->width_px - rect->x &&
           rect->y <= resource->height_px && rect->height <= resource->height_px - rect->y;
}

uint32_t
fake_gpu_set_scanout(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t idx = le32_get(call->request.scanout.scanout_id);
    uint32_t id = le32_get(call->request.scanout.resource_id);
    struct fake_gpu_rect rect = get_rect(&call->request.scanout.r);
    call->resource_id = id;
    if (idx >= gpu->scanout_count) {
        return BAD_SCANOUT;
    }
    if (id == 0) {
        scanout_off(&gpu->scanouts[idx]);
        return OK;
    }
    const struct fake_gpu_resource *resource = fake_gpu_find(gpu, id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    if (!is_inside(&rect, resource)) {
        fake_violate(gpu->device->fp, FAKE_REQ_GPU_RECT_INSIDE, rect.width);
        return BAD_PARAMETER;
    }
    if (rect.width < FAKE_GPU_SCANOUT_SIDE_MIN_PX || rect.height < FAKE_GPU_SCANOUT_SIDE_MIN_PX) {
        return BAD_PARAMETER;
    }
    if (!resource->has_backing) {
        return UNSPECIFIC;
    }
    struct fake_gpu_scanout *scanout = &gpu->scanouts[idx];
    scanout_off(scanout);
    scanout->screen = calloc((size_t)rect.width * rect.height, sizeof(uint32_t));
    scanout->resource_id = id;
    scanout->rect = rect;
    return OK;
}

/* Show the part of the flushed rectangle that this scanout displays. */
static void
show(struct fake_gpu_scanout *scanout, const struct fake_gpu_resource *resource,
     const struct fake_gpu_rect *flushed)
{
    const struct fake_gpu_rect *rect = &scanout->rect;
    uint32_t x0 = flushed->x > rect->x ? flushed->x : rect->x;
    uint32_t y0 = flushed->y > rect->y ? flushed->y : rect->y;
    uint32_t x1 = flushed->x + flushed->width < rect->x + rect->width ? flushed->x + flushed->width
                                                                      : rect->x + rect->width;
    uint32_t y1 = flushed->y + flushed->height < rect->y + rect->height
                      ? flushed->y + flushed->height
                      : rect->y + rect->height;
    for (uint32_t y = y0; y < y1; y++) {
        for (uint32_t x = x0; x < x1; x++) {
            const uint8_t *pixel =
                resource->pixels + ((size_t)y * resource->width_px + x) * PX_BYTES;
            scanout->screen[(size_t)(y - rect->y) * rect->width + (x - rect->x)] =
                fake_gpu_colour(resource->format, pixel) & 0xffffff;
        }
    }
    scanout->flush_count++;
    if (x0 < x1 && y0 < y1) {
        scanout->last_flush =
            (struct fake_gpu_rect){ x0 - rect->x, y0 - rect->y, x1 - x0, y1 - y0 };
    }
}

uint32_t
fake_gpu_flush(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.flush.resource_id);
    struct fake_gpu_rect rect = get_rect(&call->request.flush.r);
    const struct fake_gpu_resource *resource = fake_gpu_find(gpu, id);
    call->resource_id = id;
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    if (!is_inside(&rect, resource)) {
        return BAD_PARAMETER;
    }
    for (uint32_t i = 0; i < gpu->scanout_count; i++) {
        if (gpu->scanouts[i].resource_id == id) {
            show(&gpu->scanouts[i], resource, &rect);
        }
    }
    return OK;
}

/* Copy from the backing at `offset`. Returns: false when the backing ends before. */
static bool
backing_read(struct fake_gpu *gpu, const struct fake_gpu_resource *resource, uint64_t offset,
             uint8_t *data, uint64_t bytes)
{
    for (uint32_t i = 0; i < resource->entry_count && bytes > 0; i++) {
        const struct fake_gpu_entry *entry = &resource->entries[i];
        if (offset >= entry->bytes) {
            offset -= entry->bytes;
            continue;
        }
        uint64_t part = entry->bytes - offset < bytes ? entry->bytes - offset : bytes;
        const uint8_t *memory = fake_platform_at(gpu->device->fp, entry->addr + offset, part);
        if (memory == NULL) {
            fake_violate(gpu->device->fp, FAKE_REQ_DMA_ADDRESS, entry->addr + offset);
            return false;
        }
        memcpy(data, memory, part);
        data += part;
        bytes -= part;
        offset = 0;
    }
    return bytes == 0;
}

uint32_t
fake_gpu_transfer(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.transfer.resource_id);
    uint64_t offset = le64_get(call->request.transfer.offset);
    struct fake_gpu_rect rect = get_rect(&call->request.transfer.r);
    const struct fake_gpu_resource *resource = fake_gpu_find(gpu, id);
    call->resource_id = id;
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    if (!resource->has_backing) {
        return UNSPECIFIC;
    }
    if (!is_inside(&rect, resource)) {
        return BAD_PARAMETER;
    }
    /* Each line lies a whole line of the resource after the one before, in the backing as in the resource. */
    uint64_t stride = (uint64_t)resource->width_px * PX_BYTES;
    for (uint32_t y = 0; y < rect.height; y++) {
        uint8_t *line = resource->pixels + (rect.y + y) * stride + (uint64_t)rect.x * PX_BYTES;
        if (!backing_read(gpu, resource, offset + y * stride, line,
                          (uint64_t)rect.width * PX_BYTES)) {
            return BAD_PARAMETER;
        }
    }
    return OK;
}

uint32_t
fake_gpu_attach(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.attach.resource_id);
    uint32_t count = le32_get(call->request.attach.nr_entries);
    struct fake_gpu_resource *resource = fake_gpu_find(gpu, id);
    uint64_t room = call->chain->readable_bytes - sizeof(call->request.attach);
    call->resource_id = id;
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    if (resource->has_backing || count > ENTRIES_MAX) {
        return UNSPECIFIC;
    }
    if (room != (uint64_t)count * sizeof(struct virtio_gpu_mem_entry)) {
        fake_violate(gpu->device->fp, FAKE_REQ_GPU_REQUEST_BYTES, call->chain->readable_bytes);
        return UNSPECIFIC;
    }
    resource->entries = calloc(count == 0 ? 1 : count, sizeof(*resource->entries));
    for (uint32_t i = 0; i < count; i++) {
        struct virtio_gpu_mem_entry wire;
        fake_chain_read(call->chain, (uint32_t)(sizeof(call->request.attach) + i * sizeof(wire)),
                        &wire, sizeof(wire));
        resource->entries[i] =
            (struct fake_gpu_entry){ le64_get(wire.addr), le32_get(wire.length) };
        if (fake_platform_at(gpu->device->fp, le64_get(wire.addr), le32_get(wire.length)) == NULL) {
            fake_violate(gpu->device->fp, FAKE_REQ_DMA_ADDRESS, le64_get(wire.addr));
        }
    }
    resource->entry_count = count;
    resource->has_backing = true;
    return OK;
}

uint32_t
fake_gpu_detach(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    struct fake_gpu_resource *resource =
        fake_gpu_find(gpu, le32_get(call->request.detach.resource_id));
    call->resource_id = le32_get(call->request.detach.resource_id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    if (!resource->has_backing) {
        return UNSPECIFIC;
    }
    free(resource->entries);
    resource->entries = NULL;
    resource->entry_count = 0;
    resource->has_backing = false;
    return OK;
}

uint32_t
fake_gpu_get_edid(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    if (le32_get(call->request.edid.scanout) >= gpu->scanout_count) {
        return BAD_PARAMETER;
    }
    call->response.edid.size = le32_from(gpu->edid_bytes);
    memcpy(call->response.edid.edid, gpu->edid, sizeof(gpu->edid));
    call->response_bytes = sizeof(call->response.edid);
    return VIRTIO_GPU_RESP_OK_EDID;
}

uint32_t
fake_gpu_get_capset_info(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t idx = le32_get(call->request.capset_info.capset_index);
    if (idx >= gpu->capset_count) {
        fake_violate(gpu->device->fp, FAKE_REQ_GPU_CAPSET_INDEX, idx);
        return BAD_PARAMETER;
    }
    call->response.capset_info.capset_id = le32_from(gpu->capsets[idx].id);
    call->response.capset_info.capset_max_version = le32_from(gpu->capsets[idx].version);
    call->response.capset_info.capset_max_size = le32_from(gpu->capsets[idx].bytes);
    call->response_bytes = sizeof(call->response.capset_info);
    return VIRTIO_GPU_RESP_OK_CAPSET_INFO;
}

/* The data of a capset are its id in every byte, unless the test gave others. */
uint32_t
fake_gpu_get_capset(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.capset.capset_id);
    for (uint32_t i = 0; i < gpu->capset_count; i++) {
        uint32_t bytes = gpu->capsets[i].bytes;
        if (gpu->capsets[i].id == id && bytes <= sizeof(call->response) - 24) {
            uint8_t *data = call->response.bytes + sizeof(struct virtio_gpu_ctrl_hdr);
            memset(data, (int)id, bytes);
            if (gpu->capsets[i].data != NULL) {
                memcpy(data, gpu->capsets[i].data, bytes);
            }
            call->response_bytes = (uint32_t)sizeof(struct virtio_gpu_ctrl_hdr) + bytes;
            return VIRTIO_GPU_RESP_OK_CAPSET;
        }
    }
    return BAD_PARAMETER;
}

uint32_t
fake_gpu_assign_uuid(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.uuid.resource_id);
    call->resource_id = id;
    if (fake_gpu_find(gpu, id) == NULL) {
        return BAD_RESOURCE;
    }
    memset(call->response.uuid.uuid, (int)id, sizeof(call->response.uuid.uuid));
    call->response_bytes = sizeof(call->response.uuid);
    return VIRTIO_GPU_RESP_OK_RESOURCE_UUID;
}

uint32_t
fake_gpu_move_cursor(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t idx = le32_get(call->request.cursor.pos.scanout_id);
    if (idx >= gpu->scanout_count) {
        return BAD_SCANOUT;
    }
    gpu->scanouts[idx].cursor_x = le32_get(call->request.cursor.pos.x);
    gpu->scanouts[idx].cursor_y = le32_get(call->request.cursor.pos.y);
    return OK;
}

uint32_t
fake_gpu_update_cursor(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t response = fake_gpu_move_cursor(gpu, call);
    uint32_t id = le32_get(call->request.cursor.resource_id);
    call->resource_id = id;
    if (response != OK) {
        return response;
    }
    struct fake_gpu_scanout *scanout =
        &gpu->scanouts[le32_get(call->request.cursor.pos.scanout_id)];
    scanout->cursor_hot_x = le32_get(call->request.cursor.hot_x);
    scanout->cursor_hot_y = le32_get(call->request.cursor.hot_y);
    scanout->cursor_resource_id = 0;
    if (id == 0) {
        return OK;
    }
    const struct fake_gpu_resource *resource = fake_gpu_find(gpu, id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    if (resource->width_px != VIRTIO_GPU_CURSOR_SIDE_PX ||
        resource->height_px != VIRTIO_GPU_CURSOR_SIDE_PX) {
        fake_violate(gpu->device->fp, FAKE_REQ_GPU_CURSOR_SIZE, resource->width_px);
        return BAD_PARAMETER;
    }
    for (size_t i = 0; i < sizeof(scanout->cursor) / sizeof(scanout->cursor[0]); i++) {
        scanout->cursor[i] = fake_gpu_colour(resource->format, resource->pixels + i * PX_BYTES);
    }
    scanout->cursor_resource_id = id;
    return OK;
}

uint32_t
fake_gpu_pixel(const struct fake_gpu *gpu, uint32_t scanout, uint32_t x, uint32_t y)
{
    const struct fake_gpu_scanout *s = &gpu->scanouts[scanout];
    if (scanout >= gpu->scanout_count || s->screen == NULL || x >= s->rect.width ||
        y >= s->rect.height) {
        return UINT32_MAX;
    }
    return s->screen[(size_t)y * s->rect.width + x];
}
