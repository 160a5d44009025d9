/*
 * Guests that break the rules of virtqueues: the queue breaks with the rule, and nothing else happens.
 * A user sees the rule in the device's status instead of a device that died or wrote where it must not.
 */
#include <stdlib.h>

#include "abi/virtio_ring.h"

#include "device/vq/guest.h"
#include "device/vq/vq.h"
#include "tests/unit/utest.h"

enum {
    SIZE = 8,
    MEMORY_ADDR = 0x100000, /* guest physical */
    MEMORY_BYTES = 0x10000,
    DESC = 0,
    DRIVER = 0x1000,
    DEVICE = 0x2000,
    TABLE = 0x3000,
    BUFFER = 0x4000,
    NEXT = VIRTQ_DESC_F_NEXT,
    WRITE = VIRTQ_DESC_F_WRITE,
    INDIRECT = VIRTQ_DESC_F_INDIRECT,
};

struct bench {
    struct guest_memory guest;
    uint8_t *memory;
    struct vq vq;
};

static void
bench_init(struct bench *bench, bool is_packed, bool has_indirect)
{
    *bench = (struct bench){ .memory = aligned_alloc(4096, MEMORY_BYTES) };
    memset(bench->memory, 0, MEMORY_BYTES);
    struct guest_region region = { .guest_addr = MEMORY_ADDR,
                                   .size_bytes = MEMORY_BYTES,
                                   .front_addr = 0x7f0000000000,
                                   .host = bench->memory };
    EXPECT_EQ(guest_add(&bench->guest, &region), NULL);
    struct vq_layout layout = { .size = SIZE,
                                .is_packed = is_packed,
                                .has_indirect = has_indirect,
                                .desc = bench->memory + DESC,
                                .driver = bench->memory + DRIVER,
                                .device = bench->memory + DEVICE,
                                .first_avail = is_packed ? 0x80008000U : 0 };
    EXPECT_EQ(vq_start(&bench->vq, &bench->guest, &layout), NULL);
}

static void
bench_finish(struct bench *bench)
{
    (void)vq_stop(&bench->vq);
    free(bench->memory);
}

struct raw_desc {
    uint64_t addr;
    uint32_t bytes;
    uint16_t flags;
    uint16_t next; /* packed: the id */
};

/* One descriptor at `offset` of guest memory; both formats have the same size, and flags and last field swapped. */
static void
put(struct bench *bench, size_t offset, unsigned idx, const struct raw_desc *raw)
{
    if (bench->vq.layout.is_packed) {
        struct virtq_packed_desc *at =
            (struct virtq_packed_desc *)(void *)(bench->memory + offset) + idx;
        *at = (struct virtq_packed_desc){ le64_from(raw->addr), le32_from(raw->bytes),
                                          le16_from(raw->next), le16_from(raw->flags) };
        return;
    }
    struct virtq_desc *at = (struct virtq_desc *)(void *)(bench->memory + offset) + idx;
    *at = (struct virtq_desc){ le64_from(raw->addr), le32_from(raw->bytes), le16_from(raw->flags),
                               le16_from(raw->next) };
}

static struct virtq_avail *
avail_of(struct bench *bench)
{
    return (struct virtq_avail *)(void *)(bench->memory + DRIVER);
}

/* Makes head 0 available; packed: what put() wrote with AVAILABLE is so already. */
static void
offer(struct bench *bench, uint16_t head)
{
    struct virtq_avail *avail = avail_of(bench);
    uint16_t idx = le16_get(avail->idx);
    avail->ring[idx % SIZE] = le16_from(head);
    avail->idx = le16_from((uint16_t)(idx + 1));
}

static void
expect_broken(struct bench *bench, const char *rule, uint64_t value)
{
    struct vq_chain *chain = NULL;
    if (!EXPECT_EQ(vq_pop(&bench->vq, &chain), VQ_BROKEN)) {
        return;
    }
    EXPECT_CONTAINS(bench->vq.fault.rule, rule);
    EXPECT_CONTAINS(bench->vq.fault.rule, "VirtIO 1.3 §2.");
    EXPECT_EQ(bench->vq.fault.value, value);
    EXPECT_EQ(chain, NULL);
    /* Sticky, whatever the guest does later. */
    vq_break(&bench->vq, "another", 1);
    EXPECT_CONTAINS(bench->vq.fault.rule, rule);
    EXPECT_EQ(vq_pop(&bench->vq, &chain), VQ_BROKEN);
    EXPECT_FALSE(vq_wants_interrupt(&bench->vq));
    EXPECT_FALSE(vq_has_available(&bench->vq));
}

