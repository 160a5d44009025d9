/* TCP/IP over the kernel's network device: see net.h. */
#include "kernel/net/net.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/init.h>
#include <lwip/timeouts.h>

#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/drv/net_dev.h"
#include "kernel/net/cmd_net.h"
#include "kernel/net/link.h"
#include "kernel/net/syslog.h"
#include "kernel/shell/shell.h"

/* Without an interrupt line the device is looked at this often. */
#define POLL_NS (1 * NS_PER_MS)

/* What a DNS answer is waited for with; in static memory, as an answer may come after its caller has given up. */
static struct {
    ip_addr_t address;
    uint32_t serial; /* of the present question: answers to older ones are dropped */
    bool is_answered;
    bool is_found;
} question;

static bool is_dhcp_started;
static bool was_up;

bool
net_is_started(void)
{
    return link_netif() != NULL;
}

bool
net_is_up(void)
{
    const struct netif *netif = link_netif();

    return netif != NULL && !ip4_addr_isany_val(*netif_ip4_addr(netif));
}

static void
note_address(void)
{
    const struct netif *netif = link_netif();
    bool is_up = net_is_up();

    if (is_up == was_up) {
        return;
    }
    was_up = is_up;
    if (is_up) {
        char address[IP4ADDR_STRLEN_MAX];
        char gateway[IP4ADDR_STRLEN_MAX];

        log_info("net", "address %s, gateway %s",
                 ip4addr_ntoa_r(netif_ip4_addr(netif), address, sizeof(address)),
                 ip4addr_ntoa_r(netif_ip4_gw(netif), gateway, sizeof(gateway)));
    } else {
        log_warn("net", "no address any more");
    }
}

/* idle_hook.poll: frames, timers, log lines. Returns: when to be called again without an interrupt. */
static uint64_t
net_poll(void *ctx)
{
    (void)ctx;
    bool has_more = link_poll();

    sys_check_timeouts();
    note_address();
    has_more = syslog_poll() || has_more;
    if (has_more) {
        return 0;
    }
    uint32_t sleep_ms = sys_timeouts_sleeptime();
    uint64_t sleep_ns = net_dev_is_polled() ? POLL_NS : sleep_ms * NS_PER_MS;
    return sleep_ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? UINT64_MAX : time_deadline_ns(sleep_ns);
}

static struct idle_hook hook = { .name = "net", .poll = net_poll };

void
net_start(void)
{
    cmd_net_register();
    if (net_dev_get() == NULL) {
        return;
    }
    lwip_init();
    link_start(net_dev_get());
    idle_register(&hook);
}

struct waiting {
    bool (*is_done)(void *ctx);
    void *ctx;
};

static bool
is_done_or_interrupted(void *ctx)
{
    const struct waiting *waiting = ctx;

    return waiting->is_done(waiting->ctx) || shell_is_interrupted();
}

int
net_wait_for(bool (*is_done)(void *ctx), void *ctx, uint64_t deadline_ns)
{
    struct waiting waiting = { is_done, ctx };
    int result = idle_wait_for(is_done_or_interrupted, &waiting, deadline_ns);

    if (is_done(ctx)) {
        return 0;
    }
    return result == 0 ? -E_INTR : result;
}

static bool
has_address(void *ctx)
{
    (void)ctx;
    return net_is_up();
}

int
net_up(uint64_t deadline_ns)
{
    if (!net_is_started()) {
        return -E_NODEV;
    }
    if (!is_dhcp_started && dhcp_start(link_netif()) != ERR_OK) {
        return -E_NOMEM;
    }
    is_dhcp_started = true;
    return net_wait_for(has_address, NULL, deadline_ns);
}

static void
on_answer(const char *name, const ip_addr_t *address, void *ctx)
{
    (void)name;
    if ((uintptr_t)ctx != question.serial) {
        return;
    }
    question.is_answered = true;
    question.is_found = address != NULL;
    if (address != NULL) {
        question.address = *address;
    }
}

static bool
is_answered(void *ctx)
{
    (void)ctx;
    return question.is_answered;
}

int
net_resolve(const char *host, ip_addr_t *address, uint64_t deadline_ns)
{
    question.serial++;
    question.is_answered = false;
    err_t err = dns_gethostbyname(host, address, on_answer, (void *)(uintptr_t)question.serial);
    if (err == ERR_OK) {
        return 0;
    }
    if (err != ERR_INPROGRESS) {
        return err == ERR_MEM ? -E_NOMEM : -E_INVAL;
    }
    int result = net_wait_for(is_answered, NULL, deadline_ns);
    if (result != 0) {
        return result;
    }
    *address = question.address;
    return question.is_found ? 0 : -E_NOENT;
}
