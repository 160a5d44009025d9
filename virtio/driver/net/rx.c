/*
 * Receiving. VirtIO 1.3 §5.1.6.3, §5.1.6.4.
 *
 *   with MRG_RXBUF    | header num_buffers=3 | frame, first part | ->| second part, full | ->| the rest |
 *
 * All buffers of a frame are used together, and all but the last are full (§5.1.6.4.1); what does not hold breaks the device.
 */
#include "virtio/core/check.h"
#include "virtio/core/memory.h"
#include "virtio/driver/net/net_private.h"

enum virtio_err
vnet_rx_offer(struct vnet *net, struct vnet_buffer *buffer)
{
    struct virtq_seg segs[2];
    struct virtq_chain chain = { .segs = segs, .token = buffer };

    chain.cookie = driver_cookie(net->device);
    chain.writable_count = net_fill_segs(net, buffer, net->frame_room, segs);
    return virtq_add(&net->rx, &chain);
}

/*
 * Tell the device of returned buffers once they are as many as those it still knows: seldom while it has plenty, at once
 * when it has none, so it never sleeps without a buffer for lack of a notification.
 */
static void
notify_when_due(struct vnet *net)
{
    if ((uint32_t)net->rx.added_since_notify * 2 >= net->rx.in_flight_count) {
        (void)virtq_notify(&net->rx);
    }
}

void
vnet_recycle_rx_buffer(struct vnet *net, struct vnet_buffer *buffer)
{
    if (net->device == NULL) {
        return;
    }
    VIRTIO_CHECK(buffer->is_lent);
    buffer->is_lent = false;
    if (vnet_rx_offer(net, buffer) == VIRTIO_OK) { /* else the queue is broken, and has said so */
        notify_when_due(net);
    }
}

void
vnet_recycle(struct vnet *net, struct vnet_frame *frame)
{
    uint16_t seg_count = frame->seg_count;

    frame->seg_count = 0;
    frame->bytes = 0;
    for (uint16_t i = 0; i < seg_count; i++) {
        vnet_recycle_rx_buffer(net, frame->segs[i].buffer);
    }
}

/* Take one used buffer and add it to the frame; buffers beyond what a frame can hold go back at once. */
static enum virtio_err
take_buffer(struct vnet *net, struct vnet_frame *frame, uint32_t header_bytes)
{
    struct virtq_done done;
    struct vnet_buffer *buffer;
    enum virtio_err err = virtq_take_used(&net->rx, &done);

    if (err != VIRTIO_OK) {
        return err;
    }
    buffer = done.token;
    if (frame->seg_count == 0) {
        frame->cookie = done.cookie;
    }
    if (done.written_bytes < header_bytes) {
        return virtio_driver_broken(net->device,
                                    "used length below the header's (VirtIO 1.3 §5.1.6.4)",
                                    done.written_bytes);
    }
    buffer->is_lent = true;
    frame->bytes += done.written_bytes - header_bytes;
    if (frame->seg_count == VNET_FRAME_SEGS_MAX) {
        vnet_recycle_rx_buffer(net, buffer);
        return VIRTIO_OK;
    }
    frame->segs[frame->seg_count++] = (struct vnet_seg){
        .data = buffer->frame - net->header_bytes + header_bytes,
        .bytes = done.written_bytes - header_bytes,
        .buffer = buffer,
    };
    return VIRTIO_OK;
}

/* The buffers after the first; they hold no header, and all but the last must be full. */
static enum virtio_err
take_rest(struct vnet *net, struct vnet_frame *frame, uint16_t buffer_count)
{
    uint32_t full_bytes = net->frame_room; /* of all buffers so far, without the header */

    for (uint16_t i = 1; i < buffer_count; i++) {
        enum virtio_err err;

        if (frame->bytes != full_bytes) {
            return virtio_driver_broken(
                net->device, "a buffer before a frame's last is not full (VirtIO 1.3 §5.1.6.4.1)",
                frame->bytes);
        }
        err = take_buffer(net, frame, 0);
        if (err == VIRTIO_EMPTY) {
            return virtio_driver_broken(
                net->device, "num_buffers is more than were used (VirtIO 1.3 §5.1.6.4.1)",
                buffer_count);
        }
        if (err != VIRTIO_OK) {
            return err;
        }
        full_bytes += net->header_bytes + net->frame_room;
    }
    net->stats.rx_joined++;
    return VIRTIO_OK;
}