struct wrong {
    const char *rule;
    uint64_t value;
    bool is_without_indirect;
    struct raw_desc descs[4]; /* of the ring */
    struct raw_desc table[4]; /* of an indirect table at TABLE */
};

#define AT(offset) (MEMORY_ADDR + (offset))
static const uint64_t far = 1ULL << 40;

static const struct wrong split_wrongs[] = {
    {"a descriptor beyond the queue size",
     SIZE,                                                            false,
     { { AT(BUFFER), 16, NEXT, SIZE } },
     { { 0 } }                                                                                                                                                 },
    { "a chain longer than the queue size, or a loop",
     0,                                                               false,
     { { AT(BUFFER), 16, NEXT, 1 }, { AT(BUFFER), 16, NEXT, 0 } },
     { { 0 } }                                                                                                                                                 },
    { "a chain longer than the queue size, or a loop",
     0,                                                               false,
     { { AT(BUFFER), 16, NEXT, 0 } },
     { { 0 } }                                                                                                                                                 },
    { "a device-readable buffer follows a device-writable one",
     AT(BUFFER),
     false,                                                                  { { AT(BUFFER), 16, NEXT | WRITE, 1 }, { AT(BUFFER), 16, 0, 0 } },
     { { 0 } }                                                                                                                                                 },
    { "outside the guest's memory",                             0x10, false, { { 0x10, 16, 0, 0 } },                                                  { { 0 } }},
    { "outside the guest's memory",
     AT(MEMORY_BYTES - 8),
     false,                                                                  { { AT(MEMORY_BYTES - 8), 16, 0, 0 } },
     { { 0 } }                                                                                                                                                 },
    { "wraps around the end of the address space",
     UINT64_MAX - 8,
     false,                                                                  { { UINT64_MAX - 8, 16, 0, 0 } },
     { { 0 } }                                                                                                                                                 },
    { "an indirect table without INDIRECT_DESC",
     16,                                                              true,
     { { AT(TABLE), 16, INDIRECT, 0 } },
     { { AT(BUFFER), 16, 0, 0 } }                                                                                                                              },
    { "an indirect table and NEXT in one chain",
     16,                                                              false,
     { { AT(TABLE), 16, INDIRECT | NEXT, 1 } },
     { { AT(BUFFER), 16, 0, 0 } }                                                                                                                              },
    { "no multiple of 16",                                      0,    false, { { AT(TABLE), 0, INDIRECT, 0 } },                                       { { 0 } }},
    { "no multiple of 16",                                      24,   false, { { AT(TABLE), 24, INDIRECT, 0 } },                                      { { 0 } }},
    { "an indirect table is longer than any queue",
     16400,                                                           false,
     { { AT(TABLE), 16400, INDIRECT, 0 } },
     { { 0 } }                                                                                                                                                 },
    { "an indirect table lies outside",
     AT(MEMORY_BYTES - 16),
     false,                                                                  { { AT(MEMORY_BYTES - 16), 32, INDIRECT, 0 } },
     { { 0 } }                                                                                                                                                 },
    { "an indirect table lies outside",
     UINT64_MAX - 15,
     false,                                                                  { { UINT64_MAX - 15, 32, INDIRECT, 0 } },
     { { 0 } }                                                                                                                                                 },
    { "an indirect table within an indirect table",
     AT(TABLE),
     false,                                                                  { { AT(TABLE), 32, INDIRECT, 0 } },
     { { AT(TABLE), 16, INDIRECT, 0 } }                                                                                                                        },
    { "a descriptor beyond its indirect table",
     2,                                                               false,
     { { AT(TABLE), 32, INDIRECT, 0 } },
     { { AT(BUFFER), 16, NEXT, 2 } }                                                                                                                           },
    { "a loop in an indirect table",
     0,                                                               false,
     { { AT(TABLE), 32, INDIRECT, 0 } },
     { { AT(BUFFER), 16, NEXT, 1 }, { AT(BUFFER), 16, NEXT, 0 } }                                                                                              },
    { "a device-readable buffer follows",
     AT(BUFFER),
     false,                                                                  { { AT(BUFFER), 16, NEXT | WRITE, 1 }, { AT(TABLE), 16, INDIRECT, 0 } },
     { { AT(BUFFER), 16, 0, 0 } }                                                                                                                              },
    { "outside the guest's memory",
     1ULL << 40,
     false,                                                                  { { AT(TABLE), 16, INDIRECT, 0 } },
     { { 1ULL << 40, 16, 0, 0 } }                                                                                                                              },
};

#define AVAILABLE VIRTQ_DESC_F_AVAIL

