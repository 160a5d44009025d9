/*
 * private.h - what the files of the virtio GPU share.
 *
 *   queue.c     pop ─▶ commands.c  one rule per type ─▶ its handler ─▶ gpu_end ─▶ fence.c ─▶ push
 *                                                          └ GPU_WAITS ─▶ gpu_wait_end ─┘
 *
 * A handler looks at private copies only, changes nothing before all is checked, and returns the type of its response.
 */
#ifndef DEVICE_GPU_PRIVATE_H
#define DEVICE_GPU_PRIVATE_H

#include "device/gpu/gpu.h"
#include "device/render_wire.h"

enum {
    GPU_QUEUE_RUN_MS_MAX = 5, /* commands at a stretch: the loop has others to serve */
    GPU_CONTEXT_SLOTS = 64,   /* a resource has a bit for each */
    GPU_BUCKETS = 4096,       /* of the table of resources */
    GPU_TIMELINES = 64,       /* VirtIO 1.3 §5.7.6.7: ring_idx is 0 to 63 */
    GPU_PROBLEM_BYTES = 240,
    GPU_PROBLEMS_KEPT = 8,
    GPU_WINDOW_PAGE_BYTES = 4096,
    GPU_CAPSET_BYTES_MAX = 1024,
    GPU_HEADER_BYTES = sizeof(struct virtio_gpu_ctrl_hdr),
    GPU_WAITS = 0, /* a handler's answer: there is none yet */
    GPU_OK = VIRTIO_GPU_RESP_OK_NODATA,
};

union gpu_request {
    struct virtio_gpu_ctrl_hdr header;
    struct virtio_gpu_get_edid get_edid;
    struct virtio_gpu_resource_create_2d create_2d;
    struct virtio_gpu_resource_unref unref;
    struct virtio_gpu_set_scanout set_scanout;
    struct virtio_gpu_resource_flush flush;
    struct virtio_gpu_transfer_to_host_2d transfer_2d;
    struct virtio_gpu_resource_attach_backing attach_backing;
    struct virtio_gpu_resource_detach_backing detach_backing;
    struct virtio_gpu_get_capset_info get_capset_info;
    struct virtio_gpu_get_capset get_capset;
    struct virtio_gpu_resource_assign_uuid assign_uuid;
    struct virtio_gpu_resource_create_blob create_blob;
    struct virtio_gpu_set_scanout_blob set_scanout_blob;
    struct virtio_gpu_ctx_create ctx_create;
    struct virtio_gpu_ctx_resource ctx_resource;
    struct virtio_gpu_cmd_submit submit;
    struct virtio_gpu_resource_map_blob map_blob;
    struct virtio_gpu_resource_unmap_blob unmap_blob;
    struct virtio_gpu_update_cursor cursor;
};

/* One command of the guest, from vq_pop to vq_push. */
struct gpu_command {
    struct gpu_command *next; /* in its timeline, or of those that are held */
    struct vq_chain *chain;
    const struct gpu_rule *rule; /* NULL: a type that we do not know */
    union gpu_request request;   /* as read, once; zeroes behind its end */
    uint32_t type;
    uint32_t flags;
    uint32_t ctx_id;
    uint64_t fence_id;
    uint32_t payload_bytes; /* of the response, behind its header; written already */
    uint32_t response_type; /* of one that waits for its fence, or is held */
    uint32_t seqno;         /* its fence's, for the renderer */
    uint32_t wait_id;       /* what it waits for: a resource's id */
    uint64_t pop_ns;
    uint8_t queue_idx;
};

/* Returns: the type of the response; GPU_WAITS. */
typedef uint32_t gpu_handler_fn(struct gpu *gpu, struct gpu_command *command);

enum { GPU_NO_FEATURE = 64 };

struct gpu_rule {
    const char *name;
    gpu_handler_fn *handle;
    uint32_t type;
    uint16_t request_bytes;
    uint8_t feature; /* bit number; GPU_NO_FEATURE: always there */
    uint8_t queue_idx;
};

