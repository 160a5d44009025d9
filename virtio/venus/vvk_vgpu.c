/*
 * The way of a Venus client through a GPU. Contract: virtio/venus_vgpu.h.
 */
#include "virtio/core/memory.h"
#include "virtio/venus_vgpu.h"

/* Capability set 4 as words, as far as a client without extensions cares. */
enum {
    CAPSET_WIRE_FORMAT = 0,
    CAPSET_SERIALIZATION_VERSION = 2,
    CAPSET_PROTOCOL_VERSION = 3,
    CAPSET_HAS_BLOB_0 = 4,
    CAPSET_WORDS = VVK_VGPU_CAPSET_BYTES / 4,
    CAPSETS_MAX = 64, /* a device that says more lies, or is not for us */
};

#define NS_PER_MS UINT64_C(1000000)

static struct vvk_vgpu *
way_of(void *ctx)
{
    return (struct vvk_vgpu *)ctx;
}

/* Prepare a wait with the way's timeout. */
static const struct vgpu_then *
wait_start(const struct vvk_vgpu *way, struct vgpu_wait *wait)
{
    (void)vgpu_wait_start(wait);
    wait->then.timeout_ns = way->timeout_ns;
    return &wait->then;
}

/* --- streams --- */

static void
stream_done(void *ctx, const struct vgpu_completion *completion)
{
    struct vvk_vgpu_stream *stream = ctx;
    /* After a timeout the device may still read it: then it is never used again. */
    stream->is_lent = completion->err != VIRTIO_OK && completion->err != VIRTIO_ERR_REFUSED;
}

static struct vvk_vgpu_stream *
free_stream(struct vvk_vgpu *way)
{
    for (unsigned i = 0; i < VVK_VGPU_STREAMS; i++) {
        if (!way->streams[i].is_lent) {
            return &way->streams[i];
        }
    }
    return NULL;
}

static enum virtio_err
submit_async(struct vvk_vgpu *way, struct vvk_vgpu_stream *stream, const struct vgpu_stream *wire)
{
    const struct vgpu_then then = { .done = stream_done,
                                    .ctx = stream,
                                    .timeout_ns = way->timeout_ns };
    enum virtio_err err = vgpu_cmd_submit_3d(way->vgpu, wire, &then);
    if (err != VIRTIO_OK) {
        stream->is_lent = false;
    }
    vgpu_notify(way->vgpu);
    return err;
}

static enum virtio_err
submit_wait(struct vvk_vgpu *way, struct vvk_vgpu_stream *stream, const struct vgpu_stream *wire)
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = wait_start(way, &wait);
    enum virtio_err err = vgpu_wait(way->vgpu, &wait, vgpu_cmd_submit_3d(way->vgpu, wire, then));
    stream->is_lent = err == VIRTIO_ERR_TIMEOUT;
    return err;
}

static enum virtio_err
way_submit(void *ctx, const void *bytes, size_t byte_count, bool is_waited)
{
    struct vvk_vgpu *way = way_of(ctx);
    struct vvk_vgpu_stream *stream = free_stream(way);
    if (stream == NULL) {
        (void)vgpu_poll(way->vgpu);
        stream = free_stream(way);
    }
    if (stream == NULL || byte_count > VVK_VGPU_STREAM_BYTES) {
        return stream == NULL ? VIRTIO_ERR_BUSY : VIRTIO_ERR_BUFFER_TOO_SMALL;
    }
    memcpy(stream->bytes, bytes, byte_count);
    stream->is_lent = true;
    const struct vgpu_stream wire = {
        .ctx_id = way->ctx_id,
        .commands = {stream->bytes, (uint32_t)byte_count},
    };
    return is_waited ? submit_wait(way, stream, &wire) : submit_async(way, stream, &wire);
}

/* --- memory --- */

