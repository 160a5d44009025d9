/* A network device played by hand: its configuration, its control queue, the frames it takes and delivers. */
#ifndef TESTS_UNIT_NET_FIXTURE_H
#define TESTS_UNIT_NET_FIXTURE_H

#include "abi/virtio_net.h"

#include "virtio/net.h"

#include "tests/unit/driver_fixture.h"

enum {
    QUEUE_COUNT = 3,
    MTU_PLAIN = 1500,
};

#define NET_FEATURES                                                                               \
 (VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) |                         \
  VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ) | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_RX) |                    \
  VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR))
#define MERGEABLE VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF)

static const uint8_t station[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

static const struct fake_config_field fields[] = {
    {0,     1, 6, VIRTIO_NET_F_MAC, true },
    { 6,    2, 1, VIRTIO_NET_F_STATUS, false },
    { 10, 2, 1, VIRTIO_NET_F_MTU, false },
    { 0   },
};

static const struct fake_dependency no_dependencies[] = { { 0 } };

/* What the control queue heard last, and what it answers. */
static struct {
    uint8_t bytes[256];
    uint32_t byte_count;
    uint16_t seg_count;
    uint8_t ack;
    bool is_silent;
    bool is_ack_unwritten; /* used all the same */
    uint32_t written_bytes;
} control;

static inline void
serve_control(struct fake_device *device, struct fake_chain *chain)
{
    if (chain->queue_idx != VIRTIO_NET_CONTROLQ) {
        return;
    }
    control.byte_count = fake_chain_read(chain, 0, control.bytes, sizeof(control.bytes));
    control.seg_count = chain->seg_count;
    if (!control.is_silent) {
        (void)fake_chain_write(chain, 0, &control.ack, control.is_ack_unwritten ? 0 : 1);
        fake_chain_complete(device, chain, control.written_bytes);
    }
}

static const struct fake_model net_model = {
    .name = "net by hand",
    .id = VIRTIO_ID_NET,
    .features = UINT64_MAX,
    .fields = fields,
    .dependencies = no_dependencies,
    .buffer = serve_control,
};

struct net_test {
    struct fixture f;
    struct vnet net;
    struct vnet_config config;
};

static inline void
prepare(struct net_test *t, const struct flavour *flavour, uint64_t features)
{
    struct fixture_wish wish = { &net_model, flavour, features, QUEUE_COUNT, 0 };

    memset(&control, 0, sizeof(control));
    control.written_bytes = 1;
    t->net = (struct vnet){ 0 };
    t->config.features = VIRTIO_FEATURES_LIBRARY;
    wish.arena_bytes = vnet_arena_bytes(&t->config);
    fixture_start(&t->f, &wish);
    memcpy(t->f.fake.config, station, sizeof(station));
    t->f.fake.config[6] = VIRTIO_NET_S_LINK_UP;
    t->f.fake.config[10] = MTU_PLAIN & 0xff;
    t->f.fake.config[11] = MTU_PLAIN >> 8;
}

static inline enum virtio_err
bring_up(struct net_test *t)
{
    return vnet_init(&t->net, t->f.device, &t->config, &t->f.arena);
}

static inline void
start(struct net_test *t, const struct flavour *flavour, uint64_t features)
{
    prepare(t, flavour, features);
    EXPECT_EQ(bring_up(t), VIRTIO_OK);
}

static inline void
end(struct net_test *t)
{
    vnet_finish(&t->net);
    fixture_end(&t->f);
}

static inline uint32_t
header_bytes(const struct net_test *t)
{
    bool is_short = t->f.fake.version == 1 && !t->net.has_mergeable;

    return is_short ? VIRTIO_NET_HDR_LEGACY_BYTES : sizeof(struct virtio_net_hdr);
}

/* The device delivers `bytes` of `data` in one buffer, behind a header with `buffer_count`. */
static inline void
deliver_piece(struct net_test *t, const void *data, uint32_t bytes, uint16_t buffer_count)
{
    struct fake_chain *chain = fake_queue_oldest(&t->f.fake, VIRTIO_NET_RECEIVEQ);
    struct virtio_net_hdr header = { .num_buffers = le16_from(buffer_count) };
    uint32_t skip = buffer_count != 0 ? header_bytes(t) : 0;

    if (!EXPECT_TRUE(chain != NULL)) {
        return;
    }
    (void)fake_chain_write(chain, 0, &header, skip);
    EXPECT_EQ(fake_chain_write(chain, skip, data, bytes), bytes);
    fake_chain_complete(&t->f.fake, chain, skip + bytes);
}

static inline void
fill(uint8_t *frame, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++) {
        frame[i] = (uint8_t)((size_t)seed * 31 + i * 7);
    }
}

/* The device takes the oldest frame. Returns: its bytes, header excluded. */
static inline uint32_t
take_sent(struct net_test *t, uint8_t *frame, uint32_t frame_room)
{
    struct fake_chain *chain = fake_queue_oldest(&t->f.fake, VIRTIO_NET_TRANSMITQ);
    static const uint8_t zeros[sizeof(struct virtio_net_hdr)];
    uint8_t header[sizeof(zeros)];
    uint32_t bytes;

    if (!EXPECT_TRUE(chain != NULL)) {
        return 0;
    }
    EXPECT_EQ(fake_chain_read(chain, 0, header, header_bytes(t)), header_bytes(t));
    EXPECT_MEMEQ(header, zeros, header_bytes(t));
    bytes = fake_chain_read(chain, header_bytes(t), frame, frame_room);
    fake_chain_complete(&t->f.fake, chain, 0);
    return bytes;
}

#endif