static const struct wrong packed_wrongs[] = {
    {"a list runs into entries that are in flight",             0,              false, { { 0 } },                                                                             { { 0 } }},
    { "a device-readable buffer follows a device-writable one",
     AT(BUFFER),
     false,                                                                            { { AT(BUFFER), 16, AVAILABLE | NEXT | WRITE, 1 }, { AT(BUFFER), 16, AVAILABLE, 0 } },
     { { 0 } }                                                                                                                                                                         },
    { "outside the guest's memory",                             0x10,           false, { { 0x10, 16, AVAILABLE, 0 } },                                                        { { 0 } }},
    { "wraps around",                                           UINT64_MAX - 8, false, { { UINT64_MAX - 8, 16, AVAILABLE, 0 } },                                              { { 0 } }},
    { "without INDIRECT_DESC",
     16,                                                                        true,
     { { AT(TABLE), 16, AVAILABLE | INDIRECT, 0 } },
     { { 0 } }                                                                                                                                                                         },
    { "and NEXT in one chain",
     16,                                                                        false,
     { { AT(TABLE), 16, AVAILABLE | INDIRECT | NEXT, 0 } },
     { { AT(BUFFER), 16, 0, 0 } }                                                                                                                                                      },
    { "and NEXT in one chain",
     16,                                                                        false,
     { { AT(BUFFER), 16, AVAILABLE | NEXT, 0 }, { AT(TABLE), 16, AVAILABLE | INDIRECT, 0 } },
     { { AT(BUFFER), 16, 0, 0 } }                                                                                                                                                      },
    { "no multiple of 16",                                      0,              false, { { AT(TABLE), 0, AVAILABLE | INDIRECT, 0 } },                                         { { 0 } }},
    { "no multiple of 16",                                      17,             false, { { AT(TABLE), 17, AVAILABLE | INDIRECT, 0 } },                                        { { 0 } }},
    { "lies outside",
     AT(MEMORY_BYTES),
     false,                                                                            { { AT(MEMORY_BYTES), 16, AVAILABLE | INDIRECT, 0 } },
     { { 0 } }                                                                                                                                                                         },
};

static void
lay_out(struct bench *bench, size_t offset, const struct raw_desc descs[4])
{
    for (unsigned i = 0; i < 4; i++) {
        put(bench, offset, i, &descs[i]);
    }
}

static void
expect_wrong(const struct wrong *wrong, bool is_packed)
{
    struct bench bench;
    bench_init(&bench, is_packed, !wrong->is_without_indirect);
    lay_out(&bench, DESC, wrong->descs);
    lay_out(&bench, TABLE, wrong->table);
    if (wrong->descs[0].addr == 0) { /* all entries of the ring in one list */
        for (unsigned i = 0; i < SIZE; i++) {
            put(&bench, DESC, i, &(struct raw_desc){ AT(BUFFER), 16, AVAILABLE | NEXT, 0 });
        }
    }
    offer(&bench, 0);
    expect_broken(&bench, wrong->rule, wrong->value);
    bench_finish(&bench);
}

UTEST(a_broken_chain_of_a_split_ring_breaks_its_queue_with_the_rule)
{
    for (unsigned i = 0; i < sizeof(split_wrongs) / sizeof(split_wrongs[0]); i++) {
        expect_wrong(&split_wrongs[i], false);
    }
}

UTEST(a_broken_list_of_a_packed_ring_breaks_its_queue_with_the_rule)
{
    for (unsigned i = 0; i < sizeof(packed_wrongs) / sizeof(packed_wrongs[0]); i++) {
        expect_wrong(&packed_wrongs[i], true);
    }
}

UTEST(heads_and_indexes_beyond_the_ring_break_it)
{
    struct bench bench;
    bench_init(&bench, false, true);
    offer(&bench, SIZE);
    expect_broken(&bench, "an available head beyond the queue size", SIZE);
    bench_finish(&bench);

    bench_init(&bench, false, true);
    avail_of(&bench)->idx = le16_from(SIZE + 1);
    expect_broken(&bench, "the available index went on by more than the queue size", SIZE + 1);
    bench_finish(&bench);

    bench_init(&bench, false, true);
    avail_of(&bench)->idx = le16_from(UINT16_MAX); /* it may not go back either */
    expect_broken(&bench, "the available index went on by more than the queue size", UINT16_MAX);
    bench_finish(&bench);
}

