/*
 * The 3D half of the GPU driver: contexts of a renderer on the host, their command streams and
 * timelines, and blobs: memory that both sides see through the host-visible window. VirtIO 1.3
 * §5.7.6.8, §5.7.6.9.
 *
 *   vgpu_cmd_ctx_create(vgpu, 1, VIRTIO_GPU_CAPSET_VENUS, "kernel", then)      a renderer of our own
 *   vgpu_window_init(&window, vgpu)                                            where blobs are mapped
 *   vgpu_blob_open_wait(&blob, &window, &config)                               RESOURCE_CREATE_BLOB,
 *                                                       CTX_ATTACH_RESOURCE, RESOURCE_MAP_BLOB
 *   memcpy(blob.memory, ...)
 *   vgpu_cmd_submit_3d(vgpu, &stream, then)                                    in the renderer's language
 *   vgpu_blob_close_wait(&blob)                                                all of that backwards
 *
 *      guest's physical addresses          host
 *      window.phys ┌──────────────┐
 *                  │ blob 7       │ ◀────▶ memory of the context, id blob_id
 *                  │ (free)       │
 *                  │ blob 9       │ ◀────▶ memory of the context
 *   + window.bytes └──────────────┘
 *
 * What these commands need is negotiated by vgpu_init where the device offers it; without it they
 * are refused here, before they are sent. A kernel that wants Vulkan takes virtio/venus.h, which
 * stands on this.
 *
 * Context: as virtio/gpu.h.
 */
#ifndef VIRTIO_GPU_3D_H
#define VIRTIO_GPU_3D_H

#include "virtio/gpu.h"

/*
 * What is missing for a renderer's contexts with memory that both sides see, in one sentence for a
 * person; NULL: nothing.
 */
const char *vgpu_3d_missing(const struct vgpu *vgpu);

/* --- contexts --- */

/*
 * `ctx_id`: the caller's choice, not 0; `capset_id`: whose language the context speaks; `name`: for
 * the host's messages, cut at 63 bytes.
 * Returns: as vgpu_submit; VIRTIO_ERR_UNSUPPORTED (VIRGL was not negotiated; a capset other than
 * VIRGL without CONTEXT_INIT).
 */
enum virtio_err vgpu_cmd_ctx_create(struct vgpu *vgpu, uint32_t ctx_id, uint32_t capset_id,
                                    const char *name, const struct vgpu_then *then);
/* All below, also VIRTIO_ERR_UNSUPPORTED (no VIRGL). */
enum virtio_err
vgpu_cmd_ctx_destroy(struct vgpu *vgpu, uint32_t ctx_id, const struct vgpu_then *then);
enum virtio_err vgpu_cmd_ctx_attach_resource(struct vgpu *vgpu, uint32_t ctx_id,
                                             uint32_t resource_id, const struct vgpu_then *then);
enum virtio_err vgpu_cmd_ctx_detach_resource(struct vgpu *vgpu, uint32_t ctx_id,
                                             uint32_t resource_id, const struct vgpu_then *then);

/* A stream for a context. */
struct vgpu_stream {
    uint32_t ctx_id;
    bool
        has_ring_idx; /* on a timeline: with `then->is_fenced` it ends when what the timeline holds has */
    uint8_t
        ring_idx; /* below 64; what it stands for the context's commands have told the renderer */
    struct vgpu_memory commands; /* in shared memory, the device's until the command ends */
};

/* Also VIRTIO_ERR_INVALID: no commands; a timeline without CONTEXT_INIT. */
enum virtio_err vgpu_cmd_submit_3d(struct vgpu *vgpu, const struct vgpu_stream *stream,
                                   const struct vgpu_then *then);

/* --- blobs --- */

/*
 * `ctx_id`: whose blob_id it is; 0 for guest memory. `entries`: wish->entry_count struct
 * virtio_gpu_mem_entry in shared memory; NULL for HOST3D.
 * Returns: as vgpu_submit; VIRTIO_ERR_UNSUPPORTED (no RESOURCE_BLOB). So do the next three.
 */
enum virtio_err vgpu_cmd_resource_create_blob(struct vgpu *vgpu, uint32_t resource_id,
                                              uint32_t ctx_id, const struct vgpu_blob_wish *wish,
                                              const struct virtio_gpu_mem_entry *entries,
                                              const struct vgpu_then *then);
