/*
 * A render server's context: sizes, fds, timelines, and every way to be wrong.
 */
#include <stdlib.h>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/context.h"
#include "device/packet.h"
#include "device/render_wire.h"
#include "tests/fake/venus_fake.h"
#include "tests/unit/utest.h"

struct context_bench {
    int fd;
    int server_fd;
    int timelines;
    int event;
    pthread_t thread;
    enum front_end end;
    struct fault fault;
    char reason[FAULT_BYTES];
};

static void
on_name(void *user, const char *name)
{
    (void)user;
    EXPECT_STREQ(name, "guest");
}

static void
on_fatal(void *user, const char *reason)
{
    struct context_bench *bench = user;
    (void)snprintf(bench->reason, sizeof(bench->reason), "%s", reason);
}

static void *
serve(void *user)
{
    struct context_bench *bench = user;
    struct front_config config = { .user = bench, .on_name = on_name, .on_fatal = on_fatal };
    bench->end = context_serve(bench->server_fd, "guest", &config, &bench->fault);
    return NULL;
}

static void
start(struct context_bench *bench)
{
    int fds[2] = { -1, -1 };
    memset(bench, 0, sizeof(*bench));
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    bench->fd = fds[0];
    bench->server_fd = fds[1];
    bench->timelines = memfd_create("timelines", MFD_CLOEXEC);
    bench->event = eventfd(0, EFD_CLOEXEC);
    EXPECT_EQ(ftruncate(bench->timelines, 256), 0);
    EXPECT_EQ(pthread_create(&bench->thread, NULL, serve, bench), 0);
}

static void
finish(struct context_bench *bench)
{
    (void)close(bench->fd);
    (void)pthread_join(bench->thread, NULL);
    (void)close(bench->timelines);
    (void)close(bench->event);
}

/* Sends a request with up to two fds. */
static void
request(const struct context_bench *bench, const void *bytes, size_t size, unsigned fd_count)
{
    struct iovec whole = { .iov_len = size };
    memcpy(&whole.iov_base, &bytes, sizeof(bytes));
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control = { 0 };
    int fds[3] = { bench->timelines, bench->event, bench->event };
    struct msghdr message = { .msg_iov = &whole, .msg_iovlen = 1 };
    if (fd_count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, fd_count * sizeof(int));
    }
    (void)sendmsg(bench->fd, &message, MSG_NOSIGNAL);
}

static void
init(const struct context_bench *bench)
{
    struct render_init init = { RENDER_CONTEXT_INIT, 4, 256 };
    request(bench, &init, sizeof(init), 2);
}

static void
open_context(struct context_bench *bench)
{
    start(bench);
    init(bench);
}

static void
submit(const struct context_bench *bench, const uint32_t *words, uint32_t count)
{
    static uint32_t stream[1024];
    struct render_submit_cmd submit = { RENDER_CONTEXT_SUBMIT_CMD, count * 4, { 0 } };
    memcpy(stream, words, (size_t)count * 4);
    memcpy(submit.bytes, stream, sizeof(submit.bytes));
    request(bench, &submit, sizeof(submit), 0);
    if (count > 64) {
        request(bench, stream + 64, (size_t)(count - 64) * 4, 0);
    }
}

static void
fence(const struct context_bench *bench, uint32_t ring_idx, uint32_t seqno)
{
    struct render_submit_fence fence = { RENDER_CONTEXT_SUBMIT_FENCE, 0, ring_idx, seqno };
    request(bench, &fence, sizeof(fence), 0);
}

static uint32_t
timeline(const struct context_bench *bench, unsigned ring_idx)
{
    uint32_t seqno = UINT32_MAX;
    EXPECT_EQ(pread(bench->timelines, &seqno, 4, (off_t)ring_idx * 4), 4);
    return seqno;
}

static void
wait_for_event(const struct context_bench *bench)
{
    struct pollfd ready = { .fd = bench->event, .events = POLLIN };
    eventfd_t count;
    EXPECT_EQ(poll(&ready, 1, 5000), 1);
    EXPECT_EQ(eventfd_read(bench->event, &count), 0);
}

static int
create(const struct context_bench *bench, uint64_t blob_id, struct render_resource_reply *reply)
{
    struct render_create_resource create = { RENDER_CONTEXT_CREATE_RESOURCE, (uint32_t)blob_id + 1,
                                             blob_id, 4096, 1 };
    struct packet packet = { 0 };
    request(bench, &create, sizeof(create), 0);
    EXPECT_EQ(packet_receive(bench->fd, reply, sizeof(*reply), &packet), PACKET_GOT);
    EXPECT_EQ(packet.size_bytes, sizeof(*reply));
    int fd_count = (int)packet.fd_count;
    packet_close_fds(&packet);
    return fd_count;
}

static void
expect_end(struct context_bench *bench, enum front_end end, const char *part)
{
    char byte;
    struct pollfd ready = { .fd = bench->fd, .events = POLLIN };
    EXPECT_EQ(poll(&ready, 1, 5000), 1);
    EXPECT_TRUE(recv(bench->fd, &byte, 1, MSG_DONTWAIT) <= 0);
    finish(bench);
    EXPECT_EQ(bench->end, end);
    EXPECT_CONTAINS(bench->fault.text, part);
}

