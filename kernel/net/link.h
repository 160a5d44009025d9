/*
 * lwIP's network interface over our driver. Received frames are not copied: a pbuf refers to the driver's buffer, which
 * goes back to the device when lwIP frees the pbuf.
 *
 *   device ─→ vnet_receive_frame ─→ tap ─→ pbuf ─→ ethernet_input ─→ ip, tcp, ...
 *   device ←─ vnet_commit ←─ one copy into the transmit buffer ←─ link_output
 */
#ifndef KERNEL_NET_LINK_H
#define KERNEL_NET_LINK_H

#include <lwip/netif.h>

#include "virtio/net.h"

#include "kernel/core/base.h"

/* Sees every frame received, before the stack does. */
struct link_tap {
    void (*frame)(void *ctx, const struct pbuf *frame);
    void *ctx;
};

/* Make `net` lwIP's only and default interface, without an address. Context: main thread, once. */
void link_start(struct vnet *net);

/* The interface; NULL before link_start. */
struct netif *link_netif(void);

/*
 * Hand received frames to the stack, at most a queue full, and tell the device of those that the stack sent.
 * Context: main thread. Returns: whether frames may be left.
 */
bool link_poll(void);

/* Show frames to `tap` (NULL: to nobody). Context: main thread. */
void link_set_tap(const struct link_tap *tap);

#endif
