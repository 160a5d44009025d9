#include "tests/fake/fake_net.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_private.h"

enum {
    RX_BYTES_WITHOUT_MERGING = 1526, /* §5.1.6.3.1 */
    ETHERNET_HEADER_BYTES = 14,
};

/* §5.1.6, §5.1.6.1: num_buffers is there for every modern device, and for legacy ones that merge. */
static uint32_t
header_bytes(const struct fake_device *device)
{
    bool is_short = fake_is_legacy(device) && !fake_device_has(device, VIRTIO_NET_F_MRG_RXBUF);
    return is_short ? VIRTIO_NET_HDR_LEGACY_BYTES : sizeof(struct virtio_net_hdr);
}

static bool
has_segmentation(const struct fake_device *device)
{
    static const unsigned bits[] = { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
                                     VIRTIO_NET_F_HOST_UFO, VIRTIO_NET_F_HOST_USO };
    bool has = false;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        has = has || fake_device_has(device, bits[i]);
    }
    return has;
}

static void
check_header(struct fake_device *device, const struct virtio_net_hdr *hdr, uint32_t bytes)
{
    uint8_t allowed = fake_device_has(device, VIRTIO_NET_F_CSUM) ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0;
    if (le16_get(hdr->num_buffers) != 0) {
        fake_break(device, FAKE_REQ_NET_TX_NUM_BUFFERS, le16_get(hdr->num_buffers));
    }
    if ((hdr->flags & ~allowed) != 0) {
        fake_break(device, FAKE_REQ_NET_TX_FLAGS, hdr->flags);
    }
    if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE && !has_segmentation(device)) {
        fake_break(device, FAKE_REQ_NET_TX_GSO, hdr->gso_type);
    }
    uint32_t mtu = fake_get16(device->config + offsetof(struct virtio_net_config, mtu));
    if (fake_device_has(device, VIRTIO_NET_F_MTU) && bytes > mtu + ETHERNET_HEADER_BYTES &&
        hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
        fake_break(device, FAKE_REQ_NET_TX_MTU, bytes);
    }
}

static void
transmit(struct fake_device *device, struct fake_chain *chain)
{
    struct fake_net *net = device->ctx;
    uint32_t hdr_bytes = header_bytes(device);
    if (chain->readable_bytes <= hdr_bytes || chain->writable_bytes != 0) {
        fake_break(device, FAKE_REQ_NET_TX_HEADER, chain->readable_bytes);
        fake_chain_complete(device, chain, 0);
        return;
    }
    struct fake_net_frame *frame = &net->sent[net->sent_count % FAKE_NET_FRAMES_KEPT];
    free(frame->data);
    memset(frame, 0, sizeof(*frame));
    frame->bytes = chain->readable_bytes - hdr_bytes;
    frame->data = malloc(frame->bytes);
    fake_chain_read(chain, 0, &frame->hdr, hdr_bytes);
    fake_chain_read(chain, hdr_bytes, frame->data, frame->bytes);
    check_header(device, &frame->hdr, frame->bytes);
    net->sent_count++;
    fake_chain_complete(device, chain, 0);
}

static void
check_receive_buffer(struct fake_device *device, const struct fake_chain *chain)
{
    if (chain->readable_bytes != 0) {
        fake_break(device, FAKE_REQ_NET_RX_WRITABLE, chain->readable_bytes);
    }
    if (chain->writable_bytes < header_bytes(device)) {
        fake_break(device, FAKE_REQ_NET_RX_HEADER, chain->writable_bytes);
    } else if (!fake_device_has(device, VIRTIO_NET_F_MRG_RXBUF) &&
               chain->writable_bytes < RX_BYTES_WITHOUT_MERGING) {
        fake_break(device, FAKE_REQ_NET_RX_BYTES, chain->writable_bytes);
    }
}

