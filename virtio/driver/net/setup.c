/*
 * Bringing a network device up and down. VirtIO 1.3 §5.1.5.
 */
#include "abi/virtio.h"
#include "abi/virtio_mmio.h"

#include "virtio/core/memory.h"
#include "virtio/driver/net/net_private.h"

/* The configuration space is read in the widths of its fields, §2.5.1. */
#define FIELDS_MAC "\1\1\1\1\1\1"
#define FIELD_LE16 "\2"

enum {
    MTU_PLAIN = 1500,
    BUFFER_ALIGN_BYTES = 64,
    /* What a device may deliver into one buffer when it cannot use several, §5.1.6.3.1: 1526 without header and tag. */
    ROOM_PLAIN = 1514,
};

static const struct vnet_config default_config = {
    .rx_queue_size = VNET_QUEUE_SIZE_DEFAULT,
    .tx_queue_size = VNET_QUEUE_SIZE_DEFAULT,
    .buffer_bytes = VNET_BUFFER_BYTES_DEFAULT,
    .features = VIRTIO_FEATURES_LIBRARY,
};

static bool
is_queue_size_valid(uint16_t size)
{
    return driver_is_power_of_two(size) && size >= 2 && size <= VNET_QUEUE_SIZE_MAX;
}

/* Fill in what the caller left open. */
static enum virtio_err
resolve_config(const struct vnet_config *given, struct vnet_config *config)
{
    *config = given != NULL ? *given : default_config;
    if (config->rx_queue_size == 0) {
        config->rx_queue_size = VNET_QUEUE_SIZE_DEFAULT;
    }
    if (config->tx_queue_size == 0) {
        config->tx_queue_size = VNET_QUEUE_SIZE_DEFAULT;
    }
    if (config->buffer_bytes == 0) {
        config->buffer_bytes = VNET_BUFFER_BYTES_DEFAULT;
    }
    if (!is_queue_size_valid(config->rx_queue_size) ||
        !is_queue_size_valid(config->tx_queue_size) ||
        config->buffer_bytes < VNET_BUFFER_BYTES_MIN ||
        config->buffer_bytes > VNET_BUFFER_BYTES_MAX ||
        config->buffer_bytes % BUFFER_ALIGN_BYTES != 0) {
        return VIRTIO_ERR_INVALID;
    }
    return VIRTIO_OK;
}

static struct virtq_config
queue_config(const struct vnet_config *config, uint16_t queue_idx)
{
    bool is_rx = queue_idx == VIRTIO_NET_RECEIVEQ;

    return (struct virtq_config){
        .size_max = is_rx ? config->rx_queue_size : config->tx_queue_size,
        .is_interrupting = is_rx && config->is_interrupting,
        .is_untimed = true,
    };
}

static size_t
pool_bytes(size_t count, size_t buffer_bytes)
{
    return count * (buffer_bytes + sizeof(struct vnet_buffer)) + (size_t)2 * BUFFER_ALIGN_BYTES;
}

size_t
vnet_arena_bytes(const struct vnet_config *config)
{
    struct vnet_config chosen;
    struct virtq_config rx;
    struct virtq_config tx;

    if (resolve_config(config, &chosen) != VIRTIO_OK) {
        return 0;
    }
    rx = queue_config(&chosen, VIRTIO_NET_RECEIVEQ);
    tx = queue_config(&chosen, VIRTIO_NET_TRANSMITQ);
    return virtq_arena_bytes(&rx) + virtq_arena_bytes(&tx) + vnet_control_arena_bytes() +
           pool_bytes(chosen.rx_queue_size, chosen.buffer_bytes) +
           pool_bytes(chosen.tx_queue_size, chosen.buffer_bytes);
}

/* As many buffers as the queue can hold at once: adding one of them is never refused. */
static enum virtio_err
pool_init(struct vnet *net, struct vnet_pool *pool, const struct virtq *queue, uint32_t stride,
          struct virtio_arena *arena)
{
    uint16_t count = (uint16_t)(queue->size / net->segs_per_buffer);
    uint64_t addr = 0;
    uint8_t *memory = virtio_driver_take_shared(net->device, arena, (size_t)count * stride, &addr);

