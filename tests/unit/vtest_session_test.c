/*
 * The life of a vtest client: the handshake, blobs, syncs, and every way to be wrong.
 */
#include <sys/stat.h>

#include "tests/unit/vtest_fixture.h"

static uint32_t
ask(const struct vtest_bench *bench, uint32_t command, const uint32_t *words, uint32_t word_count)
{
    uint32_t reply[64] = { 0 };
    bench_send(bench, command, words, word_count);
    return bench_reply(bench, command, reply, 64) == UINT32_MAX ? UINT32_MAX : reply[0];
}

static void
submit(const struct vtest_bench *bench, const uint32_t *commands, uint32_t count,
       const uint32_t *syncs, uint32_t sync_count, uint32_t ring_idx)
{
    uint32_t words[64] = { 1, 1, 9, count, 9 + count, sync_count, ring_idx };
    memcpy(words + 9, commands, (size_t)count * 4);
    if (sync_count > 0) {
        memcpy(words + 9 + count, syncs, (size_t)sync_count * 12);
    }
    bench_send(bench, VTEST_SUBMIT_CMD2, words, 9 + count + sync_count * 3);
}

static uint32_t
create_blob(const struct vtest_bench *bench, uint64_t blob_id, uint32_t size, int *fd)
{
    uint32_t words[6] = { VTEST_BLOB_HOST3D, 1, size, 0, (uint32_t)blob_id, 0 };
    uint32_t id = ask(bench, VTEST_RESOURCE_CREATE_BLOB, words, 6);
    *fd = bench_receive_fd(bench);
    return id;
}

/* As Mesa asks: what is only hung up is not. */
static bool
is_readable(int fd, int timeout_ms)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    int ready_count = poll(&ready, 1, timeout_ms);
    EXPECT_EQ(ready_count, (ready.revents & POLLIN) != 0);
    return ready_count == 1;
}

