/*
 * Network driver: Ethernet frames in and out. VirtIO 1.3 §5.1.
 *
 *   vnet_init(&net, device, &config, &arena)       claims, negotiates, fills the receive queue, starts
 *   vnet_send(&net, frame, bytes)                  copies, sends, notifies
 *   vnet_receive(&net, buffer, size, &bytes)       copies out, gives the buffer back to the device; VIRTIO_EMPTY: none
 *   vnet_finish(&net)
 *
 * Without a copy and with one notification for many frames:
 *
 *   vnet_reserve(&net, &slot)  write slot.data  vnet_commit(&net, &slot, bytes)  ...  vnet_flush(&net)
 *   vnet_receive_frame(&net, &frame)  read frame.segs[]  vnet_recycle(&net, &frame)
 *
 * Header and frame lie in one buffer and one descriptor (two for a legacy device without ANY_LAYOUT, §5.1.6.6):
 *
 *   | 6 or 8 | header 12, or 10 (§5.1.6.1) | frame ...           |      the frame begins 2 bytes after a multiple of 4,
 *   0                                      18                stride     so that the IP header is aligned to 4
 *
 * Every buffer is known by the token that comes back with it, never by counting, so nothing depends on the order of completion.
 * Sent buffers are taken back when buffers run short; the transmit queue never interrupts.
 * No checksum or segmentation offload is asked for: what arrives are whole frames, and a device that says otherwise is broken.
 *
 * Context of all functions unless said otherwise: the caller serialises the calls on one vnet; none allocates; those
 * that wait say so. A vnet may be used polled, by interrupt, or both.
 */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio_net.h"

#include "virtio/device.h"
#include "virtio/queue.h"
#include "virtio/trace.h"
#include "virtio/watch.h"

enum {
    VNET_QUEUE_SIZE_DEFAULT = 32,
    VNET_QUEUE_SIZE_MAX = 256,
    VNET_BUFFER_BYTES_DEFAULT = 2048,
    VNET_BUFFER_BYTES_MIN = 256,
    VNET_BUFFER_BYTES_MAX = 65536,
    VNET_FRAME_OFFSET = 18,    /* of the frame in its buffer, see the picture */
    VNET_FRAME_BYTES_MIN = 14, /* an Ethernet header */
    VNET_FRAME_SEGS_MAX = 8,   /* buffers that one received frame may be spread over */
    VNET_FILTER_MACS_MAX = 32, /* addresses in the filter, both tables together */
    VNET_CONTROL_TIMEOUT_MS = 1000,
    VNET_TRACE_BYTES = 96, /* of each frame that the trace keeps, after its event: the headers */
};

struct vnet_config {
    uint64_t features;      /* reserved bits wanted besides: any of VIRTIO_FEATURES_LIBRARY */
    uint32_t buffer_bytes;  /* header and frame, a multiple of 64 from MIN to MAX; 0: the default */
    uint16_t rx_queue_size; /* a power of two up to VNET_QUEUE_SIZE_MAX; 0: the default */
    uint16_t tx_queue_size; /* likewise */
    bool is_interrupting;   /* false: the receive queue is polled */
    /* For a device that has none; zeros: 02:00:00:00:00:index. */
    uint8_t fallback_mac[VIRTIO_NET_MAC_BYTES];
};

/* Private: one buffer of a pool. */
struct vnet_buffer {
    uint8_t *frame; /* where the frame begins; the header lies before it */
    uint64_t header_addr;
    struct vnet_buffer *next_free;
    bool is_lent; /* the caller has it: a frame received, or a slot reserved */
};

/* Private: buffers that are contiguous for the device. */
struct vnet_pool {
    struct vnet_buffer *buffers;
    struct vnet_buffer *free;
    uint16_t count;
    uint16_t free_count;
};

/* A piece of a received frame. */
struct vnet_seg {
    uint8_t *data; /* the caller may also write here */
    uint32_t bytes;
    struct vnet_buffer *buffer;
};

/* A received frame in the device's own buffers; the caller's until vnet_recycle. */
struct vnet_frame {
    uint32_t bytes;  /* sum of all pieces */
    uint32_t cookie; /* of its first buffer in the trace; 0: none */
    uint16_t seg_count;
    struct vnet_seg segs[VNET_FRAME_SEGS_MAX];
};

/* Room for a frame to be sent; the caller's until vnet_commit or vnet_cancel. */
struct vnet_slot {
    uint8_t *data;
    uint32_t bytes; /* how many may be written */
    struct vnet_buffer *buffer;
};