static uint8_t
set_mode(struct fake_device *device, uint8_t command, uint8_t value)
{
    struct fake_net *net = device->ctx;
    if (command > VIRTIO_NET_CTRL_RX_ALLMULTI) {
        if (!fake_device_has(device, VIRTIO_NET_F_CTRL_RX_EXTRA)) {
            fake_break(device, FAKE_REQ_NET_CTRL_RX_EXTRA, command);
        }
        return VIRTIO_NET_OK;
    }
    if (!fake_device_has(device, VIRTIO_NET_F_CTRL_RX)) {
        fake_break(device, FAKE_REQ_NET_CTRL_RX, command);
        return VIRTIO_NET_ERR;
    }
    *(command == VIRTIO_NET_CTRL_RX_PROMISC ? &net->is_promiscuous : &net->is_all_multicast) =
        value != 0;
    return VIRTIO_NET_OK;
}

/* One of the two tables of MAC_TABLE_SET. Returns: the offset behind it, 0 when it is not one. */
static uint32_t
read_table(const struct fake_chain *chain, uint32_t offset, uint8_t (*macs)[VIRTIO_NET_MAC_BYTES],
           uint32_t *count)
{
    uint8_t entries[4];
    if (fake_chain_read(chain, offset, entries, 4) != 4) {
        return 0;
    }
    uint32_t left = chain->readable_bytes - offset - 4;
    if (fake_get32(entries) > left / VIRTIO_NET_MAC_BYTES ||
        fake_get32(entries) > FAKE_NET_MACS_MAX) {
        return 0;
    }
    *count = fake_get32(entries);
    fake_chain_read(chain, offset + 4, macs, *count * VIRTIO_NET_MAC_BYTES);
    return offset + 4 + *count * VIRTIO_NET_MAC_BYTES;
}

static uint8_t
set_macs(struct fake_device *device, const struct fake_chain *chain, uint8_t command)
{
    struct fake_net *net = device->ctx;
    if (!fake_device_has(device, VIRTIO_NET_F_CTRL_RX) &&
        !fake_device_has(device, VIRTIO_NET_F_CTRL_MAC_ADDR)) {
        fake_break(device, FAKE_REQ_NET_CTRL_MAC, command);
        return VIRTIO_NET_ERR;
    }
    if (command != VIRTIO_NET_CTRL_MAC_TABLE_SET) {
        return fake_chain_read(chain, 2, device->config, VIRTIO_NET_MAC_BYTES) ==
                       VIRTIO_NET_MAC_BYTES
                   ? VIRTIO_NET_OK
                   : VIRTIO_NET_ERR;
    }
    uint32_t offset = read_table(chain, 2, net->unicast, &net->unicast_count);
    bool has_multicast_first = net->unicast_count > 0 && (net->unicast[0][0] & 1) != 0;
    if (offset != 0) {
        offset = read_table(chain, offset, net->multicast, &net->multicast_count);
    }
    if (offset != chain->readable_bytes || has_multicast_first) {
        fake_break(device, FAKE_REQ_NET_CTRL_MAC_TABLE, chain->readable_bytes);
        return VIRTIO_NET_ERR;
    }
    return VIRTIO_NET_OK;
}

static void
control(struct fake_device *device, struct fake_chain *chain)
{
    struct fake_net *net = device->ctx;
    uint8_t request[3] = { 0 };
    uint8_t ack = VIRTIO_NET_ERR;
    if (chain->readable_bytes < 3 || chain->writable_bytes != 1) {
        fake_break(device, FAKE_REQ_NET_CTRL_FORMAT, chain->readable_bytes);
        fake_chain_complete(device, chain, 0);
        return;
    }
    fake_chain_read(chain, 0, request, sizeof(request));
    net->control_count++;
    net->last_class = request[0];
    net->last_command = request[1];
    if (request[0] == VIRTIO_NET_CTRL_RX) {
        ack = set_mode(device, request[1], request[2]);
    } else if (request[0] == VIRTIO_NET_CTRL_MAC) {
        ack = set_macs(device, chain, request[1]);
    }
    if (fake_is_evil(device, FAKE_EVIL_RESPONSE_TYPE)) {
        ack = (uint8_t)device->evil.value;
    }
    uint32_t written = fake_chain_write(chain, 0, &ack, 1);
    if (fake_is_evil(device, FAKE_EVIL_RESPONSE_SHORT)) {
        written = (uint32_t)device->evil.value;
    }
    fake_chain_complete(device, chain, written);
}

