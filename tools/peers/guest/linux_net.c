/*
 * Linux's virtio-net through AF_PACKET, one frame per system call (and, for fairness, also in batches), against the
 * host's net_peer (tests/perf/net_peer.c), whose frames net_peer_protocol.h describes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/perf/net_peer_protocol.h"
#include "tools/peers/guest/linux_init.h"

#define BATCH_COUNT  64
#define ANSWER_MS    100
#define ANSWER_TRIES 50

struct nic {
    int fd;
    uint8_t mac[6];
};

static struct nic nic = { .fd = -1 };

static void
request_interface(struct nic *n, unsigned long request, struct ifreq *ifr)
{
    strcpy(ifr->ifr_name, "eth0");
    if (ioctl(n->fd, request, ifr) != 0) {
        die("eth0");
    }
}

/* Without this the kernel's own IPv6 packets would be among the counted ones. */
static void
silence_ipv6(void)
{
    FILE *f = fopen("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w");

    if (f != NULL) {
        (void)fputs("1", f);
        (void)fclose(f);
    }
}

static void
open_nic(struct nic *n)
{
    struct sockaddr_ll address = { .sll_family = AF_PACKET,
                                   .sll_protocol = htons(NET_PEER_ETHERTYPE) };
    struct ifreq ifr = { 0 };
    int one = 1;
    int receive_bytes = 4 << 20;

    if (n->fd >= 0) {
        return;
    }
    silence_ipv6();
    n->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(NET_PEER_ETHERTYPE));
    request_interface(n, SIOCGIFFLAGS, &ifr);
    ifr.ifr_flags |= IFF_UP;
    request_interface(n, SIOCSIFFLAGS, &ifr);
    request_interface(n, SIOCGIFHWADDR, &ifr);
    memcpy(n->mac, ifr.ifr_hwaddr.sa_data, sizeof(n->mac));
    request_interface(n, SIOCGIFINDEX, &ifr);
    address.sll_ifindex = ifr.ifr_ifindex;
    setsockopt(n->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
    setsockopt(n->fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes));
    if (bind(n->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        die("bind to eth0");
    }
}

static struct net_peer_frame
make_frame(const struct nic *n, enum net_peer_op op, uint32_t a, uint32_t b)
{
    struct net_peer_frame f = { .ethertype = htons(NET_PEER_ETHERTYPE),
                                .magic = "VTRN",
                                .op = (uint8_t)op };

    memset(f.dst, 0xff, sizeof(f.dst));
    memcpy(f.src, n->mac, sizeof(f.src));
    f.a = htonl(a);
    f.b = htonl(b);
    return f;
}

static void
send_frame(const struct nic *n, const struct net_peer_frame *f)
{
    while (send(n->fd, f, sizeof(*f), 0) != (ssize_t)sizeof(*f)) {
        if (errno != ENOBUFS && errno != EAGAIN) {
            die("send");
        }
    }
}

/* The next frame of the peer with this op; 0 when none came in time. */
static int
await_frame(const struct nic *n, enum net_peer_op op, struct net_peer_frame *f, int timeout_ms)
{
    uint64_t deadline = now_ns() + (uint64_t)timeout_ms * 1000000U;
    struct pollfd p = { .fd = n->fd, .events = POLLIN };

    while (now_ns() < deadline) {
        if (recv(n->fd, f, sizeof(*f), MSG_DONTWAIT) == (ssize_t)sizeof(*f)) {
            if (f->op == op) {
                return 1;
            }
        } else {
            poll(&p, 1, 1);
        }
    }
    return 0;
}

static struct net_peer_frame
ask(const struct nic *n, enum net_peer_op op, uint32_t a, uint32_t b, enum net_peer_op answer_op)
{
    struct net_peer_frame request = make_frame(n, op, a, b);
    struct net_peer_frame answer;

    for (int i = 0; i < ANSWER_TRIES; i++) {
        send_frame(n, &request);
        if (await_frame(n, answer_op, &answer, ANSWER_MS)) {
            return answer;
        }
    }
    errno = ETIMEDOUT;
    die("the peer on the host does not answer");
}

