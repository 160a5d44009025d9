/*
 * A virtqueue, split or packed, while the fuzzer's bytes write wherever the device can write: rings, descriptors, suppression
 * areas. Whatever stands there, the library touches only its own memory, gives back only what is in flight, each once,
 * with a length that fits, and once broken stays broken. VirtIO 1.3 §2.7.8, §2.8.22.
 */
#include "virtio/device.h"
#include "virtio/queue.h"

#include "tests/fake/fake_device.h"
#include "tests/fuzz/fuzz_input.h"

enum {
    QUEUE_SIZE_MAX = 16,
    ARENA_BYTES = 1 << 16,
    BUFFER_BYTES = 64,
    TOKEN_COUNT = QUEUE_SIZE_MAX,
    OP_COUNT = 12,
    KEEPING_QUEUE = 7, /* the echo model leaves the buffers of this one to us */
};

static struct fake_platform fp;
static struct fake_device fake;
static struct virtio_bus bus;
static struct virtio_device *device;
static struct virtio_arena arena;
static struct virtq q;
static uint8_t *buffers;
static uint64_t buffers_addr;

/* What is in flight, by our own books. */
static struct token {
    bool is_out;
    uint32_t writable_bytes;
} tokens[TOKEN_COUNT];

static bool
start(struct fuzz_input *in)
{
    static const unsigned bits[] = { VIRTIO_F_RING_PACKED, VIRTIO_F_INDIRECT_DESC,
                                     VIRTIO_F_EVENT_IDX, VIRTIO_F_IN_ORDER,
                                     VIRTIO_F_NOTIFICATION_DATA };
    const struct virtio_feature_request request = { .wanted = UINT64_MAX & ~UINT64_C(0xff) };
    uint8_t flavour = fuzz_u8(in);
    struct virtq_config config = { .size_max = (uint16_t)(2 << (flavour >> 6)),
                                   .indirect_max = 4,
                                   .is_interrupting = (flavour & 32) != 0 };
    uint64_t features = 0;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        features |= (flavour >> i & 1) != 0 ? VIRTIO_FEATURE(bits[i]) : 0;
    }
    fake_device_init(&fake, &fp,
                     &(struct fake_device_config){ .model = &fake_echo_model,
                                                   .features = features,
                                                   .queue_count = FAKE_QUEUES_MAX,
                                                   .queue_size_max = QUEUE_SIZE_MAX });
    arena = fake_platform_arena(&fp, ARENA_BYTES);
    buffers = virtio_arena_take(&arena, BUFFER_BYTES, 64);
    buffers_addr = fp.plat.dma_addr(&fp, buffers, BUFFER_BYTES);
    return virtio_bus_init(&bus, &fp.plat, NULL) == VIRTIO_OK &&
           virtio_mmio_probe(&bus, fake.base, FAKE_DEVICE_BYTES, &device) == VIRTIO_OK &&
           virtio_device_claim(device, "fuzz") == VIRTIO_OK &&
           virtio_device_negotiate(device, &request) == VIRTIO_OK &&
           virtq_setup(&q, device, KEEPING_QUEUE, &config, &arena) == VIRTIO_OK &&
           virtio_device_start(device) == VIRTIO_OK;
}

static void
add(struct fuzz_input *in)
{
    uint8_t shape = fuzz_u8(in);
    uint16_t readable_count = shape & 3;
    uint16_t writable_count = shape >> 2 & 3;
    struct virtq_seg segs[6];
    unsigned free_idx = 0;
    while (free_idx < TOKEN_COUNT && tokens[free_idx].is_out) {
        free_idx++;
    }
    for (unsigned i = 0; i < 6; i++) {
        segs[i] = (struct virtq_seg){ buffers_addr, shape >> 4 & 7 };
    }
    if (free_idx == TOKEN_COUNT) {
        return;
    }
    struct virtq_chain chain = { .segs = segs,
                                 .readable_count = readable_count,
                                 .writable_count = writable_count,
                                 .token = &tokens[free_idx] };
    if (virtq_add(&q, &chain) == VIRTIO_OK) {
        tokens[free_idx].is_out = true;
        tokens[free_idx].writable_bytes = writable_count * segs[0].bytes;
    }
}

