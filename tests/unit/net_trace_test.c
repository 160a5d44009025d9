/* The network driver in the trace: control commands with their data, frames by their headers. VirtIO 1.3 §5.1.6.5. conformance: S0-17 S0-18 */
#include "tests/unit/net_fixture.h"

UTEST(the_trace_tells_control_commands_with_their_data)
{
    static const enum virtio_trace_event life[] = { TRACE_NET_COMMAND, TRACE_VIRTQ_ADD,
                                                    TRACE_VIRTQ_USED, TRACE_NET_CONTROL,
                                                    TRACE_NONE };
    static const uint8_t macs[][VIRTIO_NET_MAC_BYTES] = {
        {2,  0, 0, 0, 0, 1   },
        { 2, 0, 0, 0, 0, 0xfe},
        { 3, 0, 0, 0, 0, 2   }
    };
    static const uint8_t many[VNET_FILTER_MACS_MAX][VIRTIO_NET_MAC_BYTES] = {
        [VNET_FILTER_MACS_MAX - 1] = {3, 1, 2, 3, 4, 5}
    };
    struct vnet_mac_filter filter = { &macs[0], &macs[2], 2, 1 };
    struct net_test t = { 0 };
    char wanted[64];
    const char *text;

    start(&t, &flavours[0], NET_FEATURES);
    t.f.fake.delay_ns = 23000;
    EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_OK);
    EXPECT_EQ(vnet_set_mac_filter(&t.net, &filter), VIRTIO_OK);
    EXPECT_EQ(vnet_set_mac(&t.net, macs[1]), VIRTIO_OK);
    control.ack = VIRTIO_NET_ERR;
    EXPECT_EQ(vnet_set_allmulti(&t.net, false), VIRTIO_ERR_REFUSED);
    text = fixture_printed(&t.f, false);
    EXPECT_CONTAINS(text, " net command class 0 command 0: 1 bytes: RX_PROMISC on\n");
    (void)snprintf(wanted, sizeof(wanted), ": ack 0 after %llu ns: OK to RX_PROMISC\n",
                   (unsigned long long)t.net.control_latency[VNET_CONTROL_PROMISC].sum_ns);
    EXPECT_CONTAINS(text, wanted);
    EXPECT_TRUE(t.net.control_latency[VNET_CONTROL_PROMISC].sum_ns >= t.f.fake.delay_ns);
    EXPECT_CONTAINS(text, " net command class 1 command 0: 26 bytes: MAC_TABLE_SET unicast "
                          "[02:00:00:00:00:01 02:00:00:00:00:fe] multicast [03:00:00:00:00:02]\n");
    EXPECT_CONTAINS(text, ": 6 bytes: MAC_ADDR_SET 02:00:00:00:00:fe\n");
    EXPECT_CONTAINS(text, ": 1 bytes: RX_ALLMULTI off\n");
    EXPECT_CONTAINS(text, " ns: ERR to RX_ALLMULTI\n");
    EXPECT_TRUE(fixture_has_command(&t.f, life));
    for (unsigned i = 0; i < VNET_CONTROL_COUNT; i++) {
        EXPECT_EQ(t.net.control_latency[i].count, 1);
    }
    EXPECT_CONTAINS(fixture_printed(&t.f, true),
                    "{\"name\":\"MAC_TABLE_SET\",\"cat\":\"net\",\"ph\":\"X\",");

    control.ack = VIRTIO_NET_OK;
    virtio_trace_clear(&t.f.trace);
    filter = (struct vnet_mac_filter){ NULL, many, 0, VNET_FILTER_MACS_MAX };
    EXPECT_EQ(vnet_set_mac_filter(&t.net, &filter), VIRTIO_OK);
    text = fixture_printed(&t.f, false);
    EXPECT_CONTAINS(text, ": 200 bytes: MAC_TABLE_SET unicast [] multicast [00:00:00:00:00:00 ");
    EXPECT_CONTAINS(text, " 00:00:00:00:00:00 03:01:02:03:04:05]\n");
    EXPECT_CONTAINS(fixture_printed(&t.f, true), " 00:00:00:00:00:00 03:01:02:03:04:05]\"}}\n");
    end(&t);
}

UTEST(the_trace_tells_frames_by_their_headers)
{
    static const enum virtio_trace_event sent[] = { TRACE_NET_SEND, TRACE_VIRTQ_USED,
                                                    TRACE_NET_SENT, TRACE_NONE };
    static const enum virtio_trace_event received[] = { TRACE_VIRTQ_ADD, TRACE_VIRTQ_USED,
                                                        TRACE_NET_RECEIVE, TRACE_NONE };
    uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x08, 0x06 };
    uint8_t seen[60];
    struct net_test t = { 0 };
    size_t bytes;

    start(&t, &flavours[0], NET_FEATURES);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_OK);
    EXPECT_EQ(take_sent(&t, seen, sizeof(seen)), sizeof(frame));
    EXPECT_EQ(vnet_drain(&t.net, 10), VIRTIO_OK);
    frame[13] = 0;
    deliver_piece(&t, frame, sizeof(frame), 1);
    EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_OK);
    EXPECT_CONTAINS(
        fixture_printed(&t.f, false),
        " net send: 60 bytes: to ff:ff:ff:ff:ff:ff from 02:00:00:00:00:09 type 0x0806\n");
    EXPECT_CONTAINS(fixture_printed(&t.f, false),
                    " net receive: 60 bytes in 1 buffers: to ff:ff:ff:ff:ff:ff from "
                    "02:00:00:00:00:09 type 0x0800\n");
    EXPECT_TRUE(fixture_has_command(&t.f, sent));
    EXPECT_TRUE(fixture_has_command(&t.f, received));
    end(&t);
}