static void
print_transmitted(const struct nic *n, const char *name, uint64_t sent)
{
    struct net_peer_frame report = ask(n, NET_PEER_QUERY, 0, 0, NET_PEER_REPORT);

    printf("bench %s packets=%u elapsed_ns=%llu sent=%llu\n", name, ntohl(report.a),
           ntohl(report.b) * 1000ULL, (unsigned long long)sent);
}

void
net_tx(unsigned seconds, struct samples *s)
{
    struct net_peer_frame f;
    uint64_t sent = 0;
    uint64_t end;

    (void)s;
    open_nic(&nic);
    ask(&nic, NET_PEER_QUERY, 0, 0, NET_PEER_REPORT);
    f = make_frame(&nic, NET_PEER_COUNT, 0, 0);
    for (end = now_ns() + seconds * NS_PER_S; now_ns() < end; sent++) {
        send_frame(&nic, &f);
    }
    print_transmitted(&nic, "net_tx", sent);
}

void
net_tx_batched(unsigned seconds, struct samples *s)
{
    struct net_peer_frame f;
    struct iovec iov = { .iov_base = &f, .iov_len = sizeof(f) };
    struct mmsghdr batch[BATCH_COUNT];
    uint64_t sent = 0;
    uint64_t end;

    (void)s;
    open_nic(&nic);
    ask(&nic, NET_PEER_QUERY, 0, 0, NET_PEER_REPORT);
    f = make_frame(&nic, NET_PEER_COUNT, 0, 0);
    memset(batch, 0, sizeof(batch));
    for (int i = 0; i < BATCH_COUNT; i++) {
        batch[i].msg_hdr.msg_iov = &iov;
        batch[i].msg_hdr.msg_iovlen = 1;
    }
    for (end = now_ns() + seconds * NS_PER_S; now_ns() < end;) {
        int count = sendmmsg(nic.fd, batch, BATCH_COUNT, 0);

        sent += count > 0 ? (uint64_t)count : 0;
    }
    print_transmitted(&nic, "net_tx_batched", sent);
}

void
net_rx(unsigned seconds, struct samples *s)
{
    struct net_peer_frame f;
    struct pollfd p = { .fd = -1, .events = POLLIN };
    uint64_t first;
    uint64_t last;
    uint64_t end;
    uint64_t count = 1;

    (void)s;
    open_nic(&nic);
    ask(&nic, NET_PEER_FLOOD, 0, seconds * 1000, NET_PEER_DATA);
    p.fd = nic.fd;
    first = now_ns();
    last = first;
    end = first + seconds * NS_PER_S;
    while (last < end && poll(&p, 1, ANSWER_MS) == 1) {
        while (recv(nic.fd, &f, sizeof(f), MSG_DONTWAIT) == (ssize_t)sizeof(f)) {
            count += f.op == NET_PEER_DATA;
        }
        last = now_ns();
    }
    printf("bench net_rx packets=%llu elapsed_ns=%llu\n", (unsigned long long)count,
           (unsigned long long)(last - first));
    usleep(300000); /* the rest of the flood must not fall into the next figure */
}

void
net_rtt(unsigned seconds, struct samples *s)
{
    struct net_peer_frame f;
    struct net_peer_frame answer;
    uint64_t start;
    uint64_t end;
    uint32_t i = 0;

    open_nic(&nic);
    while (await_frame(&nic, NET_PEER_ECHOED, &answer, 1)) {
    }
    start = now_ns();
    end = start + seconds * NS_PER_S;
    for (uint64_t t = start; t < end; t = now_ns(), i++) {
        f = make_frame(&nic, NET_PEER_ECHO, i, 0);
        send_frame(&nic, &f);
        while (recv(nic.fd, &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer) &&
               answer.op != NET_PEER_ECHOED) {
        }
        samples_add(s, now_ns() - t);
    }
    s->elapsed_ns = now_ns() - start;
    samples_print(s, "net_rtt", "packets");
}