/* NULL: none. */
const struct gpu_rule *gpu_rule_find(uint32_t type);

enum gpu_resource_kind {
    GPU_RESOURCE_2D,
    GPU_RESOURCE_GUEST, /* blobs, by their memory */
    GPU_RESOURCE_HOST,
    GPU_RESOURCE_HOST_GUEST,
};

struct gpu_resource {
    struct gpu_resource *next;        /* in its bucket */
    struct gpu_resource *next_mapped; /* in the window */
    uint32_t id;
    enum gpu_resource_kind kind;
    uint32_t format; /* 2D: format, sizes, and the host's own copy */
    uint32_t width_px;
    uint32_t height_px;
    uint64_t size_bytes;
    uint8_t *pixels;

    bool has_backing;
    struct vq_span *spans; /* the guest's memory; copied, merged where adjacent */
    unsigned span_count;
    uint64_t backing_bytes;

    uint64_t blob_bytes; /* of the memory behind fd, all of it */
    int fd;              /* a host's blob: its memory; else -1 */
    int32_t fd_kind;
    uint32_t caching;
    uint32_t blob_flags;
    uint8_t *view;  /* our own mapping of fd, for scanouts; NULL: not needed yet */
    bool is_mapped; /* in the guest's window */
    uint64_t shm_offset;
    uint64_t shm_bytes;

    uint64_t attached; /* a bit for each context's slot: the guest attached it */
    uint64_t rendered; /* and its renderer knows of it */
    bool has_uuid;
    uint8_t uuid[16];
};

/* What the renderer says of a resource that it was asked to make. */
struct gpu_reply {
    struct render_resource_reply resource;
    int fd; /* -1: none; whoever resumes takes it */
};

/* A packet that a renderer had no room for. */
struct gpu_packet {
    struct gpu_packet *next;
    int fd; /* ours until it is sent; -1: none */
    size_t size_bytes;
    uint8_t bytes[];
};

struct gpu_timeline {
    struct gpu_command *first; /* fenced commands, in order */
    struct gpu_command **end;
    uint32_t seqno; /* of the last fence asked for */
};

struct gpu_context {
    struct gpu *gpu;
    uint32_t id;  /* the guest's; 0: the slot is free */
    uint8_t slot; /* below GPU_CONTEXT_SLOTS */
    char name[RENDER_NAME_BYTES];
    bool is_dead;
    char why[GPU_PROBLEM_BYTES]; /* it is dead */
    int socket;                  /* -1: not yet, or dead */
    int event;                   /* the renderer writes to it when fences passed */
    uint32_t *values;            /* shared with the renderer: what passed, for each timeline */
    uint32_t stream_bytes_max;
    struct gpu_packet *outbox;
    struct gpu_packet **outbox_end;
    struct loop_timer outbox_late;
    unsigned stale_reply_count; /* to commands that were given up */
    unsigned fence_count;
    struct gpu_timeline timelines[GPU_TIMELINES];
    uint64_t submit_count;
    uint64_t submit_bytes;
};

struct gpu_scanout_state {
    struct gpu_scanout shown;
    uint32_t format;
    uint32_t stride_bytes;
    uint64_t first_byte; /* of its top left pixel, within the resource */
    uint32_t x;          /* of its top left pixel, in the resource's own picture */
    uint32_t y;
};

/* A control command that waits for somebody else; there is at most one. */
struct gpu_wait {
    struct gpu_command *command;
    struct gpu_context *context; /* that it waits for; NULL */
    const char *whom;            /* "the front-end" */
    uint64_t token;              /* of a map or unmap; 0 */
    bool for_server;             /* a reply of the render server */
    bool is_optional;            /* should it not come, resume is called with NULL */
    /* What was asked is to be undone, as far as it may still be done. */
    void (*abandon)(struct gpu *gpu, const struct gpu_command *command);
    /* Returns: the type of the response. */
    uint32_t (*resume)(struct gpu *gpu, struct gpu_command *command, const void *result);
    struct loop_timer late;
};

