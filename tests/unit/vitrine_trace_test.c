/*
 * vitrine trace: files of records that are whole, damaged, made up; two sides joined by number, clocks and order; rings by place.
 */
#include <stdlib.h>

#include "virtio/trace.h"

#include "tests/unit/utest.h"
#include "tools/vitrine/rings.h"

#define TRACE_EVENT(name, text) HOST_##name,
enum host_event {
#include "device/gpu/trace.def"
};
#undef TRACE_EVENT

#define TRACE_EVENT(name, text) RENDERER_##name,
enum renderer_event {
#include "venus/trace.def"
};
#undef TRACE_EVENT

enum { RECORDS_MAX = 128, GPU = 4, CLOCKS_APART_NS = 1000000 };

struct recording {
    struct trace_file_header header;
    struct trace_record records[RECORDS_MAX];
    size_t count;
};

static struct recording
start(enum trace_file_side side)
{
    return (struct recording){
        .header = {.magic = TRACE_FILE_MAGIC_BYTES,
                   .version = le16_from(TRACE_FILE_VERSION),
                   .side = (uint8_t)side,
                   .record_bytes = le32_from(32),
                   .ticks_per_second = le64_from(1000000000)}
    };
}

static void
put(struct recording *to, uint64_t time_ns, unsigned event, uint32_t cookie, uint64_t a, uint64_t b)
{
    bool is_driver = to->header.side == TRACE_FILE_DRIVER;
    bool is_of_queue = !is_driver || event != TRACE_INTERRUPT;
    to->records[to->count++] = (struct trace_record){
        .time_ns = le64_from(time_ns + (is_driver ? 0 : CLOCKS_APART_NS)),
        .cookie = le32_from(cookie),
        .event = le16_from((uint16_t)event),
        .origin = is_driver ? GPU : TRACE_ORIGIN_DEVICE_SIDE,
        .queue = is_of_queue ? 0 : TRACE_QUEUE_NONE,
        .a = le64_from(a),
        .b = le64_from(b),
    };
}

static bool
parse(const struct recording *recording, struct trace_file *file)
{
    char why[TRACE_FILE_WHY_BYTES];
    return trace_file_parse(&recording->header, sizeof(recording->header) + recording->count * 32,
                            file, why);
}

/* One command of a type on both sides, `number` the device's, each boundary 10 ns after the other, from time_ns. */
static void
put_command(struct recording *guest, struct recording *host, uint64_t time_ns, uint32_t cookie,
            uint32_t number, uint32_t type)
{
    put(guest, time_ns, TRACE_GPU_REQUEST, cookie, type, 48);
    put(guest, time_ns + 10, TRACE_VIRTQ_ADD, cookie, 0, 0);
    put(guest, time_ns + 20, TRACE_VIRTQ_NOTIFY, 0, 1, 0);
    put(host, time_ns + 30, HOST_POP, number, 0, 0);
    put(host, time_ns + 35, HOST_REQUEST, number, type, 0);
    put(host, time_ns + 40, HOST_HANDLED, number, 0x1100, 0);
    put(host, time_ns + 50, HOST_PUSH, number, 0x1100, 0);
    put(host, time_ns + 60, HOST_INTERRUPT, 0, 1, 0);
    put(guest, time_ns + 70, TRACE_INTERRUPT, 0, 1, 0);
    put(guest, time_ns + 80, TRACE_VIRTQ_USED, cookie, 0, 0);
    put(guest, time_ns + 90, TRACE_GPU_RESPONSE, cookie, 0x1100, 0);
}

static bool
join(const struct recording *guest, const struct recording *host, struct joined *joined,
     char why[JOIN_WHY_BYTES])
{
    struct trace_file files[2];
    return EXPECT_TRUE(parse(guest, &files[0])) && EXPECT_TRUE(parse(host, &files[1])) &&
           join_files(&files[0], &files[1], NULL, joined, why);
}

/* What a person reads when `recording`, cut to size_bytes, is refused. */
static void
expect_refused(const struct recording *recording, size_t size_bytes, const char *words)
{
    struct trace_file file;
    char why[TRACE_FILE_WHY_BYTES] = "";
    EXPECT_FALSE(trace_file_parse(&recording->header, size_bytes, &file, why));
    EXPECT_CONTAINS(why, words);
}

