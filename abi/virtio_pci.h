/*
 * VirtIO over PCI: ids, capabilities that tell where the registers lie, and the registers.
 *
 *   configuration space ─→ capability list ─→ virtio_pci_cap { type, bar, offset, length } ─→ registers within that BAR
 *
 * Source: VirtIO 1.3 §4.1.
 */
#ifndef ABI_VIRTIO_PCI_H
#define ABI_VIRTIO_PCI_H

#include <stddef.h>
#include <stdint.h>

#include "abi/endian.h"

/* Ids of functions, §4.1.2. */
enum {
    VIRTIO_PCI_VENDOR = 0x1af4,
    VIRTIO_PCI_DEVICE_FIRST = 0x1000,
    VIRTIO_PCI_DEVICE_MODERN =
        0x1040, /* from here on: this plus the virtio device id; below: transitional */
    VIRTIO_PCI_DEVICE_LAST = 0x107f,
};

/* What a capability points to, §4.1.4. */
enum {
    VIRTIO_PCI_CAP_COMMON_CFG = 1,
    VIRTIO_PCI_CAP_NOTIFY_CFG = 2,
    VIRTIO_PCI_CAP_ISR_CFG = 3,
    VIRTIO_PCI_CAP_DEVICE_CFG = 4,
    VIRTIO_PCI_CAP_PCI_CFG = 5,
    VIRTIO_PCI_CAP_SHARED_MEMORY_CFG = 8,
    VIRTIO_PCI_CAP_VENDOR_CFG = 9,
};

enum { VIRTIO_PCI_BAR_LAST = 5 }; /* larger values are reserved, §4.1.4 */

/* A vendor-specific capability of configuration space, §4.1.4. */
struct virtio_pci_cap {
    uint8_t cap_vndr;
    uint8_t cap_next;
    uint8_t cap_len;
    uint8_t cfg_type;
    uint8_t bar;
    uint8_t id;
    uint8_t padding[2];
    le32 offset;
    le32 length;
};
_Static_assert(sizeof(struct virtio_pci_cap) == 16, "VirtIO 1.3 §4.1.4");

/* For shared memory: the high halves follow, §4.1.4.7. */
struct virtio_pci_cap64 {
    struct virtio_pci_cap cap;
    le32 offset_hi;
    le32 length_hi;
};
_Static_assert(sizeof(struct virtio_pci_cap64) == 24, "VirtIO 1.3 §4.1.4.7");

/* For notifications: a queue's is at its queue_notify_off times the multiplier, §4.1.4.4. */
struct virtio_pci_notify_cap {
    struct virtio_pci_cap cap;
    le32 notify_off_multiplier;
};
_Static_assert(sizeof(struct virtio_pci_notify_cap) == 20, "VirtIO 1.3 §4.1.4.4");

/* The common configuration, §4.1.4.3. Devices of VirtIO 1.0 end before queue_notif_config_data. */
struct virtio_pci_common_cfg {
    le32 device_feature_select;
    le32 device_feature;
    le32 driver_feature_select;
    le32 driver_feature;
    le16 config_msix_vector;
    le16 num_queues;
    uint8_t device_status;
    uint8_t config_generation;

    le16 queue_select; /* what follows is about this queue */
    le16 queue_size;
    le16 queue_msix_vector;
    le16 queue_enable;
    le16 queue_notify_off;
    le32 queue_desc_low; /* 64-bit fields are accessed in halves, §4.1.3.1 */
    le32 queue_desc_high;
    le32 queue_driver_low;
    le32 queue_driver_high;
    le32 queue_device_low;
    le32 queue_device_high;
    le16 queue_notif_config_data;
    le16 queue_reset;
    le16 admin_queue_index;
    le16 admin_queue_num;
};
_Static_assert(sizeof(struct virtio_pci_common_cfg) == 64, "VirtIO 1.3 §4.1.4.3");
_Static_assert(offsetof(struct virtio_pci_common_cfg, device_status) == 20, "VirtIO 1.3 §4.1.4.3");
_Static_assert(offsetof(struct virtio_pci_common_cfg, queue_desc_low) == 32, "VirtIO 1.3 §4.1.4.3");
_Static_assert(offsetof(struct virtio_pci_common_cfg, queue_reset) == 58, "VirtIO 1.3 §4.1.4.3");

enum {
    VIRTIO_PCI_COMMON_BYTES_MIN = offsetof(struct virtio_pci_common_cfg, queue_notif_config_data),
    VIRTIO_PCI_NO_VECTOR = 0xffff, /* §4.1.5.1.2 */
};

/* The legacy interface: registers of I/O BAR 0, §4.1.4.10. */
enum {
    VIRTIO_PCI_LEGACY_DEVICE_FEATURES = 0,
    VIRTIO_PCI_LEGACY_DRIVER_FEATURES = 4,
    VIRTIO_PCI_LEGACY_QUEUE_ADDRESS = 8,
    VIRTIO_PCI_LEGACY_QUEUE_SIZE = 12,
    VIRTIO_PCI_LEGACY_QUEUE_SELECT = 14,
    VIRTIO_PCI_LEGACY_QUEUE_NOTIFY = 16,
    VIRTIO_PCI_LEGACY_DEVICE_STATUS = 18,
    VIRTIO_PCI_LEGACY_ISR_STATUS = 19,
    VIRTIO_PCI_LEGACY_CONFIG = 20, /* 24 while MSI-X is on: two vectors come first */
};

#endif
