/*
 * The PCI bus of QEMU's machine "virt" by the qtest protocol: BARs are given addresses, virtio functions are probed.
 */
#ifndef TESTS_QTEST_QTEST_PCI_H
#define TESTS_QTEST_QTEST_PCI_H

#include "virtio/pci.h"

#include "tests/qtest/qemu.h"

enum { QTEST_PCI_DEVICE_COUNT = 32 };

/* Configuration space of function 0 of a device on bus 0; `width` 1, 2 or 4. */
uint32_t qtest_pci_read(struct qemu *qemu, unsigned device, uint32_t offset, unsigned width);
void qtest_pci_write(struct qemu *qemu, unsigned device, uint32_t offset, unsigned width,
                     uint32_t value);

/* Give every function of bus 0 addresses, and probe all. Returns: how many functions are no virtio devices. */
unsigned qtest_pci_probe(struct qemu *qemu, struct virtio_bus *bus);

#endif