UTEST(damaged_files_are_refused_with_the_byte)
{
    struct recording good = start(TRACE_FILE_DRIVER);
    put(&good, 1, TRACE_GPU_REQUEST, 1, 0x105, 0);
    put(&good, 2, TRACE_VIRTQ_ADD, 1, 0, 0);
    struct trace_file file;
    EXPECT_TRUE(parse(&good, &file));
    EXPECT_EQ(file.record_count, 2);
    expect_refused(&good, 0, "byte 0: the file ends within its header");
    expect_refused(&good, 31, "byte 31: the file ends within its header");
    expect_refused(&good, 32 + 33,
                   "byte 65: the file ends within a record, which begins at byte 64");
    struct recording bad = good;
    bad.header.magic[0] = 'V';
    expect_refused(&bad, 96, "byte 0: this is no file");
    bad = good;
    bad.header.version = le16_from(2);
    expect_refused(&bad, 96, "byte 8: version 2 is unknown");
    bad = good;
    bad.header.side = 4;
    expect_refused(&bad, 96, "byte 10: side 4");
    bad = good;
    bad.header.record_bytes = le32_from(33);
    expect_refused(&bad, 96, "byte 12: records of 33 bytes");
    bad = good;
    bad.header.ticks_per_second = le64_from(0);
    expect_refused(&bad, 96, "byte 16: a clock of 0 ticks");
    bad = good;
    bad.records[1].event = le16_from(TRACE_EVENT_COUNT);
    expect_refused(&bad, 96, "byte 76: event");
    bad = good;
    bad.records[1].origin |= TRACE_ORIGIN_DEVICE_SIDE;
    expect_refused(&bad, 96, "byte 78: origin 0x84 is not of the driver's side");
}

UTEST(a_clock_of_other_ticks_becomes_nanoseconds)
{
    struct recording recording = start(TRACE_FILE_DRIVER);
    recording.header.ticks_per_second = le64_from(62500000);
    put(&recording, UINT64_C(62500000) * 3 + 1, TRACE_INTERRUPT, 0, 1, 0);
    struct trace_file file;
    EXPECT_TRUE(parse(&recording, &file));
    EXPECT_EQ(trace_file_ns(&file, file.records), UINT64_C(3000000016));
}

UTEST(each_boundary_has_its_time_on_one_clock)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    put(&host, 1, HOST_QUEUE_START, 0, 64, 0);
    put(&guest, 1, TRACE_VIRTQ_SETUP, 0, 64, 0);
    put_command(&guest, &host, 1000, 7, 1, 0x105);
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    if (!EXPECT_TRUE(join(&guest, &host, &joined, why))) {
        return;
    }
    uint64_t stage_ns[STAGE_COUNT];
    EXPECT_EQ(joined.command_count, 1);
    EXPECT_EQ(join_stages(joined.commands, stage_ns), 90);
    EXPECT_EQ(joined.commands[0].number, 1);
    EXPECT_EQ(joined.commands[0].type, 0x105);
    EXPECT_EQ(joined.commands[0].response, 0x1100);
    EXPECT_EQ(stage_ns[STAGE_DRIVER], 10);
    EXPECT_EQ(stage_ns[STAGE_BATCH], 10);
    EXPECT_EQ(stage_ns[STAGE_DEVICE], 20);
    EXPECT_EQ(stage_ns[STAGE_CALLBACK], 10);
    /* Taken 20 after it was added, given back 30 before it was found: any clock between fits as well. */
    EXPECT_EQ(joined.offset_ns, CLOCKS_APART_NS - 5);
    EXPECT_EQ(joined.uncertainty_ns, 25);
    join_finish(&joined);
}

