/*
 * The part of a PCI function's configuration space that every function has, and the capabilities that this project reads.
 * Source: PCI Local Bus Specification 3.0 §6, PCI Express Base Specification §7.5.
 */
#ifndef ABI_PCI_H
#define ABI_PCI_H

/* Registers of every header. */
enum {
    PCI_VENDOR_ID = 0x00, /* 16 bits; all ones: no function there */
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION_ID = 0x08, /* 8 bits; class code in the 24 above */
    PCI_HEADER_TYPE = 0x0e, /* 8 bits */
    PCI_BAR_0 = 0x10,       /* 32 bits each */
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_PIN = 0x3d, /* 8 bits: 0 none, 1 INTA# ... 4 INTD# */
};

/* Registers of a type 0 header, an endpoint. */
enum {
    PCI_SUBSYSTEM_ID = 0x2e,
    PCI_BAR_COUNT = 6,
};

/* Registers of a type 1 header, a bridge. */
enum {
    PCI_BRIDGE_BAR_COUNT = 2,
    PCI_PRIMARY_BUS = 0x18,     /* 8 bits */
    PCI_SECONDARY_BUS = 0x19,   /* 8 bits */
    PCI_SUBORDINATE_BUS = 0x1a, /* 8 bits */
    PCI_IO_BASE = 0x1c,         /* 8 bits: address bits 15:12 in 7:4 */
    PCI_IO_LIMIT = 0x1d,
    PCI_MEMORY_BASE = 0x20, /* 16 bits: address bits 31:20 in 15:4 */
    PCI_MEMORY_LIMIT = 0x22,
    PCI_PREFETCH_BASE = 0x24, /* the same; bits 3:0 are 1 where the window has 64 bits */
    PCI_PREFETCH_LIMIT = 0x26,
    PCI_PREFETCH_BASE_HIGH = 0x28,
    PCI_PREFETCH_LIMIT_HIGH = 0x2c,
    PCI_IO_BASE_HIGH = 0x30, /* 16 bits */
    PCI_IO_LIMIT_HIGH = 0x32,
};

enum {
    PCI_HEADER_KIND = 0x7f, /* bits of PCI_HEADER_TYPE */
    PCI_HEADER_IS_MULTIPLE = 0x80,
    PCI_HEADER_ENDPOINT = 0,
    PCI_HEADER_BRIDGE = 1,
};

/* Bits of PCI_COMMAND. */
enum {
    PCI_COMMAND_IO = 1 << 0,
    PCI_COMMAND_MEMORY = 1 << 1,
    PCI_COMMAND_MASTER = 1 << 2,
    PCI_COMMAND_INTX_OFF = 1 << 10,
};

/* Bits of PCI_STATUS. */
enum {
    PCI_STATUS_INTX = 1 << 3, /* its line is up, unless turned off */
    PCI_STATUS_HAS_CAPABILITIES = 1 << 4,
};

/* Bits of a base address register. */
enum {
    PCI_BAR_IS_IO = 1 << 0,
    PCI_BAR_KIND = 3 << 1, /* of memory */
    PCI_BAR_64_BIT = 2 << 1,
    PCI_BAR_IS_PREFETCHABLE = 1 << 3,
    PCI_BAR_IO_FLAGS = 3,
    PCI_BAR_MEMORY_FLAGS = 15,
};

/* A capability: id, offset of the next one (0: the last), then its own. §6.7 */
enum {
    PCI_CAPABILITY_ID = 0,
    PCI_CAPABILITY_NEXT = 1,
    PCI_CAPABILITY_FIRST = 0x40, /* none lies below */
    PCI_CONFIG_BYTES = 0x100,    /* the part that capabilities lie in */
    PCI_CAPABILITY_STEPS_MAX =
        48, /* no list can be longer: each takes 4 bytes of what is beyond the header */
};

enum {
    PCI_CAPABILITY_MSI = 0x05,
    PCI_CAPABILITY_VENDOR = 0x09,
    PCI_CAPABILITY_EXPRESS = 0x10,
    PCI_CAPABILITY_MSIX = 0x11,
};

/* MSI-X, §6.8.2. */
enum {
    PCI_MSIX_CONTROL = 2,          /* 16 bits */
    PCI_MSIX_TABLE = 4,            /* 32 bits: BAR in 2:0, offset in the rest */
    PCI_MSIX_CONTROL_LAST = 0x7ff, /* index of the last entry */
    PCI_MSIX_CONTROL_MASK_ALL = 1 << 14,
    PCI_MSIX_CONTROL_ENABLE = 1 << 15,
    PCI_MSIX_TABLE_BAR = 7,
    PCI_MSIX_ENTRY_BYTES = 16,
    PCI_MSIX_ENTRY_ADDRESS_LOW = 0,
    PCI_MSIX_ENTRY_ADDRESS_HIGH = 4,
    PCI_MSIX_ENTRY_DATA = 8,
    PCI_MSIX_ENTRY_CONTROL = 12, /* bit 0: masked */
};

/* PCI Express, §7.5.3. */
enum {
    PCI_EXPRESS_FLAGS = 2, /* 16 bits: kind of port in 7:4, bit 8: has a slot */
    PCI_EXPRESS_KIND_SHIFT = 4,
    PCI_EXPRESS_KIND_MASK = 15,
    PCI_EXPRESS_KIND_ROOT_PORT = 4,
    PCI_EXPRESS_FLAG_SLOT = 1 << 8,
    PCI_EXPRESS_SLOT_CAPABILITIES = 20,    /* 32 bits */
    PCI_EXPRESS_SLOT_CONTROL = 24,         /* 16 bits */
    PCI_EXPRESS_SLOT_STATUS = 26,          /* 16 bits; change bits are cleared by writing 1 */
    PCI_EXPRESS_SLOT_IS_HOT_PLUG = 1 << 6, /* of the capabilities */
    PCI_EXPRESS_SLOT_BUTTON = 1 << 0,      /* of the status: the attention button was pressed */
    PCI_EXPRESS_SLOT_PRESENCE_CHANGED = 1 << 3,
    PCI_EXPRESS_SLOT_IS_PRESENT = 1 << 6,
    PCI_EXPRESS_SLOT_POWER_OFF = 1 << 10, /* of the control */
    PCI_EXPRESS_SLOT_POWER_LED = 3 << 8,  /* of the control: 1 on, 2 blinks, 3 off */
    PCI_EXPRESS_SLOT_POWER_LED_ON = 1 << 8,
    PCI_EXPRESS_SLOT_POWER_LED_OFF = 3 << 8,
};

#endif
