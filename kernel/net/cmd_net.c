/* The shell command `net`: its table, the device's state, address, names, syslog. */
#include "kernel/net/cmd_net.h"

#include <string.h>

#include <lwip/dns.h>
#include <lwip/netif.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/net_dev.h"
#include "kernel/net/link.h"
#include "kernel/net/net.h"
#include "kernel/net/syslog.h"

#define UP_TIMEOUT_NS  (10 * NS_PER_S)
#define DNS_TIMEOUT_NS (10 * NS_PER_S)

enum { HOST_BYTES = 256 };

struct vnet *
need_device(const struct shell_call *call)
{
    struct vnet *net = net_dev_get();

    if (net == NULL) {
        (void)shell_fail(call, "there is no network device (see devices)");
        return NULL;
    }
    enum virtio_err err = virtio_device_health(net->device);
    if (err != VIRTIO_OK) {
        (void)shell_fail(call, "%s: %s (see log)", call->argv[0], virtio_err_text(err));
        return NULL;
    }
    return net;
}

int
need_up(const struct shell_call *call)
{
    struct vnet *net = need_device(call);

    if (net == NULL) {
        return SHELL_FAILED;
    }
    if (!vnet_is_link_up(net)) {
        return shell_fail(call, "%s: the link is down", call->argv[0]);
    }
    int result = net_up(time_deadline_ns(UP_TIMEOUT_NS));
    return result == 0
               ? 0
               : shell_fail(call, "%s: no address by DHCP: %s", call->argv[0], errno_text(result));
}

int
need_address(const struct shell_call *call, const char *host, ip_addr_t *address)
{
    int result = net_resolve(host, address, time_deadline_ns(DNS_TIMEOUT_NS));

    return result == 0
               ? 0
               : shell_fail(call, "%s: \"%s\": %s", call->argv[0], host, errno_text(result));
}

int
split_host_port(const struct shell_call *call, char *host, uint16_t *port)
{
    char *colon = strchr(host, ':');
    uint64_t number;

    if (colon == NULL) {
        return 0;
    }
    if (parse_u64(colon + 1, UINT16_MAX, &number) != 0 || number == 0) {
        return shell_fail(call, "%s: \"%s\" is no port", call->argv[0], colon + 1);
    }
    *colon = '\0';
    *port = (uint16_t)number;
    return 0;
}

static void
print_address(const char *what, const ip4_addr_t *address)
{
    char text[IP4ADDR_STRLEN_MAX];

    console_print("%s %s", what, ip4addr_ntoa_r(address, text, sizeof(text)));
}

static void
print_stack(void)
{
    const struct netif *netif = link_netif();

    if (!net_is_up()) {
        console_print("address: none yet (net up)\n");
        return;
    }
    print_address("address", netif_ip4_addr(netif));
    print_address(" mask", netif_ip4_netmask(netif));
    print_address(" gateway", netif_ip4_gw(netif));
    print_address(" dns", ip_2_ip4(dns_getserver(0)));
    console_print("\n");
}

static void
print_counters(const struct vnet *net)
{
    const struct vnet_stats *stats = &net->stats;

    console_print("sent:     %llu frames, %llu bytes; busy %llu, link down %llu\n",
                  (unsigned long long)stats->tx_frames, (unsigned long long)stats->tx_bytes,
                  (unsigned long long)stats->tx_busy, (unsigned long long)stats->tx_link_down);
    console_print("received: %llu frames, %llu bytes; joined %llu, too short %llu, too long %llu\n",
                  (unsigned long long)stats->rx_frames, (unsigned long long)stats->rx_bytes,
                  (unsigned long long)stats->rx_joined, (unsigned long long)stats->rx_too_short,
                  (unsigned long long)stats->rx_too_long);
    console_print(
        "notified: receive %llu of %llu, transmit %llu of %llu buffers\n",
        (unsigned long long)net->rx.stats.notified, (unsigned long long)net->rx.stats.added,
        (unsigned long long)net->tx.stats.notified, (unsigned long long)net->tx.stats.added);
    console_print(
        "control:  %llu commands, %llu refused; interrupts %llu, link changes %llu\n",
        (unsigned long long)stats->control_commands, (unsigned long long)stats->control_refused,
        (unsigned long long)net->device->interrupt_count, (unsigned long long)stats->link_changes);
}

