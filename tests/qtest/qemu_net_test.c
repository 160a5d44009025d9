/*
 * The network driver on QEMU's network device, in each transport and ring; the other end of the wire is a socket of this
 * program, so that every byte of every frame is seen as it leaves and chosen as it arrives.
 *
 * conformance: S2-02 S2-03 S2-04
 */
#include <string.h>

#include <poll.h>
#include <sys/socket.h>

#include "virtio/net.h"

#include "tests/qtest/rig.h"
#include "tests/unit/utest.h"

enum {
    FRAME_BYTES_MAX = 2048,
    WAIT_MS = 2000,
    COMBINATION_COUNT = 6,
};

struct combination {
    const char *name;
    uint64_t features;
    enum rig_mmio mmio;
};

#define PACKED    VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)
#define EVENT_IDX VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)

static const struct combination combinations[COMBINATION_COUNT] = {
    {"v1 split",             0,                  RIG_MMIO_LEGACY},
    { "v1 split event_idx",  EVENT_IDX,          RIG_MMIO_LEGACY},
    { "v2 split event_idx",  EVENT_IDX,          RIG_MMIO_MODERN},
    { "v2 packed",           PACKED,             RIG_MMIO_MODERN},
    { "v2 packed event_idx", PACKED | EVENT_IDX, RIG_MMIO_MODERN},
    { "pci split event_idx", EVENT_IDX,          RIG_PCI        },
};

static const char *const args[] = {
    "-netdev", QEMU_NETDEV, "-device",
    "virtio-net-device,id=nic0,netdev=net0,mac=52:54:00:12:34:56,packed=on", NULL
};

static const uint8_t our_mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

static struct rig rig;
static struct vnet net;
static uint8_t frame[FRAME_BYTES_MAX];
static uint8_t seen[FRAME_BYTES_MAX];

static bool
start(const struct combination *combination)
{
    const struct vnet_config config = { .features = combination->features };
    rig_start(&rig, combination->mmio, args);
    struct virtio_device *device = rig_device(&rig, VIRTIO_ID_NET);
    return EXPECT_TRUE(device != NULL) &&
           EXPECT_EQ(vnet_init(&net, device, &config, &rig.arena), VIRTIO_OK);
}

static void
in_every_combination(void (*body)(void))
{
    for (size_t i = 0; i < COMBINATION_COUNT; i++) {
        bool had_failed = utest.has_failed;
        if (start(&combinations[i])) {
            body();
            EXPECT_EQ(net.device->fault.rule, NULL);
        }
        rig_stop(&rig);
        if (utest.has_failed && !had_failed) {
            printf("        first with %s\n", combinations[i].name);
        }
    }
}

/* A frame to `to`, of `bytes`, whose payload tells `seed`. */
static void
make_frame(const uint8_t to[6], size_t bytes, unsigned seed)
{
    static const uint8_t other_mac[6] = { 0x02, 0, 0, 0, 0, 0x99 };
    memcpy(frame, to, 6);
    memcpy(frame + 6, other_mac, 6);
    frame[12] = 0x88;
    frame[13] = 0xb5; /* EtherType for local experiments */
    for (size_t i = 14; i < bytes; i++) {
        frame[i] = (uint8_t)((size_t)seed * 31 + i);
    }
}

/* Take a frame off the wire. Returns: its bytes, -1 when none comes. */
static ssize_t
from_wire(int timeout_ms)
{
    struct pollfd wait = { .fd = rig.qemu.net_fd, .events = POLLIN };
    if (poll(&wait, 1, timeout_ms) != 1) {
        return -1;
    }
    return recv(rig.qemu.net_fd, seen, sizeof(seen), 0);
}

/* Put the frame on the wire. */
static void
to_wire(size_t bytes)
{
    EXPECT_EQ(send(rig.qemu.net_fd, frame, bytes, 0), bytes);
}

/* Receive one frame, waiting. */
static enum virtio_err
receive(size_t *bytes)
{
    const struct virtio_platform *plat = &rig.platform.table;
    uint64_t deadline_ns = plat->now_ns(plat->ctx) + WAIT_MS * UINT64_C(1000000);
    enum virtio_err err = VIRTIO_EMPTY;
    while (err == VIRTIO_EMPTY && plat->now_ns(plat->ctx) < deadline_ns) {
        err = vnet_receive(&net, seen, sizeof(seen), bytes);
        plat->relax(plat->ctx, deadline_ns);
    }
    return err;
}

static void
tell_who_we_are(void)
{
    EXPECT_MEMEQ(vnet_mac(&net), our_mac, 6);
    EXPECT_TRUE(vnet_is_link_up(&net));
    EXPECT_EQ(vnet_mtu(&net), 1500);
}

UTEST(the_mac_address_is_the_configured_one)
{
    in_every_combination(tell_who_we_are);
}