UTEST(a_head_that_is_in_flight_cannot_be_offered_again)
{
    struct bench bench;
    struct vq_chain *chain = NULL;
    bench_init(&bench, false, true);
    put(&bench, DESC, 0, &(struct raw_desc){ AT(BUFFER), 16, WRITE, 0 });
    offer(&bench, 0);
    EXPECT_EQ(vq_pop(&bench.vq, &chain), VQ_OK);
    struct vq_chain *held = chain;
    offer(&bench, 0);
    expect_broken(&bench, "an available head is in flight already", 0);
    vq_push(&bench.vq, held, 0); /* frees it; nothing is given back */
    struct virtq_used *used = (struct virtq_used *)(void *)(bench.memory + DEVICE);
    EXPECT_EQ(le16_get(used->idx), 0);
    bench_finish(&bench);
}

UTEST(a_chain_longer_than_four_gibibytes_breaks_it)
{
    struct bench bench;
    bench_init(&bench, false, true);
    void *memory = bench.memory; /* never touched: only its address counts */
    struct guest_region large = { .guest_addr = far, .size_bytes = 1ULL << 33, .host = memory };
    EXPECT_EQ(guest_add(&bench.guest, &large), NULL);
    put(&bench, DESC, 0, &(struct raw_desc){ far, UINT32_MAX, NEXT, 1 });
    put(&bench, DESC, 1, &(struct raw_desc){ far, 2, 0, 0 });
    offer(&bench, 0);
    expect_broken(&bench, "a chain is longer than 2^32 bytes", (1ULL << 32) + 1);
    bench_finish(&bench);
}

/* §2.7.5.3.2: what the specification wants to be possible. */
UTEST(descriptors_before_an_indirect_table_are_right)
{
    struct bench bench;
    struct vq_chain *chain = NULL;
    bench_init(&bench, false, true);
    put(&bench, DESC, 0, &(struct raw_desc){ AT(BUFFER), 16, NEXT, 3 });
    put(&bench, DESC, 3, &(struct raw_desc){ AT(TABLE), 32, INDIRECT | WRITE, 0 });
    put(&bench, TABLE, 0, &(struct raw_desc){ AT(BUFFER), 8, NEXT, 1 });
    put(&bench, TABLE, 1, &(struct raw_desc){ AT(BUFFER), 4, WRITE, 0 });
    offer(&bench, 0);
    if (EXPECT_EQ(vq_pop(&bench.vq, &chain), VQ_OK)) {
        EXPECT_EQ(chain->readable_bytes, 24);
        EXPECT_EQ(chain->writable_bytes, 4);
        vq_push(&bench.vq, chain, 4);
    }
    EXPECT_EQ(vq_pop(&bench.vq, &chain), VQ_EMPTY);
    bench_finish(&bench);
}

/* The front-end's table changes while a command is in flight: nothing is touched that is gone. */
UTEST(a_region_that_goes_takes_its_buffers_along)
{
    struct bench bench;
    struct vq_chain *chain = NULL;
    uint32_t word = 7;
    uint8_t *window = calloc(1, 4096);
    bench_init(&bench, false, true);
    struct guest_region region = { .guest_addr = far, .size_bytes = 4096, .host = window };
    EXPECT_EQ(guest_add(&bench.guest, &region), NULL);
    put(&bench, DESC, 0, &(struct raw_desc){ far, 16, NEXT, 1 });
    put(&bench, DESC, 1, &(struct raw_desc){ far + 64, 16, WRITE, 0 });
    offer(&bench, 0);
    if (EXPECT_EQ(vq_pop(&bench.vq, &chain), VQ_OK)) {
        EXPECT_TRUE(guest_remove(&bench.guest, far, 4096));
        free(window);
        window = NULL;
        EXPECT_EQ(vq_read(chain, 0, &word, sizeof(word)), 0);
        EXPECT_EQ(vq_write(chain, 0, &word, sizeof(word)), 0);
        vq_push(&bench.vq, chain, 0);
    }
    free(window);
    bench_finish(&bench);
}