struct vnet_stats {
    uint64_t tx_frames;
    uint64_t tx_bytes;
    uint64_t tx_completed;
    uint64_t tx_busy;      /* times that no buffer was free */
    uint64_t tx_link_down; /* frames refused with VIRTIO_ERR_TRANSMIT_FAILED */
    uint64_t rx_frames;
    uint64_t rx_bytes;
    uint64_t rx_joined;    /* frames that came in several buffers */
    uint64_t rx_too_short; /* frames without a whole Ethernet header, dropped */
    uint64_t rx_too_long;  /* frames of more than VNET_FRAME_SEGS_MAX buffers, dropped */
    uint64_t control_commands;
    uint64_t control_refused;
    uint64_t link_changes;
};

/* The commands of the control queue that the driver sends. */
enum vnet_control {
    VNET_CONTROL_PROMISC,
    VNET_CONTROL_ALLMULTI,
    VNET_CONTROL_MAC_TABLE,
    VNET_CONTROL_MAC_ADDR,
    VNET_CONTROL_COUNT
};

/* Read freely; written by the library only. */
struct vnet {
    struct virtio_device *device; /* NULL: not initialized */
    struct virtio_watch watch;
    struct virtq rx;
    struct virtq tx;
    struct virtq control;
    struct vnet_pool rx_pool;
    struct vnet_pool tx_pool;
    uint32_t header_bytes;
    uint16_t segs_per_buffer; /* descriptors: 2 for a legacy device without ANY_LAYOUT, else 1 */
    uint32_t frame_room;      /* frame bytes that one buffer holds */
    uint32_t send_bytes_max;  /* of a frame: the same, and no more than an agreed MTU allows */
    uint16_t mtu;             /* 1500 without the MTU feature */
    uint8_t mac[VIRTIO_NET_MAC_BYTES];
    bool has_mergeable;
    bool has_control;
    bool is_link_up;
    bool is_control_awaited; /* a control command is in flight, perhaps after a timeout */
    bool is_promiscuous;
    bool is_allmulti;
    uint8_t *control_memory; /* command, data and ack */
    /* What the last command asked for: it counts when the answer comes, be it late. */
    enum vnet_control control_kind;
    uint8_t control_sent[VIRTIO_NET_MAC_BYTES]; /* the beginning of its data */
    uint32_t control_cookie;
    uint64_t control_addr;
    struct vnet_frame pending; /* taken, not delivered: the caller's buffer was too small */
    struct vnet_stats stats;
    /* From the command to its ack, accepted, refused or late. Frames are not timed, see virtq_config.is_untimed. */
    struct virtio_histogram control_latency[VNET_CONTROL_COUNT];
};

/* What vnet_take_events saw. */
enum {
    VNET_EVENT_QUEUE = 1, /* frames may have arrived */
    VNET_EVENT_LINK = 2,  /* the link may have changed: see vnet_is_link_up */
};

/*
 * Arena bytes, at most, that vnet_init takes. 0 when `config` is out of range. NULL: the defaults, with VIRTIO_FEATURES_LIBRARY.
 */
size_t vnet_arena_bytes(const struct vnet_config *config);

/*
 * Claim `device` as "net" and bring it up: features, MAC, MTU, queues, receive buffers, DRIVER_OK.
 * `net` is the caller's and lives until vnet_finish; `config` NULL: the defaults, polled, VIRTIO_FEATURES_LIBRARY.
 * Returns: VIRTIO_OK; VIRTIO_ERR_NO_DEVICE (another kind of device, or it has no queues); VIRTIO_ERR_OWNED; VIRTIO_ERR_INVALID
 * (configuration out of range, or buffers too small for the device's MTU); VIRTIO_ERR_NO_MEMORY (arena, or memory that
 * cannot be shared); VIRTIO_ERR_UNSUPPORTED; VIRTIO_ERR_TIMEOUT (reset); VIRTIO_ERR_BROKEN (device->fault says why).
 * After a failure the device is nobody's, `net` is as zeroed and arena->used_bytes as before; but after VIRTIO_ERR_TIMEOUT with
 * more of it used the device still has that memory, see vnet_finish.
 * Source: VirtIO 1.3 §5.1.5, §5.1.6.3.1.
 */
enum virtio_err vnet_init(struct vnet *net, struct virtio_device *device,
                          const struct vnet_config *config, struct virtio_arena *arena);

