/*
 * A Vulkan for kernels: a client of the Venus protocol, without libc, threads or globals.
 *
 *   kernel ─ vvk_CreateBuffer(...) ──▶ ring in shared memory ──▶ renderer on the host ──▶ the host's Vulkan
 *               (vvk_commands.h)  ◀── answers in the same ◀──
 *
 *   vvk_vgpu_open(&way, vgpu, &way_config, &arena, &why)   a context of the GPU (virtio/venus_vgpu.h)
 *   vvk_create(&vvk, &config)                              a ring in it
 *   vvk_CreateInstance(&vvk, &info, &instance)             Vulkan's own functions and structs, but for
 *   vvk_QueueSubmit(&vvk, queue, 1, &submit, fence)        allocators, which never leave this side
 *   vvk_WaitForFences(&vvk, device, 1, &fence, 1, ns)
 *   vvk_destroy(&vvk)
 *   vvk_vgpu_close(&way)
 *
 * Commands without an answer are written into the ring and not waited for: they return VK_SUCCESS when they are sent. The renderer
 * carries all out in order; one that fails there leaves no object behind, and the first use of that object ends the context with a
 * reason in the host's log. With config.is_checked each command waits for its result instead: slower, and the first wrong call
 * says so itself.
 *
 * Handles are numbers of this client's. No address of either side crosses, but shader code and data that a command carries.
 *
 * The host is not trusted: an answer is read once, each count in it must be one that was asked for, and the first lie, like a
 * renderer that dies or keeps silent, ends the client: `failure` and `why` stay, and every later call returns
 * VK_ERROR_DEVICE_LOST at once.
 *
 * Context: thread; the caller serialises all calls on one client.
 */
#ifndef VIRTIO_VENUS_H
#define VIRTIO_VENUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/error.h"
#include "virtio/trace.h"
#include "virtio/venus_wire.h"

enum {
    VVK_RING_BYTES_DEFAULT = 128 * 1024,
    VVK_REPLY_BYTES = 256 * 1024,
    VVK_TIMEOUT_DEFAULT_MS = 5000,
};

/* Memory that both sides see. */
struct vvk_blob {
    uint32_t resource_id;
    uint64_t bytes;
    void *memory; /* the host may change it at any time */
    void *own;    /* the way's */
};

/* The way to a renderer's context: virtio/venus_vgpu.h has the one through a GPU; tests have others. */
struct vvk_way {
    void *ctx;

    /*
     * Bytes for the context's own stream, a multiple of 4; copied. `is_waited`: return when they have been carried out.
     * Returns: VIRTIO_OK; why not.
     */
    enum virtio_err (*submit)(void *ctx, const void *bytes, size_t byte_count, bool is_waited);

    /* Make shared memory: `blob_id` 0: any; else the VkDeviceMemory of that id. Returns: VIRTIO_OK and *blob; why not. */
    enum virtio_err (*blob_open)(void *ctx, uint64_t blob_id, uint64_t bytes,
                                 struct vvk_blob *blob);
    void (*blob_close)(void *ctx, struct vvk_blob *blob);

    uint64_t (*now_ns)(void *ctx);

    /* Called again and again while nothing comes: may sleep for some hundred microseconds. Returns: VIRTIO_OK; the device failed. */
    enum virtio_err (*relax)(void *ctx, uint64_t deadline_ns);

    /* Where commands of the ring are recorded, as events VENUS_; NULL: nowhere. */
    struct virtio_trace *trace;
    uint16_t trace_origin; /* the device's index << 8 | TRACE_QUEUE_NONE */
    uint32_t context_id;   /* of the renderer's context, for the records */
};

struct vvk_config {
    const struct vvk_way *way; /* outlives the client */
    void *scratch;        /* memory of the caller's, for one command at a time; until vvk_destroy */
    size_t scratch_bytes; /* the longest command; at most ring_bytes */
    uint32_t ring_bytes;  /* a power of two, 4 KiB to 16 MiB; 0: VVK_RING_BYTES_DEFAULT */
    uint32_t timeout_ms;  /* of each wait, whatever Vulkan's own says; 0: VVK_TIMEOUT_DEFAULT_MS */
    bool is_checked;      /* wait for the result of every command that has one */
};

struct vvk_counters {
    uint64_t commands;
    uint64_t bytes;
    uint64_t waits;         /* commands that were answered */
    uint64_t notifications; /* the renderer slept */
};

/* Read freely; written by the library only. In the caller's memory. */
struct vvk {
    const struct vvk_way *way;
    uint8_t *scratch;
    size_t scratch_bytes;
    struct vvk_blob shared; /* ring and answers */
    uint32_t *head;         /* the renderer's */
    uint32_t *tail;         /* ours */
    uint32_t *status;
    uint8_t *buffer;
    uint32_t ring_bytes;
    uint32_t written; /* what the tail says */
    uint8_t *reply;
    size_t reply_at;
    uint64_t timeout_ns;
    uint64_t next_id;
    uint64_t notify_after_ns; /* no notification before: the last one counts until then */
    bool is_checked;
    enum virtio_err
        failure; /* VIRTIO_OK: none; VIRTIO_ERR_LOST, VIRTIO_ERR_TIMEOUT, VIRTIO_ERR_BROKEN, the way's */
    const char *why; /* one sentence about it; NULL: none */
    const char
        *refusal; /* of the last command that could not be written, and was not sent; NULL: none */
    struct vvk_counters counters;
};

/*
 * Make a ring in the way's context.
 * `vvk`: the caller's memory, any content.
 * Returns: VIRTIO_OK; VIRTIO_ERR_INVALID (config); as the way's blob_open and submit; why the renderer did not begin.
 */
enum virtio_err vvk_create(struct vvk *vvk, const struct vvk_config *config);

/*
 * End the ring. Objects that are left the renderer frees when its context ends. Accepts a zeroed client, and a failed one.
 */
void vvk_destroy(struct vvk *vvk);

/*
 * Map device memory of `bytes` (all of an allocation that is host-visible and coherent); once for each allocation. `memory_id`:
 * the handle as a number.
 * Returns: as the way's blob_open; why the client failed.
 */
enum virtio_err
vvk_map_memory(struct vvk *vvk, uint64_t memory_id, uint64_t bytes, struct vvk_blob *blob);
/* Accepts a zeroed blob, which it leaves. Before the allocation is freed. */
void vvk_unmap_memory(struct vvk *vvk, struct vvk_blob *blob);

/* --- for vvk_commands.h --- */

enum vvk_kind {
    VVK_UNANSWERED,
    VVK_CHECKED, /* answered if the client is to check */
    VVK_ANSWERED,
};

/* One command on its way. */
struct vvk_call {
    struct vvk_writer out;
    struct vvk_reader in;
    bool is_answered;
    uint32_t cookie; /* in the trace; 0: not recorded */
};

/* A number for a new object. */
static inline uint64_t
vvk_new_id(struct vvk *vvk)
{
    return ++vvk->next_id;
}

/* Begin to write a command of that id. */
void vvk_begin(struct vvk *vvk, struct vvk_call *call, uint32_t command_id, enum vvk_kind kind);

/*
 * Send it, and wait where it is answered: then call->in stands at the command's own part.
 * Returns: false: it was not sent, or no answer came: vvk->refusal, or vvk->failure.
 */
bool vvk_end(struct vvk *vvk, struct vvk_call *call);

/* The answer has been read. Returns: false when it was not what belongs to the command; the client has failed then. */
bool vvk_finish(struct vvk *vvk, struct vvk_call *call);

#endif
