/*
 * render_wire.h - the render server's protocol, as virglrenderer 1.1 to 1.3 speaks it.
 *
 * SOCK_SEQPACKET sockets between processes of one machine and one build: C structs in native layout.  The server's own
 * socket makes contexts, each of which then has a socket of its own.
 *
 *      QEMU, crosvm, virgl_test_server              vitrine-render --socket-fd N
 *        │ INIT, CREATE_CONTEXT id, name ─────────────▶ │ starts a worker
 *        │ ◀───────────────────────────── 1 byte, + fd  │
 *        │                                              worker
 *        │ INIT + memfd of timelines, + eventfd ──────────▶ │
 *        │ CREATE_RESOURCE ◀──────────────── kind, ..., + fd │
 *        │ SUBMIT_CMD, SUBMIT_FENCE ──────────────────────▶ │ stores the number in its timeline, writes to the eventfd
 */
#ifndef DEVICE_RENDER_WIRE_H
#define DEVICE_RENDER_WIRE_H

#include <assert.h>
#include <stdint.h>

enum render_server_op {
    RENDER_SERVER_NOP,
    RENDER_SERVER_INIT,
    RENDER_SERVER_RESET,
    RENDER_SERVER_CREATE_CONTEXT,
    RENDER_SERVER_DESTROY_CONTEXT,
};

enum render_context_op {
    RENDER_CONTEXT_NOP,
    RENDER_CONTEXT_INIT,
    RENDER_CONTEXT_CREATE_RESOURCE,
    RENDER_CONTEXT_IMPORT_RESOURCE,
    RENDER_CONTEXT_DESTROY_RESOURCE,
    RENDER_CONTEXT_SUBMIT_CMD,
    RENDER_CONTEXT_SUBMIT_FENCE,
};

enum render_fd_kind {
    RENDER_FD_DMABUF = 0,
    RENDER_FD_OPAQUE = 1,
    RENDER_FD_SHM = 2,
    RENDER_FD_NONE = -1,
};

enum {
    RENDER_NAME_BYTES = 32,
    RENDER_INLINE_BYTES = 256, /* of a stream of commands; the rest comes in a second packet */
    RENDER_STREAM_BYTES_MAX = 256 << 10, /* of one; what is longer, Mesa sends through rings */
    RENDER_FLAGS_CAPSET_MASK = 0xff,
};

struct render_create_context {
    uint32_t op;
    uint32_t context_id;
    char name[RENDER_NAME_BYTES];
};

struct render_destroy_context {
    uint32_t op;
    uint32_t context_id;
};

struct render_init {
    uint32_t op;
    uint32_t flags;
    uint64_t timelines_bytes;
};

struct render_create_resource {
    uint32_t op;
    uint32_t res_id;
    uint64_t blob_id;
    uint64_t size_bytes;
    uint32_t flags;
};

struct render_resource_reply {
    int32_t fd_kind;
    uint32_t caching; /* virtio-gpu's map info */
    uint8_t device_uuid[16];
    uint8_t driver_uuid[16];
    uint64_t allocation_bytes;
    uint32_t memory_type_idx;
};

struct render_import_resource {
    uint32_t op;
    uint32_t res_id;
    int32_t fd_kind;
    uint64_t size_bytes;
};

struct render_destroy_resource {
    uint32_t op;
    uint32_t res_id;
};

struct render_submit_cmd {
    uint32_t op;
    uint32_t size_bytes;
    uint8_t bytes[RENDER_INLINE_BYTES];
};

struct render_submit_fence {
    uint32_t op;
    uint32_t flags;
    uint32_t ring_idx;
    uint32_t seqno;
};

/* Seen on the wire of virglrenderer 1.1.0. */
static_assert(sizeof(struct render_create_context) == 40, "create_context");
static_assert(sizeof(struct render_init) == 16, "init");
static_assert(sizeof(struct render_create_resource) == 32, "create_resource");
static_assert(sizeof(struct render_resource_reply) == 56, "the reply to create_resource");
static_assert(sizeof(struct render_import_resource) == 24, "import_resource");
static_assert(sizeof(struct render_submit_cmd) == 264, "submit_cmd");
static_assert(sizeof(struct render_submit_fence) == 16, "submit_fence");

#endif
