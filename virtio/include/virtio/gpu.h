/*
 * The GPU driver, 2D: commands go out, many at a time; completions come back by poll or interrupt.
 * VirtIO 1.3 §5.7.
 *
 *   vgpu_init(&vgpu, device, &config, &arena)         claims, negotiates, sets up the queues, starts
 *   vgpu_cmd_transfer_to_host_2d(&vgpu, ..., &then)   offered to the device, which may still sleep
 *   vgpu_cmd_resource_flush(&vgpu, ..., &then)
 *   vgpu_notify(&vgpu)                                once for all of them
 *   vgpu_poll(&vgpu)                                  calls then.done for each that was answered or late
 *   vgpu_finish(&vgpu)                                names what leaked, resets, releases
 *
 * A blocking call is the same with a wait around it, and so has a deadline:
 *   sent = vgpu_cmd_set_scanout(&vgpu, 2, 7, &rect, vgpu_wait_start(&wait));
 *   err = vgpu_wait(&vgpu, &wait, sent);
 *
 * Beneath are two drivers with one API: `queued` keeps up to `depth` commands in flight, `simple`
 * sends one, waits for it, and only then returns: the reference to compare command sequences with.
 * (What a callback submits it sends at once, too; the call that runs the callback waits for it.)
 *
 * The life of the device and of each framebuffer is a state of the one list below; see vgpu_state.
 *
 * The device is not trusted: each response must have the type that belongs to its command, the
 * length of that type, and the fence asked for. The first lie fails the device with rule and value
 * (virtio_device.fault) and ends every command in flight with VIRTIO_ERR_BROKEN. A command that is
 * late is reported once; its memory stays the device's until the device gives it back or is reset.
 *
 * Only vgpu_finish resets. So whatever was lent to a device that then failed (backing, `extra`, the
 * arena) is the device's, which may still read and write it, until vgpu_finish says VIRTIO_OK: also
 * where `done` has told the end of the command.
 *
 * Context: the caller serialises all calls on one vgpu (a lock, or interrupts off); only
 * vgpu_interrupt may come at any time. Callbacks run inside vgpu_poll, inside waits, and with
 * `simple` inside the submitting call; they may submit, not wait.
 */
#ifndef VIRTIO_GPU_H
#define VIRTIO_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/device.h"
#include "virtio/gpu_protocol.h"
#include "virtio/queue.h"
#include "virtio/trace.h"

enum {
    VGPU_DEPTH_DEFAULT = 64,
    VGPU_DEPTH_MIN = 4,
    VGPU_DEPTH_MAX = 256,
    VGPU_TIMEOUT_DEFAULT_MS = 1000,
    VGPU_RESOURCES_DEFAULT = 32,
    VGPU_REQUEST_BYTES_MAX = 96, /* of a command's own bytes; more goes in segments of the caller */
};

#define VGPU_SCANOUT_NONE UINT32_MAX

/*
 * States of a device (upper half) and of a framebuffer on it (lower half).
 *
 *   Uninitialized -> Negotiating -> SettingUpQueues -> Running -> Stopping -> Uninitialized
 *   Uninitialized -> InitializingResourceCreate2D -> InitializingResourceAttachBacking
 *                 -> InitializingSetScanout -> Ready -> FinishingSetScanout
 *                 -> FinishingResourceDetachBacking -> FinishingResourceUnref -> Uninitialized
 *
 * Every state may go to Failed. A framebuffer without a scanout leaves the two SetScanout states
 * out.
 */
enum vgpu_state {
    VGPU_UNINITIALIZED,
    VGPU_NEGOTIATING,
    VGPU_SETTING_UP_QUEUES,
    VGPU_RUNNING,
    VGPU_STOPPING,
    VGPU_INITIALIZING_RESOURCE_CREATE_2D,
    VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING,
    VGPU_INITIALIZING_SET_SCANOUT,
    VGPU_READY,
    VGPU_FINISHING_SET_SCANOUT,
    VGPU_FINISHING_RESOURCE_DETACH_BACKING,
    VGPU_FINISHING_RESOURCE_UNREF,
    VGPU_FAILED,
    VGPU_STATE_COUNT
};