UTEST(a_renderer_and_a_fence_have_their_stages)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    put(&host, 1, HOST_QUEUE_START, 0, 64, 0);
    put(&guest, 1, TRACE_VIRTQ_SETUP, 0, 64, 0);
    put(&guest, 1000, TRACE_GPU_REQUEST, 1, 0x207, 48);
    put(&guest, 1001, TRACE_VIRTQ_ADD, 1, 0, 0);
    put(&host, 1001, HOST_POP, 1, 0, 0);
    put(&host, 1005, HOST_RENDERER_ASKED, 1, 1, 0);
    put(&host, 1009, HOST_RENDERER_ASKED, 1, 1, 0);
    put(&host, 1105, HOST_RENDERER_ANSWERED, 1, 1, 0);
    put(&host, 1110, HOST_HANDLED, 1, 0x1100, 0);
    put(&host, 2110, HOST_FENCE_PASSED, 1, 1, 0);
    put(&host, 2111, HOST_PUSH, 1, 0x1100, 0);
    put(&guest, 2111, TRACE_VIRTQ_USED, 1, 0, 0);
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    if (!EXPECT_TRUE(join(&guest, &host, &joined, why))) {
        return;
    }
    uint64_t stage_ns[STAGE_COUNT];
    EXPECT_EQ(joined.uncertainty_ns, 0);
    EXPECT_EQ(join_stages(joined.commands, stage_ns), 1111);
    EXPECT_EQ(stage_ns[STAGE_RENDERER], 100);
    EXPECT_EQ(stage_ns[STAGE_FENCE], 1000);
    EXPECT_EQ(stage_ns[STAGE_DEVICE], 10);
    join_finish(&joined);
}

UTEST(a_trace_that_begins_late_is_numbered_from_its_counts)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    put(&host, 1, HOST_QUEUE_START, 0, 64, 0);
    put_command(&guest, &host, 1000, 41, 3,
                0x105); /* lost its set-up: numbered from the count behind it */
    put_command(&guest, &host, 2000, 42, 4, 0x104);
    put(&guest, 2900, TRACE_VIRTQ_COUNT, 0, 4, 4);
    put(&guest, 3900, TRACE_VIRTQ_COUNT, 0, 9, 9); /* five while it was off */
    put_command(&guest, &host, 4000, 48, 10, 0x103);
    put_command(&guest, &host, 5000, 49, 12,
                0x103); /* the driver's 11th, which the device never recorded */
    guest.header.lost_count = le64_from(17);
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    if (!EXPECT_TRUE(join(&guest, &host, &joined, why))) {
        return;
    }
    EXPECT_EQ(joined.command_count, 3);
    EXPECT_EQ(joined.commands[0].number, 3);
    EXPECT_EQ(joined.commands[2].number, 10);
    EXPECT_EQ(joined.gap_count, 5);
    EXPECT_EQ(joined.driver_only_count, 1);
    EXPECT_EQ(joined.device_only_count, 1);
    EXPECT_EQ(joined.driver_lost_count, 17);
    join_finish(&joined);
}

UTEST(a_trace_without_any_count_is_not_guessed)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    put(&host, 1, HOST_QUEUE_START, 0, 64, 0);
    put_command(&guest, &host, 1000, 1, 1, 0x105);
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    EXPECT_FALSE(join(&guest, &host, &joined, why));
    EXPECT_STREQ(why, "no command is in both files");
}

UTEST(the_last_set_ups_belong_together)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    put(&host, 1, HOST_QUEUE_START, 0, 64, 0); /* firmware, of which the guest knows nothing */
    put(&host, 2, HOST_POP, 1, 0, 0);
    put(&host, 3, HOST_REQUEST, 1, 0x100, 0);
    for (uint64_t boot = 0; boot < 2; boot++) {
        put(&host, 100 + boot * 1000, HOST_QUEUE_START, 0, 64, 0);
        put(&guest, 100 + boot * 1000, TRACE_VIRTQ_SETUP, 0, 64, 0);
        put_command(&guest, &host, 200 + boot * 1000, 5 + (uint32_t)boot, 1,
                    0x103 + (uint32_t)boot);
    }
    put(&host, 1500, HOST_QUEUE_START, 0, 64,
        1); /* the machine was paused: the same queue goes on */
    put_command(&guest, &host, 1600, 7, 1, 0x105);
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    if (!EXPECT_TRUE(join(&guest, &host, &joined, why))) {
        return;
    }
    EXPECT_EQ(joined.command_count, 3);
    EXPECT_EQ(joined.commands[1].type, 0x104);
    EXPECT_EQ(joined.commands[2].number, 2);
    EXPECT_EQ(joined.device_only_count, 1);
    join_finish(&joined);
}

