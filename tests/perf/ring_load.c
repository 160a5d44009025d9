/*
 * What a Venus server alone needs for a command: writes encoded commands straight into its ring and watches the head,
 * so that no client's policy of polling is measured with it.
 *
 * usage: ring_load SOCKET [--only NAME] [--seconds S] [--timeout S] [--batch N]
 * Prints lines `name value unit`.  Works with any vtest server of Venus.  Exit status: 0; 1 with a sentence; 2 wrong
 * use; 124 no end in time.  The times hold decoding, the host driver's own work, and the ring;
 * of many slices the median is told (of single calls after a silence the 99th percentile and the worst, too).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tests/perf/ring_encode.h"
#include "tests/perf/ring_slices.h"
#include "tests/perf/ring_vtest.h"
#include "tests/vulkan/vkt_options.h"

#define USAGE           "usage: ring_load SOCKET [--only NAME] [--seconds S] [--timeout S] [--batch N]\n"
#define STATUS_DEADLINE 124
#define NS_PER_S        1000000000ULL
#define BLOCK_BYTES     (RING_BUFFER_BYTES / 2)
#define STREAM_BYTES    (4U << 20)
#define SLICE_COMMANDS  20000U /* recorded commands until the command buffer starts anew */
#define CALL_SLICE      32U
#define PAUSE_NS        5000000
#define REPLY_SHM_BYTES (1U << 20)
#define COMMAND_STATUS  38U /* vkGetFenceStatus */

struct load {
    struct ring_vtest v;
    struct ring_shm reply;
    uint64_t span_ns;
    uint32_t batch_count; /* commands for each store of the tail */
};

struct measurement {
    const char *name;
    void (*encode)(struct ring_stream *s, unsigned i); /* one command, or NULL */
    void (*measure)(struct load *l, const struct measurement *m);
};

static void
push_stream(struct load *l, void (*encode)(struct ring_stream *s))
{
    static uint8_t bytes[4096];
    struct ring_stream s = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };

    encode(&s);
    ring_push(&l->v, s.bytes, (uint32_t)s.size_bytes);
    ring_wait(&l->v);
}

static void
show_slices(const char *name, struct ring_slices *s)
{
    ring_show(name, ring_slices_percentile_ns(s, 50), "ns");
}

/* Commands through the ring as fast as the server takes them. */
static void
measure_flow(struct load *l, const struct measurement *m)
{
    static uint8_t bytes[BLOCK_BYTES];
    static struct ring_slices slices;
    struct ring_stream s = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };
    uint64_t end_ns = ring_now_ns() + l->span_ns;

    slices.count = 0;
    for (unsigned i = 0; i < l->batch_count; i++) {
        m->encode(&s, i);
    }
    while (ring_now_ns() < end_ns) {
        uint64_t start_ns = ring_now_ns();
        uint32_t count = 0;

        for (; count < SLICE_COMMANDS; count += l->batch_count) {
            ring_push(&l->v, s.bytes, (uint32_t)s.size_bytes);
        }
        ring_wait(&l->v);
        ring_slices_add(&slices, ring_now_ns() - start_ns, count);
        push_stream(l, ring_encode_begin_again);
    }
    show_slices(m->name, &slices);
}

/* The same commands in shared memory, run by one command in the ring, as Mesa submits recorded buffers. */
static void
measure_streams(struct load *l, const struct measurement *m)
{
    static struct ring_slices slices;
    struct ring_shm shm = ring_vtest_shm(&l->v, STREAM_BYTES);
    struct ring_stream s = { .bytes = shm.map, .capacity_bytes = shm.size_bytes };
    uint8_t bytes[256];
    struct ring_stream run = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };
    uint64_t end_ns = ring_now_ns() + l->span_ns;

    slices.count = 0;
    for (unsigned i = 0; i < SLICE_COMMANDS; i++) {
        m->encode(&s, i);
    }
    ring_encode_execute(&run, shm.resource_id, s.size_bytes);
    while (ring_now_ns() < end_ns) {
        uint64_t start_ns = ring_now_ns();

        ring_push(&l->v, run.bytes, (uint32_t)run.size_bytes);
        ring_wait(&l->v);
        ring_slices_add(&slices, ring_now_ns() - start_ns, SLICE_COMMANDS);
        push_stream(l, ring_encode_begin_again);
    }
    show_slices(m->name, &slices);
}