UTEST(a_stopped_queue_starts_where_it_was)
{
    for (unsigned is_packed = 0; is_packed < 2; is_packed++) {
        struct bench bench;
        struct vq_chain *chain = NULL;
        bench_init(&bench, is_packed != 0, false);
        put(&bench, DESC, 0,
            &(struct raw_desc){ AT(BUFFER), 16, is_packed != 0 ? AVAILABLE : 0, 0 });
        offer(&bench, 0);
        EXPECT_EQ(vq_pop(&bench.vq, &chain), VQ_OK);
        vq_push(&bench.vq, chain, 0);
        struct vq_layout layout = bench.vq.layout;
        layout.first_avail = vq_stop(&bench.vq);
        EXPECT_EQ(layout.first_avail, is_packed != 0 ? 0x80018001U : 1U);
        EXPECT_EQ(vq_pop(&bench.vq, &chain), VQ_EMPTY);
        EXPECT_EQ(vq_start(&bench.vq, &bench.guest, &layout), NULL);
        EXPECT_EQ(vq_pop(&bench.vq, &chain), VQ_EMPTY);
        put(&bench, DESC, 1,
            &(struct raw_desc){ AT(BUFFER), 16, is_packed != 0 ? AVAILABLE : 0, 0 });
        offer(&bench, 1);
        EXPECT_EQ(vq_pop(&bench.vq, &chain), VQ_OK);
        vq_chain_forget(chain);
        bench_finish(&bench);
    }
}

UTEST(a_layout_that_cannot_be_is_refused_in_words)
{
    struct bench bench;
    bench_init(&bench, false, false);
    const struct vq_layout right = bench.vq.layout;
    struct vq_layout layout = right;
    layout.size = 0;
    EXPECT_CONTAINS(vq_start(&bench.vq, &bench.guest, &layout), "size is 0");
    EXPECT_EQ(vq_desc_bytes(&layout), 0);
    layout.size = 2048;
    EXPECT_CONTAINS(vq_start(&bench.vq, &bench.guest, &layout), "beyond 1024");
    layout.size = 6;
    EXPECT_CONTAINS(vq_start(&bench.vq, &bench.guest, &layout), "no power of two");
    layout.is_packed = true;
    layout.first_avail = 6;
    EXPECT_CONTAINS(vq_start(&bench.vq, &bench.guest, &layout), "beyond its size");
    layout = right;
    layout.driver = NULL;
    EXPECT_CONTAINS(vq_start(&bench.vq, &bench.guest, &layout), "not in the guest's memory");
    layout = right;
    layout.desc += 8;
    EXPECT_CONTAINS(vq_start(&bench.vq, &bench.guest, &layout), "not aligned");
    bench_finish(&bench);
}

UTEST(guest_memory_is_found_region_by_region)
{
    struct bench bench;
    uint8_t second[64];
    uint64_t part = 0;
    bench_init(&bench, false, false);
    struct guest_region region = { .guest_addr = AT(MEMORY_BYTES),
                                   .size_bytes = sizeof(second),
                                   .host = second };
    EXPECT_EQ(guest_add(&bench.guest, &region), NULL);
    EXPECT_EQ(guest_at(&bench.guest, AT(0), MEMORY_BYTES), bench.memory);
    EXPECT_EQ(guest_at(&bench.guest, AT(0), MEMORY_BYTES + 1), NULL);
    EXPECT_EQ(guest_at(&bench.guest, AT(8), UINT64_MAX), NULL);
    EXPECT_EQ(guest_at(&bench.guest, AT(8), 0), NULL);
    EXPECT_EQ(guest_at(&bench.guest, AT(-1), 2), NULL);
    EXPECT_EQ(guest_at_front(&bench.guest, 0x7f0000000010, 16), bench.memory + 16);
    EXPECT_EQ(guest_at_front(&bench.guest, 0x7f0000000010, MEMORY_BYTES), NULL);
    EXPECT_EQ(guest_at_front(&bench.guest, 0x7effffffffff, 2), NULL);
    EXPECT_EQ(guest_part(&bench.guest, AT(MEMORY_BYTES - 4), 8, &part),
              bench.memory + MEMORY_BYTES - 4);
    EXPECT_EQ(part, 4);
    struct vq_span span = { AT(MEMORY_BYTES - 4), 8 };
    uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    EXPECT_TRUE(vq_spans_write(&bench.guest, &span, 1, 0, bytes, sizeof(bytes)));
    EXPECT_EQ(second[3], 8);
    EXPECT_FALSE(vq_spans_read(&bench.guest, &span, 1, 1, bytes, sizeof(bytes)));
    EXPECT_FALSE(vq_spans_read(&bench.guest, &span, 1, UINT64_MAX, bytes, 1));
    region.guest_addr -= 1;
    EXPECT_CONTAINS(guest_add(&bench.guest, &region), "overlaps");
    region = (struct guest_region){ .guest_addr = UINT64_MAX, .size_bytes = 2 };
    EXPECT_CONTAINS(guest_add(&bench.guest, &region), "wraps around");
    region = (struct guest_region){ .guest_addr = far };
    EXPECT_CONTAINS(guest_add(&bench.guest, &region), "empty");
    EXPECT_FALSE(guest_remove(&bench.guest, AT(0), 8));
    bench_finish(&bench);
}