enum gpu_problem_kind {
    GPU_PROBLEM_REQUEST, /* the guest asks for what cannot be */
    GPU_PROBLEM_ROOM,    /* no room for a response */
    GPU_PROBLEM_QUOTA,
    GPU_PROBLEM_CONTEXT, /* of renderers */
    GPU_PROBLEM_QUEUE,
    GPU_PROBLEM_FRONT,
    GPU_PROBLEM_MEMORY,
    GPU_PROBLEM_KIND_COUNT
};

struct gpu_queue {
    struct vq *vq;            /* NULL: it does not run */
    struct vq *paused;        /* until it goes on; NULL: it is not paused */
    struct gpu_command *held; /* answered while it was paused, in order */
    struct gpu_command **held_end;
    struct loop_timer again;
    uint64_t signalled_push_count; /* of vq, at the last interrupt */
    bool is_told_broken;
    uint64_t command_count; /* ever */
    uint64_t error_count;
};

struct gpu {
    struct gpu_config config; /* with the defaults filled in */
    uint8_t capset[GPU_CAPSET_BYTES_MAX];
    uint64_t accepted;
    uint32_t events; /* of the configuration space */
    struct gpu_queue queues[VIRTIO_GPU_QUEUE_COUNT];
    struct gpu_wait wait;
    unsigned blocked_count; /* contexts whose outbox is not empty: the control queue stands still */

    struct gpu_resource *buckets[GPU_BUCKETS];
    struct gpu_resource *mapped;
    unsigned resource_count;
    uint64_t memory_bytes; /* this process's own, for the guest, and its watchers' */
    uint64_t blob_bytes;   /* of renderers, which we hold: it lives on when they let go of it */
    unsigned span_count;

    struct gpu_context contexts[GPU_CONTEXT_SLOTS];
    unsigned context_count;
    unsigned fence_count;
    int server; /* -1: none, or gone */
    unsigned stale_context_count;
    uint8_t *stream; /* room for a stream of commands */
    uint64_t last_token;

    struct gpu_scanout_state scanouts[VIRTIO_GPU_SCANOUTS_MAX];
    struct gpu_cursor cursors[VIRTIO_GPU_SCANOUTS_MAX];
    const struct gpu_watcher *watchers[GPU_WATCHER_COUNT_MAX];

    uint64_t reset_count;
    uint64_t problem_count;
    uint64_t problem_ns[GPU_PROBLEM_KIND_COUNT]; /* when one of the kind was last told */
    char problems[GPU_PROBLEMS_KEPT][GPU_PROBLEM_BYTES];
};

/* --- queue.c --- */

/* Writes the response's bytes behind its header. */
void gpu_put(struct gpu_command *command, const void *response, size_t response_bytes);
/* The handler is done, or who waited.  type: of the response. */
void gpu_end(struct gpu *gpu, struct gpu_command *command, uint32_t type);
/* Gives it back to the guest. */
void gpu_push(struct gpu *gpu, struct gpu_command *command, uint32_t type);
/* Tells the guest of what was given back, if it wants. */
void gpu_signal(struct gpu *gpu, unsigned queue_idx);
void gpu_command_forget(struct gpu_command *command);
/* Goes on with the control queue, soon: from any place. */
void gpu_go_on(struct gpu *gpu);
/* The handler's part of a wait: then it returns GPU_WAITS.  wait: copied but for its timer and command. */
uint32_t gpu_wait_begin(struct gpu *gpu, struct gpu_command *command, const struct gpu_wait *wait);
/* What was waited for is there. */
void gpu_wait_done(struct gpu *gpu, const void *result);
/* It will not come: undoes what was asked. */
void gpu_wait_fail(struct gpu *gpu);
/* Nobody wants it any more. */
void gpu_wait_forget(struct gpu *gpu);

/* --- resource.c --- */

