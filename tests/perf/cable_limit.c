/*
 * The cable alone: a program on the host in QEMU's place does what the guests do, one datagram per system call as QEMU's
 * `-netdev dgram` does, and waits for each arrival as QEMU's main loop does. No guest can be faster than this.
 *
 * usage: cable_limit OWN_PORT PEER_PORT MILLISECONDS       beside a running net_peer
 * Prints `bench cable_tx|cable_rx|cable_rtt packets=N elapsed_ns=N`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/perf/net_peer_protocol.h"

#define NS_PER_S  1000000000ULL
#define ANSWER_MS 100

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void
send_frame(int fd, enum net_peer_op op, uint32_t a, uint32_t b)
{
    struct net_peer_frame f = { .ethertype = htons(NET_PEER_ETHERTYPE),
                                .magic = "VTRN",
                                .op = (uint8_t)op,
                                .a = htonl(a),
                                .b = htonl(b) };

    (void)send(fd, &f, sizeof(f), 0);
}

/* Wait, then read one, as QEMU does. Returns: its op; 0 for none in time. */
static int
receive_frame(int fd, struct net_peer_frame *f)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    if (poll(&p, 1, ANSWER_MS) != 1 ||
        recv(fd, f, sizeof(*f), MSG_DONTWAIT) != (ssize_t)sizeof(*f)) {
        return 0;
    }
    return f->op;
}

static void
print_figure(const char *name, uint64_t packets, uint64_t elapsed_ns)
{
    printf("bench %s packets=%llu elapsed_ns=%llu\n", name, (unsigned long long)packets,
           (unsigned long long)elapsed_ns);
}

static void
measure_tx(int fd, uint64_t duration_ns)
{
    struct net_peer_frame f;

    for (uint64_t end = now_ns() + duration_ns; now_ns() < end;) {
        send_frame(fd, NET_PEER_COUNT, 0, 0);
    }
    for (int op = 0, i = 0; op != NET_PEER_REPORT && i < 10; i++) {
        send_frame(fd, NET_PEER_QUERY, 0, 0);
        op = receive_frame(fd, &f);
    }
    print_figure("cable_tx", ntohl(f.a), ntohl(f.b) * 1000ULL);
}

static void
measure_rx(int fd, uint64_t duration_ns)
{
    struct net_peer_frame f;
    uint64_t count = 0;
    uint64_t start = now_ns();
    uint64_t end = start + duration_ns;
    uint64_t last = start;

    send_frame(fd, NET_PEER_FLOOD, 0, (uint32_t)(duration_ns / 1000000U));
    while (last < end && receive_frame(fd, &f) != 0) {
        count++;
        last = now_ns();
    }
    print_figure("cable_rx", count, last - start);
    while (receive_frame(fd, &f) !=
           0) { /* the rest of the flood must not fall into the next figure */
    }
}

static void
measure_rtt(int fd, uint64_t duration_ns)
{
    struct net_peer_frame f;
    uint64_t count = 0;
    uint64_t start = now_ns();
    uint64_t now = start;

    for (; now - start < duration_ns; now = now_ns(), count++) {
        send_frame(fd, NET_PEER_ECHO, 0, 0);
        while (receive_frame(fd, &f) == NET_PEER_DATA) {
        }
    }
    print_figure("cable_rtt", count, now - start);
}

static struct sockaddr_in
local_port(const char *text)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(text, NULL, 10)) };

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

int
main(int argc, char **argv)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (argc != 4) {
        (void)fprintf(stderr, "usage: cable_limit OWN_PORT PEER_PORT MILLISECONDS\n");
        return 2;
    }
    struct sockaddr_in own = local_port(argv[1]);
    struct sockaddr_in peer = local_port(argv[2]);
    uint64_t duration_ns = strtoul(argv[3], NULL, 10) * 1000000ULL;
    if (bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
        connect(fd, (struct sockaddr *)&peer, sizeof(peer)) != 0) {
        perror("cable_limit");
        return 1;
    }
    measure_tx(fd, duration_ns);
    measure_rx(fd, duration_ns);
    measure_rtt(fd, duration_ns);
    return 0;
}
