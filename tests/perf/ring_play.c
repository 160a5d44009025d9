/*
 * What a Venus server alone needs for the work of a real client: plays a recorded stream (`vitrine exec --record FILE`)
 * into any server's ring.  No driver encodes or polls here, which the figures of a Vulkan program hold besides.
 *
 * usage: ring_play SOCKET FILE KIND [--seconds S] [--timeout S]
 * KIND names what the recorded program did: sampler, record, frames, alloc (vkt_bench --only KIND); or scene, of vkmark.  All
 * that came before its loop is played once, and memory that the client mapped gets what was last in it; one round of the loop
 * then is played over and over, with the same ids, since it destroys what it makes.  A scene's round is as many frames as the
 * swapchain has images: they are the same picture, because what the client wrote into memory for each is not in the stream.
 * The server waits for the end of each submission by itself: Mesa's client sends vkWaitForFences when it has seen that
 * end, and here it comes at once.  So nobody is woken between a round and the next, as in a program on the host driver.
 * Prints `KIND nanoseconds ns` for a round, of a scene for a frame, the median of many slices.  Exit status: 0; 1 with a sentence; 2 wrong use;
 * 124 no end in time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <unistd.h>

#include "tests/perf/ring_encode.h"
#include "tests/perf/ring_record.h"
#include "tests/perf/ring_slices.h"
#include "tests/perf/ring_vtest.h"
#include "tests/vulkan/vkt_options.h"

#define USAGE                                                                                      \
 "usage: ring_play SOCKET FILE sampler|record|frames|alloc|scene [--seconds S] [--timeout S]\n"
#define STATUS_DEADLINE 124
#define NS_PER_S        1000000000ULL
#define SLICE_NS        2000000ULL
#define ROUND_BYTES     (RING_BUFFER_BYTES / 2)
#define STREAM_BYTES    (16U << 20)
#define REPLY_BYTES     (1U << 20)
#define NAP_NS          50000U /* the ring holds more than the server does meanwhile */
#define FILL_BYTE       0x5a

/* Where the numbers lie in commands with one element and no chain. */
#define ALLOCATE_SIZE_OFFSET 36U /* from the end */
#define ID_OFFSET            8U  /* from the end */
#define REPLY_SIZE_OFFSET    28U
#define SEMAPHORE_OFFSET     36U /* from the start, of vkImportSemaphoreResourceMESA */

struct kind {
    const char *name;
    enum ring_command_id from;
    enum ring_command_id to; /* `from`: objects are used in turn, see ring_record_cycle */
    uint32_t object_offset;  /* in the command `to` */
    uint32_t batch_count;    /* rounds for each store of the tail */
    uint32_t nap_ns; /* between looks at a full ring, the server has the processor; 0: no naps */
    bool is_mapped;  /* what is made is memory, which is mapped, written and unmapped */
};

struct player {
    struct ring_vtest v;
    const struct kind *kind;
    struct ring_record record;
    struct ring_period period;
    struct ring_shm reply;
    struct ring_shm stream;
    uint8_t first[ROUND_BYTES]; /* until the memory is mapped, or all of it */
    uint8_t second[ROUND_BYTES];
    struct ring_stream parts[2];
    uint64_t memory_id; /* to be mapped in each round */
    uint64_t memory_bytes;
    uint32_t count; /* of what one play of both parts is: rounds, or frames */
    uint64_t span_ns;
};