static void
send_every_size(void)
{
    static const size_t sizes[] = { 14, 15, 60, 64, 127, 128, 590, 1514 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        make_frame(our_mac, sizes[i], (unsigned)i);
        EXPECT_EQ(vnet_send(&net, frame, sizes[i]), VIRTIO_OK);
        EXPECT_EQ(from_wire(WAIT_MS), sizes[i]);
        EXPECT_MEMEQ(seen, frame, sizes[i]);
    }
    EXPECT_EQ(vnet_drain(&net, WAIT_MS), VIRTIO_OK);
    EXPECT_EQ(net.stats.tx_completed, sizeof(sizes) / sizeof(sizes[0]));
}

UTEST(what_is_sent_is_on_the_wire_byte_for_byte)
{
    in_every_combination(send_every_size);
}

static void
receive_every_size(void)
{
    static const size_t sizes[] = { 60, 64, 127, 590, 1514 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t bytes = 0;
        make_frame(our_mac, sizes[i], (unsigned)i);
        to_wire(sizes[i]);
        EXPECT_EQ(receive(&bytes), VIRTIO_OK);
        EXPECT_EQ(bytes, sizes[i]);
        EXPECT_MEMEQ(seen, frame, sizes[i]);
    }
}

UTEST(what_is_on_the_wire_is_received_byte_for_byte)
{
    in_every_combination(receive_every_size);
}

/* Many more than the queues hold, both ways, none lost while we keep up. */
static void
pass_many(void)
{
    enum { MANY = 500 };
    size_t bytes = 0;
    for (unsigned i = 0; i < MANY; i++) {
        make_frame(our_mac, 100 + i % 64, i);
        EXPECT_EQ(vnet_send(&net, frame, 100 + i % 64), VIRTIO_OK);
        EXPECT_EQ(from_wire(WAIT_MS), 100 + i % 64);
        if (!EXPECT_MEMEQ(seen, frame, 100)) {
            return;
        }
        to_wire(100 + i % 64);
        if (!EXPECT_EQ(receive(&bytes), VIRTIO_OK) || !EXPECT_EQ(bytes, 100 + i % 64) ||
            !EXPECT_MEMEQ(seen, frame, bytes)) {
            return;
        }
    }
    EXPECT_EQ(net.stats.tx_frames, MANY);
    EXPECT_EQ(net.stats.rx_frames, MANY);
}

UTEST(five_hundred_frames_each_way)
{
    in_every_combination(pass_many);
}

/* A batch with one notification arrives whole and in order. */
static void
send_a_batch(void)
{
    enum { BATCH = 20 };
    for (unsigned i = 0; i < BATCH; i++) {
        make_frame(our_mac, 64, i);
        EXPECT_EQ(vnet_queue_frame(&net, frame, 64), VIRTIO_OK);
    }
    EXPECT_EQ(from_wire(20), -1); /* the device still sleeps */
    vnet_flush(&net);
    for (unsigned i = 0; i < BATCH; i++) {
        make_frame(our_mac, 64, i);
        EXPECT_EQ(from_wire(WAIT_MS), 64);
        EXPECT_MEMEQ(seen, frame, 64);
    }
    EXPECT_EQ(net.tx.stats.notified, 1);
}

UTEST(a_batch_needs_one_notification)
{
    in_every_combination(send_a_batch);
}

/* Too small a buffer: told how much is needed, and the frame waits. */
static void
receive_into_too_little(void)
{
    size_t bytes = 0;
    uint8_t little[32];
    make_frame(our_mac, 300, 1);
    to_wire(300);
    const struct virtio_platform *plat = &rig.platform.table;
    for (unsigned turn = 0; turn < 20000 && !vnet_can_recv(&net); turn++) {
        plat->relax(plat->ctx, 0);
    }
    EXPECT_EQ(vnet_receive(&net, little, sizeof(little), &bytes), VIRTIO_ERR_BUFFER_TOO_SMALL);
    EXPECT_EQ(bytes, 300);
    EXPECT_EQ(receive(&bytes), VIRTIO_OK);
    EXPECT_MEMEQ(seen, frame, 300);
}

UTEST(a_small_buffer_loses_no_frame)
{
    in_every_combination(receive_into_too_little);
}

/* Who is let in: our address, broadcast, and with the control queue everybody, or some. */
static void
filter_addresses(void)
{
    static const uint8_t stranger[6] = { 0x52, 0x54, 0x00, 0, 0, 0x77 };
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    size_t bytes = 0;
    /* QEMU lets everything in until it is told otherwise. */
    EXPECT_EQ(vnet_set_promiscuous(&net, false), VIRTIO_OK);
    make_frame(stranger, 64, 1);
    to_wire(64);
    make_frame(broadcast, 64, 2);
    to_wire(64);
    EXPECT_EQ(receive(&bytes), VIRTIO_OK);
    EXPECT_MEMEQ(seen, broadcast, 6);
    EXPECT_EQ(vnet_set_promiscuous(&net, true), VIRTIO_OK);
    make_frame(stranger, 64, 3);
    to_wire(64);
    EXPECT_EQ(receive(&bytes), VIRTIO_OK);
    EXPECT_MEMEQ(seen, stranger, 6);
    EXPECT_EQ(vnet_set_promiscuous(&net, false), VIRTIO_OK);
    static const uint8_t table[1][6] = {
        {0x52, 0x54, 0x00, 0, 0, 0x77}
    };
    const struct vnet_mac_filter filter = { .unicast = table, .unicast_count = 1 };
    EXPECT_EQ(vnet_set_mac_filter(&net, &filter), VIRTIO_OK);
    make_frame(stranger, 64, 4);
    to_wire(64);
    EXPECT_EQ(receive(&bytes), VIRTIO_OK);
    EXPECT_MEMEQ(seen, frame, 64);
}