/* "InitializingSetScanout"; "unknown" beyond the list. Never NULL. */
const char *vgpu_state_name(enum vgpu_state state);

/* Does the table allow this change? */
bool vgpu_state_allows(enum vgpu_state from, enum vgpu_state to);

enum vgpu_driver {
    VGPU_DRIVER_QUEUED,
    VGPU_DRIVER_SIMPLE,
};

struct vgpu;

/* Zeroed: the defaults, and none of the `features`. */
struct vgpu_config {
    enum vgpu_driver driver;
    uint16_t
        depth; /* commands in flight; 0: VGPU_DEPTH_DEFAULT; VGPU_DEPTH_MIN to VGPU_DEPTH_MAX */
    uint16_t resources_max;    /* 0: VGPU_RESOURCES_DEFAULT */
    uint32_t timeout_ms;       /* of a command that does not say; 0: VGPU_TIMEOUT_DEFAULT_MS */
    uint32_t capset_bytes_max; /* largest capability set to be read; 0: none */
    /*
     * Reserved feature bits wanted, of VIRTIO_FEATURES_LIBRARY. 0: none but what the transport
     * demands, so a split ring without indirect chains and event index.
     */
    uint64_t features;
    bool is_interrupting;
    bool uses_indirect; /* one ring entry per command where the device allows it */

    /*
     * The host changed its displays: vgpu->info is new; a bit of `changed` per scanout. May be
     * NULL.
     */
    void (*displays_changed)(void *ctx, uint32_t changed);
    void *ctx;
};

/* How a command ended. Valid during the callback. */
struct vgpu_completion {
    /*
     * VIRTIO_OK; VIRTIO_ERR_REFUSED (response_type tells why); VIRTIO_ERR_NOT_INITIALIZED
     * (vgpu_finish came first). With these the memory that was lent is the caller's again; with
     * the others it is not before vgpu_finish: VIRTIO_ERR_TIMEOUT; VIRTIO_ERR_BROKEN,
     * VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET (the device failed).
     */
    enum virtio_err err;
    uint32_t request_type;
    uint32_t response_type;  /* 0 when there was none */
    const void *response;    /* of the device's memory: copy, then look; NULL when there was none */
    uint32_t response_bytes; /* written by the device */
    uint32_t cookie;
    uint64_t fence_id; /* 0: not fenced */
    uint64_t latency_ns;
};

/* What to do when a command ends. NULL in its place: nothing; failures are counted all the same. */
struct vgpu_then {
    void (*done)(void *ctx, const struct vgpu_completion *completion); /* may be NULL */
    void *ctx;
    uint64_t timeout_ns; /* 0: the driver's */
    bool is_fenced;      /* ask for a fence; its id is vgpu_last_fence afterwards */
};

/* Memory of the caller's that is contiguous for the device. */
struct vgpu_memory {
    const void *bytes;
    uint32_t byte_count;
};

enum { VGPU_EXTRA_MAX = 6 };

/* Any command, as bytes. */
struct vgpu_request {
    const void *command; /* begins with a header of a type of vgpu_message_find; copied */
    uint32_t command_bytes;
    /*
     * Up to VGPU_EXTRA_MAX pieces that follow the command (long backing lists). They are the
     * device's until the command ends, and after a timeout or a failure until vgpu_finish.
     */
    const struct vgpu_memory *extra;
    uint16_t extra_count;
    const struct vgpu_then *then; /* copied */
};

struct vgpu_counters {
    uint64_t sent;
    uint64_t completed; /* with the response wanted */
    uint64_t refused;
    uint64_t timed_out;
    uint64_t late; /* answered after they had timed out */
};

/* Figures of one kind of command. */
struct vgpu_figures {
    struct vgpu_counters counters;
    struct virtio_histogram latency;
};