UTEST(files_of_two_runs_are_refused)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    struct recording other = start(TRACE_FILE_DEVICE);
    struct recording nobody = start(TRACE_FILE_DRIVER);
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    put(&guest, 1, TRACE_VIRTQ_SETUP, 0, 64, 0);
    put(&host, 1, HOST_QUEUE_START, 0, 64, 0);
    put_command(&guest, &host, 1000, 1, 1, 0x105);
    put_command(&guest, &host, 9000, 2, 2, 0x104);
    put(&other, 1, HOST_QUEUE_START, 0, 64, 0);
    put_command(&nobody, &other, 1000, 1, 1, 0x103);
    EXPECT_FALSE(join(&guest, &other, &joined, why));
    EXPECT_CONTAINS(why, "is TRANSFER_TO_HOST_2D for the driver and SET_SCANOUT");
    other = start(TRACE_FILE_DEVICE); /* the same commands, but one right after the other */
    put(&other, 1, HOST_QUEUE_START, 0, 64, 0);
    put_command(&nobody, &other, 1000, 1, 1, 0x105);
    put_command(&nobody, &other, 1100, 2, 2, 0x104);
    EXPECT_FALSE(join(&guest, &other, &joined, why));
    EXPECT_CONTAINS(why, "before it was given back");
}

UTEST(two_gpus_in_one_trace_are_not_mixed)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    put_command(&guest, &host, 1000, 1, 1, 0x105);
    put_command(&guest, &host, 2000, 2, 1, 0x105);
    guest.records[guest.count - 6].origin = GPU + 1;
    EXPECT_FALSE(join(&guest, &host, &joined, why));
    EXPECT_STREQ(why, "two GPUs are in the driver's trace, device 4 and device 5");
}

UTEST(what_comes_too_late_is_no_boundary)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    put(&host, 1, HOST_QUEUE_START, 0, 64, 0);
    put(&guest, 1, TRACE_VIRTQ_SETUP, 0, 64, 0);
    put_command(&guest, &host, 1000, 1, 1, 0x105);
    put(&guest, 2000, TRACE_GPU_REQUEST, 2, 0x104, 48);
    put(&guest, 2010, TRACE_VIRTQ_ADD, 2, 0, 0);
    put(&host, 2020, HOST_POP, 2, 0, 0);
    put(&host, 2050, HOST_PUSH, 2, 0x1100, 0);
    put(&guest, 2080, TRACE_VIRTQ_NOTIFY, 0, 1, 0); /* the device had looked before */
    put(&guest, 2090, TRACE_VIRTQ_USED, 2, 0, 0);
    put(&host, 2100, HOST_INTERRUPT, 0, 1, 0);
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    if (!EXPECT_TRUE(join(&guest, &host, &joined, why))) {
        return;
    }
    uint64_t stage_ns[STAGE_COUNT];
    EXPECT_EQ(join_stages(&joined.commands[1], stage_ns), 90);
    EXPECT_EQ(stage_ns[STAGE_BATCH], 0);
    EXPECT_EQ(stage_ns[STAGE_SIGNAL], 0);
    join_finish(&joined);
}

/* --- rings --- */

enum { QUEUE_SUBMIT = 18, CREATE_INSTANCE = 0, RING_STREAM = 1, RENDER_SUBMIT = 5 };

static struct recording
start_renderer(uint32_t context_id, uint64_t time_ns)
{
    struct recording renderer = start(TRACE_FILE_RENDERER);
    uint64_t name[2] = { 0 };
    memcpy(name, "tri\"angle", 9);
    put(&renderer, time_ns, RENDERER_CONTEXT, 0, context_id, 0);
    put(&renderer, time_ns, RENDERER_TEXT, 0, name[0], name[1]);
    return renderer;
}

/* A command picked up at time_ns, in Vulkan from 5 to 25 ns after, done 30 ns after. */
static void
put_work(struct recording *renderer, uint64_t time_ns, uint8_t stream, uint32_t cookie,
         uint64_t position, uint32_t id)
{
    put(renderer, time_ns, RENDERER_PICKED, cookie, position, UINT64_C(36) << 32 | id);
    renderer->records[renderer->count - 1].queue = stream;
    put(renderer, time_ns + 30, RENDERER_DONE, cookie, 5, 25);
    renderer->records[renderer->count - 1].queue = stream;
}

static void
put_ring(struct recording *renderer, uint64_t time_ns)
{
    put(renderer, time_ns, RENDERER_RING, 0, 0x1234, 4096);
    renderer->records[renderer->count - 1].queue = RING_STREAM;
}