UTEST(the_control_queue_filters)
{
    in_every_combination(filter_addresses);
}

static void
change_our_address(void)
{
    static const uint8_t other[6] = { 0x52, 0x54, 0x00, 0, 0, 0x42 };
    size_t bytes = 0;
    EXPECT_EQ(vnet_set_mac(&net, other), VIRTIO_OK);
    EXPECT_MEMEQ(vnet_mac(&net), other, 6);
    EXPECT_EQ(vnet_set_promiscuous(&net, false), VIRTIO_OK);
    make_frame(our_mac, 64, 1);
    to_wire(64);
    make_frame(other, 64, 2);
    to_wire(64);
    EXPECT_EQ(receive(&bytes), VIRTIO_OK);
    EXPECT_MEMEQ(seen, other, 6);
}

UTEST(the_mac_address_can_be_changed)
{
    in_every_combination(change_our_address);
}

/* QMP pulls the cable: the driver hears of it, and says so instead of losing frames. */
static void
pull_the_cable(void)
{
    EXPECT_TRUE(qemu_command(&rig.qemu, "{\"execute\": \"set_link\", \"arguments\": {\"name\": "
                                        "\"nic0\", \"up\": false}}"));
    EXPECT_TRUE((vnet_take_events(&net) & VNET_EVENT_LINK) != 0);
    EXPECT_FALSE(vnet_is_link_up(&net));
    make_frame(our_mac, 64, 1);
    EXPECT_EQ(vnet_send(&net, frame, 64), VIRTIO_ERR_TRANSMIT_FAILED);
    EXPECT_TRUE(qemu_command(&rig.qemu, "{\"execute\": \"set_link\", \"arguments\": {\"name\": "
                                        "\"nic0\", \"up\": true}}"));
    EXPECT_TRUE((vnet_take_events(&net) & VNET_EVENT_LINK) != 0);
    EXPECT_TRUE(vnet_is_link_up(&net));
    EXPECT_EQ(vnet_send(&net, frame, 64), VIRTIO_OK);
    EXPECT_EQ(from_wire(WAIT_MS), 64);
}

UTEST(a_pulled_cable_is_noticed)
{
    in_every_combination(pull_the_cable);
}

/* Without merged receive buffers a frame and its header must fit into one buffer, and do. */
UTEST(without_mergeable_buffers_frames_arrive_whole)
{
    static const char *const plain_args[] = {
        "-netdev", QEMU_NETDEV, "-device",
        "virtio-net-device,id=nic0,netdev=net0,mac=52:54:00:12:34:56,mrg_rxbuf=off,ctrl_vq=off",
        NULL
    };
    for (int mmio = RIG_MMIO_LEGACY; mmio <= RIG_MMIO_MODERN; mmio++) {
        size_t bytes = 0;
        rig_start(&rig, (enum rig_mmio)mmio, plain_args);
        EXPECT_EQ(vnet_init(&net, rig_device(&rig, VIRTIO_ID_NET), NULL, &rig.arena), VIRTIO_OK);
        EXPECT_FALSE(net.has_mergeable);
        make_frame(our_mac, 1514, 5);
        to_wire(1514);
        EXPECT_EQ(receive(&bytes), VIRTIO_OK);
        EXPECT_EQ(bytes, 1514);
        EXPECT_MEMEQ(seen, frame, 1514);
        EXPECT_EQ(vnet_send(&net, frame, 1514), VIRTIO_OK);
        EXPECT_EQ(from_wire(WAIT_MS), 1514);
        EXPECT_EQ(vnet_set_promiscuous(&net, true), VIRTIO_ERR_UNSUPPORTED);
        rig_stop(&rig);
    }
}

/* Small buffers: a large frame comes in several, and is put together. */
UTEST(a_frame_over_several_buffers_is_put_together)
{
    for (size_t i = 2; i < COMBINATION_COUNT; i++) {
        const struct vnet_config config = { .features = combinations[i].features,
                                            .buffer_bytes = 512 };
        size_t bytes = 0;
        rig_start(&rig, combinations[i].mmio, args);
        EXPECT_EQ(vnet_init(&net, rig_device(&rig, VIRTIO_ID_NET), &config, &rig.arena), VIRTIO_OK);
        EXPECT_TRUE(net.has_mergeable);
        make_frame(our_mac, 1514, 6);
        to_wire(1514);
        EXPECT_EQ(receive(&bytes), VIRTIO_OK);
        EXPECT_EQ(bytes, 1514);
        EXPECT_MEMEQ(seen, frame, 1514);
        EXPECT_EQ(net.stats.rx_joined, 1);
        rig_stop(&rig);
    }
}