/* A resource on the device. Read freely; written by the library only. */
struct vgpu_resource {
    uint32_t id; /* 0: the entry is free */
    uint32_t format;
    uint32_t width_px;
    uint32_t height_px;
    uint64_t backing_bytes; /* attached; 0: none */
    uint64_t blob_bytes;    /* of a blob, which has no format and no size in pixels; else 0 */
    uint32_t refs;
    bool is_busy; /* a command about its life is in flight */
    uint16_t busy_type;
    uint64_t busy_bytes; /* private: of the attach in flight */
    struct vgpu *vgpu;
    struct vgpu_then then; /* private: the caller's, for that command */
};

/*
 * Private: a command in flight; its request and response buffers are its own from init to finish.
 */
struct vgpu_slot {
    const struct vgpu_message *message;
    struct vgpu_then then;
    uint64_t start_ns;
    uint64_t deadline_ns;
    uint64_t fence_id;
    uint8_t *request; /* VGPU_REQUEST_BYTES_MAX, then a small response */
    uint64_t request_addr;
    uint8_t *response;
    uint64_t response_addr;
    uint32_t response_bytes;
    uint32_t cookie;
    uint16_t next_free;
    uint8_t large_idx; /* which large response buffer; VGPU_LARGE_COUNT: none */
    uint8_t phase;     /* enum vgpu_slot_phase */
};

enum { VGPU_LARGE_COUNT = 4 }; /* responses of more than 40 bytes that can be awaited at a time */

struct vgpu_driver_ops; /* private: `queued` and `simple`, one file each */

/* Read freely; written by the library only. In the caller's memory. */
struct vgpu {
    struct virtio_device *device;
    const struct vgpu_driver_ops *ops;
    struct vgpu_config config; /* with the defaults filled in */
    enum vgpu_state state;
    enum virtio_err failure; /* why the state is Failed */
    struct virtq queues[VIRTIO_GPU_QUEUE_COUNT];

    struct vgpu_slot *slots; /* [slot_count] */
    uint16_t slot_count;
    uint16_t free_count;
    uint16_t free_head;
    uint16_t in_flight_count; /* sent and neither answered nor late */
    bool is_sending;          /* `simple`: a call waits, which takes callbacks' commands along */
    uint8_t *large_memory;    /* VGPU_LARGE_COUNT responses of large_bytes */
    uint64_t large_addr;
    uint32_t large_bytes;
    uint32_t large_used; /* a bit each */

    uint64_t last_fence_id;
    uint64_t next_deadline_ns; /* no command in flight is due before */
    uint64_t next_health_ns;
    uint64_t polled_ns; /* the time of the last poll with something in flight */
    uint64_t time_ns; /* private: what the clock said for what is done together; 0: not asked yet */

    struct vgpu_resource *resources; /* [resource_count] */
    uint16_t resource_count;
    unsigned leaked_count; /* resources that vgpu_finish found alive */
    uint32_t next_resource_id;

    uint32_t scanout_count; /* of the device's configuration, checked: 1 to 16 */
    uint32_t capset_count;
    struct vgpu_display_info info;  /* as last read */
    uint32_t config_change_pending; /* atomic: set by interrupt, taken by poll */
    uint64_t display_event_count;
    uint64_t ask_again_ns; /* when to ask for display info that an event promised; 0: never */

    struct vgpu_counters counters;
    struct vgpu_figures figures[VGPU_MSG_COUNT];
    uint32_t last_refusal; /* type of the last error response, 0: none */
};

/* Arena bytes, at most, that vgpu_init takes for `config` (NULL: as there). */
size_t vgpu_arena_bytes(const struct vgpu_config *config);

