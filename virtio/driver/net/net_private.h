/*
 * Shared by the files of the network driver.
 */
#ifndef VIRTIO_DRIVER_NET_NET_PRIVATE_H
#define VIRTIO_DRIVER_NET_NET_PRIVATE_H

#include "virtio/driver/bring_up.h"
#include "virtio/net.h"

/* What each control command is: its numbers in the abi, and what its data holds. */
struct vnet_control_kind {
    uint8_t class;
    uint8_t command;
    uint8_t data; /* enum vnet_control_data */
    char name[15];
};

enum vnet_control_data {
    VNET_DATA_SWITCH, /* one byte, 0 or 1 */
    VNET_DATA_MAC,
    VNET_DATA_TABLES, /* two of struct virtio_net_ctrl_mac */
};

extern const struct vnet_control_kind vnet_control_kinds[VNET_CONTROL_COUNT];

/* Read link status from the configuration. Returns: as virtio_config_read. */
enum virtio_err vnet_read_status(struct vnet *net);

/* What net_usable does where not all is well. */
enum virtio_err vnet_trouble(struct vnet *net);

/* May the fast paths go on? Returns: VIRTIO_OK, VIRTIO_ERR_NOT_INITIALIZED or as driver_failure. */
static inline enum virtio_err
net_usable(struct vnet *net)
{
    const struct virtio_device *device = net->device;
    bool is_fine = device != NULL && device->fault.rule == NULL &&
                   driver_config_changes(device) == net->watch.config_seen;

    return is_fine ? VIRTIO_OK : vnet_trouble(net);
}

static inline struct vnet_buffer *
net_pool_pop(struct vnet_pool *pool)
{
    struct vnet_buffer *buffer = pool->free;

    if (buffer != NULL) {
        pool->free = buffer->next_free;
        pool->free_count--;
    }
    return buffer;
}

static inline void
net_pool_push(struct vnet_pool *pool, struct vnet_buffer *buffer)
{
    buffer->next_free = pool->free;
    pool->free = buffer;
    pool->free_count++;
}

/*
 * The descriptors of header and `frame_bytes` of frame: one, or two for a legacy device without ANY_LAYOUT, §5.1.6.6.
 * Returns: how many of segs[2] were filled.
 */
static inline uint16_t
net_fill_segs(const struct vnet *net, const struct vnet_buffer *buffer, uint32_t frame_bytes,
              struct virtq_seg segs[2])
{
    segs[0].addr = buffer->header_addr;
    if (net->segs_per_buffer == 1) {
        segs[0].bytes = net->header_bytes + frame_bytes;
        return 1;
    }
    segs[0].bytes = net->header_bytes;
    segs[1].addr = buffer->header_addr + net->header_bytes;
    segs[1].bytes = frame_bytes;
    return 2;
}

/* Record the beginning of a frame after its event. */
static inline void
net_trace_bytes(const struct vnet *net, uint16_t queue_idx, uint32_t cookie, const uint8_t *frame,
                size_t bytes)
{
    virtio_trace_payload(net->device->bus->trace, cookie, driver_origin(net->device, queue_idx),
                         frame, bytes < VNET_TRACE_BYTES ? bytes : VNET_TRACE_BYTES);
}

/* Offer one receive buffer to the device. */
enum virtio_err vnet_rx_offer(struct vnet *net, struct vnet_buffer *buffer);

/* Take back what was sent, and look after a device that gives nothing back. Returns: VIRTIO_OK or as driver_failure. */
enum virtio_err vnet_tx_look(struct vnet *net);

/* Give the control queue its memory, where the device has one. Returns: VIRTIO_OK, VIRTIO_ERR_NO_MEMORY or as virtq_setup. */
enum virtio_err vnet_control_init(struct vnet *net, struct virtio_arena *arena);

/* Arena bytes that net_control_init takes. */
size_t vnet_control_arena_bytes(void);

#endif
