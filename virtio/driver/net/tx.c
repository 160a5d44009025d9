/*
 * Sending. VirtIO 1.3 §5.1.6.2.
 *
 * The header of every transmit buffer is twelve zeros (no checksum to complete, no segmentation) since the arena zeroed it:
 * the device only reads it, so it is never written again. A 64-byte frame costs one copy, one descriptor and, in a burst, no notification.
 */
#include "virtio/core/check.h"
#include "virtio/core/memory.h"
#include "virtio/driver/net/net_private.h"

/* Take back what the device has sent. */
static enum virtio_err
reclaim(struct vnet *net)
{
    struct virtq_done done;
    enum virtio_err err;

    while ((err = virtq_take_used(&net->tx, &done)) == VIRTIO_OK) {
        net_pool_push(&net->tx_pool, done.token);
        net->stats.tx_completed++;
        driver_trace(net->device, TRACE_NET_SENT, done.cookie, VIRTIO_NET_TRANSMITQ, 0,
                     done.latency_ns);
    }
    return err == VIRTIO_EMPTY ? VIRTIO_OK : err;
}

/* Before half of the buffers are gone there is no need to look at the used ring at all. */
static inline enum virtio_err
reclaim_when_short(struct vnet *net)
{
    if (net->tx_pool.free_count > net->tx_pool.count / 2 || !virtq_has_used(&net->tx)) {
        return VIRTIO_OK;
    }
    return reclaim(net);
}

enum virtio_err
vnet_tx_look(struct vnet *net)
{
    uint64_t completed_before = net->stats.tx_completed;
    enum virtio_err err = reclaim(net);

    if (err != VIRTIO_OK) {
        return err;
    }
    return virtio_driver_silence(net->device, &net->watch,
                                 net->tx.in_flight_count == 0 ||
                                     net->stats.tx_completed != completed_before);
}

static enum virtio_err
sendable(struct vnet *net)
{
    enum virtio_err err = net_usable(net);

    if (err != VIRTIO_OK) {
        return err;
    }
    if (!net->is_link_up) {
        net->stats.tx_link_down++;
        return VIRTIO_ERR_TRANSMIT_FAILED;
    }
    return reclaim_when_short(net);
}

bool
vnet_can_send(struct vnet *net)
{
    return net_usable(net) == VIRTIO_OK && reclaim_when_short(net) == VIRTIO_OK &&
           (net->tx_pool.free != NULL || vnet_tx_look(net) == VIRTIO_OK) &&
           net->tx_pool.free != NULL;
}

enum virtio_err
vnet_reserve(struct vnet *net, struct vnet_slot *slot)
{
    enum virtio_err err = sendable(net);
    struct vnet_buffer *buffer;

    if (err != VIRTIO_OK) {
        return err;
    }
    buffer = net_pool_pop(&net->tx_pool);
    if (buffer == NULL) {
        net->stats.tx_busy++;
        (void)virtq_notify(&net->tx); /* or the device might never give one back */
        err = vnet_tx_look(net);
        return err == VIRTIO_OK ? VIRTIO_ERR_BUSY : err;
    }
    buffer->is_lent = true;
    *slot = (struct vnet_slot){ buffer->frame, net->send_bytes_max, buffer };
    return VIRTIO_OK;
}

enum virtio_err
vnet_commit(struct vnet *net, struct vnet_slot *slot, size_t bytes)
{
    struct vnet_buffer *buffer = slot->buffer;
    struct virtq_seg segs[2];
    struct virtq_chain chain = { .segs = segs, .token = buffer };
    enum virtio_err err;

    VIRTIO_CHECK(buffer != NULL && buffer->is_lent);
    if (bytes < VNET_FRAME_BYTES_MIN || bytes > net->send_bytes_max) {
        return VIRTIO_ERR_INVALID;
    }
    chain.readable_count = net_fill_segs(net, buffer, (uint32_t)bytes, segs);
    chain.cookie = driver_cookie(net->device);
    buffer->is_lent = false;
    *slot = (struct vnet_slot){ 0 };
    err = virtq_add(&net->tx, &chain);
    if (err != VIRTIO_OK) {
        net_pool_push(&net->tx_pool, buffer);
        return err;
    }
    net->stats.tx_frames++;
    net->stats.tx_bytes += bytes;
    driver_trace(net->device, TRACE_NET_SEND, chain.cookie, VIRTIO_NET_TRANSMITQ, bytes, 0);
    if (chain.cookie != 0) {
        net_trace_bytes(net, VIRTIO_NET_TRANSMITQ, chain.cookie, buffer->frame, bytes);
    }
    return VIRTIO_OK;
}

void
vnet_cancel(struct vnet *net, struct vnet_slot *slot)
{
    if (net->device == NULL || slot->buffer == NULL) {
        return;
    }
    VIRTIO_CHECK(slot->buffer->is_lent);
    slot->buffer->is_lent = false;
    net_pool_push(&net->tx_pool, slot->buffer);
    *slot = (struct vnet_slot){ 0 };
}

enum virtio_err
vnet_queue_frame(struct vnet *net, const void *frame, size_t bytes)
{
    struct vnet_slot slot;
    enum virtio_err err = vnet_reserve(net, &slot);

    if (err != VIRTIO_OK) {
        return err;
    }
    if (bytes < VNET_FRAME_BYTES_MIN || bytes > slot.bytes) {
        vnet_cancel(net, &slot);
        return VIRTIO_ERR_INVALID;
    }
    memcpy(slot.data, frame, bytes);
    return vnet_commit(net, &slot, bytes);
}

void
vnet_flush(struct vnet *net)
{
    if (net->device != NULL) {
        (void)virtq_notify(&net->tx);
    }
}

enum virtio_err
vnet_send(struct vnet *net, const void *frame, size_t bytes)
{
    enum virtio_err err = vnet_queue_frame(net, frame, bytes);

    if (err == VIRTIO_OK) {
        (void)virtq_notify(&net->tx);
    }
    return err;
}

enum virtio_err
vnet_drain(struct vnet *net, uint32_t timeout_ms)
{
    enum virtio_err err = net_usable(net);
    uint64_t deadline_ns;

    if (err != VIRTIO_OK) {
        return err;
    }
    (void)virtq_notify(&net->tx);
    deadline_ns = virtio_driver_deadline_ns(net->device, timeout_ms);
    while (err == VIRTIO_OK) {
        err = reclaim(net);
        if (err == VIRTIO_OK && net->tx.in_flight_count == 0) {
            break;
        }
        if (err == VIRTIO_OK) {
            err = virtio_driver_wait_turn(net->device, &net->watch, deadline_ns);
        }
    }
    return err;
}