/*
 * Bring the device up: claim it as "gpu", negotiate (VIRGL, EDID, RESOURCE_UUID, RESOURCE_BLOB and CONTEXT_INIT where offered,
 * config->features), set up controlq and cursorq, start. Sends no command. `config`: copied; NULL:
 * the defaults, and all of VIRTIO_FEATURES_LIBRARY that is offered.
 * `vgpu`: the caller's memory, any content, at one address until vgpu_finish. `arena`:
 * vgpu_arena_bytes, until vgpu_finish.
 * Returns: VIRTIO_OK; VIRTIO_ERR_NO_DEVICE (not a GPU); VIRTIO_ERR_INVALID (config out of range);
 * VIRTIO_ERR_OWNED; VIRTIO_ERR_UNSUPPORTED; VIRTIO_ERR_NO_MEMORY; VIRTIO_ERR_BROKEN (the device's
 * configuration says nonsense); VIRTIO_ERR_TIMEOUT (a reset). After a failure the device is nobody's
 * again; but after a timeout it may be Failed, and then it and `arena` stay as vgpu_finish says.
 * Source: VirtIO 1.3 §3.1.1, §5.7.5.
 */
enum virtio_err vgpu_init(struct vgpu *vgpu, struct virtio_device *device,
                          const struct vgpu_config *config, struct virtio_arena *arena);

/*
 * Reset and release the device. Resources still referenced are named in the log and counted in
 * leaked_count, commands in flight end with VIRTIO_ERR_NOT_INITIALIZED, and all memory is the
 * caller's again. Accepts a zeroed vgpu, a failed one, and one that vgpu_init failed with.
 * Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT: the device does not reset. It stays claimed, in state
 * Failed, no command in flight ends, and all memory that was ever lent to it stays the device's
 * (for ever, unless a later vgpu_finish says VIRTIO_OK).
 * Source: VirtIO 1.3 §2.4.2.
 */
enum virtio_err vgpu_finish(struct vgpu *vgpu);

/*
 * Offer a command to the device; vgpu_notify must follow, once for many. The clock is read once for
 * all that is offered until then: deadlines and latencies run from the first of them.
 * Returns: VIRTIO_OK; VIRTIO_ERR_BUSY (no free slot: poll, then try again); VIRTIO_ERR_INVALID (not
 * a known type, shorter than that type, or longer than VGPU_REQUEST_BYTES_MAX);
 * VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_BROKEN, VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET once the
 * device has failed. Unless VIRTIO_OK, `done` is not called.
 * Source: VirtIO 1.3 §5.7.6.5.
 */
enum virtio_err vgpu_submit(struct vgpu *vgpu, const struct vgpu_request *request);

/*
 * Tell the device about what was submitted since the last time: one notification per queue at most.
 */
void vgpu_notify(struct vgpu *vgpu);

/*
 * Take what the device has answered, report what is late, look after display events that an
 * interrupt announced. Takes at most as many answers from a queue as that is long, also where
 * callbacks submit anew.
 * Returns: how many commands ended. At slot_count or more there may be others, for which no
 * interrupt will come: call again before you sleep.
 */
unsigned vgpu_poll(struct vgpu *vgpu);

/*
 * Interrupt handler's part: reads and acknowledges the interrupt status, notes a configuration
 * change for vgpu_poll.
 * Context: interrupt; may come while any other function runs.
 * Returns: true when vgpu_poll has something to do.
 */
bool vgpu_interrupt(struct vgpu *vgpu);

/*
 * Commands of this type that can be submitted now, one after another, without VIRTIO_ERR_BUSY: at
 * least so many; 0 for unknown types. Cursor commands have a queue of their own, and of responses
 * longer than 40 bytes VGPU_LARGE_COUNT can be awaited. (Without indirect chains a command with more
 * than one extra piece may find the ring too full all the same.)
 */
unsigned vgpu_room_for(const struct vgpu *vgpu, uint32_t request_type);

/* The same for the commands of a frame: control queue, short response. */
unsigned vgpu_room(const struct vgpu *vgpu);

/* Id of the fence of the last command submitted with is_fenced; 0: none yet. */
uint64_t vgpu_last_fence(const struct vgpu *vgpu);