/* A client of context 3 writes it from time_ns to 10 ns later and sees the answer 70 ns after that. */
static void
put_written(struct recording *guest, uint64_t time_ns, uint32_t cookie, uint32_t position,
            uint32_t id)
{
    put(guest, time_ns, TRACE_VENUS_BEGIN, cookie, id, 0);
    put(guest, time_ns + 10, TRACE_VENUS_COMMAND, cookie, UINT64_C(36) << 32 | id,
        UINT64_C(3) << 32 | position);
    put(guest, time_ns + 80, TRACE_VENUS_ANSWER, cookie, id, 0);
}

static bool
join_rings(const struct recording *guest, const struct recording *host,
           const struct recording *renderer, struct rings *rings, char why[JOIN_WHY_BYTES])
{
    struct trace_file files[3];
    const struct rings_files wanted = { guest != NULL ? &files[0] : NULL,
                                        host != NULL ? &files[1] : NULL, &files[2], 1 };
    return (guest == NULL || EXPECT_TRUE(parse(guest, &files[0]))) &&
           (host == NULL || EXPECT_TRUE(parse(host, &files[1]))) &&
           EXPECT_TRUE(parse(renderer, &files[2])) && rings_join(&wanted, rings, why);
}

UTEST(a_ring_command_has_each_boundary_on_one_clock)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording renderer = start_renderer(3, 1);
    put_ring(&renderer, 2);
    put_written(&guest, 1000, 9, 0, QUEUE_SUBMIT);
    put_work(&renderer, 1030, RING_STREAM, 1, 0, QUEUE_SUBMIT);
    struct rings rings;
    char why[JOIN_WHY_BYTES];
    if (!EXPECT_TRUE(join_rings(&guest, NULL, &renderer, &rings, why))) {
        return;
    }
    EXPECT_EQ(rings.joined_count, 1);
    EXPECT_STREQ(rings.contexts[0].name, "tri?angle");
    EXPECT_STREQ(venus_command_name(rings.commands[0].id), "vkQueueSubmit");
    struct join_bounds bounds = rings_bounds(&rings);
    EXPECT_EQ(bounds.most, CLOCKS_APART_NS + 20);
    EXPECT_EQ(bounds.least, CLOCKS_APART_NS - 20);
    rings_to_guest_clock(&rings, CLOCKS_APART_NS);
    uint64_t stage_ns[RING_STAGE_COUNT];
    EXPECT_EQ(rings_stages(rings.commands, stage_ns), 80);
    EXPECT_EQ(stage_ns[RING_STAGE_ENCODE], 10);
    EXPECT_EQ(stage_ns[RING_STAGE_QUEUE], 20);
    EXPECT_EQ(stage_ns[RING_STAGE_DECODE], 5);
    EXPECT_EQ(stage_ns[RING_STAGE_VULKAN], 20);
    EXPECT_EQ(stage_ns[RING_STAGE_REPLY], 5);
    EXPECT_EQ(stage_ns[RING_STAGE_SEEN], 20);
    rings_finish(&rings);
}

UTEST(the_last_rings_of_a_context_belong_together)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording renderer = start_renderer(3, 1);
    put_ring(&renderer, 2); /* of a program before the guest's trace began */
    put_work(&renderer, 10, RING_STREAM, 1, 0, CREATE_INSTANCE);
    for (uint32_t ring = 0; ring < 2; ring++) {
        put_ring(&renderer, 900 + ring * 1000);
        put_written(&guest, 1000 + ring * 1000, 9 + 2 * ring, 0, CREATE_INSTANCE + ring);
        put_written(&guest, 1100 + ring * 1000, 10 + 2 * ring, 36, QUEUE_SUBMIT);
        put_work(&renderer, 1030 + ring * 1000, RING_STREAM, 2, 0, CREATE_INSTANCE + ring);
        put_work(&renderer, 1130 + ring * 1000, RING_STREAM, 3, 36, QUEUE_SUBMIT);
    }
    put_written(&guest, 5000, 20, 72, QUEUE_SUBMIT); /* which the renderer never saw */
    struct rings rings;
    char why[JOIN_WHY_BYTES];
    if (!EXPECT_TRUE(join_rings(&guest, NULL, &renderer, &rings, why))) {
        return;
    }
    EXPECT_EQ(rings.joined_count, 4);
    EXPECT_EQ(rings.renderer_only_count, 1);
    EXPECT_EQ(rings.guest_only_count, 1);
    rings_finish(&rings);
}

