/*
 * virtio over PCI: between the files that read capabilities, probe, and drive.
 */
#ifndef VIRTIO_TRANSPORT_PCI_H
#define VIRTIO_TRANSPORT_PCI_H

#include "abi/virtio_pci.h"

#include "virtio/pci.h"

/* A region of a BAR that a capability tells of. */
struct pci_region {
    bool is_there;
    uint64_t phys;
    uint64_t bytes;
};

/* What the capabilities of a function say. */
struct pci_found {
    struct pci_region common;
    struct pci_region notify;
    struct pci_region isr;
    struct pci_region config;
    uint32_t notify_multiplier;
    struct virtio_pci_shm shms[VIRTIO_DEVICE_SHMS_MAX];
    uint32_t shm_count;
};

/* A lie of a function's capabilities, for the log. */
struct pci_lie {
    const char *rule;
    uint64_t value;
};

/*
 * Walk the capability list, at most PCI_CAPABILITY_STEPS_MAX steps. Reads configuration space only.
 * Returns: VIRTIO_OK (whatever was found), VIRTIO_ERR_BROKEN with *lie.
 */
enum virtio_err virtio_pci_read_caps(const struct virtio_pci_function *function,
                                     struct pci_found *found, struct pci_lie *lie);

extern const struct virtio_transport_ops virtio_pci_modern_ops;

#endif