/* Has the fence passed: has the device answered its command? Also true for ids never given. */
bool vgpu_fence_done(const struct vgpu *vgpu, uint64_t fence_id);

/*
 * Wait for a fence. Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT; why the device failed, as vgpu_submit.
 */
enum virtio_err vgpu_fence_wait(struct vgpu *vgpu, uint64_t fence_id, uint64_t timeout_ns);

/* A wait for one command, on the caller's stack. */
struct vgpu_wait {
    struct vgpu_then then;
    struct vgpu_completion completion; /* its `response` is NULL: the bytes were the device's */
    bool is_done;

    /*
     * Before the submission, where the response matters: looks at it while it is there, and its
     * answer becomes that of the wait.
     */
    enum virtio_err (*parse)(struct vgpu_wait *wait, const void *bytes, size_t byte_count);
    void *parsed;         /* for parse: where to put it */
    size_t *parsed_bytes; /* for parse: in: room, out: length */
};

/* Prepare `wait`, and get what to submit the command with. */
const struct vgpu_then *vgpu_wait_start(struct vgpu_wait *wait);

/*
 * Notify and wait for the command that was submitted with vgpu_wait_start, at most for the
 * command's own timeout; the platform's relax is called in between. `submitted`: what the
 * submission returned; if not VIRTIO_OK, that is the answer.
 * Context: thread; blocks.
 * Returns: as vgpu_completion.err, and wait->completion has the rest.
 */
enum virtio_err vgpu_wait(struct vgpu *vgpu, struct vgpu_wait *wait, enum virtio_err submitted);

/*
 * Wait until vgpu_room is `count`. Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT; why the device
 * failed.
 */
enum virtio_err vgpu_room_wait(struct vgpu *vgpu, unsigned count, uint64_t timeout_ns);

/*
 * One function for each command; arguments go to the device as they are. `then` may be NULL.
 * Returns: as vgpu_submit.
 */
enum virtio_err vgpu_cmd_get_display_info(struct vgpu *vgpu, const struct vgpu_then *then);
enum virtio_err
vgpu_cmd_get_edid(struct vgpu *vgpu, uint32_t scanout_id, const struct vgpu_then *then);

struct vgpu_image {
    uint32_t format; /* enum virtio_gpu_format */
    uint32_t width_px;
    uint32_t height_px;
};
enum virtio_err
vgpu_cmd_resource_create_2d(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_image *image,
                            const struct vgpu_then *then);
enum virtio_err
vgpu_cmd_resource_unref(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_then *then);
/* resource_id 0 turns the scanout off. */
enum virtio_err vgpu_cmd_set_scanout(struct vgpu *vgpu, uint32_t scanout_id, uint32_t resource_id,
                                     const struct vgpu_rect *rect, const struct vgpu_then *then);
enum virtio_err vgpu_cmd_resource_flush(struct vgpu *vgpu, uint32_t resource_id,
                                        const struct vgpu_rect *rect, const struct vgpu_then *then);
enum virtio_err
vgpu_cmd_transfer_to_host_2d(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_rect *rect,
                             uint64_t offset_bytes, const struct vgpu_then *then);

/* Memory behind a resource. It is the device's until the detach, or unref, has ended well. */
struct vgpu_backing {
    void *memory;   /* contiguous for the device, or NULL with entries */
    uint64_t bytes; /* in all */
    const struct virtio_gpu_mem_entry
        *entries; /* in shared memory too, until the attach has ended */
    uint32_t entry_count;
};
/* Also VIRTIO_ERR_INVALID: the memory cannot be shared, or has neither form. */
enum virtio_err
vgpu_cmd_attach_backing(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_backing *backing,
                        const struct vgpu_then *then);
enum virtio_err
vgpu_cmd_detach_backing(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_then *then);
enum virtio_err
vgpu_cmd_get_capset_info(struct vgpu *vgpu, uint32_t capset_idx, const struct vgpu_then *then);
enum virtio_err vgpu_cmd_get_capset(struct vgpu *vgpu, uint32_t capset_id, uint32_t version,
                                    const struct vgpu_then *then);
