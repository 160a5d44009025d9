/*
 * lwIP over our driver over a device played by hand, in one process: received frames are not copied, so what lwIP does with its
 * pbufs is seen by the sanitizers, and every buffer must find its way back to the device.
 */
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/prot/tcp.h>
#include <lwip/timeouts.h>

#include "kernel/arch/host/host.h"
#include "kernel/net/link.h"
#include "tests/unit/net_fixture.h"

enum {
    RX_COUNT = 32,
    HOSTILE_FRAMES = 30000,
    FRAME_ROOM = 1514,
    ETHERNET_BYTES = 14,
    IP_BYTES = 20,
    MS = 1000000,
};

static struct net_test t = {
    .config = {.rx_queue_size = RX_COUNT, .tx_queue_size = RX_COUNT}
};

/* The peer is 10.0.0.2; we are 10.0.0.1. */
#define OUR_MAC   0x52, 0x54, 0x00, 0x12, 0x34, 0x56
#define PEER_MAC  0x02, 0x00, 0x00, 0x00, 0x00, 0x02
#define EVERYBODY 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define OUR_IP    10, 0, 0, 1
#define PEER_IP   10, 0, 0, 2

static const uint8_t arp_request[42] = { EVERYBODY, PEER_MAC, 8,       6, 0, 1, 8, 0, 6, 4,     0,
                                         1,         PEER_MAC, PEER_IP, 0, 0, 0, 0, 0, 0, OUR_IP };

static const uint8_t echo_request[50] = { OUR_MAC, PEER_MAC, 8,   0,   0x45, 0,  0, 36,
                                          0,       1,        0,   0,   64,   1,  0, 0,
                                          PEER_IP, OUR_IP,   8,   0,   0,    0,  0, 7,
                                          0,       1,        'e', 'c', 'h',  'o' };

static const uint8_t datagram[46] = { OUR_MAC, PEER_MAC, 8,    0,    0x45, 0,  0, 32,
                                      0,       1,        0,    0,    64,   17, 0, 0,
                                      PEER_IP, OUR_IP,   0x30, 0x39, 0,    68, 0, 12,
                                      0,       0,        'd',  'a',  't',  'a' };

static const uint8_t syn[54] = { OUR_MAC, PEER_MAC, 8,    0, 0x45, 0, 0,       40,     0,    1,
                                 0,       0,        64,   6, 0,    0, PEER_IP, OUR_IP, 0x30, 0x39,
                                 0,       80,       0,    0, 0,    1, 0,       0,      0,    0,
                                 0x50,    2,        0x10, 0, 0,    0, 0,       0 };

static const uint8_t fragment[54] = { OUR_MAC, PEER_MAC, 8, 0,  0x45, 0, 0, 40,      0,
                                      9,       0x20,     0, 64, 17,   0, 0, PEER_IP, OUR_IP,
                                      1,       2,        3, 4,  5,    6, 7, 8 };

/* lwIP is started once in a process; so is the device beneath it. */
static void
start_stack(void)
{
    static bool is_started;
    ip4_addr_t address;
    ip4_addr_t mask;
    ip4_addr_t gateway;

    if (is_started) {
        return;
    }
    is_started = true;
    host_advance_ns(MS);
    start(&t, &flavours[0], NET_FEATURES | MERGEABLE);
    virtio_trace_enable(&t.f.trace, false);
    lwip_init();
    link_start(&t.net);
    IP4_ADDR(&address, 10, 0, 0, 1);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 10, 0, 0, 2);
    netif_set_addr(link_netif(), &address, &mask, &gateway);
}

/* Take all that the stack has sent. Returns: how many frames; the last one is in `frame`. */
static unsigned
take_all(uint8_t frame[FRAME_ROOM], uint32_t *bytes)
{
    unsigned count = 0;

    while (fake_queue_oldest(&t.f.fake, VIRTIO_NET_TRANSMITQ) != NULL) {
        *bytes = take_sent(&t, frame, FRAME_ROOM);
        count++;
    }
    return count;
}

static uint16_t
checksum(const uint8_t *bytes, size_t count)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    }
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void
put_checksum(uint8_t *bytes, size_t count, size_t at)
{
    uint16_t sum;

    bytes[at] = 0;
    bytes[at + 1] = 0;
    sum = checksum(bytes, count);
    bytes[at] = (uint8_t)(sum >> 8);
    bytes[at + 1] = (uint8_t)sum;
}

static void
deliver(const uint8_t *frame, uint32_t bytes)
{
    deliver_piece(&t, frame, bytes, 1);
    (void)link_poll();
}

static void
expect_all_buffers_back(void)
{
    EXPECT_EQ(t.net.rx.in_flight_count, RX_COUNT);
    EXPECT_TRUE(t.f.device->fault.rule == NULL);
}

UTEST(an_arp_request_is_answered)
{
    static const uint8_t wanted[42] = {
        PEER_MAC, OUR_MAC, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, OUR_MAC, OUR_IP, PEER_MAC, PEER_IP
    };
    uint8_t frame[FRAME_ROOM];
    uint32_t bytes = 0;

    start_stack();
    (void)take_all(frame, &bytes); /* the announcement of our address */
    deliver(arp_request, sizeof(arp_request));
    EXPECT_EQ(take_all(frame, &bytes), 1);
    EXPECT_EQ(bytes, sizeof(wanted));
    EXPECT_MEMEQ(frame, wanted, sizeof(wanted));
    expect_all_buffers_back();
}

