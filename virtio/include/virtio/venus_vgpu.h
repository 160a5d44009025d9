/*
 * The way of a Venus client through a GPU: a context of the renderer, streams by SUBMIT_3D, memory through the host-visible window.
 *
 *   vvk_vgpu_open(&way, vgpu, &config, &arena, &why)
 *   struct vvk_config client = { .way = &way.way, ... };
 */
#ifndef VIRTIO_VENUS_VGPU_H
#define VIRTIO_VENUS_VGPU_H

#include "virtio/gpu_3d.h"
#include "virtio/venus.h"

enum {
    VVK_VGPU_CAPSET_BYTES = 160, /* vgpu_config.capset_bytes_max must be this at least */
    VVK_VGPU_STREAMS = 8,        /* that can be on their way at a time */
    VVK_VGPU_STREAM_BYTES = 256,
    VVK_VGPU_BLOBS = 32,
};

/* Zeroed: context 1, without a name. */
struct vvk_vgpu_config {
    uint32_t ctx_id;
    const char *name; /* for the host's messages */
    uint32_t
        timeout_ms; /* of each command; the first one starts a process. 0: VVK_TIMEOUT_DEFAULT_MS */
};

/* Private: a stream on its way. */
struct vvk_vgpu_stream {
    uint8_t *bytes;
    bool is_lent; /* the device's until the command ends */
};

/* Read freely; written by the library only. In the caller's memory, at one address until vvk_vgpu_close. */
struct vvk_vgpu {
    struct vvk_way way;
    struct vgpu *vgpu;
    struct vgpu_window window;
    uint32_t ctx_id;
    uint64_t timeout_ns;
    bool has_context;
    struct vvk_vgpu_stream streams[VVK_VGPU_STREAMS];
    struct vgpu_blob blobs[VVK_VGPU_BLOBS];
};

/* Arena bytes, at most, that vvk_vgpu_open takes. */
size_t vvk_vgpu_arena_bytes(void);

/*
 * Look whether the GPU has all that is needed, check the renderer's protocol, make a context.
 * `arena`: until vvk_vgpu_close, and as virtio/gpu.h says of lent memory.
 * Context: thread; blocks, as does the way's every function.
 * Returns: VIRTIO_OK; why not, and *why: one sentence for a person. VIRTIO_ERR_UNSUPPORTED: something is missing or of another
 * version; VIRTIO_ERR_NO_MEMORY; as vgpu_wait.
 */
enum virtio_err
vvk_vgpu_open(struct vvk_vgpu *way, struct vgpu *vgpu, const struct vvk_vgpu_config *config,
              struct virtio_arena *arena, const char **why);

/* Close what blobs are left, destroy the context. Accepts a zeroed one. On a failed GPU nothing is sent. */
void vvk_vgpu_close(struct vvk_vgpu *way);

#endif
