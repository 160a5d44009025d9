/*
 * vtest_fixture.h - a vtest client of our own at one end of a socket, the session under test in a thread at the other.
 */
#ifndef TESTS_UNIT_VTEST_FIXTURE_H
#define TESTS_UNIT_VTEST_FIXTURE_H

#include <stdlib.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/vtest.h"
#include "device/vtest_wire.h"
#include "tests/fake/venus_fake.h"
#include "tests/unit/utest.h"

enum { CLIENT_WAIT_MS = 5000 };

struct vtest_bench {
    pthread_t thread;
    int fd; /* the client's end */
    int server_fd;
    struct front_config config;
    enum front_end end;
    struct fault fault;
    char name[64];
    char reason[FAULT_BYTES];
    unsigned ring_count;
    unsigned trace_count;
};

static inline void
bench_on_name(void *user, const char *name)
{
    struct vtest_bench *bench = user;
    (void)snprintf(bench->name, sizeof(bench->name), "%s", name);
}

static inline void
bench_on_fatal(void *user, const char *reason)
{
    struct vtest_bench *bench = user;
    (void)snprintf(bench->reason, sizeof(bench->reason), "%s", reason);
}

static inline void
bench_on_ring(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes)
{
    struct vtest_bench *bench = user;
    bench->ring_count += ring_id != 0 && fd >= 0 && status_offset_bytes == 128;
}

static inline void
bench_on_trace(void *user, const char *line)
{
    struct vtest_bench *bench = user;
    bench->trace_count += line[0] == 'v';
}

static inline void *
bench_serve(void *user)
{
    struct vtest_bench *bench = user;
    bench->end = vtest_serve(bench->server_fd, &bench->config, &bench->fault);
    return NULL;
}

static inline void
bench_start(struct vtest_bench *bench)
{
    int fds[2] = { -1, -1 };
    memset(bench, 0, sizeof(*bench));
    (void)signal(SIGPIPE, SIG_IGN); /* as our programs do */
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    bench->fd = fds[0];
    bench->server_fd = fds[1];
    bench->config = (struct front_config){
        .limits.memory_bytes = 1 << 20,
        .user = bench,
        .on_name = bench_on_name,
        .on_fatal = bench_on_fatal,
        .on_ring = bench_on_ring,
        .on_trace = bench_on_trace,
    };
    EXPECT_EQ(pthread_create(&bench->thread, NULL, bench_serve, bench), 0);
}

static inline void
bench_raw(const struct vtest_bench *bench, const void *bytes, size_t size)
{
    (void)send(bench->fd, bytes, size, MSG_NOSIGNAL);
}

static inline void
bench_send(const struct vtest_bench *bench, uint32_t command, const uint32_t *words,
           uint32_t word_count)
{
    uint32_t head[2] = { word_count, command };
    bench_raw(bench, head, sizeof(head));
    if (word_count > 0) {
        bench_raw(bench, words, (size_t)word_count * 4);
    }
}

/* Exactly size bytes within the limit; fewer when the other end is closed. */
static inline size_t
bench_receive(const struct vtest_bench *bench, void *to, size_t size)
{
    size_t done = 0;
    struct pollfd ready = { .fd = bench->fd, .events = POLLIN };
    while (done < size && poll(&ready, 1, CLIENT_WAIT_MS) == 1) {
        ssize_t part = recv(bench->fd, (char *)to + done, size - done, 0);
        if (part <= 0) {
            break;
        }
        done += (size_t)part;
    }
    return done;
}

/* A reply's payload.  Returns: its dwords; UINT32_MAX when none came, or one to another command. */
static inline uint32_t
bench_reply(const struct vtest_bench *bench, uint32_t command, uint32_t *words, uint32_t word_count)
{
    uint32_t head[2] = { 0, 0 };
    if (bench_receive(bench, head, sizeof(head)) != sizeof(head) || head[1] != command ||
        head[0] > word_count) {
        return UINT32_MAX;
    }
    return bench_receive(bench, words, (size_t)head[0] * 4) == (size_t)head[0] * 4 ? head[0]
                                                                                   : UINT32_MAX;
}

/* The fd behind a reply; -1. */
static inline int
bench_receive_fd(const struct vtest_bench *bench)
{
    char byte = 0;
    int fd = -1;
    struct iovec part = { .iov_base = &byte, .iov_len = 1 };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.bytes),
    };
    struct pollfd ready = { .fd = bench->fd, .events = POLLIN };
    if (poll(&ready, 1, CLIENT_WAIT_MS) == 1 &&
        recvmsg(bench->fd, &message, MSG_CMSG_CLOEXEC) == 1) {
        const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        if (rights != NULL && rights->cmsg_type == SCM_RIGHTS) {
            memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
        }
    }
    return fd;
}

static inline void
bench_name(const struct vtest_bench *bench)
{
    static const uint32_t head[2] = { 5, VTEST_CREATE_RENDERER };
    bench_raw(bench, head, sizeof(head));
    bench_raw(bench, "test", 5);
}

static inline void
bench_open(struct vtest_bench *bench)
{
    static const uint32_t capset = VENUS_CAPSET_ID;
    bench_start(bench);
    bench_name(bench);
    bench_send(bench, VTEST_CONTEXT_INIT, &capset, 1);
}

/* The client leaves; the session must end. */
static inline void
bench_close(struct vtest_bench *bench)
{
    (void)close(bench->fd);
    (void)pthread_join(bench->thread, NULL);
}

/* The session must end by itself, with a reset that a reader of the socket sees. */
static inline void
bench_expect_end(struct vtest_bench *bench, enum front_end end, const char *part)
{
    char rest[256];
    ssize_t got;
    do {
        struct pollfd ready = { .fd = bench->fd, .events = POLLIN };
        EXPECT_EQ(poll(&ready, 1, CLIENT_WAIT_MS), 1);
        got = recv(bench->fd, rest, sizeof(rest), MSG_DONTWAIT);
    } while (got > 0);
    EXPECT_EQ(got, -1); /* never a bare end of file, which Mesa would read for ever */
    bench_close(bench);
    EXPECT_EQ(bench->end, end);
    EXPECT_CONTAINS(bench->fault.text, part);
}

#endif