UTEST(a_ring_goes_on_where_its_32_bits_begin_anew)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording renderer = start_renderer(3, 1);
    put_ring(&renderer, 2);
    put_written(&guest, 1000, 9, 0x7ffffff0, QUEUE_SUBMIT);
    put_written(&guest, 2000, 10, 0xffffffe0, QUEUE_SUBMIT);
    put_written(&guest, 3000, 11, 4, QUEUE_SUBMIT);
    put_work(&renderer, 3030, RING_STREAM, 1, UINT64_C(0x100000004), QUEUE_SUBMIT);
    struct rings rings;
    char why[JOIN_WHY_BYTES];
    if (EXPECT_TRUE(join_rings(&guest, NULL, &renderer, &rings, why))) {
        EXPECT_EQ(rings.joined_count, 1);
        rings_finish(&rings);
    }
}

UTEST(another_command_at_a_place_is_another_run)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording renderer = start_renderer(3, 1);
    put_ring(&renderer, 2);
    put_written(&guest, 1000, 9, 36, QUEUE_SUBMIT);
    put_work(&renderer, 1030, RING_STREAM, 1, 36, CREATE_INSTANCE);
    struct rings rings;
    char why[JOIN_WHY_BYTES];
    EXPECT_FALSE(join_rings(&guest, NULL, &renderer, &rings, why));
    EXPECT_CONTAINS(why, "at byte 36 of context 3's ring is vkQueueSubmit for the guest and "
                         "vkCreateInstance for its renderer");
}

UTEST(a_stream_is_the_devices_submission_of_the_same_turn)
{
    struct recording host = start(TRACE_FILE_DEVICE);
    struct recording renderer = start_renderer(3, 500);
    const uint64_t asked = (uint64_t)RENDER_SUBMIT << 32;
    put(&host, 100, HOST_RENDERER_ASKED, 4, asked | 3, 0); /* a context before, of the same id */
    put(&host, 600, HOST_RENDERER_ASKED, 8, asked | 2, 0);
    put(&host, 700, HOST_RENDERER_ASKED, 9, asked | 3, 0);
    put(&host, 800, HOST_RENDERER_ASKED, 12, asked | 3, 0);
    for (uint32_t n = 0; n < 2; n++) {
        put(&renderer, 740 + n * 100, RENDERER_STREAM, 0, 36, 0);
        put_work(&renderer, 750 + n * 100, 0, n + 1, 0, CREATE_INSTANCE);
    }
    put(&renderer, 900, RENDERER_FENCE_ASKED, 0, 77, 1);
    put(&renderer, 950, RENDERER_FENCE_PASSED, 0, 77, 1);
    struct rings rings;
    char why[JOIN_WHY_BYTES];
    if (!EXPECT_TRUE(join_rings(NULL, &host, &renderer, &rings, why))) {
        return;
    }
    uint64_t stage_ns[RING_STAGE_COUNT];
    EXPECT_EQ(rings.command_count, 3);
    EXPECT_EQ(rings.commands[0].submit, 9);
    EXPECT_EQ(rings.commands[1].submit, 12);
    EXPECT_EQ(rings_stages(&rings.commands[1], stage_ns), 80);
    EXPECT_EQ(stage_ns[RING_STAGE_QUEUE], 50);
    EXPECT_EQ(rings_stages(&rings.commands[2], stage_ns), 50);
    EXPECT_STREQ(venus_command_name(rings.commands[2].id), "(fence)");
    rings_finish(&rings);
}

UTEST(the_device_alone_has_its_part)
{
    struct recording guest = start(TRACE_FILE_DRIVER);
    struct recording host = start(TRACE_FILE_DEVICE);
    struct trace_file file;
    struct joined joined;
    char why[JOIN_WHY_BYTES];
    EXPECT_TRUE(parse(&host, &file));
    EXPECT_FALSE(join_alone(&file, &joined, why));
    put(&host, 1, HOST_QUEUE_START, 0, 64, 0);
    put_command(&guest, &host, 1000, 7, 1, 0x105);
    if (EXPECT_TRUE(parse(&host, &file)) && EXPECT_TRUE(join_alone(&file, &joined, why))) {
        uint64_t stage_ns[STAGE_COUNT];
        EXPECT_EQ(joined.command_count, 1);
        EXPECT_EQ(join_stages(joined.commands, stage_ns), 30);
        EXPECT_EQ(stage_ns[STAGE_DEVICE], 20);
        join_finish(&joined);
    }
}
