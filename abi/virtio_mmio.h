/*
 * virtio-mmio register offsets. "1" and "2" tell in which value of Version a register exists.
 * Source: VirtIO 1.3 §4.2.2 (version 2), §4.2.4 (version 1, legacy).
 */
#ifndef ABI_VIRTIO_MMIO_H
#define ABI_VIRTIO_MMIO_H

enum {
    VIRTIO_MMIO_MAGIC = 0x000,               /* 1 2 */
    VIRTIO_MMIO_VERSION = 0x004,             /* 1 2 */
    VIRTIO_MMIO_DEVICE_ID = 0x008,           /* 1 2 */
    VIRTIO_MMIO_VENDOR_ID = 0x00c,           /* 1 2 */
    VIRTIO_MMIO_DEVICE_FEATURES = 0x010,     /* 1 2 */
    VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014, /* 1 2 */
    VIRTIO_MMIO_DRIVER_FEATURES = 0x020,     /* 1 2 */
    VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024, /* 1 2 */
    VIRTIO_MMIO_GUEST_PAGE_SIZE = 0x028,     /* 1   */
    VIRTIO_MMIO_QUEUE_SEL = 0x030,           /* 1 2 */
    VIRTIO_MMIO_QUEUE_SIZE_MAX = 0x034,      /* 1 2 */
    VIRTIO_MMIO_QUEUE_SIZE = 0x038,          /* 1 2 */
    VIRTIO_MMIO_QUEUE_ALIGN = 0x03c,         /* 1   */
    VIRTIO_MMIO_QUEUE_PFN = 0x040,           /* 1   */
    VIRTIO_MMIO_QUEUE_READY = 0x044,         /*   2 */
    VIRTIO_MMIO_QUEUE_NOTIFY = 0x050,        /* 1 2 */
    VIRTIO_MMIO_INTERRUPT_STATUS = 0x060,    /* 1 2 */
    VIRTIO_MMIO_INTERRUPT_ACK = 0x064,       /* 1 2 */
    VIRTIO_MMIO_STATUS = 0x070,              /* 1 2 */
    VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080,      /*   2 */
    VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084,     /*   2 */
    VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090,    /*   2 */
    VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094,   /*   2 */
    VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0,    /*   2 */
    VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4,   /*   2 */
    VIRTIO_MMIO_SHM_SEL = 0x0ac,             /*   2 */
    VIRTIO_MMIO_SHM_LEN_LOW = 0x0b0,         /*   2 */
    VIRTIO_MMIO_SHM_LEN_HIGH = 0x0b4,        /*   2 */
    VIRTIO_MMIO_SHM_BASE_LOW = 0x0b8,        /*   2 */
    VIRTIO_MMIO_SHM_BASE_HIGH = 0x0bc,       /*   2 */
    VIRTIO_MMIO_QUEUE_RESET = 0x0c0,         /*   2 */
    VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc,   /*   2 */
    VIRTIO_MMIO_CONFIG = 0x100,              /* 1 2 */
};

#define VIRTIO_MMIO_MAGIC_VALUE UINT32_C(0x74726976) /* "virt", §4.2.2 */

/* Bits of InterruptStatus, §4.2.2. */
enum {
    VIRTIO_INTERRUPT_USED_BUFFER = 1,
    VIRTIO_INTERRUPT_CONFIG = 2,
};

#endif
