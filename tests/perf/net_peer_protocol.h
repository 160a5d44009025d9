/*
 * What the guests and the host's net_peer say to one another: Ethernet frames of exactly 64 bytes, big-endian.
 *
 *    0  dst[6]    6 src[6]    12 ethertype 0x88b5 (IEEE 802 local experimental)    14 "VTRN"
 *   18  op u8    19 zero      20 a u32     24 b u32                               28 zeros
 *
 * Every request may be lost: the asker repeats QUERY and FLOOD until it is answered.
 */
#ifndef TESTS_PERF_NET_PEER_PROTOCOL_H
#define TESTS_PERF_NET_PEER_PROTOCOL_H

#include <stdint.h>

#define NET_PEER_FRAME_BYTES 64
#define NET_PEER_ETHERTYPE   0x88b5

enum net_peer_op {
    NET_PEER_COUNT = 1, /* guest: count this one; no answer */
    NET_PEER_ECHO = 2,  /* guest: answered by ECHOED with the same a and b */
    NET_PEER_FLOOD =
        3, /* guest: send DATA, a per second (0: as the peer likes) for b milliseconds */
    NET_PEER_DATA = 4,  /* peer: a = sequence number */
    NET_PEER_QUERY = 5, /* guest: answered by REPORT */
    NET_PEER_REPORT =
        6, /* peer: a = COUNT frames since the last QUERY, b = microseconds from the first to the last */
    NET_PEER_ECHOED = 7, /* peer */
};

struct net_peer_frame {
    uint8_t dst[6];
    uint8_t src[6];
    uint16_t ethertype;
    uint8_t magic[4];
    uint8_t op;
    uint8_t zero;
    uint32_t a;
    uint32_t b;
    uint8_t pad[36];
} __attribute__((packed));

_Static_assert(sizeof(struct net_peer_frame) == NET_PEER_FRAME_BYTES, "every frame has 64 bytes");

#endif
