/* Between the files of the PCI bus only. */
#ifndef KERNEL_PCI_INTERNAL_H
#define KERNEL_PCI_INTERNAL_H

#include "kernel/pci/pci.h"

/* host.c: fill in what the tree says of a host bridge. Returns: 0; -E_INVAL (logged). */
int pci_host_read(struct pci_host *host, const struct dt_device *device);

/* host.c: configuration space of a function that may not be there. Returns: NULL for a bus that is not mapped. */
volatile uint8_t *
pci_host_config(struct pci_host *host, uint8_t bus, uint8_t device, uint8_t number);

/* scan.c: look at the bus below `bridge` (NULL: the host's first), and at all below. */
void pci_scan_bus(struct pci_host *host, struct pci_function *bridge);

/* bars.c: read addresses and sizes. With sizes, each register is written and restored while decoding is off. */
void pci_bars_read(struct pci_function *function);

/* bars.c: give addresses to all functions below `bridge` (NULL: the host) that have none. */
void pci_bars_assign(struct pci_host *host, struct pci_function *bridge);

#endif