UTEST(fences_count_up_their_timelines)
{
    struct context_bench bench;
    open_context(&bench);
    fence(&bench, 0, 3);
    wait_for_event(&bench);
    EXPECT_EQ(timeline(&bench, 0), 3);
    fence(&bench, 63, 8);
    fence(&bench, 0, 4);
    wait_for_event(&bench);
    EXPECT_EQ(timeline(&bench, 0), 4);
    EXPECT_EQ(timeline(&bench, 63), 0);
    const uint32_t release[] = { FAKE_RELEASE, 63 };
    submit(&bench, release, 2);
    wait_for_event(&bench);
    EXPECT_EQ(timeline(&bench, 63), 8);
    finish(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
}

UTEST(resources_come_with_their_fd_or_with_none)
{
    struct context_bench bench;
    struct render_resource_reply reply;
    open_context(&bench);
    EXPECT_EQ(create(&bench, 0, &reply), 1);
    EXPECT_EQ(reply.fd_kind, RENDER_FD_SHM);
    EXPECT_EQ(reply.caching, VENUS_CACHED);
    EXPECT_EQ(create(&bench, FAKE_BLOB_OPAQUE, &reply), 1);
    EXPECT_EQ(reply.fd_kind, RENDER_FD_OPAQUE);
    EXPECT_EQ(create(&bench, FAKE_BLOB_NONE, &reply), 0);
    EXPECT_EQ(reply.fd_kind, RENDER_FD_NONE);
    struct render_destroy_resource destroy = { RENDER_CONTEXT_DESTROY_RESOURCE, 1 };
    request(&bench, &destroy, sizeof(destroy), 0);
    request(&bench, &destroy, sizeof(destroy), 0); /* a monitor may do so for one that failed */
    struct render_import_resource import = { RENDER_CONTEXT_IMPORT_RESOURCE, 9, RENDER_FD_SHM,
                                             256 };
    request(&bench, &import, sizeof(import), 1);
    fence(&bench, 0, 1);
    wait_for_event(&bench);
    finish(&bench);
    EXPECT_EQ(bench.end, FRONT_CLIENT_LEFT);
}

UTEST(a_long_stream_comes_in_two_packets)
{
    uint32_t words[200];
    struct context_bench bench;
    for (unsigned i = 0; i < 200; i++) {
        words[i] = FAKE_NOTHING;
    }
    words[199] = FAKE_DIE;
    open_context(&bench);
    submit(&bench, words, 200);
    expect_end(&bench, FRONT_CONTEXT_DEAD, "told to die");
    EXPECT_CONTAINS(bench.reason, "told to die");
}

UTEST(a_wrong_init_ends_the_context)
{
    static const struct render_init wrong[] = {
        {RENDER_CONTEXT_INIT,  3, 256           },
        { RENDER_CONTEXT_INIT, 4, 0             },
        { RENDER_CONTEXT_INIT, 4, 6             },
        { RENDER_CONTEXT_INIT, 4, 260           },
        { RENDER_CONTEXT_INIT, 4, UINT64_MAX - 3},
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct context_bench bench;
        start(&bench);
        request(&bench, &wrong[i], sizeof(wrong[i]), 2);
        expect_end(&bench, FRONT_CLIENT_WRONG, "INIT");
    }
    struct context_bench bench;
    start(&bench);
    EXPECT_EQ(ftruncate(bench.timelines, 128), 0); /* shorter than it says */
    init(&bench);
    expect_end(&bench, FRONT_CLIENT_WRONG, "as long");
    start(&bench);
    request(&bench, &wrong[0], sizeof(wrong[0]), 0);
    expect_end(&bench, FRONT_CLIENT_WRONG, "0 fds");
    open_context(&bench);
    init(&bench);
    expect_end(&bench, FRONT_CLIENT_WRONG, "a second time");
}

UTEST(wrong_requests_end_the_context)
{
    static const struct {
        uint32_t words[70];
        size_t size;
        unsigned fd_count;
        const char *part;
    } wrong[] = {
        {{ 7 },                                      4,   0, "op 7"           },
        { { 0 },                                     2,   0, "none of 0 to 6" },
        { { RENDER_CONTEXT_SUBMIT_FENCE, 0, 64, 1 }, 16,  0, "timeline 64"    },
        { { RENDER_CONTEXT_SUBMIT_FENCE, 0, 0, 1 },  12,  0, "12 bytes"       },
        { { RENDER_CONTEXT_NOP },                    4,   1, "1 fds"          },
        { { RENDER_CONTEXT_SUBMIT_CMD, 3 },          264, 0, "multiple of 4"  },
        { { RENDER_CONTEXT_SUBMIT_CMD, 0x7ffffffc }, 264, 0, "up to"          },
        { { RENDER_CONTEXT_IMPORT_RESOURCE, 1, 3 },  24,  1, "kind 3"         },
        { { RENDER_CONTEXT_IMPORT_RESOURCE, 1, 2 },  24,  0, "0 fds"          },
        { { RENDER_CONTEXT_INIT },                   280, 0, "longer than any"},
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct context_bench bench;
        open_context(&bench);
        request(&bench, wrong[i].words, wrong[i].size, wrong[i].fd_count);
        expect_end(&bench, FRONT_CLIENT_WRONG, wrong[i].part);
    }
    struct context_bench bench;
    start(&bench);
    fence(&bench, 0, 1);
    expect_end(&bench, FRONT_CLIENT_WRONG, "before INIT");
}

UTEST(a_second_packet_of_another_length_ends_the_context)
{
    struct context_bench bench;
    struct render_submit_cmd submit = { RENDER_CONTEXT_SUBMIT_CMD, 300, { 0 } };
    open_context(&bench);
    request(&bench, &submit, sizeof(submit), 0);
    request(&bench, submit.bytes, 40, 0);
    expect_end(&bench, FRONT_CLIENT_WRONG, "44 bytes announced");
}
