/*
 * Block driver: sectors of 512 bytes. VirtIO 1.3 §5.2.
 *
 *   vblk_init(&blk, device, &config, &arena)
 *   vblk_read(&blk, sector, count, memory, timeout_ms)       waits; copies through the driver's own buffer
 *
 * Many requests in flight, without a copy:
 *
 *   op = (struct vblk_op){ .type = VBLK_WRITE, .sector = 8, .sector_count = 16, .data = memory, .done = on_done };
 *   vblk_submit(&blk, &op)  ...  vblk_flush_queue(&blk)     one notification for many
 *   vblk_poll(&blk)                                        calls on_done(&op) with op.err set, for each that completed
 *
 *   request = | head 16, device-readable | data | status 1, device-writable |       each a descriptor of its own, §5.2.6
 *
 * A blocking call never lends the caller's memory to the device: after VIRTIO_ERR_TIMEOUT the device still holds the
 * driver's buffer only, and blocking calls answer VIRTIO_ERR_BUSY until it has given that back.
 *
 * Context of all functions: the caller serialises the calls on one vblk; none allocates; those that wait say so.
 */
#ifndef VIRTIO_BLK_H
#define VIRTIO_BLK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio_blk.h"

#include "virtio/device.h"
#include "virtio/queue.h"
#include "virtio/trace.h"
#include "virtio/watch.h"

enum {
    VBLK_QUEUE_SIZE_DEFAULT = 64,
    VBLK_QUEUE_SIZE_MAX = 1024,
    VBLK_OPS_DEFAULT = 16,
    VBLK_OPS_MAX = 256,
    VBLK_BOUNCE_BYTES_DEFAULT = 16384,
    VBLK_TIMEOUT_MS_DEFAULT = 5000,
};

struct vblk_config {
    uint16_t queue_size;   /* a power of two up to VBLK_QUEUE_SIZE_MAX; 0: the default */
    uint16_t op_count;     /* requests in flight at most, up to VBLK_OPS_MAX; 0: the default */
    uint32_t bounce_bytes; /* buffer of blocking calls, a multiple of 512; 0: the default */
    bool is_interrupting;  /* false: polled */
    uint64_t features;     /* reserved bits wanted besides: any of VIRTIO_FEATURES_LIBRARY */
};

enum vblk_type { VBLK_READ, VBLK_WRITE, VBLK_FLUSH, VBLK_GET_ID, VBLK_TYPE_COUNT };

/*
 * One request. Op and data are the device's from vblk_submit until `done` is called with is_in_flight false. Before that `done`
 * is called once more, with is_in_flight true, when the op is late: after its timeout (VIRTIO_ERR_TIMEOUT) or when the device
 * is found dead (VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET, VIRTIO_ERR_BROKEN).
 */
struct vblk_op {
    enum vblk_type type;
    uint32_t sector_count; /* read and write: at least 1 */
    uint64_t sector;       /* read and write */
    void *data;            /* read, write; get id: VIRTIO_BLK_ID_BYTES. Contiguous for the device */
    void (*done)(struct vblk_op *op); /* called by vblk_poll; may submit; may be NULL */
    void *ctx;                        /* the caller's */
    uint64_t latency_ns;              /* result */
    uint32_t timeout_ms;              /* 0: none */
    enum virtio_err err; /* result: as vblk_read returns; VIRTIO_ERR_STATE while in flight */
    bool is_in_flight;   /* result: the device still has op and data */
};

/* Private: head and status of one request in flight, in memory that the device sees. */
struct vblk_cell {
    struct virtio_blk_req head;
    volatile uint8_t status;
    uint8_t unused[15];
};

/* Private. */
struct vblk_slot {
    struct vblk_op *op;
    struct vblk_cell *cell;
    uint64_t cell_addr;
    uint64_t deadline_ns;
    uint32_t data_bytes;
    uint32_t cookie;
    bool is_reported;
    struct vblk_slot *next_free;
};

struct vblk_stats {
    uint64_t ops[VBLK_TYPE_COUNT];
    uint64_t bytes[VBLK_TYPE_COUNT];
    uint64_t io_errors;
    uint64_t unsupported;
    uint64_t refused; /* by our own bounds checks */
    uint64_t busy;
    uint64_t timeouts;
};

/* Read freely; written by the library only. */
struct vblk {
    struct virtio_device *device; /* NULL: not initialized */
    struct virtio_watch watch;
    struct virtq queue;
    uint64_t capacity_sectors; /* read again after a change of the configuration */
    uint32_t block_bytes;      /* the device's own unit; 512 where it does not say */
    uint32_t max_bytes;        /* of one request's data */
    bool is_read_only;
    bool has_flush;
    uint16_t op_count;
    uint16_t in_flight;
    uint64_t deadline_ns; /* the next one's; UINT64_MAX: none */
    struct vblk_slot *slots;
    struct vblk_slot *free;
    uint8_t *bounce; /* for blocking calls, which use sync_op */
    uint32_t bounce_bytes;
    bool is_sync_in_flight;
    struct vblk_op sync_op;
    struct virtio_histogram latency[VBLK_TYPE_COUNT]; /* from vblk_submit to vblk_poll */
    struct vblk_stats stats;
};

/* Arena bytes, at most, that vblk_init takes. 0 when `config` is out of range. NULL: the defaults, with VIRTIO_FEATURES_LIBRARY. */
size_t vblk_arena_bytes(const struct vblk_config *config);