struct gpu_resource *gpu_resource_find(const struct gpu *gpu, uint32_t id);
/* The same for a command, with a sentence where there is none.  NULL: VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID. */
struct gpu_resource *
gpu_resource_of(struct gpu *gpu, const struct gpu_command *command, uint32_t id);
/* *refusal: the response, when NULL is returned. */
struct gpu_resource *gpu_resource_add(struct gpu *gpu, const struct gpu_command *command,
                                      uint32_t id, uint32_t *refusal);
/* Off the scanouts and out of the contexts, and freed; it is not in the window. */
void gpu_resource_remove(struct gpu *gpu, struct gpu_resource *resource);
void gpu_resource_remove_all(struct gpu *gpu);
/* Copies out of it; `at` is where the last call ended, {0} at first: rising offsets are found quickly. */
struct gpu_place {
    unsigned span_idx;
    uint64_t span_first_byte;
};
bool gpu_resource_read(const struct gpu *gpu, const struct gpu_resource *resource,
                       struct gpu_place *at, uint64_t offset, void *to, size_t size_bytes);
/* Whether nobody can take pages away beneath a mapping of its fd: a renderer may be in the hands of a guest. */
bool gpu_resource_is_lasting(const struct gpu_resource *resource);
/* Backing, from the entries behind the command's own bytes.  Returns: GPU_OK; the refusal, and nothing changed. */
uint32_t gpu_backing_attach(struct gpu *gpu, const struct gpu_command *command,
                            struct gpu_resource *resource, uint32_t entry_count);
void gpu_backing_detach(struct gpu *gpu, struct gpu_resource *resource);

/* --- scanout.c --- */

bool gpu_format_is_known(uint32_t format);
/* Pixels of this format become 0xXXRRGGBB, in place; opaque: X is 0xff where the format has no alpha. */
void gpu_format_convert(uint32_t format, uint32_t *pixels, size_t count, bool is_opaque);
/* Whether [x, + width) and [y, + height) lie within, and are not empty. */
bool gpu_rect_is_within(const struct gpu_rect *rect, uint32_t width_px, uint32_t height_px);
struct gpu_rect gpu_rect_get(const struct virtio_gpu_rect *rect);
/* All scanouts that show this resource show nothing; 0: those that show any. */
void gpu_scanouts_disable(struct gpu *gpu, uint32_t resource_id);
void gpu_cursors_hide(struct gpu *gpu);

/* --- blob.c --- */

/* Takes all blobs out of the window, without waiting. */
void gpu_window_clear(struct gpu *gpu);
/* Asks for a mapped blob to be taken out.  Returns: false: nobody could be asked, and so it counts as done. */
bool gpu_window_unmap(struct gpu *gpu, struct gpu_resource *resource, uint64_t *token);
uint32_t
gpu_blob_unref(struct gpu *gpu, struct gpu_command *command, struct gpu_resource *resource);

/* --- context.c --- */