UTEST(the_handshake_of_mesa_is_answered)
{
    static const uint32_t zeros[2] = { 0, 0 };
    static const uint32_t numbers[] = { 1, 2, 3, 4, 5, 99 };
    static const uint32_t capset[2] = { 4, 0 };
    uint32_t reply[64] = { 0 };
    struct vtest_bench bench;
    bench_start(&bench);
    bench_name(&bench);
    bench_send(&bench, VTEST_PING_PROTOCOL_VERSION, NULL, 0);
    EXPECT_EQ(bench_reply(&bench, VTEST_PING_PROTOCOL_VERSION, reply, 0), 0);
    EXPECT_EQ(ask(&bench, VTEST_RESOURCE_BUSY_WAIT, zeros, 2), 0);
    EXPECT_EQ(ask(&bench, VTEST_PROTOCOL_VERSION, numbers + 2, 1), 3);
    EXPECT_EQ(ask(&bench, VTEST_PROTOCOL_VERSION, numbers + 3, 1), 4);
    EXPECT_EQ(ask(&bench, VTEST_PROTOCOL_VERSION, numbers + 4, 1), 4);
    bench_send(&bench, VTEST_GET_PARAM, numbers, 1);
    EXPECT_EQ(bench_reply(&bench, VTEST_GET_PARAM, reply, 2), 2);
    EXPECT_TRUE(reply[0] == 1 && reply[1] == 64);
    bench_send(&bench, VTEST_GET_PARAM, numbers + 5, 1);
    EXPECT_EQ(bench_reply(&bench, VTEST_GET_PARAM, reply, 2), 2);
    EXPECT_TRUE(reply[0] == 0 && reply[1] == 0);
    bench_send(&bench, VTEST_GET_CAPSET, capset, 2);
    EXPECT_EQ(bench_reply(&bench, VTEST_GET_CAPSET, reply, 64), 41);
    EXPECT_TRUE(reply[0] == 1 && reply[1] == 1);
    bench_send(&bench, VTEST_GET_CAPSET, numbers, 2);
    EXPECT_EQ(bench_reply(&bench, VTEST_GET_CAPSET, reply, 64), 1);
    EXPECT_EQ(reply[0], 0);
    bench_close(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
    EXPECT_STREQ(bench.name, "test");
    EXPECT_STREQ(bench.fault.text, "");
}

UTEST(a_blob_is_memory_that_both_see)
{
    struct vtest_bench bench;
    struct stat status = { 0 };
    int fd = -1;
    bench_open(&bench);
    uint32_t id = create_blob(&bench, 0, 8192, &fd);
    EXPECT_EQ(id, 1);
    EXPECT_EQ(fstat(fd, &status), 0);
    EXPECT_EQ(status.st_size, 8192);
    (void)close(fd);
    const uint32_t ring[] = { FAKE_RING, id, 128, FAKE_TRACE };
    submit(&bench, ring, 4, NULL, 0, 0);
    bench_send(&bench, VTEST_RESOURCE_UNREF, &id, 1);
    EXPECT_EQ(ask(&bench, VTEST_PROTOCOL_VERSION, (const uint32_t[]){ 4 }, 1), 4);
    EXPECT_EQ(bench.ring_count, 1);
    EXPECT_EQ(bench.trace_count, 1);
    bench_close(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
}

/* Mesa aborts without an fd; with one that mmap refuses, its program gets a Vulkan error. */
UTEST(a_blob_that_cannot_be_had_gets_an_fd_that_cannot_be_mapped)
{
    static const uint64_t blob_ids[] = { FAKE_BLOB_NONE, FAKE_BLOB_OPAQUE, 0 };
    static const uint32_t sizes[] = { 4096, 4096, 2 << 20 /* beyond the limit */ };
    struct vtest_bench bench;
    struct stat status = { 0 };
    bench_open(&bench);
    for (unsigned i = 0; i < 3; i++) {
        int fd = -1;
        uint32_t id = create_blob(&bench, blob_ids[i], sizes[i], &fd);
        EXPECT_TRUE((id & 0x80000000) != 0);
        EXPECT_TRUE(fd >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode));
        (void)close(fd);
        bench_send(&bench, VTEST_RESOURCE_UNREF, &id, 1);
    }
    EXPECT_EQ(ask(&bench, VTEST_PROTOCOL_VERSION, (const uint32_t[]){ 4 }, 1), 4);
    bench_close(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
}

UTEST(a_fence_raises_its_syncs_and_wakes_who_waits)
{
    struct vtest_bench bench;
    uint32_t reply[2];
    bench_open(&bench);
    uint32_t sync = ask(&bench, VTEST_SYNC_CREATE, (const uint32_t[]){ 5, 0 }, 2);
    const uint32_t wait[] = { 0, UINT32_MAX, sync, 9, 1 };
    bench_send(&bench, VTEST_SYNC_WAIT, wait, 5);
    EXPECT_EQ(bench_reply(&bench, VTEST_SYNC_WAIT, reply, 0), 0);
    int fd = bench_receive_fd(&bench);
    EXPECT_FALSE(is_readable(fd, 20));
    const uint32_t point[] = { sync, 9, 1 };
    submit(&bench, (const uint32_t[]){ FAKE_NOTHING }, 1, point, 1, 7);
    EXPECT_EQ(ask(&bench, VTEST_SYNC_READ, &sync, 1), 5); /* the fake holds fences of ring 7 */
    submit(&bench, (const uint32_t[]){ FAKE_RELEASE, 7 }, 2, NULL, 0, 0);
    EXPECT_TRUE(is_readable(fd, CLIENT_WAIT_MS));
    EXPECT_EQ(ask(&bench, VTEST_SYNC_READ, &sync, 1), 9);
    (void)close(fd);
    bench_send(&bench, VTEST_SYNC_UNREF, &sync, 1);
    bench_close(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
}

UTEST(a_wait_for_any_and_one_that_is_fulfilled_already)
{
    struct vtest_bench bench;
    bench_open(&bench);
    uint32_t low = ask(&bench, VTEST_SYNC_CREATE, (const uint32_t[]){ 1, 0 }, 2);
    uint32_t high = ask(&bench, VTEST_SYNC_CREATE, (const uint32_t[]){ 8, 0 }, 2);
    const uint32_t waits[][8] = {
        {0,  1000, low, 2, 0, high, 8, 0}, /* all: not yet */
        { 1, 1000, low, 2, 0, high, 8, 0}, /* any: at once */
    };
    int fds[2];
    for (unsigned i = 0; i < 2; i++) {
        uint32_t reply[1];
        bench_send(&bench, VTEST_SYNC_WAIT, waits[i], 8);
        EXPECT_EQ(bench_reply(&bench, VTEST_SYNC_WAIT, reply, 0), 0);
        fds[i] = bench_receive_fd(&bench);
    }
    EXPECT_TRUE(is_readable(fds[1], CLIENT_WAIT_MS));
    EXPECT_FALSE(is_readable(fds[0], 20));
    bench_send(&bench, VTEST_SYNC_WRITE, (const uint32_t[]){ low, 2, 0 }, 3);
    EXPECT_TRUE(is_readable(fds[0], CLIENT_WAIT_MS));
    (void)close(fds[0]);
    (void)close(fds[1]);
    bench_close(&bench);
}

UTEST(a_wait_whose_sync_went_away_is_kept_until_the_end)
{
    struct vtest_bench bench;
    uint32_t reply[1];
    bench_open(&bench);
    uint32_t sync = ask(&bench, VTEST_SYNC_CREATE, (const uint32_t[]){ 0, 0 }, 2);
    bench_send(&bench, VTEST_SYNC_WAIT, (const uint32_t[]){ 0, 1000, sync, 1, 0 }, 5);
    EXPECT_EQ(bench_reply(&bench, VTEST_SYNC_WAIT, reply, 0), 0);
    (void)close(bench_receive_fd(&bench));
    submit(&bench, (const uint32_t[]){ FAKE_NOTHING }, 1, (const uint32_t[]){ sync, 1, 0 }, 1, 3);
    bench_send(&bench, VTEST_SYNC_UNREF, &sync, 1);
    submit(&bench, (const uint32_t[]){ FAKE_RELEASE, 3 }, 2, NULL, 0, 0);
    EXPECT_EQ(ask(&bench, VTEST_PROTOCOL_VERSION, (const uint32_t[]){ 4 }, 1), 4);
    bench_close(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
}

UTEST(a_wait_is_dropped_when_its_time_is_over_and_its_client_has_closed_it)
{
    struct vtest_bench bench;
    uint32_t reply[1];
    bench_open(&bench);
    uint32_t sync = ask(&bench, VTEST_SYNC_CREATE, (const uint32_t[]){ 0, 0 }, 2);
    const uint32_t wait[] = { 0, 0, sync, 1, 0 };
    bench_send(&bench, VTEST_SYNC_WAIT, wait, 5);
    EXPECT_EQ(bench_reply(&bench, VTEST_SYNC_WAIT, reply, 0), 0);
    int fd = bench_receive_fd(&bench);
    for (unsigned i = 0; i < 1100; i++) { /* more than there may be at once */
        bench_send(&bench, VTEST_SYNC_WAIT, wait, 5);
        EXPECT_EQ(bench_reply(&bench, VTEST_SYNC_WAIT, reply, 0), 0);
        (void)close(bench_receive_fd(&bench));
    }
    EXPECT_FALSE(is_readable(fd, 0)); /* nor hung up, which Mesa would take for a lost device */
    bench_send(&bench, VTEST_SYNC_WRITE, (const uint32_t[]){ sync, 1, 0 }, 3);
    EXPECT_TRUE(is_readable(fd, CLIENT_WAIT_MS));
    (void)close(fd);
    bench_close(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
}

struct wrong_message {
    uint32_t command;
    uint32_t words[9];
    uint32_t word_count;
    const char *part;
};

UTEST(each_wrong_message_ends_its_client_with_a_sentence)
{
    static const struct wrong_message wrong[] = {
        {99,                          { 0 },                0, "command 99"    },
        { 30,                         { 0 },                2, "sync objects"  },
        { VTEST_PROTOCOL_VERSION,     { 2 },                1, "version 2"     },
        { VTEST_PROTOCOL_VERSION,     { 2, 2 },             2, "2 dwords"      },
        { VTEST_CONTEXT_INIT,         { 4 },                1, "a second time" },
        { VTEST_RESOURCE_CREATE_BLOB, { 1, 1, 4096 },       6, "type 1"        },
        { VTEST_RESOURCE_CREATE_BLOB, { 2, 8, 4096 },       6, "flags 0x8"     },
        { VTEST_RESOURCE_CREATE_BLOB, { 2, 1, 0 },          6, "0 bytes"       },
        { VTEST_RESOURCE_UNREF,       { 5 },                1, "does not exist"},
        { VTEST_RESOURCE_UNREF,       { 0x80000001 },       1, "does not exist"},
        { VTEST_SYNC_READ,            { 1 },                1, "no sync 1"     },
        { VTEST_SYNC_UNREF,           { 0 },                1, "no sync 0"     },
        { VTEST_SYNC_WRITE,           { UINT32_MAX, 0, 0 }, 3, "no sync"       },
        { VTEST_SYNC_WAIT,            { 0, 0, 7, 0, 0 },    5, "no sync 7"     },
        { VTEST_SYNC_WAIT,            { 4, 0 },             2, "flags 0x4"     },
        { VTEST_SUBMIT_CMD2,          { 1, 0, 9, 5 },       9, "outside"       },
        { VTEST_SUBMIT_CMD2,          { 9 },                9, "neither"       },
        { VTEST_SUBMIT_CMD2,          { 0x7fffffff },       1, "neither"       },
        { VTEST_SUBMIT_CMD2,          { 1, 0, 0, 0, 7, 1 }, 9, "outside"       },
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct vtest_bench bench;
        bench_open(&bench);
        bench_send(&bench, wrong[i].command, wrong[i].words, wrong[i].word_count);
        bench_expect_end(&bench, FRONT_CLIENT_WRONG, wrong[i].part);
    }
}

UTEST(messages_out_of_order_end_their_client)
{
    struct vtest_bench bench;
    bench_start(&bench);
    bench_send(&bench, VTEST_PING_PROTOCOL_VERSION, NULL, 0);
    bench_expect_end(&bench, FRONT_CLIENT_WRONG, "came first");
    bench_open(&bench);
    bench_name(&bench);
    bench_expect_end(&bench, FRONT_CLIENT_WRONG, "a second time");
    bench_start(&bench);
    bench_name(&bench);
    bench_send(&bench, VTEST_RESOURCE_UNREF, (const uint32_t[]){ 1 }, 1);
    bench_expect_end(&bench, FRONT_CLIENT_WRONG, "before CONTEXT_INIT");
    bench_start(&bench);
    bench_name(&bench);
    bench_send(&bench, VTEST_CONTEXT_INIT, (const uint32_t[]){ 1 }, 1);
    bench_expect_end(&bench, FRONT_CLIENT_WRONG, "capset 1");
}

UTEST(a_dead_context_ends_its_client)
{
    struct vtest_bench bench;
    bench_open(&bench);
    submit(&bench, (const uint32_t[]){ FAKE_NOTHING, FAKE_DIE }, 2, NULL, 0, 0);
    bench_expect_end(&bench, FRONT_CONTEXT_DEAD, "told to die");
    EXPECT_CONTAINS(bench.reason, "told to die");
}

UTEST(a_client_that_leaves_within_a_message_is_noticed)
{
    static const uint8_t bytes[] = { 4, 0, 0, 0, 17, 0, 0, 0, 4, 0 };
    for (size_t length = 1; length <= sizeof(bytes); length++) {
        struct vtest_bench bench;
        bench_start(&bench);
        bench_name(&bench);
        bench_raw(&bench, bytes, length);
        bench_close(&bench);
        EXPECT_EQ(bench.end, FRONT_CLIENT_WRONG);
        EXPECT_TRUE(bench.fault.text[0] != '\0');
    }
}

UTEST(a_message_in_single_bytes_is_whole_at_the_end)
{
    static const uint32_t words[] = { 1, VTEST_PROTOCOL_VERSION, 3 };
    struct vtest_bench bench;
    uint32_t version = 0;
    bench_start(&bench);
    bench_name(&bench);
    for (size_t i = 0; i < sizeof(words); i++) {
        bench_raw(&bench, (const uint8_t *)words + i, 1);
    }
    EXPECT_EQ(bench_reply(&bench, VTEST_PROTOCOL_VERSION, &version, 1), 1);
    EXPECT_EQ(version, 3);
    bench_close(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
}

/* Asks until the socket is full of answers, then leaves: only its own session was held up. */
UTEST(a_client_that_never_reads_holds_up_nobody_else)
{
    static const uint32_t ping[2] = { 0, VTEST_PING_PROTOCOL_VERSION };
    struct vtest_bench deaf;
    struct vtest_bench other;
    bench_open(&deaf);
    while (send(deaf.fd, ping, sizeof(ping), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(ping)) {
    }
    bench_open(&other);
    EXPECT_EQ(ask(&other, VTEST_PROTOCOL_VERSION, (const uint32_t[]){ 4 }, 1), 4);
    bench_close(&other);
    bench_close(&deaf);
    EXPECT_NE(deaf.end, FRONT_CONTEXT_DEAD);
}

UTEST(many_clients_at_once)
{
    enum { COUNT = 50 };
    static struct vtest_bench benches[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        bench_open(&benches[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        int fd = -1;
        EXPECT_EQ(create_blob(&benches[i], 0, 4096, &fd), 1);
        (void)close(fd);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        bench_close(&benches[i]);
        EXPECT_EQ(benches[i].end, FRONT_CLIENT_LEFT);
    }
}

UTEST(waits_and_fences_have_a_limit)
{
    struct vtest_bench bench;
    uint32_t reply[1];
    bench_open(&bench);
    uint32_t sync = ask(&bench, VTEST_SYNC_CREATE, (const uint32_t[]){ 0, 0 }, 2);
    for (unsigned i = 0; i < 1024; i++) {
        bench_send(&bench, VTEST_SYNC_WAIT, (const uint32_t[]){ 0, UINT32_MAX, sync, 1, 0 }, 5);
        EXPECT_EQ(bench_reply(&bench, VTEST_SYNC_WAIT, reply, 0), 0);
        (void)close(bench_receive_fd(&bench));
    }
    bench_send(&bench, VTEST_SYNC_WAIT, (const uint32_t[]){ 0, UINT32_MAX, sync, 1, 0 }, 5);
    bench_expect_end(&bench, FRONT_CLIENT_WRONG, "the most is");
}