enum virtio_err
vgpu_cmd_set_scanout_blob(struct vgpu *vgpu, uint32_t scanout_id, uint32_t resource_id,
                          const struct vgpu_blob_image *image, const struct vgpu_then *then);
enum virtio_err vgpu_cmd_resource_map_blob(struct vgpu *vgpu, uint32_t resource_id,
                                           uint64_t offset_bytes, const struct vgpu_then *then);
enum virtio_err
vgpu_cmd_resource_unmap_blob(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_then *then);

/*
 * As vgpu_resource_create, for a blob of the host's (no entries): its width and height are 0, its
 * blob_bytes are not.
 */
enum virtio_err
vgpu_resource_create_blob(struct vgpu *vgpu, uint32_t ctx_id, const struct vgpu_blob_wish *wish,
                          const struct vgpu_then *then, struct vgpu_resource **made);

enum {
    VGPU_SPANS_MAX = 128,
    /* No page of any host is longer: else two blobs would share one. */
    VGPU_SPAN_BYTES = 65536,
};

/* Private: a mapped blob's place. */
struct vgpu_span {
    uint64_t offset;
    uint64_t bytes;
};

/* The host-visible window, in the caller's memory. Read freely; written by the library only. */
struct vgpu_window {
    struct vgpu *vgpu;
    uint64_t phys;
    uint64_t bytes;
    uint8_t *memory;
    struct vgpu_span spans[VGPU_SPANS_MAX]; /* by rising offset */
    uint16_t span_count;
};

/*
 * Find the window and map it, all of it and for good.
 * Returns: VIRTIO_OK; VIRTIO_ERR_UNSUPPORTED (the device or its transport has none, or the platform
 * has no map_cached); VIRTIO_ERR_NO_MEMORY (it cannot be mapped); VIRTIO_ERR_BROKEN.
 * Source: VirtIO 1.3 §5.7.6.9, §2.10.
 */
enum virtio_err vgpu_window_init(struct vgpu_window *window, struct vgpu *vgpu);

/*
 * A free range, the lowest that fits; `bytes` is rounded up to VGPU_SPAN_BYTES.
 * Returns: VIRTIO_OK and *offset; VIRTIO_ERR_NO_MEMORY.
 */
enum virtio_err vgpu_window_take(struct vgpu_window *window, uint64_t bytes, uint64_t *offset);

/* The range that begins at `offset` is free again. */
void vgpu_window_give(struct vgpu_window *window, uint64_t offset);

struct vgpu_blob_config {
    uint32_t ctx_id;
    uint64_t blob_id;
    uint64_t bytes;
    uint32_t flags;      /* VIRTIO_GPU_BLOB_FLAG_*; USE_MAPPABLE: it is mapped */
    uint64_t timeout_ns; /* of each command; 0: the driver's */
};

/* Memory of a context that both sides see. In the caller's memory; starts zeroed. */
struct vgpu_blob {
    struct vgpu_window *window;
    struct vgpu_resource *resource; /* NULL: there is none */
    uint32_t ctx_id;
    uint64_t bytes;
    uint64_t offset; /* in the window */
    uint64_t timeout_ns;
    void *memory; /* NULL: not mapped. The host may change it at any time */
    bool has_span;
    bool is_attached;
};

/*
 * Make a blob, attach it to its context and map it. After a failure all is as it was before.
 * Context: thread; blocks.
 * Returns: VIRTIO_OK; VIRTIO_ERR_UNSUPPORTED (also a mapping that is not cached memory); as
 * vgpu_wait; VIRTIO_ERR_NO_MEMORY (no room in the window).
 */
enum virtio_err vgpu_blob_open_wait(struct vgpu_blob *blob, struct vgpu_window *window,
                                    const struct vgpu_blob_config *config);

/*
 * Unmap, detach, destroy. Accepts a zeroed blob. On a failed device the memory must not be touched
 * any more, and its place in the window stays taken.
 * Context: thread; blocks. Returns: VIRTIO_OK, or the first thing that went wrong.
 */
enum virtio_err vgpu_blob_close_wait(struct vgpu_blob *blob);

#endif