/* The header lies in memory that the device writes: each field is read once. */
static enum virtio_err
read_header(struct vnet *net, const struct vnet_buffer *buffer, uint16_t *buffer_count)
{
    const volatile uint8_t *header = buffer->frame - net->header_bytes;
    uint8_t flags = header[offsetof(struct virtio_net_hdr, flags)];
    uint8_t gso_type = header[offsetof(struct virtio_net_hdr, gso_type)];
    size_t count_at = offsetof(struct virtio_net_hdr, num_buffers);

    *buffer_count = 1;
    if (gso_type != VIRTIO_NET_HDR_GSO_NONE) {
        return virtio_driver_broken(
            net->device, "segmentation type without the feature (VirtIO 1.3 §5.1.6.4.1)", gso_type);
    }
    if ((flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) { /* other flags are ignored, §5.1.6.4.2 */
        return virtio_driver_broken(net->device,
                                    "NEEDS_CSUM without GUEST_CSUM (VirtIO 1.3 §5.1.6.4.1)", flags);
    }
    if (!net->has_mergeable) {
        return VIRTIO_OK;
    }
    *buffer_count = (uint16_t)(header[count_at] | header[count_at + 1] << 8);
    if (*buffer_count == 0 || *buffer_count > net->rx_pool.count) {
        return virtio_driver_broken(net->device,
                                    "num_buffers is 0 or above the queue's (VirtIO 1.3 §5.1.6.4.1)",
                                    *buffer_count);
    }
    return VIRTIO_OK;
}

/* Take one frame, fit for the caller or not. */
static enum virtio_err
take_frame(struct vnet *net, struct vnet_frame *frame)
{
    uint16_t buffer_count = 0;
    enum virtio_err err;

    frame->bytes = 0;
    frame->seg_count = 0;
    err = take_buffer(net, frame, net->header_bytes);
    if (err == VIRTIO_OK) {
        err = read_header(net, frame->segs[0].buffer, &buffer_count);
    }
    if (err == VIRTIO_OK && buffer_count > 1) {
        err = take_rest(net, frame, buffer_count);
    }
    if (err == VIRTIO_OK && buffer_count > VNET_FRAME_SEGS_MAX) {
        net->stats.rx_too_long++;
        vnet_recycle(net, frame);
    } else if (err == VIRTIO_OK && frame->bytes < VNET_FRAME_BYTES_MIN) {
        net->stats.rx_too_short++;
        vnet_recycle(net, frame);
    }
    return err;
}

static void
trace_received(struct vnet *net, const struct vnet_frame *frame)
{
    /* A buffer that was offered while the trace was off has none yet. */
    uint32_t cookie = frame->cookie != 0 ? frame->cookie : driver_cookie(net->device);

    if (cookie != 0) {
        driver_trace(net->device, TRACE_NET_RECEIVE, cookie, VIRTIO_NET_RECEIVEQ, frame->bytes,
                     frame->seg_count);
        net_trace_bytes(net, VIRTIO_NET_RECEIVEQ, cookie, frame->segs[0].data,
                        frame->segs[0].bytes);
    }
}

/* Frames to be dropped are skipped, no more than one queue full of them in one call: the caller has other work too. */
static enum virtio_err
next_frame(struct vnet *net, struct vnet_frame *frame)
{
    enum virtio_err err = net_usable(net);

    for (uint16_t tries = 0; err == VIRTIO_OK && tries < net->rx_pool.count; tries++) {
        err = take_frame(net, frame);
        if (err == VIRTIO_OK && frame->seg_count != 0) {
            net->stats.rx_frames++;
            net->stats.rx_bytes += frame->bytes;
            trace_received(net, frame);
            return VIRTIO_OK;
        }
    }
    if (err == VIRTIO_OK) {
        return VIRTIO_EMPTY;
    }
    if (err == VIRTIO_EMPTY && net->rx.added_since_notify != 0) {
        (void)virtq_notify(&net->rx);
    }
    frame->seg_count = 0;
    if (err == VIRTIO_EMPTY) {
        enum virtio_err dead = net->tx.in_flight_count != 0
                                   ? vnet_tx_look(net)
                                   : virtio_driver_idle(net->device, &net->watch);

        err = dead != VIRTIO_OK ? dead : err;
    }
    return err;
}

enum virtio_err
vnet_receive_frame(struct vnet *net, struct vnet_frame *frame)
{
    if (net->pending.seg_count == 0) {
        return next_frame(net, frame);
    }
    *frame = net->pending;
    net->pending.seg_count = 0;
    return VIRTIO_OK;
}

enum virtio_err
vnet_receive(struct vnet *net, void *buffer, size_t buffer_bytes, size_t *frame_bytes)
{
    struct vnet_frame *frame = &net->pending;
    uint8_t *to = buffer;

    if (frame->seg_count == 0) {
        enum virtio_err err = next_frame(net, frame);

        if (err != VIRTIO_OK) {
            return err;
        }
    }
    *frame_bytes = frame->bytes;
    if (frame->bytes > buffer_bytes) {
        return VIRTIO_ERR_BUFFER_TOO_SMALL;
    }
    for (uint16_t i = 0; i < frame->seg_count; i++) {
        memcpy(to, frame->segs[i].data, frame->segs[i].bytes);
        to += frame->segs[i].bytes;
    }
    vnet_recycle(net, frame);
    return VIRTIO_OK;
}

void
vnet_rx_interrupts_off(struct vnet *net)
{
    if (net->device != NULL) {
        virtq_interrupts_off(&net->rx);
    }
}

bool
vnet_rx_interrupts_on(struct vnet *net)
{
    if (net->device == NULL) {
        return false;
    }
    if (net->rx.added_since_notify != 0) {
        (void)virtq_notify(&net->rx);
    }
    return virtq_interrupts_on(&net->rx);
}
