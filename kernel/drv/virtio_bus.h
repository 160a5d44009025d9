/*
 * The driver library under this kernel: its platform table, its one bus, its trace, and the devices' interrupts.
 *
 *   device tree ─→ virtio_bus_start ─→ virtio_mmio_probe each ─┬→ drv_start ─→ gpu_dev, net_dev, blk_dev, input_dev
 *   PCI hosts ─→ virtio_pci_start ─→ virtio_pci_probe each ────┘
 */
#ifndef KERNEL_DRV_VIRTIO_BUS_H
#define KERNEL_DRV_VIRTIO_BUS_H

#include "virtio/device.h"

#include "kernel/core/base.h"

enum { DRV_TRACE_RECORDS = 32768 };

/*
 * Set the library up and look at every virtio-mmio slot and every PCI function of the device tree. Reads only; each device is logged, of known
 * kind or not. `is_packed`: ask for packed rings (vitrine.rings=). Context: boot, once. Returns: how many devices there are.
 */
uint32_t virtio_bus_start(bool is_packed);

/* The bus. Valid after virtio_bus_start. */
struct virtio_bus *virtio_bus_get(void);

/* The trace; it is off until `trace on`. NULL when there was no memory for it. */
struct virtio_trace *virtio_bus_trace(void);

/* The ring features to ask each device for. */
uint64_t virtio_bus_ring_features(void);

/*
 * Memory for a driver's arena: shared with the device, zeroed, contiguous.
 * Returns: 0; -E_NOMEM.
 */
int drv_arena(struct virtio_arena *arena, size_t bytes);

/* Call `handler` with `ctx` for the device's interrupt. Returns: 0, or as irq_register. */
int drv_interrupt(const struct virtio_device *device, void (*handler)(uint32_t irq, void *ctx),
                  void *ctx, const char *name);

#endif