/*
 * Reset the device and give it back; the arena is the caller's again. Accepts a zeroed vnet.
 * Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT: the device does not reset. It stays claimed and broken and may use the arena
 * for ever, unless a later call of this function says VIRTIO_OK: use that memory for nothing else.
 * Source: VirtIO 1.3 §2.4.2.
 */
enum virtio_err vnet_finish(struct vnet *net);

/* The station address, six bytes, as read at init or set since. */
static inline const uint8_t *
vnet_mac(const struct vnet *net)
{
    return net->mac;
}

/* The largest payload of a frame, without the 14 bytes of Ethernet header. */
static inline uint16_t
vnet_mtu(const struct vnet *net)
{
    return net->mtu;
}

/*
 * Is the link up? Reads the device's status only after a configuration change was seen; true where the device cannot tell,
 * false of a device that is broken or dead.
 * Source: VirtIO 1.3 §5.1.4.2.
 */
bool vnet_is_link_up(struct vnet *net);

/* Would vnet_send or vnet_reserve find a free buffer now? May take sent buffers back. */
bool vnet_can_send(struct vnet *net);

/* Is there a frame to receive? One read of shared memory. Never true of a broken device. */
static inline bool
vnet_can_recv(const struct vnet *net)
{
    return net->device != NULL && net->device->fault.rule == NULL &&
           (net->pending.seg_count != 0 || virtq_has_used(&net->rx));
}

/*
 * Copy a frame of `bytes` (VNET_FRAME_BYTES_MIN to net->send_bytes_max, without checksum) and send it now.
 * Returns: VIRTIO_OK: the device has it; VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_INVALID (too short or too long);
 * VIRTIO_ERR_BUSY (all buffers are in flight); VIRTIO_ERR_TRANSMIT_FAILED (the link is down); VIRTIO_ERR_BROKEN,
 * VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET.
 * Source: VirtIO 1.3 §5.1.6.2.
 */
enum virtio_err vnet_send(struct vnet *net, const void *frame, size_t bytes);

/* The same without a notification: vnet_flush must follow, once for many. */
enum virtio_err vnet_queue_frame(struct vnet *net, const void *frame, size_t bytes);

/*
 * Take a free transmit buffer to write a frame into.
 * Returns: VIRTIO_OK and *slot; VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_BUSY; VIRTIO_ERR_TRANSMIT_FAILED; VIRTIO_ERR_BROKEN;
 * VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET.
 */
enum virtio_err vnet_reserve(struct vnet *net, struct vnet_slot *slot);

/*
 * Offer the frame of `bytes` in `slot` to the device, without a notification.
 * Returns: VIRTIO_OK; VIRTIO_ERR_INVALID (length; the slot is still the caller's); VIRTIO_ERR_BROKEN (the slot is gone).
 */
enum virtio_err vnet_commit(struct vnet *net, struct vnet_slot *slot, size_t bytes);

/* Give a reserved slot back unused. */
void vnet_cancel(struct vnet *net, struct vnet_slot *slot);

/* Notify the device of what was queued, where it wants to know. */
void vnet_flush(struct vnet *net);

/*
 * Wait until the device has taken all sent frames; frames queued are flushed first. Waits up to `timeout_ms`.
 * Returns: VIRTIO_OK; VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_TIMEOUT; VIRTIO_ERR_BROKEN; VIRTIO_ERR_LOST and
 * VIRTIO_ERR_NEEDS_RESET as virtio_device_health found after the deadline.
 */
enum virtio_err vnet_drain(struct vnet *net, uint32_t timeout_ms);

/*
 * Copy the next frame out and give its buffers back to the device.
 * Returns: VIRTIO_OK and *frame_bytes; VIRTIO_EMPTY; VIRTIO_ERR_BUFFER_TOO_SMALL and *frame_bytes: the frame waits for
 * a call with that much room; VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_BROKEN, VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET.
 * Source: VirtIO 1.3 §5.1.6.4.
 */
enum virtio_err
vnet_receive(struct vnet *net, void *buffer, size_t buffer_bytes, size_t *frame_bytes);

/*
 * Take the next frame where it lies. It is the caller's until vnet_recycle; while many are out, the device has fewer. A device that
 * breaks the rules can still write there: what must stay as it was when it was checked, copy (vnet_receive).
 * Returns: VIRTIO_OK; VIRTIO_EMPTY: none (or a whole queue of frames fit only to be dropped: vnet_can_recv tells, and for what
 * waits already no interrupt will come); VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_BROKEN, VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET.
 */
enum virtio_err vnet_receive_frame(struct vnet *net, struct vnet_frame *frame);