static void
net_buffer(struct fake_device *device, struct fake_chain *chain)
{
    struct fake_net *net = device->ctx;
    net->device = device;
    switch (chain->queue_idx) {
    case VIRTIO_NET_RECEIVEQ: check_receive_buffer(device, chain); break;
    case VIRTIO_NET_TRANSMITQ: transmit(device, chain); break;
    default: control(device, chain); break;
    }
}

/* Buffers that one frame of `bytes`, header included, takes; 0: there are not enough. */
static uint16_t
buffers_needed(struct fake_device *device, uint64_t bytes)
{
    bool is_merging = fake_device_has(device, VIRTIO_NET_F_MRG_RXBUF);
    const struct fake_chain *chain = device->queues[VIRTIO_NET_RECEIVEQ].first;
    uint64_t room = 0;
    uint16_t count = 0;
    for (; chain != NULL && room < bytes && (is_merging || count == 0); chain = chain->next) {
        if (!chain->is_done) {
            room += chain->writable_bytes;
            count++;
        }
    }
    return room < bytes ? 0 : count;
}

/* What an evil device says of a received frame. */
static void
falsify(struct fake_device *device, struct virtio_net_hdr *hdr)
{
    if (fake_is_evil(device, FAKE_EVIL_RESPONSE_NOISE)) {
        uint8_t *bytes = (uint8_t *)hdr;
        for (size_t i = 0; i < sizeof(*hdr); i++) {
            bytes[i] = (uint8_t)fake_random(device);
        }
    } else if (fake_is_evil(device, FAKE_EVIL_RESPONSE_TYPE)) {
        hdr->num_buffers = le16_from((uint16_t)device->evil.value);
    }
}

bool
fake_net_receive(struct fake_device *device, const void *frame, uint32_t bytes)
{
    struct fake_net *net = device->ctx;
    uint32_t hdr_bytes = header_bytes(device);
    uint64_t total = (uint64_t)bytes + hdr_bytes;
    uint16_t count = buffers_needed(device, total);
    if (count == 0 || (device->status & VIRTIO_STATUS_DRIVER_OK) == 0) {
        net->dropped_count++;
        return false;
    }
    uint8_t *data = malloc(total);
    struct virtio_net_hdr hdr = { .num_buffers = le16_from(count) };
    falsify(device, &hdr);
    memcpy(data, &hdr, hdr_bytes);
    memcpy(data + hdr_bytes, frame, bytes);
    uint64_t done = 0;
    net->received_count++;
    for (uint16_t i = 0; i < count; i++) {
        struct fake_chain *chain = fake_queue_oldest(device, VIRTIO_NET_RECEIVEQ);
        if (chain == NULL) {
            break; /* an evil device took them all away */
        }
        uint32_t part = fake_chain_write(chain, 0, data + done, (uint32_t)(total - done));
        done += part;
        if (fake_is_evil(device, FAKE_EVIL_RESPONSE_SHORT)) {
            part = (uint32_t)device->evil.value;
        }
        fake_chain_complete(device, chain, part);
    }
    free(data);
    return true;
}

