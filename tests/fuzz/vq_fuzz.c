/*
 * The device's side of a virtqueue under a guest that writes anything anywhere, also between our calls.
 *
 * The data: a byte that says the format and what was agreed, 16 bits of base, then operations:
 *   0 pop   1 push the oldest   2 push the newest   3 interrupt?   4 offset, length, bytes: the guest writes
 *   5 an honest chain of two buffers   6 a region goes, or comes back   7 stop, and start again at the base
 */
#include "abi/virtio_ring.h"

#include "device/vq/guest.h"
#include "device/vq/vq.h"
#include "tests/fuzz/fuzz_input.h"

enum {
    SIZE = 8,
    MEMORY_BYTES = 0x2000,
    SECOND_BYTES = 0x800,
    MEMORY_ADDR = 0x1000,
    DRIVER = 0x400,
    DEVICE = 0x600,
    BUFFERS = 0x800,
    HELD_COUNT_MAX = 16,
};

struct bench {
    _Alignas(64) uint8_t memory[MEMORY_BYTES];
    struct fuzz_input in;
    struct vq_layout layout;
    struct vq_chain *held[HELD_COUNT_MAX];
    struct vq vq;
    struct guest_memory guest;
    unsigned held_count;
    bool has_second;
    uint8_t second[SECOND_BYTES];
};

static void
add_region(struct bench *bench, const struct guest_region *region)
{
    fuzz_expect(guest_add(&bench->guest, region) == NULL);
}

static void
flip_second(struct bench *bench)
{
    if (bench->has_second) {
        fuzz_expect(guest_remove(&bench->guest, MEMORY_ADDR + MEMORY_BYTES, SECOND_BYTES));
    } else {
        struct guest_region second = { .guest_addr = MEMORY_ADDR + MEMORY_BYTES,
                                       .size_bytes = SECOND_BYTES,
                                       .host = bench->second };
        add_region(bench, &second);
    }
    bench->has_second = !bench->has_second;
}

static void
start(struct bench *bench)
{
    if (vq_start(&bench->vq, &bench->guest, &bench->layout) != NULL) {
        bench->layout.first_avail = bench->layout.is_packed ? 0x80008000U : 0;
        fuzz_expect(vq_start(&bench->vq, &bench->guest, &bench->layout) == NULL);
    }
}

static void
pop(struct bench *bench)
{
    struct vq_chain *chain = NULL;
    bool was_broken = bench->vq.fault.rule != NULL;
    enum vq_result result =
        bench->held_count < HELD_COUNT_MAX ? vq_pop(&bench->vq, &chain) : VQ_EMPTY;
    fuzz_expect((chain != NULL) == (result == VQ_OK));
    fuzz_expect(!was_broken || result != VQ_OK);
    fuzz_expect((result == VQ_BROKEN) == (bench->vq.fault.rule != NULL) || result == VQ_EMPTY);
    if (result != VQ_OK) {
        return;
    }
    uint8_t bytes[96];
    fuzz_expect(chain->readable_count + chain->writable_count <= VQ_CHAIN_PIECES_MAX);
    fuzz_expect(chain->desc_count <= SIZE && bench->vq.in_flight_count <= SIZE);
    fuzz_expect(vq_read(chain, fuzz_u8(&bench->in), bytes, sizeof(bytes)) <= chain->readable_bytes);
    bench->held[bench->held_count++] = chain;
}

static void
push(struct bench *bench, unsigned at)
{
    if (bench->held_count == 0) {
        return;
    }
    struct vq_chain *chain = bench->held[at];
    uint8_t bytes[96];
    memset(bytes, 0x5a, sizeof(bytes));
    size_t written = vq_write(chain, fuzz_u8(&bench->in), bytes, sizeof(bytes));
    fuzz_expect(written <= chain->writable_bytes);
    vq_push(&bench->vq, chain, (uint32_t)written);
    bench->held[at] = bench->held[--bench->held_count];
}