/* Give the buffers of a received frame back to the device; `frame` is empty afterwards. Nothing happens after vnet_finish. */
void vnet_recycle(struct vnet *net, struct vnet_frame *frame);

/* Give back one buffer of a frame whose pieces are handed on separately. */
void vnet_recycle_rx_buffer(struct vnet *net, struct vnet_buffer *buffer);

/*
 * Read and acknowledge the device's interrupt. VNET_EVENT_* bits; 0: it was not for us.
 * Context: interrupt handlers, or polling (to notice a change of the link).
 */
uint32_t vnet_take_events(struct vnet *net);

/* Ask for no interrupt on receipt, while a loop polls. */
void vnet_rx_interrupts_off(struct vnet *net);

/* Ask for an interrupt at the next frame. Returns: true when frames are waiting already: poll again, for them none will come. */
bool vnet_rx_interrupts_on(struct vnet *net);

/*
 * Receive every frame on the wire, or only those addressed to us. Waits up to VNET_CONTROL_TIMEOUT_MS.
 * Returns: VIRTIO_OK; VIRTIO_ERR_NOT_INITIALIZED; VIRTIO_ERR_UNSUPPORTED (no CTRL_RX); VIRTIO_ERR_REFUSED (the device says no);
 * VIRTIO_ERR_BUSY (an earlier command that timed out is still in flight); VIRTIO_ERR_TIMEOUT (the device may still do it, which
 * the next command finds out); VIRTIO_ERR_BROKEN;
 * VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET.
 * Source: VirtIO 1.3 §5.1.6.5.1.
 */
enum virtio_err vnet_set_promiscuous(struct vnet *net, bool on);

/* Receive all multicast frames. Waits, returns: as vnet_set_promiscuous. */
enum virtio_err vnet_set_allmulti(struct vnet *net, bool on);

/* Addresses to let through besides our own and broadcast; a NULL table is an empty one. */
struct vnet_mac_filter {
    const uint8_t (*unicast)[VIRTIO_NET_MAC_BYTES];
    const uint8_t (*multicast)[VIRTIO_NET_MAC_BYTES];
    uint16_t unicast_count;
    uint16_t multicast_count; /* both together at most VNET_FILTER_MACS_MAX */
};

/*
 * Replace the filter's tables; the device may let more through. Waits, returns: as vnet_set_promiscuous, and
 * VIRTIO_ERR_INVALID (too many).
 * Source: VirtIO 1.3 §5.1.6.5.2.
 */
enum virtio_err vnet_set_mac_filter(struct vnet *net, const struct vnet_mac_filter *filter);

/*
 * Change the station address (not a group address). Waits, returns: as vnet_set_promiscuous, and VIRTIO_ERR_INVALID.
 * A legacy device without CTRL_MAC_ADDR takes it byte by byte in its configuration space.
 * Source: VirtIO 1.3 §5.1.6.5.2, §5.1.6.5.2.3.
 */
enum virtio_err vnet_set_mac(struct vnet *net, const uint8_t mac[VIRTIO_NET_MAC_BYTES]);

/* "RX_PROMISC", "MAC_TABLE_SET", ...: VirtIO's name of a command below VNET_CONTROL_COUNT. Source: VirtIO 1.3 §5.1.6.5. */
const char *vnet_control_name(enum vnet_control control);

/*
 * Print a network record of the trace: a control command with all of its data, its ack by name and its latency; a frame with
 * the fields of its Ethernet header. `reader`: stands behind `record`; not moved.
 *    0.0911 device 2 queue 2 #7 net command class 0 command 0: 1 bytes: RX_PROMISC on
 *    0.0913 device 2 queue 2 #7 net control class 0 command 0: ack 0 after 22952 ns: OK to RX_PROMISC
 *    0.0917 device 2 queue 1 #8 net send: 42 bytes: to ff:ff:ff:ff:ff:ff from 52:54:00:12:34:56 type 0x806
 * A frame sent is a command too, with one cookie from NET_SEND and VIRTQ_ADD to VIRTQ_USED and NET_SENT, which tell its latency
 * (while the trace is on, frames are timed); a receive buffer has one from VIRTQ_ADD to VIRTQ_USED and NET_RECEIVE.
 * Returns: characters written, less than `text_bytes`; 0 when it is not a network record (virtio_trace_print prints any).
 * Context: any.
 */
size_t vnet_trace_format(const struct virtio_trace_reader *reader,
                         const struct trace_record *record, char *text, size_t text_bytes);

#endif