void
fake_net_init(struct fake_net *net, struct fake_device *device)
{
    static const uint8_t mac[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    memset(net, 0, sizeof(*net));
    net->device = device;
    memcpy(device->config, mac, sizeof(mac));
    fake_put16(device->config + offsetof(struct virtio_net_config, status), VIRTIO_NET_S_LINK_UP);
    fake_put16(device->config + offsetof(struct virtio_net_config, max_virtqueue_pairs), 1);
    fake_put16(device->config + offsetof(struct virtio_net_config, mtu), 1500);
}

void
fake_net_finish(struct fake_net *net)
{
    for (unsigned i = 0; i < FAKE_NET_FRAMES_KEPT; i++) {
        free(net->sent[i].data);
        net->sent[i].data = NULL;
    }
}

void
fake_net_set_link(struct fake_device *device, bool is_up)
{
    fake_put16(device->config + offsetof(struct virtio_net_config, status),
               is_up ? VIRTIO_NET_S_LINK_UP : 0);
    fake_device_config_changed(device);
}

const struct fake_net_frame *
fake_net_last_sent(const struct fake_net *net)
{
    return net->sent_count == 0 ? NULL : &net->sent[(net->sent_count - 1) % FAKE_NET_FRAMES_KEPT];
}

static const struct fake_config_field net_fields[] = {
    {0,   1, 6, -1,                        false}, /* mac; always there, §5.1.4 */
    { 6,  2, 1, VIRTIO_NET_F_STATUS,       false}, /* status */
    { 8,  2, 1, VIRTIO_NET_F_MQ,           false}, /* max_virtqueue_pairs */
    { 10, 2, 1, VIRTIO_NET_F_MTU,          false}, /* mtu */
    { 12, 4, 1, VIRTIO_NET_F_SPEED_DUPLEX, false}, /* speed */
    { 16, 1, 1, VIRTIO_NET_F_SPEED_DUPLEX, false}, /* duplex */
    { 0,  0, 0, 0,                         false},
};

#define BIT(name) VIRTIO_FEATURE(VIRTIO_NET_F_##name)

/* §5.1.3.1. */
static const struct fake_dependency net_dependencies[] = {
    {VIRTIO_NET_F_GUEST_TSO4,      BIT(GUEST_CSUM)                  },
    { VIRTIO_NET_F_GUEST_TSO6,     BIT(GUEST_CSUM)                  },
    { VIRTIO_NET_F_GUEST_ECN,      BIT(GUEST_TSO4) | BIT(GUEST_TSO6)},
    { VIRTIO_NET_F_GUEST_UFO,      BIT(GUEST_CSUM)                  },
    { VIRTIO_NET_F_HOST_TSO4,      BIT(CSUM)                        },
    { VIRTIO_NET_F_HOST_TSO6,      BIT(CSUM)                        },
    { VIRTIO_NET_F_HOST_ECN,       BIT(HOST_TSO4) | BIT(HOST_TSO6)  },
    { VIRTIO_NET_F_HOST_UFO,       BIT(CSUM)                        },
    { VIRTIO_NET_F_HOST_USO,       BIT(CSUM)                        },
    { VIRTIO_NET_F_CTRL_RX,        BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_CTRL_VLAN,      BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_GUEST_ANNOUNCE, BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_MQ,             BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_CTRL_MAC_ADDR,  BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_RSS,            BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_GUEST_USO4,     BIT(GUEST_CSUM)                  },
    { VIRTIO_NET_F_GUEST_USO6,     BIT(GUEST_CSUM)                  },
    { VIRTIO_NET_F_RSC_EXT,        BIT(HOST_TSO4) | BIT(HOST_TSO6)  },
    { VIRTIO_NET_F_NOTF_COAL,      BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_VQ_NOTF_COAL,   BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_HASH_TUNNEL,    BIT(CTRL_VQ)                     },
    { VIRTIO_NET_F_HASH_TUNNEL,    BIT(HASH_REPORT)                 },
    { 0,                           0                                },
};

const struct fake_model fake_net_model = {
    .name = "net",
    .id = VIRTIO_ID_NET,
    .features = UINT64_C(0xfbf8000000ffffff) & ~(UINT64_C(1) << 4),
    .fields = net_fields,
    .dependencies = net_dependencies,
    .buffer = net_buffer,
};