static void
scribble(struct bench *bench)
{
    unsigned offset = fuzz_u16(&bench->in) % MEMORY_BYTES;
    unsigned size = fuzz_u8(&bench->in) % 33;
    size = size < MEMORY_BYTES - offset ? size : MEMORY_BYTES - offset;
    fuzz_take(&bench->in, bench->memory + offset, size);
}

/* What a right driver does, so that the fuzzer need not find it. */
static void
offer(struct bench *bench)
{
    unsigned at = bench->vq.avail_idx % SIZE;
    unsigned next = (at + 1) % SIZE;
    uint64_t addr = MEMORY_ADDR + BUFFERS + (uint64_t)fuzz_u8(&bench->in) * 16;
    if (bench->layout.is_packed) {
        struct virtq_packed_desc *ring = (struct virtq_packed_desc *)(void *)bench->memory;
        unsigned wrap = bench->vq.avail_wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
        unsigned next_wrap = next == 0 ? wrap ^ (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED) : wrap;
        ring[next] =
            (struct virtq_packed_desc){ le64_from(addr + 64), le32_from(32), le16_from(5),
                                        le16_from((uint16_t)(next_wrap | VIRTQ_DESC_F_WRITE)) };
        ring[at] = (struct virtq_packed_desc){ le64_from(addr), le32_from(64), le16_from(5),
                                               le16_from((uint16_t)(wrap | VIRTQ_DESC_F_NEXT)) };
        return;
    }
    struct virtq_desc *table = (struct virtq_desc *)(void *)bench->memory;
    struct virtq_avail *avail = (struct virtq_avail *)(void *)(bench->memory + DRIVER);
    table[at] = (struct virtq_desc){ le64_from(addr), le32_from(64), le16_from(VIRTQ_DESC_F_NEXT),
                                     le16_from((uint16_t)next) };
    table[next] = (struct virtq_desc){ le64_from(addr + 64), le32_from(32),
                                       le16_from(VIRTQ_DESC_F_WRITE), le16_from(0) };
    avail->ring[at] = le16_from((uint16_t)at);
    avail->idx = le16_from((uint16_t)(bench->vq.avail_idx + 1));
}

static void
restart(struct bench *bench)
{
    while (bench->held_count > 0) {
        vq_chain_forget(bench->held[--bench->held_count]);
    }
    bench->layout.first_avail = vq_stop(&bench->vq);
    fuzz_expect(!vq_wants_interrupt(&bench->vq));
    start(bench);
}

static void
operate(struct bench *bench)
{
    switch (fuzz_u8(&bench->in) % 8) {
    case 0: pop(bench); break;
    case 1: push(bench, 0); break;
    case 2: push(bench, bench->held_count - 1); break;
    case 3: (void)vq_wants_interrupt(&bench->vq); break;
    case 4: scribble(bench); break;
    case 5: offer(bench); break;
    case 6: flip_second(bench); break;
    default: restart(bench); break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench bench = {
        .in = {data, size}
    };
    uint8_t flavour = fuzz_u8(&bench.in);
    uint16_t base = fuzz_u16(&bench.in);
    bench.layout = (struct vq_layout){ .size = SIZE,
                                       .is_packed = (flavour & 1) != 0,
                                       .has_event_idx = (flavour & 2) != 0,
                                       .has_indirect = (flavour & 4) != 0,
                                       .desc = bench.memory,
                                       .driver = bench.memory + DRIVER,
                                       .device = bench.memory + DEVICE,
                                       .first_avail = base | (uint32_t)base << 16 };
    struct guest_region first = { .guest_addr = MEMORY_ADDR,
                                  .size_bytes = MEMORY_BYTES,
                                  .host = bench.memory };
    add_region(&bench, &first);
    start(&bench);
    while (bench.in.left > 0) {
        operate(&bench);
    }
    restart(&bench);
    return 0;
}
