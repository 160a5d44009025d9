/*
 * Log lines to a syslog server, one UDP datagram each, as RFC 5424 has them.
 */
#ifndef KERNEL_NET_SYSLOG_H
#define KERNEL_NET_SYSLOG_H

#include <lwip/ip_addr.h>

#include "kernel/core/base.h"

enum { SYSLOG_PORT_DEFAULT = 514 };

struct syslog_counts {
    uint64_t sent;
    uint64_t failed; /* lines that the stack did not take */
    uint64_t lost;   /* lines that the log's ring had lost before they could be sent */
};

/* Send what the log still has, then every line as it comes. Context: main thread. Returns: 0; -E_NOMEM. */
int syslog_start(const ip_addr_t *address, uint16_t port);

/* No more. */
void syslog_stop(void);

/* Is a server set? */
bool syslog_is_on(void);

struct syslog_counts syslog_get_counts(void);

/* Send lines that are waiting, some at a time. Context: main thread, from the network's idle hook. Returns: whether lines are left. */
bool syslog_poll(void);

#endif
