/*
 * Virtio functions of the PCI bus on the library's bus, and their interrupts.
 */
#ifndef KERNEL_DRV_VIRTIO_PCI_H
#define KERNEL_DRV_VIRTIO_PCI_H

#include "virtio/device.h"

#include "kernel/core/base.h"
#include "kernel/pci/pci.h"

/* Start the PCI bus and put every virtio function on `bus`. Context: boot, once. */
void virtio_pci_start(struct virtio_bus *bus);

/* Look at one function. Returns: the device; NULL when it is none, or could not be probed (logged). */
struct virtio_device *virtio_pci_add(struct virtio_bus *bus, struct pci_function *function);

/* The function's device; NULL: none. */
struct virtio_device *
virtio_pci_device(struct virtio_bus *bus, const struct pci_function *function);

/* Whether the device is on PCI. */
bool virtio_pci_has(const struct virtio_device *device);

/*
 * Before a driver claims a device on PCI: bus mastering, and interrupts, by MSI-X where controller, function and device can,
 * else by INTx. Does nothing for others. Context: main thread, boot.
 */
void virtio_pci_prepare(struct virtio_device *device);

/* Call `handler` with `ctx` for its interrupts. Returns: 0; -E_NODEV: it has none. */
int virtio_pci_interrupt(const struct virtio_device *device,
                         void (*handler)(uint32_t irq, void *ctx), void *ctx, const char *name);

/* The device's driver has ended: no interrupts, no bus mastering. */
void virtio_pci_release(struct virtio_device *device);

#endif