/* 0 finds none. */
struct gpu_context *gpu_context_find(struct gpu *gpu, uint32_t id);
/* The context of a command, alive or dead; NULL after a sentence. */
struct gpu_context *gpu_context_of(struct gpu *gpu, const struct gpu_command *command);
static inline uint64_t
gpu_context_bit(const struct gpu_context *context)
{
    return UINT64_C(1) << context->slot % GPU_CONTEXT_SLOTS;
}
/* The renderer is no more: its fences are answered with errors. */
void gpu_context_die(struct gpu_context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void gpu_contexts_end(struct gpu *gpu);
/* Tells the renderers that know of it. */
void gpu_contexts_drop(struct gpu *gpu, struct gpu_resource *resource);

/* --- renderer.c --- */

bool gpu_server_start(struct gpu *gpu);
void gpu_server_stop(struct gpu *gpu);
/* Returns: false: it is gone or has no room. */
bool gpu_server_send(struct gpu *gpu, const void *request, size_t request_bytes);
/* With the socket that the server gave.  Takes fd.  Returns: false, after the context's death. */
bool gpu_renderer_start(struct gpu_context *context, int fd);
void gpu_renderer_stop(struct gpu_context *context);
/* fd: -1, or lent.  Where there is no room, it is kept and the control queue waits.  Returns: false: the context is dead. */
bool
gpu_renderer_send(struct gpu_context *context, const void *request, size_t request_bytes, int fd);

/* --- fence.c --- */

/*
 * Whether the response waits for a timeline of a context: the one that the fence names, or the CPU's (0) for a stream that names
 * none, since a renderer carries it out.  The cursor's queue, which lives by itself, has none.
 */
static inline bool
gpu_fence_is_wanted(const struct gpu_command *command)
{
    bool is_of_renderer = (command->flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0 ||
                          command->type == VIRTIO_GPU_CMD_SUBMIT_3D;
    return (command->flags & VIRTIO_GPU_FLAG_FENCE) != 0 && is_of_renderer &&
           command->queue_idx == VIRTIO_GPU_CONTROLQ;
}
/* Returns: GPU_OK: it can be asked for; the refusal. */
uint32_t gpu_fence_check(struct gpu *gpu, const struct gpu_command *command);
/* The command was carried out: it is given back when its fence passes. */
void gpu_fence_ask(struct gpu *gpu, struct gpu_command *command, uint32_t type);
/* Those that have passed; all of them: the context ends, and `type` is what they get. */
void gpu_fences_passed(struct gpu_context *context);
void gpu_fences_end(struct gpu_context *context, uint32_t type);
/* Without an answer: those of a queue that is stopped. */
void gpu_fences_forget(struct gpu *gpu, unsigned queue_idx);

/* --- problem.c, record.c --- */

void gpu_problem(struct gpu *gpu, enum gpu_problem_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One of GPU_PROBLEM_REQUEST with the command's name before it.  Returns: type. */
uint32_t gpu_refuse(struct gpu *gpu, const struct gpu_command *command, uint32_t type,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

enum gpu_event {
#define TRACE_EVENT(name, text) GPU_EVENT_##name,
#include "device/gpu/trace.def"
#undef TRACE_EVENT
};

/* command: NULL: of the device, or with queue_idx of that queue. */
void gpu_record(const struct gpu *gpu, enum gpu_event event, const struct gpu_command *command,
                uint64_t a, uint64_t b);
void gpu_record_queue(const struct gpu *gpu, enum gpu_event event, unsigned queue_idx, uint64_t a,
                      uint64_t b);
void gpu_record_bytes(const struct gpu *gpu, const struct gpu_command *command, const void *bytes,
                      size_t size_bytes);
static inline uint64_t
gpu_halves(uint32_t low, uint32_t high)
{
    return high * (UINT64_C(1) << 32) + low;
}

/* The handlers, by file. */
gpu_handler_fn gpu_on_get_display_info, gpu_on_get_edid;                       /* display.c */
gpu_handler_fn gpu_on_create_2d, gpu_on_transfer_2d;                           /* twod.c */
gpu_handler_fn gpu_on_unref, gpu_on_attach, gpu_on_detach, gpu_on_assign_uuid; /* resource.c */
gpu_handler_fn gpu_on_set_scanout, gpu_on_set_scanout_blob, gpu_on_flush;      /* scanout.c */
gpu_handler_fn gpu_on_get_capset_info, gpu_on_get_capset;                      /* capset.c */
gpu_handler_fn gpu_on_create_blob, gpu_on_map_blob, gpu_on_unmap_blob;         /* blob.c */
gpu_handler_fn gpu_on_ctx_create, gpu_on_ctx_destroy, gpu_on_ctx_attach, gpu_on_ctx_detach,
    gpu_on_submit;                                       /* context.c */
gpu_handler_fn gpu_on_3d;                                /* commands.c: what only OpenGL has */
gpu_handler_fn gpu_on_update_cursor, gpu_on_move_cursor; /* cursor.c */

#endif