static void
take(void)
{
    struct virtq_done done;
    bool was_broken = q.fault.rule != NULL;
    enum virtio_err err = virtq_take_used(&q, &done);
    fuzz_expect(err == VIRTIO_OK || err == VIRTIO_EMPTY || err == VIRTIO_ERR_BROKEN);
    fuzz_expect(!was_broken || err == VIRTIO_ERR_BROKEN);
    fuzz_expect((err == VIRTIO_ERR_BROKEN) == (q.fault.rule != NULL));
    if (err == VIRTIO_OK) {
        struct token *token = done.token;
        fuzz_expect(token >= tokens && token < tokens + TOKEN_COUNT && token->is_out);
        fuzz_expect(done.written_bytes <= token->writable_bytes);
        token->is_out = false;
    }
}

/* The device writes some bytes into one of the areas. */
static void
scribble(struct fuzz_input *in, volatile void *area, size_t area_bytes)
{
    uint8_t offset = fuzz_u8(in);
    uint8_t bytes = fuzz_u8(in) & 15;
    volatile uint8_t *to = area;
    for (size_t i = 0; i < bytes; i++) {
        to[(offset + i) % area_bytes] = fuzz_u8(in);
    }
}

/* One used element that could be right, at the place where the driver will look. */
static void
plausible(struct fuzz_input *in)
{
    uint32_t id = fuzz_u8(in) % (q.size + 1U);
    uint32_t bytes = fuzz_u8(in) & 15;
    bool is_packed = virtio_device_has(device, VIRTIO_F_RING_PACKED);
    if (is_packed) {
        volatile struct virtq_packed_desc *desc = q.desc_area;
        uint16_t flags = q.used_wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
        desc += q.used_idx;
        desc->id.raw = le16_from((uint16_t)id).raw;
        desc->len.raw = le32_from(bytes).raw;
        desc->flags.raw = le16_from((uint16_t)(flags | VIRTQ_DESC_F_WRITE)).raw;
        return;
    }
    volatile struct virtq_used *used = q.device_area;
    uint16_t idx = used->idx.raw;
    volatile struct virtq_used_elem *elem = &used->ring[idx & (q.size - 1)];
    elem->id.raw = le32_from(id).raw;
    elem->len.raw = le32_from(bytes).raw;
    used->idx.raw = (uint16_t)(idx + 1);
}

/* The honest device gives back the oldest buffer that it has. */
static void
complete(struct fuzz_input *in)
{
    struct fake_chain *chain = fake_queue_oldest(&fake, KEEPING_QUEUE);
    if (chain != NULL) {
        uint32_t room = chain->writable_bytes;
        fake_chain_complete(&fake, chain, fuzz_u8(in) % (room + 1));
    }
}

static void
step(struct fuzz_input *in)
{
    bool is_packed = virtio_device_has(device, VIRTIO_F_RING_PACKED);
    size_t device_bytes = is_packed ? 4 : 6 + (size_t)8 * q.size;
    size_t driver_bytes = is_packed ? 4 : 6 + (size_t)2 * q.size;
    switch (fuzz_u8(in) % OP_COUNT) {
    case 0:
    case 1: add(in); break;
    case 2: (void)virtq_notify(&q); break;
    case 3:
    case 4: take(); break;
    case 5: scribble(in, q.desc_area, (size_t)16 * q.size); break;
    case 6: scribble(in, q.device_area, device_bytes); break;
    case 7: scribble(in, q.driver_area, driver_bytes); break;
    case 8: plausible(in); break;
    case 9: complete(in); break;
    case 10: (void)virtq_interrupts_on(&q); break;
    default: (void)virtq_has_used(&q); break;
    }
    fuzz_expect(q.in_flight_count <= q.size && q.free_count <= q.size);
}

static void
count_dropped(void *ctx, void *token)
{
    unsigned *count = ctx;
    struct token *dropped = token;
    fuzz_expect(dropped >= tokens && dropped < tokens + TOKEN_COUNT && dropped->is_out);
    dropped->is_out = false;
    (*count)++;
}

/* After a reset exactly what was in flight is handed back. */
static void
finish(void)
{
    unsigned out_count = 0;
    unsigned dropped_count = 0;
    for (unsigned i = 0; i < TOKEN_COUNT; i++) {
        out_count += tokens[i].is_out;
    }
    (void)virtio_device_release(device, "fuzz");
    virtq_finish(&q, count_dropped, &dropped_count);
    fuzz_expect(dropped_count == out_count);
    fake_device_finish(&fake);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    memset(tokens, 0, sizeof(tokens));
    fake_platform_init(&fp);
    fp.is_expecting_violations = true; /* the rings are noise for the device too */
    fuzz_expect(start(&in));
    while (in.left > 0) {
        step(&in);
    }
    finish();
    return fake_platform_finish(&fp) ? 0 : 1;
}
