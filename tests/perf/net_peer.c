/*
 * The other end of the guest's network cable: counts, echoes and sends frames (net_peer_protocol.h) for the figures.
 *
 * usage: net_peer PEER_PORT QEMU_PORT       behind `-netdev dgram` with local port QEMU_PORT and remote port PEER_PORT,
 * both of 127.0.0.1.  Prints `ready` and serves until its standard input is closed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/perf/net_peer_protocol.h"

#define BATCH_COUNT      64
#define DEFAULT_FLOOD_HZ 200000U
#define NS_PER_S         1000000000ULL
#define SOCKET_BYTES     (8 << 20)

struct peer {
    int fd;
    uint32_t counted;
    uint64_t first_ns;
    uint64_t last_ns;
    uint64_t flood_start_ns; /* 0: not flooding */
    uint64_t flood_end_ns;
    uint32_t flood_hz;
    uint32_t flood_sent;
    uint8_t guest_mac[6];
};

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static struct net_peer_frame
make_answer(const struct peer *p, enum net_peer_op op, uint32_t a_be, uint32_t b_be)
{
    struct net_peer_frame f = {
        .src = {0x52, 0x54, 0, 0, 0, 1},
        .ethertype = htons(NET_PEER_ETHERTYPE),
        .magic = "VTRN",
        .op = (uint8_t)op
    };

    memcpy(f.dst, p->guest_mac, sizeof(f.dst));
    f.a = a_be;
    f.b = b_be;
    return f;
}

static void
answer(const struct peer *p, enum net_peer_op op, uint32_t a_be, uint32_t b_be)
{
    struct net_peer_frame f = make_answer(p, op, a_be, b_be);

    (void)send(p->fd, &f, sizeof(f),
               MSG_DONTWAIT); /* a full socket loses frames, as a full cable does */
}

static void
on_count(struct peer *p)
{
    p->last_ns = now_ns();
    if (p->counted++ == 0) {
        p->first_ns = p->last_ns;
    }
}

static void
on_query(struct peer *p)
{
    answer(p, NET_PEER_REPORT, htonl(p->counted),
           htonl((uint32_t)((p->last_ns - p->first_ns) / 1000)));
    p->counted = 0;
    p->first_ns = 0;
    p->last_ns = 0;
}

static void
on_flood(struct peer *p, const struct net_peer_frame *f)
{
    p->flood_hz = ntohl(f->a) != 0 ? ntohl(f->a) : DEFAULT_FLOOD_HZ;
    p->flood_sent = 0;
    p->flood_start_ns = now_ns();
    p->flood_end_ns = p->flood_start_ns + ntohl(f->b) * 1000000ULL;
}

static void
on_frame(struct peer *p, const struct net_peer_frame *f, size_t bytes)
{
    if (bytes != sizeof(*f) || memcmp(f->magic, "VTRN", 4) != 0) {
        return;
    }
    memcpy(p->guest_mac, f->src, sizeof(p->guest_mac));
    switch (f->op) {
    case NET_PEER_COUNT: on_count(p); break;
    case NET_PEER_ECHO: answer(p, NET_PEER_ECHOED, f->a, f->b); break;
    case NET_PEER_FLOOD: on_flood(p, f); break;
    case NET_PEER_QUERY: on_query(p); break;
    default: break;
    }
}

/* Sends what is due by now, in one system call: what the flood costs is not to be missing in QEMU. */
static void
flood(struct peer *p)
{
    static struct net_peer_frame frames[BATCH_COUNT];
    struct iovec iov[BATCH_COUNT];
    struct mmsghdr batch[BATCH_COUNT];
    uint64_t now = now_ns();
    unsigned count = 0;

    if (now >= p->flood_end_ns) {
        p->flood_start_ns = 0;
        return;
    }
    memset(batch, 0, sizeof(batch));
    for (uint64_t due = (now - p->flood_start_ns) * p->flood_hz / NS_PER_S;
         count < BATCH_COUNT && p->flood_sent < due; count++) {
        frames[count] = make_answer(p, NET_PEER_DATA, htonl(p->flood_sent++), 0);
        iov[count] = (struct iovec){ .iov_base = &frames[count], .iov_len = sizeof(frames[0]) };
        batch[count].msg_hdr.msg_iov = &iov[count];
        batch[count].msg_hdr.msg_iovlen = 1;
    }
    (void)sendmmsg(p->fd, batch, count, MSG_DONTWAIT);
}

static void
drain(struct peer *p)
{
    static struct net_peer_frame frames[BATCH_COUNT];
    struct iovec iov[BATCH_COUNT];
    struct mmsghdr batch[BATCH_COUNT];
    int count;

    memset(batch, 0, sizeof(batch));
    for (int i = 0; i < BATCH_COUNT; i++) {
        iov[i] = (struct iovec){ .iov_base = &frames[i], .iov_len = sizeof(frames[i]) };
        batch[i].msg_hdr.msg_iov = &iov[i];
        batch[i].msg_hdr.msg_iovlen = 1;
    }
    count = recvmmsg(p->fd, batch, BATCH_COUNT, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        on_frame(p, &frames[i], batch[i].msg_len);
    }
}

static struct sockaddr_in
local_port(const char *text)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(text, NULL, 10)) };

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static int
open_socket(const char *own_port, const char *qemu_port)
{
    struct sockaddr_in own = local_port(own_port);
    struct sockaddr_in qemu = local_port(qemu_port);
    int bytes = SOCKET_BYTES;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    }
    if (bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
        connect(fd, (struct sockaddr *)&qemu, sizeof(qemu)) != 0) {
        perror("net_peer");
        exit(1);
    }
    return fd;
}

static void
serve(struct peer *p)
{
    struct pollfd polls[2] = {
        {.fd = p->fd,         .events = POLLIN},
        { .fd = STDIN_FILENO, .events = POLLIN}
    };
    struct timespec nap = { .tv_nsec = 100000 }; /* while flooding: 20 frames at the default rate */

    for (;;) {
        bool flooding = p->flood_start_ns != 0;

        if (ppoll(polls, 2, flooding ? &nap : NULL, NULL) < 0 ||
            (polls[1].revents & (POLLIN | POLLHUP)) != 0) {
            return;
        }
        if (flooding) {
            flood(p);
        }
        drain(p);
    }
}

int
main(int argc, char **argv)
{
    struct peer p = { 0 };

    if (argc != 3) {
        (void)fprintf(stderr, "usage: net_peer PEER_PORT QEMU_PORT\n");
        return 2;
    }
    p.fd = open_socket(argv[1], argv[2]);
    (void)puts("ready");
    (void)fflush(stdout);
    serve(&p);
    return 0;
}