static const struct kind kinds[] = {
    {"sampler", RING_COMMAND_CREATE_SAMPLER,           RING_COMMAND_DESTROY_SAMPLER,      16,               64, 0, false},
    { "record", RING_COMMAND_ALLOCATE_COMMAND_BUFFERS, RING_COMMAND_FREE_COMMAND_BUFFERS, 36,               1,
     NAP_NS,                                                                                                       false},
    { "frames", RING_COMMAND_ALLOCATE_COMMAND_BUFFERS, RING_COMMAND_FREE_COMMAND_BUFFERS, 36,               1,
     NAP_NS,                                                                                                       false},
    { "alloc",  RING_COMMAND_ALLOCATE_MEMORY,          RING_COMMAND_FREE_MEMORY,          16,               1,  0, true },
    { "scene",  RING_COMMAND_IMPORT_SEMAPHORE,         RING_COMMAND_IMPORT_SEMAPHORE,     SEMAPHORE_OFFSET, 1,
     NAP_NS,                                                                                                       false},
};

static void
copy_command(struct ring_stream *s, const struct ring_recorded *c)
{
    if (c->size_bytes > s->capacity_bytes - s->size_bytes) {
        ring_fail("command %u of %u bytes does not fit into the %zu that are left", c->id,
                  c->size_bytes, s->capacity_bytes - s->size_bytes);
    }
    memcpy(s->bytes + s->size_bytes, c->bytes, c->size_bytes);
    s->size_bytes += c->size_bytes;
}

/* Replies go to memory of our own. */
static void
add_command(const struct player *p, struct ring_stream *s, const struct ring_recorded *c)
{
    if (c->id == RING_COMMAND_SET_REPLY_STREAM) {
        ring_encode_reply_stream(s, p->reply.resource_id, ring_recorded_u64(c, REPLY_SIZE_OFFSET));
    } else {
        copy_command(s, c);
    }
}

/* Memory that was allocated just now: has it hold what the client last had in it. */
static void
fill_memory(struct player *p, const struct ring_recorded *allocation)
{
    uint64_t id = ring_recorded_u64(allocation, allocation->size_bytes - ID_OFFSET);
    const struct ring_memory *memory = ring_record_memory(&p->record, id);
    struct ring_shm shm;

    if (memory == NULL) {
        return;
    }
    ring_vtest_wait_seqno(&p->v);
    shm = ring_vtest_blob(&p->v, id, memory->size_bytes);
    memcpy(shm.map, memory->bytes, memory->size_bytes);
    ring_vtest_drop(&p->v, &shm);
}

/* All that came before the period, command after command. */
static void
play_begin(struct player *p)
{
    static uint8_t bytes[ROUND_BYTES];

    for (size_t i = 0; i < p->period.from_idx; i++) {
        const struct ring_recorded *c = &p->record.commands[i];
        struct ring_stream s = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };

        add_command(p, &s, c);
        ring_push(&p->v, s.bytes, (uint32_t)s.size_bytes);
        if (c->id == RING_COMMAND_ALLOCATE_MEMORY) {
            fill_memory(p, c);
        }
    }
    ring_wait(&p->v);
}

/* Puts the commands that the client had run from shared memory into ours.  Gives the index behind the last of them. */
static size_t
add_stream(struct player *p, struct ring_stream *part, size_t from_idx)
{
    struct ring_stream s = { .bytes = p->stream.map, .capacity_bytes = p->stream.size_bytes };
    size_t i = from_idx;

    for (; i <= p->period.to_idx && p->record.commands[i].is_in_stream; i++) {
        copy_command(&s, &p->record.commands[i]);
    }
    ring_encode_execute(part, p->stream.resource_id, s.size_bytes);
    return i;
}

static void
build_round(struct player *p)
{
    struct ring_stream *part = &p->parts[0];
    bool has_stream = false;

    for (size_t i = p->period.from_idx; i <= p->period.to_idx;) {
        const struct ring_recorded *c = &p->record.commands[i];

        if (c->is_in_stream && has_stream) {
            ring_fail("a round with more than one stream in shared memory");
        }
        if (c->is_in_stream) {
            i = add_stream(p, part, i);
            has_stream = true;
            continue;
        }
        add_command(p, part, c);
        if (p->kind->is_mapped && c->id == p->kind->from) {
            part = &p->parts[1];
        }
        i++;
    }
}

