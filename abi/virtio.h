/*
 * What every virtio device shares: status bits, feature bits, device ids.
 * Source: VirtIO 1.3 §2.1, §2.2, §5, §6.
 */
#ifndef ABI_VIRTIO_H
#define ABI_VIRTIO_H

/* Device status field, VirtIO 1.3 §2.1. */
enum {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_DEVICE_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};

/* Bit numbers of the reserved feature bits, VirtIO 1.3 §6, and of the legacy ones, §6.3. */
enum {
    VIRTIO_F_NOTIFY_ON_EMPTY = 24, /* legacy, §6.3 */
    VIRTIO_F_ANY_LAYOUT = 27,      /* legacy, §6.3 */
    VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
    VIRTIO_F_ACCESS_PLATFORM = 33,
    VIRTIO_F_RING_PACKED = 34,
    VIRTIO_F_IN_ORDER = 35,
    VIRTIO_F_ORDER_PLATFORM = 36,
    VIRTIO_F_SR_IOV = 37,
    VIRTIO_F_NOTIFICATION_DATA = 38,
    VIRTIO_F_NOTIF_CONFIG_DATA = 39,
    VIRTIO_F_RING_RESET = 40,
    VIRTIO_F_ADMIN_VQ = 41,
};

/* One bit as a 64-bit mask. */
#define VIRTIO_FEATURE(bit) (UINT64_C(1) << (bit))

/* Device ids that this project knows by name, VirtIO 1.3 §5. */
enum {
    VIRTIO_ID_NONE = 0, /* an empty virtio-mmio slot, §4.2.2 */
    VIRTIO_ID_NET = 1,
    VIRTIO_ID_BLOCK = 2,
    VIRTIO_ID_CONSOLE = 3,
    VIRTIO_ID_ENTROPY = 4,
    VIRTIO_ID_GPU = 16,
    VIRTIO_ID_INPUT = 18,
};

#endif
