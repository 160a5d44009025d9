/*
 * TCP/IP: lwIP over the kernel's network device, served by an idle hook; the shell command `net`.
 *
 *   net_start                                   boot: stack and command; nothing is sent
 *   net_up(deadline)                            an address by DHCP
 *   net_resolve("example.org", &address, ...)   a name or a dotted address
 *
 * Context of all functions: main thread. Those that take a deadline wait through idle.h and end at Ctrl-C.
 */
#ifndef KERNEL_NET_NET_H
#define KERNEL_NET_NET_H

#include <lwip/ip_addr.h>

#include "kernel/core/base.h"

/* Start the stack over the network device, where there is one, and register the command. Context: boot, once. */
void net_start(void);

/* Is there a network device and so a stack? */
bool net_is_started(void);

/* Is there an address? */
bool net_is_up(void);

/*
 * Ask for an address by DHCP, unless there is one.
 * Returns: 0; -E_NODEV; -E_NOMEM; -E_TIMEDOUT; -E_INTR.
 */
int net_up(uint64_t deadline_ns);

/*
 * Wait until `is_done(ctx)`, as idle_wait_for, ending at Ctrl-C.
 * Returns: 0; -E_TIMEDOUT; -E_INTR.
 */
int net_wait_for(bool (*is_done)(void *ctx), void *ctx, uint64_t deadline_ns);

/*
 * The address of `host`: dotted, or asked for by DNS.
 * Returns: 0; -E_NOENT (there is no such name); -E_TIMEDOUT; -E_INTR; -E_NOMEM; -E_INVAL (not a name).
 */
int net_resolve(const char *host, ip_addr_t *address, uint64_t deadline_ns);

#endif