/* One synchronous call; gives its nanoseconds. */
static uint64_t
call(struct load *l)
{
    uint8_t bytes[256];
    struct ring_stream s = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };
    uint32_t answer[2] = { ~0U, ~0U };
    uint64_t start_ns = 0;

    ring_encode_call(&s, l->reply.resource_id);
    memcpy(l->reply.map, answer, sizeof(answer));
    start_ns = ring_now_ns();
    ring_push(&l->v, s.bytes, (uint32_t)s.size_bytes);
    ring_wait(&l->v);
    start_ns = ring_now_ns() - start_ns;
    memcpy(answer, l->reply.map, sizeof(answer));
    if (answer[0] != COMMAND_STATUS || answer[1] != 0) {
        ring_fail("the reply says command %u, result %d", answer[0], (int)answer[1]);
    }
    return start_ns;
}

static void
measure_call(struct load *l, const struct measurement *m)
{
    static struct ring_slices slices;
    uint64_t end_ns = ring_now_ns() + l->span_ns;

    slices.count = 0;
    while (ring_now_ns() < end_ns) {
        uint64_t spent_ns = 0;

        for (unsigned i = 0; i < CALL_SLICE; i++) {
            spent_ns += call(l);
        }
        ring_slices_add(&slices, spent_ns, CALL_SLICE);
    }
    show_slices(m->name, &slices);
}

/* The same after a silence; how much of it needed a message over the socket is told too. */
static void
measure_wake(struct load *l, const struct measurement *m)
{
    static struct ring_slices slices;
    uint64_t end_ns = ring_now_ns() + l->span_ns;
    uint64_t spent_ns = 0;
    uint64_t count = 0;
    uint32_t notify_count = l->v.notify_count;

    slices.count = 0;
    for (; ring_now_ns() < end_ns; count++) {
        const struct timespec pause = { 0, PAUSE_NS };
        uint64_t took_ns = 0;

        (void)nanosleep(&pause, NULL);
        took_ns = call(l);
        spent_ns += took_ns;
        ring_slices_add(&slices, took_ns, 1);
    }
    (void)m;
    ring_show("wake-mean", (double)spent_ns / (double)count, "ns");
    ring_show("wake-median", ring_slices_percentile_ns(&slices, 50), "ns");
    ring_show("wake-p99", ring_slices_percentile_ns(&slices, 99), "ns");
    ring_show("wake-worst", ring_slices_percentile_ns(&slices, 100), "ns");
    ring_show("wake-notified", (double)(l->v.notify_count - notify_count) / (double)count, "of 1");
}

static const struct measurement measurements[] = {
    {"viewport",         ring_encode_viewport,     measure_flow   },
    { "barrier",         ring_encode_barrier,      measure_flow   },
    { "fence-status",    ring_encode_fence_status, measure_flow   },
    { "sampler-pair",    ring_encode_sampler_pair, measure_flow   },
    { "viewport-stream", ring_encode_viewport,     measure_streams},
    { "call",            NULL,                     measure_call   },
    { "wake",            NULL,                     measure_wake   },
};

static unsigned
measure_all(struct load *l, const char *only)
{
    unsigned count = 0;

    for (size_t i = 0; i < sizeof(measurements) / sizeof(measurements[0]); i++) {
        if (only == NULL || strcmp(only, measurements[i].name) == 0) {
            measurements[i].measure(l, &measurements[i]);
            count++;
        }
    }
    return count;
}

static void
on_deadline(int signal_number)
{
    static const char text[] =
        "ring_load: the deadline passed; the server does not consume its ring\n";

    (void)signal_number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(STATUS_DEADLINE);
}

int
main(int argc, char **argv)
{
    struct load l = { .batch_count = 64 };
    const char *only = NULL;
    const char *path = argc > 1 ? argv[1] : NULL;
    uint32_t seconds = 1;
    uint32_t timeout_s = 60;
    const struct vkt_option options[] = {
        {"--seconds",  &seconds,       1, 600 },
        { "--timeout", &timeout_s,     1, 3600},
        { "--batch",   &l.batch_count, 1, 256 },
    };

    if (argc > 3 && strcmp(argv[2], "--only") == 0) {
        only = argv[3];
        argc -= 2;
        argv += 2;
    }
    if (path == NULL || path[0] == '-' || !vkt_options(options, 3, argc - 1, argv + 1)) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    (void)signal(SIGALRM, on_deadline);
    (void)alarm(timeout_s);
    l.span_ns = seconds * NS_PER_S;
    ring_vtest_open(&l.v, path);
    ring_vtest_ring(&l.v);
    l.reply = ring_vtest_shm(&l.v, REPLY_SHM_BYTES);
    push_stream(&l, ring_encode_setup);
    if (measure_all(&l, only) == 0) {
        ring_fail("there is no measurement %s", only);
    }
    push_stream(&l, ring_encode_teardown);
    ring_vtest_close(&l.v);
    return 0;
}
