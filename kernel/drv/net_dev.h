/*
 * The kernel's network device: the first that the bus has. What uses it (the TCP/IP stack, `net send`) finds it here.
 */
#ifndef KERNEL_DRV_NET_DEV_H
#define KERNEL_DRV_NET_DEV_H

#include "virtio/net.h"

#include "kernel/core/base.h"

/* Bring the network device up; prints "VirtIO Net: MAC=..". Failures are logged. Context: boot. Returns: 0; a negative error. */
int net_dev_start(struct virtio_device *device);

/* The device; NULL when there is none. */
struct vnet *net_dev_get(void);

/* Whether no interrupt can come, so that somebody has to look now and then. */
bool net_dev_is_polled(void);

#endif
