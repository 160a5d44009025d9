/*
 * The strict fake device as a PCI function: configuration space with its capabilities, and the registers of its one BAR.
 *
 *   fake_device_init(&device, &fp, &config)        with config.version = FAKE_VERSION_PCI
 *   function = fake_pci_function(&device)          what an embedding kernel shows to virtio_pci_probe
 *   device.pci.space[FAKE_PCI_CAP_NOTIFY + 4] = 9  a test may make it lie
 */
#ifndef FAKE_PCI_H
#define FAKE_PCI_H

#include "virtio/pci.h"

#include "tests/fake/fake_device.h"

enum {
    FAKE_PCI_BAR = 4,
    FAKE_PCI_ADDRESS = 0x0208, /* 02:01.0 */

    /* Where the capabilities are. */
    FAKE_PCI_CAP_COMMON = 0x40,
    FAKE_PCI_CAP_NOTIFY = 0x50,
    FAKE_PCI_CAP_ISR = 0x64,
    FAKE_PCI_CAP_DEVICE = 0x74,
    FAKE_PCI_CAP_MSIX = 0x84,
    FAKE_PCI_CAP_SHM = 0x90,

    /* Where the windows are in the BAR. */
    FAKE_PCI_COMMON = 0x000,
    FAKE_PCI_ISR = 0x040,
    FAKE_PCI_NOTIFY = 0x080,
    FAKE_PCI_NOTIFY_MULTIPLIER = 4,
    FAKE_PCI_CONFIG = 0x100,
};

/* The function as its bus shows it. The device must stay. */
struct virtio_pci_function fake_pci_function(struct fake_device *device);

/* Probe it, whatever transport it has. Returns: as virtio_mmio_probe and virtio_pci_probe. */
enum virtio_err
fake_device_probe(struct virtio_bus *bus, struct fake_device *fake, struct virtio_device **device);

/* An interrupt by MSI-X, if one is due: note it at the driver's device and run the handler. */
void fake_pci_deliver(struct fake_device *device, struct virtio_device *driver_side,
                      void (*handler)(void *ctx), void *ctx);

#endif