enum virtio_err
vgpu_cmd_assign_uuid(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_then *then);
/* Cursor commands go by the cursor queue and end without a response. */
enum virtio_err vgpu_cmd_update_cursor(struct vgpu *vgpu, const struct vgpu_cursor *cursor,
                                       const struct vgpu_then *then);
enum virtio_err vgpu_cmd_move_cursor(struct vgpu *vgpu, const struct vgpu_cursor *cursor,
                                     const struct vgpu_then *then);

/*
 * Ask and wait; the answer typed.
 * Context: thread; blocks.
 * Returns: as vgpu_wait; VIRTIO_ERR_BROKEN also for an answer that contradicts itself;
 * VIRTIO_ERR_UNSUPPORTED without the feature (EDID, RESOURCE_UUID).
 */
enum virtio_err vgpu_display_info_wait(struct vgpu *vgpu); /* the answer is vgpu->info */
enum virtio_err vgpu_edid_wait(struct vgpu *vgpu, uint32_t scanout_id, uint8_t *edid,
                               size_t *edid_bytes); /* room for VIRTIO_GPU_EDID_BYTES_MAX */
enum virtio_err
vgpu_capset_info_wait(struct vgpu *vgpu, uint32_t capset_idx, struct vgpu_capset_info *info);
enum virtio_err vgpu_capset_wait(struct vgpu *vgpu, const struct vgpu_capset_info *info,
                                 uint8_t *capset, size_t *capset_bytes); /* in: room; out: length */
enum virtio_err vgpu_uuid_wait(struct vgpu *vgpu, uint32_t resource_id, uint8_t uuid[16]);

/*
 * Look for a display event by hand: for polled drivers, now and then (a register read). When there
 * is one: it is cleared, display info is read anew, and config.displays_changed is called from a
 * later vgpu_poll. A question that is refused or not answered in time is asked again by vgpu_poll,
 * a second later.
 * Returns: VIRTIO_OK (there was an event); VIRTIO_EMPTY; as virtio_config_read; as vgpu_submit.
 * Source: VirtIO 1.3 §5.7.4.2.
 */
enum virtio_err vgpu_check_events(struct vgpu *vgpu);

/* --- resources: commands with a memory of what they made --- */

/*
 * Create a resource with one reference, the caller's. `id` 0: a free one is chosen.
 * Returns: as vgpu_submit; VIRTIO_ERR_INVALID (the id is taken; an empty image); VIRTIO_ERR_BUSY
 * also when the table is full. When the device refuses, `then` is told and the entry is free again;
 * after another failure it stays until unref, for nobody knows what the device has done.
 */
enum virtio_err vgpu_resource_create(struct vgpu *vgpu, uint32_t id, const struct vgpu_image *image,
                                     const struct vgpu_then *then, struct vgpu_resource **made);

/*
 * Attach or detach memory. Also VIRTIO_ERR_STATE: has backing already, has none, or another such
 * command is in flight.
 */
enum virtio_err
vgpu_resource_attach(struct vgpu_resource *resource, const struct vgpu_backing *backing,
                     const struct vgpu_then *then);
enum virtio_err vgpu_resource_detach(struct vgpu_resource *resource, const struct vgpu_then *then);

/* One more who uses it. */
void vgpu_resource_ref(struct vgpu_resource *resource);

/*
 * One fewer. The last one destroys the resource on the device; its id is free when that has ended.
 * On a failed device the entry goes at once, but its memory stays the device's until vgpu_finish.
 * Returns: VIRTIO_OK (`then` is told at once, with err VIRTIO_OK, where it was not the last); as
 * vgpu_submit, and then the reference is still there; VIRTIO_ERR_STATE while another command about
 * it is in flight.
 */
enum virtio_err vgpu_resource_unref(struct vgpu_resource *resource, const struct vgpu_then *then);