UTEST(an_echo_request_is_answered_in_place)
{
    uint8_t request[sizeof(echo_request)];
    uint8_t frame[FRAME_ROOM];
    uint32_t bytes = 0;

    start_stack();
    memcpy(request, echo_request, sizeof(request));
    put_checksum(request + ETHERNET_BYTES, IP_BYTES, 10);
    put_checksum(request + ETHERNET_BYTES + IP_BYTES, 16, 2);
    deliver(arp_request, sizeof(arp_request));
    (void)take_all(frame, &bytes);
    deliver(request, sizeof(request));
    EXPECT_EQ(take_all(frame, &bytes), 1);
    EXPECT_EQ(bytes, sizeof(request));
    EXPECT_EQ(frame[ETHERNET_BYTES + IP_BYTES], 0); /* echo reply */
    EXPECT_MEMEQ(frame + 42, "echo", 4);
    EXPECT_EQ(checksum(frame + ETHERNET_BYTES + IP_BYTES, 16), 0);
    expect_all_buffers_back();
}

UTEST(a_connection_to_a_closed_port_is_refused)
{
    uint8_t segment[sizeof(syn)];
    uint8_t pseudo[32] = { PEER_IP, OUR_IP, 0, 6, 0, 20 };
    uint8_t frame[FRAME_ROOM];
    uint32_t bytes = 0;

    start_stack();
    memcpy(segment, syn, sizeof(segment));
    put_checksum(segment + ETHERNET_BYTES, IP_BYTES, 10);
    memcpy(pseudo + 12, segment + ETHERNET_BYTES + IP_BYTES, 20);
    put_checksum(pseudo, sizeof(pseudo), 12 + 16);
    memcpy(segment + ETHERNET_BYTES + IP_BYTES, pseudo + 12, 20);
    deliver(arp_request, sizeof(arp_request));
    (void)take_all(frame, &bytes);
    deliver(segment, sizeof(segment));
    EXPECT_EQ(take_all(frame, &bytes), 1);
    EXPECT_EQ(frame[ETHERNET_BYTES + IP_BYTES + 13] & TCP_RST, TCP_RST);
    expect_all_buffers_back();
}

UTEST(the_stack_sends_nothing_when_the_queue_is_full_and_goes_on_afterwards)
{
    uint8_t frame[FRAME_ROOM];
    uint32_t bytes = 0;

    start_stack();
    for (unsigned i = 0; i < RX_COUNT + 5; i++) {
        deliver(arp_request, sizeof(arp_request));
    }
    EXPECT_EQ(take_all(frame, &bytes), RX_COUNT);
    deliver(arp_request, sizeof(arp_request));
    EXPECT_EQ(take_all(frame, &bytes), 1);
    expect_all_buffers_back();
}

/* A frame of one of the kinds above, with some bytes changed and perhaps a length of its own. Returns: its bytes. */
static uint32_t
make_hostile(uint8_t frame[FRAME_ROOM])
{
    static const struct {
        const uint8_t *bytes;
        uint32_t count;
    } kinds[] = {
        {arp_request,   sizeof(arp_request) },
        { echo_request, sizeof(echo_request)},
        { datagram,     sizeof(datagram)    },
        { syn,          sizeof(syn)         },
        { fragment,     sizeof(fragment)    }
    };
    uint32_t kind = fake_random(&t.f.fake) % (uint32_t)(sizeof(kinds) / sizeof(kinds[0]));
    uint32_t count = kinds[kind].count;

    memset(frame, 0, FRAME_ROOM);
    memcpy(frame, kinds[kind].bytes, count);
    if (fake_random(&t.f.fake) % 4 == 0) {
        count = ETHERNET_BYTES + fake_random(&t.f.fake) % (FRAME_ROOM - ETHERNET_BYTES);
    }
    for (uint32_t changes = fake_random(&t.f.fake) % 4; changes > 0; changes--) {
        frame[12 + fake_random(&t.f.fake) % (count - 12)] = (uint8_t)fake_random(&t.f.fake);
    }
    if (kind != 0 && count >= ETHERNET_BYTES + IP_BYTES && fake_random(&t.f.fake) % 8 != 0) {
        put_checksum(frame + ETHERNET_BYTES, IP_BYTES, 10);
    }
    return count;
}

UTEST(hostile_frames_leave_nothing_behind)
{
    uint8_t frame[FRAME_ROOM];
    uint32_t bytes = 0;

    start_stack();
    for (unsigned i = 0; i < HOSTILE_FRAMES && !utest.has_failed; i++) {
        bytes = make_hostile(frame);
        deliver(frame, bytes);
        (void)take_all(frame, &bytes);
        host_advance_ns(MS);
        sys_check_timeouts();
    }
    for (unsigned i = 0; i < 300;
         i++) { /* what waits for more fragments, or for an answer, is given up */
        host_advance_ns(UINT64_C(1000) * MS);
        sys_check_timeouts();
        (void)take_all(frame, &bytes);
    }
    expect_all_buffers_back();
    EXPECT_TRUE(t.net.stats.rx_frames > HOSTILE_FRAMES / 2);
}

UTEST(the_stack_and_the_device_part_in_peace)
{
    start_stack();
    end(&t);
}