static int
net_info(const struct shell_call *call)
{
    struct vnet *net = net_dev_get();

    if (net == NULL) {
        return shell_fail(call, "there is no network device (see devices)");
    }
    enum virtio_err health = virtio_device_health(net->device);
    const uint8_t *mac = vnet_mac(net);
    console_print("MAC %02x:%02x:%02x:%02x:%02x:%02x, MTU %u, link %s%s%s, queues %u and %u\n",
                  mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], vnet_mtu(net),
                  vnet_is_link_up(net) ? "up" : "down", net->is_promiscuous ? ", promiscuous" : "",
                  net->has_mergeable ? ", mergeable buffers" : "", net->rx.size, net->tx.size);
    if (health != VIRTIO_OK) {
        console_print("health: %s: %s, value 0x%llx\n", virtio_err_text(health),
                      net->device->fault.rule != NULL ? net->device->fault.rule : "no rule broken",
                      (unsigned long long)net->device->fault.value);
    }
    print_stack();
    print_counters(net);
    print_features(net->device);
    return 0;
}

static int
net_latency(const struct shell_call *call)
{
    const struct vnet *net = net_dev_get();

    if (net == NULL) {
        return shell_fail(call, "there is no network device (see devices)");
    }
    print_histogram_head("command");
    for (unsigned i = 0; i < VNET_CONTROL_COUNT; i++) {
        if (net->control_latency[i].count > 0) {
            print_histogram(vnet_control_name((enum vnet_control)i), &net->control_latency[i]);
        }
    }
    console_print("  sent %llu, refused %llu\n", (unsigned long long)net->stats.control_commands,
                  (unsigned long long)net->stats.control_refused);
    return 0;
}

static int
net_up_command(const struct shell_call *call)
{
    if (need_up(call) != 0) {
        return SHELL_FAILED;
    }
    print_stack();
    return 0;
}

static int
net_dns(const struct shell_call *call)
{
    ip_addr_t address;
    char text[IPADDR_STRLEN_MAX];

    if (need_up(call) != 0) {
        return SHELL_FAILED;
    }
    if (call->argc > 2) {
        if (!ipaddr_aton(call->argv[2], &address)) {
            return shell_fail(call, "dns: \"%s\" is no address of a server", call->argv[2]);
        }
        dns_setserver(0, &address);
    }
    if (need_address(call, call->argv[1], &address) != 0) {
        return SHELL_FAILED;
    }
    console_print("%s is %s\n", call->argv[1], ipaddr_ntoa_r(&address, text, sizeof(text)));
    return 0;
}

static int
print_syslog(void)
{
    struct syslog_counts counts = syslog_get_counts();

    console_print("syslog %s: %llu lines sent, %llu failed, %llu lost\n",
                  syslog_is_on() ? "on" : "off", (unsigned long long)counts.sent,
                  (unsigned long long)counts.failed, (unsigned long long)counts.lost);
    return 0;
}

static int
net_syslog(const struct shell_call *call)
{
    char host[HOST_BYTES];
    uint16_t port = SYSLOG_PORT_DEFAULT;
    ip_addr_t address;

    if (call->argc == 1) {
        return print_syslog();
    }
    if (strcmp(call->argv[1], "off") == 0) {
        syslog_stop();
        return 0;
    }
    (void)format_text(host, sizeof(host), "%s", call->argv[1]);
    if (split_host_port(call, host, &port) != 0 || need_up(call) != 0 ||
        need_address(call, host, &address) != 0) {
        return SHELL_FAILED;
    }
    int result = syslog_start(&address, port);
    return result == 0 ? 0 : shell_fail(call, "syslog: %s", errno_text(result));
}

static const struct subcommand table[] = {
    {"info",     "",                             net_info,        0, 0                  },
    { "up",      "",                             net_up_command,  0, 0                  },
    { "ping",    "HOST [COUNT]",                 cmd_net_ping,    1, 2                  },
    { "fetch",   "[-q] http://HOST[:PORT]/PATH", cmd_net_fetch,   1, 2                  },
    { "dns",     "NAME [SERVER]",                net_dns,         1, 2                  },
    { "send",    "HEX...",                       cmd_net_send,    1, SHELL_ARG_COUNT_MAX},
    { "receive", "[COUNT [SECONDS]]",            cmd_net_receive, 0, 2                  },
    { "promisc", "on|off",                       cmd_net_promisc, 1, 1                  },
    { "latency", "",                             net_latency,     0, 0                  },
    { "syslog",  "[HOST[:PORT]|off]",            net_syslog,      0, 1                  },
    { "pcapng",  "",                             cmd_net_pcapng,  0, 0                  },
    { "bench",   "tx|rx|rtt [SECONDS]",          cmd_net_bench,   1, 2                  },
    { NULL,      NULL,                           NULL,            0, 0                  },
};

static int
cmd_net(const struct shell_call *call)
{
    return subcommand_run(table, call);
}

static const struct shell_command commands[] = {
    {"net", "SUBCOMMAND ...",
     "the network: info, up, ping, fetch (fails unless the status is 2xx), dns, frames, syslog", cmd_net},
};

void
cmd_net_register(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
    subcommand_register("net", table);
}
