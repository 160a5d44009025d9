/*
 * Network device: features, configuration space, packet header, control commands.
 * Queues: 0 receives, 1 transmits, 2 controls (where MQ and RSS are not accepted, §5.1.2).
 * Source: VirtIO 1.3 §5.1.
 */
#ifndef ABI_VIRTIO_NET_H
#define ABI_VIRTIO_NET_H

#include <stddef.h>

#include "abi/endian.h"

/* Feature bits, §5.1.3; GSO is legacy, §5.1.3.2. */
enum {
    VIRTIO_NET_F_CSUM = 0,
    VIRTIO_NET_F_GUEST_CSUM = 1,
    VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 2,
    VIRTIO_NET_F_MTU = 3,
    VIRTIO_NET_F_MAC = 5,
    VIRTIO_NET_F_GSO = 6,
    VIRTIO_NET_F_GUEST_TSO4 = 7,
    VIRTIO_NET_F_GUEST_TSO6 = 8,
    VIRTIO_NET_F_GUEST_ECN = 9,
    VIRTIO_NET_F_GUEST_UFO = 10,
    VIRTIO_NET_F_HOST_TSO4 = 11,
    VIRTIO_NET_F_HOST_TSO6 = 12,
    VIRTIO_NET_F_HOST_ECN = 13,
    VIRTIO_NET_F_HOST_UFO = 14,
    VIRTIO_NET_F_MRG_RXBUF = 15,
    VIRTIO_NET_F_STATUS = 16,
    VIRTIO_NET_F_CTRL_VQ = 17,
    VIRTIO_NET_F_CTRL_RX = 18,
    VIRTIO_NET_F_CTRL_VLAN = 19,
    VIRTIO_NET_F_CTRL_RX_EXTRA = 20,
    VIRTIO_NET_F_GUEST_ANNOUNCE = 21,
    VIRTIO_NET_F_MQ = 22,
    VIRTIO_NET_F_CTRL_MAC_ADDR = 23,
    VIRTIO_NET_F_HASH_TUNNEL = 51,
    VIRTIO_NET_F_VQ_NOTF_COAL = 52,
    VIRTIO_NET_F_NOTF_COAL = 53,
    VIRTIO_NET_F_GUEST_USO4 = 54,
    VIRTIO_NET_F_GUEST_USO6 = 55,
    VIRTIO_NET_F_HOST_USO = 56,
    VIRTIO_NET_F_HASH_REPORT = 57,
    VIRTIO_NET_F_GUEST_HDRLEN = 59,
    VIRTIO_NET_F_RSS = 60,
    VIRTIO_NET_F_RSC_EXT = 61,
    VIRTIO_NET_F_STANDBY = 62,
    VIRTIO_NET_F_SPEED_DUPLEX = 63,
};

enum {
    VIRTIO_NET_RECEIVEQ = 0,
    VIRTIO_NET_TRANSMITQ = 1,
    VIRTIO_NET_CONTROLQ = 2,
};

enum {
    VIRTIO_NET_MAC_BYTES = 6,
    VIRTIO_NET_MTU_MIN = 68, /* §5.1.4.1 */
};

/* Bits of virtio_net_config.status, §5.1.4. */
enum {
    VIRTIO_NET_S_LINK_UP = 1,
    VIRTIO_NET_S_ANNOUNCE = 2,
};

/* Configuration space, §5.1.4; each field exists only with its feature. */
struct virtio_net_config {
    uint8_t mac[VIRTIO_NET_MAC_BYTES];
    le16 status;
    le16 max_virtqueue_pairs;
    le16 mtu;
    le32 speed;
    uint8_t duplex;
    uint8_t rss_max_key_size;
    le16 rss_max_indirection_table_length;
    le32 supported_hash_types;
    le32 supported_tunnel_types;
};
_Static_assert(sizeof(struct virtio_net_config) == 28, "VirtIO 1.3 §5.1.4");
_Static_assert(offsetof(struct virtio_net_config, status) == 6, "VirtIO 1.3 §5.1.4");
_Static_assert(offsetof(struct virtio_net_config, mtu) == 10, "VirtIO 1.3 §5.1.4");

enum {
    VIRTIO_NET_HDR_F_NEEDS_CSUM = 1,
    VIRTIO_NET_HDR_F_DATA_VALID = 2,
    VIRTIO_NET_HDR_F_RSC_INFO = 4,
};

enum {
    VIRTIO_NET_HDR_GSO_NONE = 0,
    VIRTIO_NET_HDR_GSO_TCPV4 = 1,
    VIRTIO_NET_HDR_GSO_UDP = 3,
    VIRTIO_NET_HDR_GSO_TCPV6 = 4,
    VIRTIO_NET_HDR_GSO_UDP_L4 = 5,
    VIRTIO_NET_HDR_GSO_ECN = 0x80,
};

/*
 * Before every frame, both ways, §5.1.6. A legacy device without MRG_RXBUF has no num_buffers, §5.1.6.1:
 * the header is then the first VIRTIO_NET_HDR_LEGACY_BYTES of this one.
 */
struct virtio_net_hdr {
    uint8_t flags;
    uint8_t gso_type;
    le16 hdr_len;
    le16 gso_size;
    le16 csum_start;
    le16 csum_offset;
    le16 num_buffers;
};
_Static_assert(sizeof(struct virtio_net_hdr) == 12, "VirtIO 1.3 §5.1.6");
_Static_assert(offsetof(struct virtio_net_hdr, num_buffers) == 10, "VirtIO 1.3 §5.1.6.1");

enum { VIRTIO_NET_HDR_LEGACY_BYTES = 10 }; /* §5.1.6.1 */

/* First two bytes of a control command; its data follows, then one byte of ack for the device to write, §5.1.6.5. */
struct virtio_net_ctrl {
    uint8_t class;
    uint8_t command;
};
_Static_assert(sizeof(struct virtio_net_ctrl) == 2, "VirtIO 1.3 §5.1.6.5");

enum {
    VIRTIO_NET_OK = 0,
    VIRTIO_NET_ERR = 1,
};

/* Class RX, §5.1.6.5.1: one byte of data, 0 or 1. */
enum {
    VIRTIO_NET_CTRL_RX = 0,
    VIRTIO_NET_CTRL_RX_PROMISC = 0,
    VIRTIO_NET_CTRL_RX_ALLMULTI = 1,
    VIRTIO_NET_CTRL_RX_ALLUNI = 2,
    VIRTIO_NET_CTRL_RX_NOMULTI = 3,
    VIRTIO_NET_CTRL_RX_NOUNI = 4,
    VIRTIO_NET_CTRL_RX_NOBCAST = 5,
};

/* Class MAC, §5.1.6.5.2. */
enum {
    VIRTIO_NET_CTRL_MAC = 1,
    VIRTIO_NET_CTRL_MAC_TABLE_SET = 0, /* two tables: unicast, then multicast */
    VIRTIO_NET_CTRL_MAC_ADDR_SET = 1,  /* six bytes */
};

/* One table of MAC_TABLE_SET: the count, then that many addresses of six bytes, §5.1.6.5.2. */
struct virtio_net_ctrl_mac {
    le32 entries;
    uint8_t macs[][VIRTIO_NET_MAC_BYTES];
};
_Static_assert(sizeof(struct virtio_net_ctrl_mac) == 4, "VirtIO 1.3 §5.1.6.5.2");

#endif
