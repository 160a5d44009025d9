/* net ping: ICMP echo. */
#include <string.h>

#include <lwip/icmp.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip4.h>
#include <lwip/pbuf.h>
#include <lwip/prot/ip4.h>
#include <lwip/raw.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/net/cmd_net.h"
#include "kernel/net/net.h"

#define REPLY_TIMEOUT_NS (2 * NS_PER_S)

enum {
    COUNT_DEFAULT = 3,
    COUNT_MAX = 100000,
    PING_ID = 0x5674,
    DATA_BYTES = 56,
};

/* A run of pings. */
struct ping {
    struct raw_pcb *pcb;
    ip_addr_t address;
    uint16_t seq;
    uint64_t sent_ns;
    uint64_t round_trip_ns; /* of this one */
    bool is_answered;
    uint32_t received_count;
    struct virtio_histogram round_trips;
};

/* raw_recv: every ICMP packet comes by, IP header first. Returns: 1 when it was ours (and is freed). */
static u8_t
on_packet(void *ctx, struct raw_pcb *pcb, struct pbuf *packet, const ip_addr_t *from)
{
    struct ping *ping = ctx;
    struct icmp_echo_hdr echo;
    uint8_t first;

    (void)pcb;
    if (pbuf_copy_partial(packet, &first, sizeof(first), 0) != sizeof(first)) {
        return 0;
    }
    uint16_t header_bytes = (uint16_t)((first & 0x0f) * 4);
    if (pbuf_copy_partial(packet, &echo, sizeof(echo), header_bytes) != sizeof(echo) ||
        ICMPH_TYPE(&echo) != ICMP_ER || echo.id != lwip_htons(PING_ID) ||
        echo.seqno != lwip_htons(ping->seq) || !ip_addr_eq(from, &ping->address) ||
        ping->is_answered) {
        return 0;
    }
    ping->is_answered = true;
    ping->round_trip_ns = time_now_ns() - ping->sent_ns;
    (void)pbuf_free(packet);
    return 1;
}

static err_t
send_echo(struct ping *ping)
{
    uint16_t bytes = sizeof(struct icmp_echo_hdr) + DATA_BYTES;
    struct pbuf *packet = pbuf_alloc(PBUF_IP, bytes, PBUF_RAM);

    if (packet == NULL) {
        return ERR_MEM;
    }
    struct icmp_echo_hdr *echo = packet->payload;
    memset(echo, 0, bytes);
    ICMPH_TYPE_SET(echo, ICMP_ECHO);
    echo->id = lwip_htons(PING_ID);
    echo->seqno = lwip_htons(ping->seq);
    echo->chksum = inet_chksum(echo, bytes);
    ping->is_answered = false;
    ping->sent_ns = time_now_ns();
    err_t err = raw_sendto(ping->pcb, packet, &ping->address);
    (void)pbuf_free(packet);
    return err;
}

static bool
is_answered(void *ctx)
{
    const struct ping *ping = ctx;

    return ping->is_answered;
}

/* One echo and its answer. Returns: 0; -E_IO (not sent); -E_TIMEDOUT; -E_INTR. */
static int
ping_once(struct ping *ping)
{
    char text[IPADDR_STRLEN_MAX];

    ping->seq++;
    if (send_echo(ping) != ERR_OK) {
        return -E_IO;
    }
    int result = net_wait_for(is_answered, ping, time_deadline_ns(REPLY_TIMEOUT_NS));
    if (result == 0) {
        ping->received_count++;
        virtio_histogram_add(&ping->round_trips, ping->round_trip_ns);
        console_print("%u bytes from %s: seq %u, %llu.%03llu ms\n", DATA_BYTES,
                      ipaddr_ntoa_r(&ping->address, text, sizeof(text)), ping->seq,
                      (unsigned long long)(ping->round_trip_ns / NS_PER_MS),
                      (unsigned long long)(ping->round_trip_ns % NS_PER_MS / NS_PER_US));
    } else {
        console_print("seq %u: %s\n", ping->seq, errno_text(result));
    }
    return result;
}

int
cmd_net_ping(const struct shell_call *call)
{
    struct ping ping = { 0 };
    uint32_t count = COUNT_DEFAULT;

    if (call->argc > 2 && command_number(call, 2, COUNT_MAX, &count) != 0) {
        return SHELL_FAILED;
    }
    if (count == 0) {
        return shell_fail(call, "ping: to send nothing is no ping; a count is from 1 to %u",
                          COUNT_MAX);
    }
    if (need_up(call) != 0 || need_address(call, call->argv[1], &ping.address) != 0) {
        return SHELL_FAILED;
    }
    ping.pcb = raw_new(IP_PROTO_ICMP);
    if (ping.pcb == NULL) {
        return shell_fail(call, "ping: %s", errno_text(-E_NOMEM));
    }
    raw_recv(ping.pcb, on_packet, &ping);
    uint32_t sent_count = 0;
    while (sent_count < count) {
        sent_count++;
        if (ping_once(&ping) == -E_INTR) {
            break;
        }
    }
    raw_remove(ping.pcb);
    console_print("%u sent, %u received\n", sent_count, ping.received_count);
    if (ping.received_count > 1) {
        console_print("  %-24s %8s %10s %10s %10s %10s us\n", "", "count", "mean", "median<",
                      "99%<", "max");
        print_histogram("round trip", &ping.round_trips);
    }
    return ping.received_count == sent_count ? 0 : SHELL_FAILED;
}