/*
 * Claim `device` as "blk" and bring it up. `blk` is the caller's and lives until vblk_finish.
 * Returns: VIRTIO_OK; VIRTIO_ERR_NO_DEVICE; VIRTIO_ERR_OWNED; VIRTIO_ERR_INVALID (configuration); VIRTIO_ERR_NO_MEMORY;
 * VIRTIO_ERR_UNSUPPORTED; VIRTIO_ERR_TIMEOUT (reset); VIRTIO_ERR_BROKEN. After a failure the device is nobody's and arena->used_bytes
 * as before; but after VIRTIO_ERR_TIMEOUT with more of it used the device still has that memory, see vblk_finish.
 * Source: VirtIO 1.3 §5.2.5.
 */
enum virtio_err vblk_init(struct vblk *blk, struct virtio_device *device,
                          const struct vblk_config *config, struct virtio_arena *arena);

/*
 * Reset the device and give it back. Requests in flight are done with VIRTIO_ERR_LOST. Accepts a zeroed vblk.
 * Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT: the device does not reset. It stays claimed and broken and may use the arena
 * and the data of ops in flight, whose `done` is not called, for ever, unless a later call of this function says VIRTIO_OK:
 * use that memory for nothing else.
 * Source: VirtIO 1.3 §2.4.2.
 */
enum virtio_err vblk_finish(struct vblk *blk);

/*
 * Start a request; `vblk_flush_queue` must follow, once for many.
 * Returns: VIRTIO_OK: `done` will be called; otherwise it will not: VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_INVALID (beyond the
 * capacity, no sector, too long, data that cannot be shared); VIRTIO_ERR_REFUSED (write to a read-only device);
 * VIRTIO_ERR_UNSUPPORTED (flush); VIRTIO_ERR_BUSY; VIRTIO_ERR_BROKEN, VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET.
 * Source: VirtIO 1.3 §5.2.6, §5.2.6.1.
 */
enum virtio_err vblk_submit(struct vblk *blk, struct vblk_op *op);

/* Notify the device of what was submitted, where it wants to know. */
void vblk_flush_queue(struct vblk *blk);

/*
 * Complete what the device has done, calling each op's `done`. After an interrupt: call until VIRTIO_EMPTY. Ops that are late are
 * reported from here, so call it now and then also without one.
 * Returns: VIRTIO_OK when something completed; VIRTIO_EMPTY; VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_BROKEN; VIRTIO_ERR_LOST,
 * VIRTIO_ERR_NEEDS_RESET.
 */
enum virtio_err vblk_poll(struct vblk *blk);

/* What vblk_take_events saw. */
enum {
    VBLK_EVENT_QUEUE = 1, /* requests may have completed */
    VBLK_EVENT_CONFIG =
        2, /* the capacity may have changed, or the device needs a reset: the next call looks */
};

/*
 * Read and acknowledge the device's interrupt. VBLK_EVENT_* bits; 0: it was not for us.
 * Context: interrupt handlers, or polling.
 */
uint32_t vblk_take_events(struct vblk *blk);

/*
 * Read or write `sector_count` sectors, in as many requests as needed. Waits up to `timeout_ms` for each request.
 * Returns: VIRTIO_OK; as vblk_submit; VIRTIO_ERR_IO (the device failed this request); VIRTIO_ERR_UNSUPPORTED;
 * VIRTIO_ERR_TIMEOUT; VIRTIO_ERR_LOST; VIRTIO_ERR_NEEDS_RESET; VIRTIO_ERR_BROKEN.
 */
enum virtio_err vblk_read(struct vblk *blk, uint64_t sector, uint32_t sector_count, void *data,
                          uint32_t timeout_ms);
enum virtio_err vblk_write(struct vblk *blk, uint64_t sector, uint32_t sector_count,
                           const void *data, uint32_t timeout_ms);

/* Make what was written durable. Waits, returns: as vblk_write; VIRTIO_ERR_UNSUPPORTED without the FLUSH feature. */
enum virtio_err vblk_flush(struct vblk *blk, uint32_t timeout_ms);

/* The device's name for itself, terminated, at most VIRTIO_BLK_ID_BYTES characters. Waits, returns: as vblk_read. */
enum virtio_err
vblk_get_id(struct vblk *blk, char id[VIRTIO_BLK_ID_BYTES + 1], uint32_t timeout_ms);

/* "IN", "OUT", "FLUSH", "GET_ID": VirtIO's name of a type below VBLK_TYPE_COUNT. Source: VirtIO 1.3 §5.2.6. */
const char *vblk_type_name(enum vblk_type type);

/*
 * Print a block record of the trace: a request with type, sector and length, a response with its status by name, the type that
 * it answers and its latency, and the id that GET_ID brought. What sectors hold is not recorded. `reader`: stands behind
 * `record`; not moved.
 *    0.0911 device 1 queue 0 #2 blk request type 1: sector 7, 512 bytes: OUT
 *    0.0913 device 1 queue 0 #2 blk response status 0 to type 1 after 22952 ns: OK to OUT
 * Returns: characters written, less than `text_bytes`; 0 when it is not a block record (virtio_trace_print prints any).
 * Context: any.
 */
size_t vblk_trace_format(const struct virtio_trace_reader *reader,
                         const struct trace_record *record, char *text, size_t text_bytes);

#endif