static enum virtio_err
way_blob_open(void *ctx, uint64_t blob_id, uint64_t bytes, struct vvk_blob *blob)
{
    struct vvk_vgpu *way = way_of(ctx);
    const struct vgpu_blob_config config = {
        .ctx_id = way->ctx_id,
        .blob_id = blob_id,
        .bytes = bytes,
        .flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
        .timeout_ns = way->timeout_ns,
    };
    unsigned i = 0;
    while (i < VVK_VGPU_BLOBS && way->blobs[i].resource != NULL) {
        i++;
    }
    if (i == VVK_VGPU_BLOBS) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    enum virtio_err err = vgpu_blob_open_wait(&way->blobs[i], &way->window, &config);
    if (err == VIRTIO_OK) {
        *blob = (struct vvk_blob){
            .resource_id = way->blobs[i].resource->id,
            .bytes = bytes,
            .memory = way->blobs[i].memory,
            .own = &way->blobs[i],
        };
    }
    return err;
}

static void
way_blob_close(void *ctx, struct vvk_blob *blob)
{
    (void)ctx;
    if (blob->own != NULL) {
        (void)vgpu_blob_close_wait(blob->own);
    }
}

/* --- time --- */

static uint64_t
way_now_ns(void *ctx)
{
    const struct virtio_platform *plat = way_of(ctx)->vgpu->device->bus->plat;
    return plat->now_ns(plat->ctx);
}

static enum virtio_err
way_relax(void *ctx, uint64_t deadline_ns)
{
    struct vgpu *vgpu = way_of(ctx)->vgpu;
    (void)vgpu_poll(vgpu);
    if (vgpu->state != VGPU_RUNNING) {
        return vgpu->state == VGPU_FAILED ? vgpu->failure : VIRTIO_ERR_NOT_INITIALIZED;
    }
    return virtio_device_relax(vgpu->device, deadline_ns);
}

/* --- begin and end --- */

/* The capability set of Venus among those that the device has. */
static enum virtio_err
find_capset(struct vgpu *vgpu, struct vgpu_capset_info *info)
{
    for (uint32_t i = 0; i < vgpu->capset_count && i < CAPSETS_MAX; i++) {
        enum virtio_err err = vgpu_capset_info_wait(vgpu, i, info);
        if (err != VIRTIO_OK || info->id == VIRTIO_GPU_CAPSET_VENUS) {
            return err;
        }
    }
    return VIRTIO_EMPTY;
}

static const char *
judge_capset(const uint32_t *words, size_t byte_count)
{
    if (byte_count < VVK_VGPU_CAPSET_BYTES) {
        return "the renderer's Venus is older than any that was ever released";
    }
    if (words[CAPSET_WIRE_FORMAT] != 1) {
        return "the renderer speaks another wire format of Venus than 1";
    }
    if (words[CAPSET_SERIALIZATION_VERSION] == 0 || words[CAPSET_PROTOCOL_VERSION] == 0) {
        return "the renderer's Venus has no version";
    }
    return words[CAPSET_HAS_BLOB_0] != 0 ? NULL : "the renderer has no shared memory (blob 0)";
}

static enum virtio_err
check_renderer(struct vgpu *vgpu, const char **why)
{
    struct vgpu_capset_info info;
    uint32_t words[CAPSET_WORDS * 2] = { 0 };
    size_t byte_count = sizeof(words);
    enum virtio_err err = find_capset(vgpu, &info);
    *why = "the device has no Venus (capability set 4)";
    if (err != VIRTIO_OK) {
        return err == VIRTIO_EMPTY ? VIRTIO_ERR_UNSUPPORTED : err;
    }
    *why = "the renderer's capabilities cannot be read";
    err = vgpu_capset_wait(vgpu, &info, (uint8_t *)words, &byte_count);
    if (err != VIRTIO_OK) {
        return err;
    }
    *why = judge_capset(words, byte_count);
    return *why == NULL ? VIRTIO_OK : VIRTIO_ERR_UNSUPPORTED;
}

static enum virtio_err
take_streams(struct vvk_vgpu *way, struct virtio_arena *arena)
{
    uint8_t *bytes = virtio_arena_take(arena, (size_t)VVK_VGPU_STREAMS * VVK_VGPU_STREAM_BYTES, 64);
    for (unsigned i = 0; i < VVK_VGPU_STREAMS && bytes != NULL; i++) {
        way->streams[i].bytes = bytes + (size_t)i * VVK_VGPU_STREAM_BYTES;
    }
    return bytes != NULL ? VIRTIO_OK : VIRTIO_ERR_NO_MEMORY;
}