    pool->buffers = virtio_arena_take(arena, count * sizeof(*pool->buffers), BUFFER_ALIGN_BYTES);
    if (memory == NULL || pool->buffers == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    for (uint16_t i = count; i > 0; i--) {
        struct vnet_buffer *buffer = &pool->buffers[i - 1];
        size_t offset = (size_t)(i - 1) * stride + VNET_FRAME_OFFSET;

        buffer->frame = memory + offset;
        buffer->header_addr = addr + offset - net->header_bytes;
        net_pool_push(pool, buffer);
    }
    pool->count = count;
    return VIRTIO_OK;
}

/* §5.1.6.1: a legacy header has num_buffers only with MRG_RXBUF; §5.1.6.6: without ANY_LAYOUT it is a descriptor of its own. */
static void
choose_framing(struct vnet *net)
{
    bool is_legacy = !virtio_device_has(net->device, VIRTIO_F_VERSION_1);

    net->has_mergeable = virtio_device_has(net->device, VIRTIO_NET_F_MRG_RXBUF);
    net->has_control = virtio_device_has(net->device, VIRTIO_NET_F_CTRL_VQ);
    net->header_bytes = is_legacy && !net->has_mergeable ? VIRTIO_NET_HDR_LEGACY_BYTES
                                                         : sizeof(struct virtio_net_hdr);
    net->segs_per_buffer =
        is_legacy && !virtio_device_has(net->device, VIRTIO_F_ANY_LAYOUT) ? 2 : 1;
}

static enum virtio_err
read_mac(struct vnet *net, const uint8_t fallback[VIRTIO_NET_MAC_BYTES])
{
    static const uint8_t none[VIRTIO_NET_MAC_BYTES];
    enum virtio_err err;

    if (!virtio_device_has(net->device, VIRTIO_NET_F_MAC)) {
        memcpy(net->mac, fallback, sizeof(net->mac));
        if (memcmp(fallback, none, sizeof(none)) == 0) {
            net->mac[0] = 0x02; /* locally administered */
            net->mac[5] = net->device->index;
        }
        return VIRTIO_OK;
    }
    err = virtio_config_read(net->device, offsetof(struct virtio_net_config, mac), FIELDS_MAC,
                             net->mac, sizeof(net->mac));
    if (err == VIRTIO_OK && (net->mac[0] & 1) != 0) {
        return virtio_driver_broken(net->device, "MAC is a group address (VirtIO 1.3 §5.1.4)",
                                    net->mac[0]);
    }
    return err;
}

static enum virtio_err
read_mtu(struct vnet *net)
{
    le16 mtu;
    enum virtio_err err;

    net->mtu = MTU_PLAIN;
    net->send_bytes_max = net->frame_room;
    if (!virtio_device_has(net->device, VIRTIO_NET_F_MTU)) {
        return VIRTIO_OK;
    }
    err = virtio_config_read(net->device, offsetof(struct virtio_net_config, mtu), FIELD_LE16, &mtu,
                             sizeof(mtu));
    if (err != VIRTIO_OK) {
        return err;
    }
    net->mtu = le16_get(mtu);
    if (net->mtu < VIRTIO_NET_MTU_MIN) {
        return virtio_driver_broken(net->device, "MTU below 68 (VirtIO 1.3 §5.1.4.1)", net->mtu);
    }
    if (net->send_bytes_max > (uint32_t)net->mtu + VNET_FRAME_BYTES_MIN) { /* §5.1.4.2 */
        net->send_bytes_max = (uint32_t)net->mtu + VNET_FRAME_BYTES_MIN;
    }
    return VIRTIO_OK;
}

_Static_assert((int)VNET_EVENT_QUEUE == VIRTIO_INTERRUPT_USED_BUFFER &&
                   (int)VNET_EVENT_LINK == VIRTIO_INTERRUPT_CONFIG,
               "vnet_take_events gives the interrupt's own bits");

enum virtio_err
vnet_read_status(struct vnet *net)
{
    bool was_up = net->is_link_up;
    le16 status;
    enum virtio_err err;

    net->is_link_up = true; /* §5.1.4.2: assumed, where the device cannot tell */
    if (!virtio_device_has(net->device, VIRTIO_NET_F_STATUS)) {
        return VIRTIO_OK;
    }
    err = virtio_config_read(net->device, offsetof(struct virtio_net_config, status), FIELD_LE16,
                             &status, sizeof(status));
    if (err != VIRTIO_OK) {
        return err;
    }
    net->is_link_up = (le16_get(status) & VIRTIO_NET_S_LINK_UP) != 0;
    net->stats.link_changes += was_up != net->is_link_up;
    return VIRTIO_OK;
}

enum virtio_err
vnet_trouble(struct vnet *net)
{
    if (net->device == NULL) {
        return VIRTIO_ERR_NOT_INITIALIZED;
    }
    if (driver_is_config_new(net->device, &net->watch)) {
        (void)vnet_read_status(net);
    }
    return driver_failure(net->device, &net->watch);
}

/* §5.1.4.2: buffers for at least one frame of the agreed MTU; §5.1.6.3.1: of the plain one. */
static enum virtio_err
check_room(const struct vnet *net)
{
    uint32_t needed = (uint32_t)net->mtu + VNET_FRAME_BYTES_MIN;
    uint32_t pieces = net->rx.size < VNET_FRAME_SEGS_MAX ? net->rx.size : VNET_FRAME_SEGS_MAX;
    uint32_t room = net->has_mergeable ? pieces * net->frame_room : net->frame_room;

    if (needed < ROOM_PLAIN) {
        needed = ROOM_PLAIN;
    }
    if (room >= needed) {
        return VIRTIO_OK;
    }
    virtio_log(
        net->device->bus->plat, VIRTIO_LOG_ERROR,
        "net: buffers hold frames of %u bytes, the device's MTU needs %u: enlarge buffer_bytes",
        room, needed);
    return VIRTIO_ERR_INVALID;
}

static enum virtio_err
queues_init(struct vnet *net, const struct vnet_config *config, struct virtio_arena *arena)
{
    struct virtq_config rx = queue_config(config, VIRTIO_NET_RECEIVEQ);
    struct virtq_config tx = queue_config(config, VIRTIO_NET_TRANSMITQ);
    enum virtio_err err = virtq_setup(&net->rx, net->device, VIRTIO_NET_RECEIVEQ, &rx, arena);

    if (err == VIRTIO_OK) {
        err = virtq_setup(&net->tx, net->device, VIRTIO_NET_TRANSMITQ, &tx, arena);
    }
    if (err == VIRTIO_OK) {
        err = pool_init(net, &net->rx_pool, &net->rx, config->buffer_bytes, arena);
    }
    if (err == VIRTIO_OK) {
        err = pool_init(net, &net->tx_pool, &net->tx, config->buffer_bytes, arena);
    }
    if (err == VIRTIO_OK && net->has_control) {
        err = vnet_control_init(net, arena);
    }
    return err;
}

static enum virtio_err
fill_receive_queue(struct vnet *net)
{
    struct vnet_buffer *buffer;
    enum virtio_err err = VIRTIO_OK;

    while (err == VIRTIO_OK && (buffer = net_pool_pop(&net->rx_pool)) != NULL) {
        err = vnet_rx_offer(net, buffer);
    }
    return err;
}

static enum virtio_err
bring_up(struct vnet *net, const struct vnet_config *config, struct virtio_arena *arena)
{
    enum virtio_err err;

    choose_framing(net);
    net->frame_room = config->buffer_bytes - VNET_FRAME_OFFSET;
    err = read_mac(net, config->fallback_mac);
    if (err == VIRTIO_OK) {
        err = read_mtu(net);
    }
    if (err == VIRTIO_OK) {
        err = queues_init(net, config, arena);
    }
    if (err == VIRTIO_OK) {
        err = check_room(net);
    }
    if (err == VIRTIO_OK) {
        err = fill_receive_queue(net);
    }
    if (err == VIRTIO_OK) {
        err = virtio_device_start(net->device);
    }
    if (err == VIRTIO_OK) {
        (void)virtq_notify(&net->rx);
        err = vnet_read_status(net);
        net->stats.link_changes = 0;
    }
    return err;
}

enum virtio_err
vnet_init(struct vnet *net, struct virtio_device *device, const struct vnet_config *config,
          struct virtio_arena *arena)
{
    struct driver_wish wish = {
        .device_id = VIRTIO_ID_NET,
        .who = "net",
        .features = VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) |
                    VIRTIO_FEATURE(VIRTIO_NET_F_MTU) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF) |
                    VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ) | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_RX) |
                    VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR),
        .legacy_features = VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT),
    };
    struct vnet_config chosen;
    size_t arena_used = arena->used_bytes;
    enum virtio_err err = resolve_config(config, &chosen);

    memset(net, 0, sizeof(*net));
    if (err == VIRTIO_OK) {
        wish.reserved_features = chosen.features;
        err = virtio_driver_begin(device, &wish);
    }
    if (err != VIRTIO_OK) {
        return err;
    }
    net->device = device;
    net->watch.config_seen = driver_config_changes(device);
    err = bring_up(net, &chosen, arena);
    if (err != VIRTIO_OK) {
        if (vnet_finish(net) == VIRTIO_ERR_TIMEOUT) {
            return VIRTIO_ERR_TIMEOUT;
        }
        arena->used_bytes = arena_used;
    }
    return err;
}

enum virtio_err
vnet_finish(struct vnet *net)
{
    if (net->device != NULL) {
        if (virtio_device_release(net->device, "net") == VIRTIO_ERR_TIMEOUT) {
            return VIRTIO_ERR_TIMEOUT; /* it still has our memory */
        }
        virtq_finish(&net->rx, NULL, NULL);
        virtq_finish(&net->tx, NULL, NULL);
        virtq_finish(&net->control, NULL, NULL);
    }
    memset(net, 0, sizeof(*net));
    return VIRTIO_OK;
}

bool
vnet_is_link_up(struct vnet *net)
{
    return net_usable(net) == VIRTIO_OK && net->is_link_up;
}

uint32_t
vnet_take_events(struct vnet *net)
{
    return driver_take_events(net->device);
}
