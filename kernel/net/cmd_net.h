/*
 * The shell command `net`, and what its files share.
 */
#ifndef KERNEL_NET_CMD_NET_H
#define KERNEL_NET_CMD_NET_H

#include <lwip/ip_addr.h>

#include "virtio/net.h"

#include "kernel/core/base.h"
#include "kernel/shell/shell.h"

/* Register the command. Context: boot. */
void cmd_net_register(void);

/* Subcommands; call->argv[0] is the subcommand's name. */
int cmd_net_ping(const struct shell_call *call);
int cmd_net_fetch(const struct shell_call *call);
int cmd_net_send(const struct shell_call *call);
int cmd_net_receive(const struct shell_call *call);
int cmd_net_promisc(const struct shell_call *call);
int cmd_net_pcapng(const struct shell_call *call);
int cmd_net_bench(const struct shell_call *call);

/* The device, if it is well. Returns: NULL after saying that there is none, or what has become of it. */
struct vnet *need_device(const struct shell_call *call);

/* Have an address, by DHCP if need be. Returns: 0; SHELL_FAILED after saying what is wrong. */
int need_up(const struct shell_call *call);

/* The address of a name. Returns: 0; SHELL_FAILED after saying what is wrong. */
int need_address(const struct shell_call *call, const char *host, ip_addr_t *address);

/* Cut "HOST[:PORT]" in place. Returns: 0; SHELL_FAILED after saying what is wrong. */
int split_host_port(const struct shell_call *call, char *host, uint16_t *port);

#endif