static enum virtio_err
make_context(struct vvk_vgpu *way, const char *name)
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = wait_start(way, &wait);
    enum virtio_err err =
        vgpu_wait(way->vgpu, &wait,
                  vgpu_cmd_ctx_create(way->vgpu, way->ctx_id, VIRTIO_GPU_CAPSET_VENUS,
                                      name != NULL ? name : "", then));
    way->has_context = err == VIRTIO_OK;
    return err;
}

size_t
vvk_vgpu_arena_bytes(void)
{
    return (size_t)VVK_VGPU_STREAMS * VVK_VGPU_STREAM_BYTES + 64;
}

/* All but the context itself. */
static enum virtio_err
prepare(struct vvk_vgpu *way, struct virtio_arena *arena, const char **why)
{
    *why = vgpu_3d_missing(way->vgpu);
    if (*why != NULL) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    enum virtio_err err = vgpu_window_init(&way->window, way->vgpu);
    if (err != VIRTIO_OK) {
        *why = "the device has no host-visible memory that this kernel can map";
        return err;
    }
    err = check_renderer(way->vgpu, why);
    if (err == VIRTIO_OK) {
        *why = "the arena is too small";
        err = take_streams(way, arena);
    }
    return err;
}

enum virtio_err
vvk_vgpu_open(struct vvk_vgpu *way, struct vgpu *vgpu, const struct vvk_vgpu_config *config,
              struct virtio_arena *arena, const char **why)
{
    uint32_t timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : VVK_TIMEOUT_DEFAULT_MS;
    *way = (struct vvk_vgpu){
        .way = {
            .ctx = way,
            .submit = way_submit,
            .blob_open = way_blob_open,
            .blob_close = way_blob_close,
            .now_ns = way_now_ns,
            .relax = way_relax,
            .trace = vgpu->device->bus->trace,
            .trace_origin = (uint16_t)(vgpu->device->index << 8 | TRACE_QUEUE_NONE),
            .context_id = config->ctx_id != 0 ? config->ctx_id : 1,
        },
        .vgpu = vgpu,
        .ctx_id = config->ctx_id != 0 ? config->ctx_id : 1,
        .timeout_ns = timeout_ms * NS_PER_MS,
    };
    enum virtio_err err = prepare(way, arena, why);
    if (err == VIRTIO_OK) {
        err = make_context(way, config->name);
        *why = err == VIRTIO_OK ? NULL : "the renderer does not make a context";
    }
    return err;
}

static void
destroy_context(struct vvk_vgpu *way)
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = wait_start(way, &wait);
    (void)vgpu_wait(way->vgpu, &wait, vgpu_cmd_ctx_destroy(way->vgpu, way->ctx_id, then));
}

/* Streams on their way hold a pointer to this: they end before it goes. */
static void
wait_streams(struct vvk_vgpu *way)
{
    uint64_t deadline_ns = way_now_ns(way) + way->timeout_ns;
    bool is_waiting = true;
    while (is_waiting && way->vgpu->state == VGPU_RUNNING) {
        is_waiting = false;
        for (unsigned i = 0; i < VVK_VGPU_STREAMS; i++) {
            is_waiting = is_waiting || way->streams[i].is_lent;
        }
        if (is_waiting && way_relax(way, deadline_ns) != VIRTIO_OK) {
            return;
        }
    }
}

void
vvk_vgpu_close(struct vvk_vgpu *way)
{
    if (!way->has_context) {
        return;
    }
    for (unsigned i = 0; i < VVK_VGPU_BLOBS; i++) {
        (void)vgpu_blob_close_wait(&way->blobs[i]);
    }
    if (way->vgpu->state == VGPU_RUNNING) {
        destroy_context(way);
    }
    wait_streams(way);
    way->has_context = false;
}