static void
find_loop(struct player *p)
{
    const struct kind *k = p->kind;

    if (k->from != k->to) {
        p->period = ring_record_period(&p->record, k->from, k->to, k->object_offset);
        p->count = k->batch_count;
        return;
    }
    p->period = ring_record_cycle(&p->record, k->from, k->object_offset);
    p->count = k->batch_count * ring_record_count(&p->record, &p->period, k->from);
}

static void
prepare(struct player *p, const char *path)
{
    const struct ring_recorded *from = NULL;

    ring_record_read(&p->record, path);
    find_loop(p);
    p->parts[0] = (struct ring_stream){ .bytes = p->first, .capacity_bytes = ROUND_BYTES };
    p->parts[1] = (struct ring_stream){ .bytes = p->second, .capacity_bytes = ROUND_BYTES };
    p->reply = ring_vtest_shm(&p->v, REPLY_BYTES);
    p->stream = ring_vtest_shm(&p->v, STREAM_BYTES);
    play_begin(p);
    p->v.nap_ns = p->kind->nap_ns;
    for (uint32_t i = 0; i < p->kind->batch_count; i++) {
        build_round(p);
    }
    from = &p->record.commands[p->period.from_idx];
    if (p->kind->is_mapped) {
        p->memory_id = ring_recorded_u64(from, from->size_bytes - ID_OFFSET);
        p->memory_bytes = ring_recorded_u64(from, from->size_bytes - ALLOCATE_SIZE_OFFSET);
    }
}

static void
use_memory(struct player *p)
{
    struct ring_shm shm;

    ring_vtest_wait_seqno(&p->v);
    shm = ring_vtest_blob(&p->v, p->memory_id, p->memory_bytes);
    memset(shm.map, FILL_BYTE, shm.size_bytes);
    ring_vtest_drop(&p->v, &shm);
}

static void
play_round(struct player *p)
{
    ring_push(&p->v, p->first, (uint32_t)p->parts[0].size_bytes);
    if (p->kind->is_mapped) {
        use_memory(p);
    }
    if (p->parts[1].size_bytes > 0) {
        ring_push(&p->v, p->second, (uint32_t)p->parts[1].size_bytes);
    }
}

static void
measure(struct player *p)
{
    static struct ring_slices slices;
    uint64_t end_ns = ring_now_ns() + p->span_ns;

    play_round(p); /* what the first alone pays is not measured */
    ring_wait(&p->v);
    while (ring_now_ns() < end_ns) {
        uint64_t start_ns = ring_now_ns();
        uint64_t count = 0;

        do {
            play_round(p);
            count += p->count;
        } while (ring_now_ns() - start_ns < SLICE_NS);
        ring_wait(&p->v);
        ring_slices_add(&slices, ring_now_ns() - start_ns, count);
    }
    ring_show(p->kind->name, ring_slices_percentile_ns(&slices, 50), "ns");
}

static void
on_deadline(int signal_number)
{
    static const char text[] = "ring_play: the deadline passed; the server does not consume its "
                               "ring, or a submission does not end\n";

    (void)signal_number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(STATUS_DEADLINE);
}

static const struct kind *
find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    static struct player p;
    uint32_t seconds = 1;
    uint32_t timeout_s = 60;
    const struct vkt_option options[] = {
        {"--seconds",  &seconds,   1, 600 },
        { "--timeout", &timeout_s, 1, 3600},
    };

    p.kind = argc > 3 ? find_kind(argv[3]) : NULL;
    if (p.kind == NULL || !vkt_options(options, 2, argc - 3, argv + 3)) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    (void)signal(SIGALRM, on_deadline);
    (void)alarm(timeout_s);
    p.span_ns = seconds * NS_PER_S;
    ring_vtest_open(&p.v, argv[1]);
    ring_vtest_ring(&p.v);
    prepare(&p, argv[2]);
    measure(&p);
    ring_vtest_close(&p.v);
    return 0;
}