/* The live resource of that id; NULL. No reference is taken. */
struct vgpu_resource *vgpu_resource_find(struct vgpu *vgpu, uint32_t id);

/*
 * Visit every resource that is alive, in the order of the table. `visit` may be NULL.
 * Returns: how many there are.
 */
unsigned
vgpu_resource_report(const struct vgpu *vgpu,
                     void (*visit)(void *ctx, const struct vgpu_resource *resource), void *ctx);

/* --- framebuffers: a resource with memory, shown on a scanout or not, by explicit states --- */

struct vgpu_framebuffer_config {
    struct vgpu_image image;
    struct vgpu_backing backing;
    uint32_t resource_id;          /* 0: any free one */
    uint32_t scanout_id;           /* VGPU_SCANOUT_NONE: not shown */
    struct vgpu_rect scanout_rect; /* empty: the whole image */
};

/* In the caller's memory; starts zeroed. */
struct vgpu_framebuffer {
    struct vgpu *vgpu;
    struct vgpu_framebuffer_config config;
    struct vgpu_resource *resource;
    enum vgpu_state state;
    enum virtio_err failure; /* why the state is Failed */
    uint32_t refusal;        /* the error response behind it, 0: none */
    bool is_shown;           /* on its scanout */
    void (*done)(void *ctx, struct vgpu_framebuffer *framebuffer); /* private */
    void *ctx;
};

/*
 * Start to create, back and show a framebuffer; each step is taken when the one before was
 * answered, inside vgpu_poll. `done` (may be NULL) is called once: the state is then Ready or
 * Failed.
 * Returns: VIRTIO_OK; VIRTIO_ERR_STATE (not Uninitialized); VIRTIO_ERR_INVALID (backing smaller
 * than the image; sizes of 0 or beyond 16384); as vgpu_submit. After a failure: bring it down,
 * which undoes what was done.
 * Source: VirtIO 1.3 §5.7.6.1.
 */
enum virtio_err
vgpu_framebuffer_bring_up(struct vgpu_framebuffer *framebuffer, struct vgpu *vgpu,
                          const struct vgpu_framebuffer_config *config,
                          void (*done)(void *ctx, struct vgpu_framebuffer *framebuffer), void *ctx);

/*
 * The way back, from Ready or Failed to Uninitialized: there the backing is the caller's again.
 * Returns: VIRTIO_OK; VIRTIO_ERR_STATE; as vgpu_submit: on a failed device why that failed, and the
 * framebuffer stays Failed until it is brought down after vgpu_finish.
 */
enum virtio_err
vgpu_framebuffer_bring_down(struct vgpu_framebuffer *framebuffer,
                            void (*done)(void *ctx, struct vgpu_framebuffer *framebuffer),
                            void *ctx);

/* The same, waiting. Returns: VIRTIO_OK, or why it Failed. Context: thread; blocks. */
enum virtio_err
vgpu_framebuffer_bring_up_wait(struct vgpu_framebuffer *framebuffer, struct vgpu *vgpu,
                               const struct vgpu_framebuffer_config *config);
enum virtio_err vgpu_framebuffer_bring_down_wait(struct vgpu_framebuffer *framebuffer);

/* --- the trace --- */

/*
 * Print a GPU record of the trace: a command or response with all fields, joined from the byte
 * records that follow it, a change of state by name. `reader`: stands behind `record`; not moved.
 *    0.0905 device 4 queue 0 #1 gpu request 0x103: 48 bytes: SET_SCANOUT flags 0x0 ... resource_id 7
 *    0.0908 device 4 queue 0 #1 gpu response 0x1100 to 0x103 after 22952 ns: OK_NODATA flags 0x0 ...
 * Returns: characters written, less than `text_bytes`; 0 when it is not a GPU record
 * (virtio_trace_print prints any).
 */
size_t vgpu_trace_format(const struct virtio_trace_reader *reader,
                         const struct trace_record *record, char *text, size_t text_bytes);

#endif
