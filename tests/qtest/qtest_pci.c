/*
 * Enumeration of one flat bus; see qtest_pci.h.
 */
#include "tests/qtest/qtest_pci.h"

/* Of the machine "virt". */
#define ECAM_BASE     UINT64_C(0x4010000000)
#define MEMORY_BASE   UINT64_C(0x10000000)
#define PREFETCH_BASE UINT64_C(0x8000000000)

enum { ECAM_DEVICE_SHIFT = 15, NO_VENDOR = 0xffff };

/* The function that is being probed. */
struct shown {
    struct qemu *qemu;
    unsigned device;
    uint64_t memory_next;
    uint64_t prefetch_next;
    struct virtio_pci_function function;
};

uint32_t
qtest_pci_read(struct qemu *qemu, unsigned device, uint32_t offset, unsigned width)
{
    uint64_t base = ECAM_BASE + ((uint64_t)device << ECAM_DEVICE_SHIFT);
    return (uint32_t)qemu_read(qemu, base + offset, width);
}

void
qtest_pci_write(struct qemu *qemu, unsigned device, uint32_t offset, unsigned width, uint32_t value)
{
    qemu_write(qemu, ECAM_BASE + ((uint64_t)device << ECAM_DEVICE_SHIFT) + offset, width, value);
}

static uint32_t
on_read(void *ctx, uint16_t offset, unsigned width)
{
    const struct shown *shown = ctx;
    return qtest_pci_read(shown->qemu, shown->device, offset, width);
}

static uint32_t
size_mask(const struct shown *shown, unsigned bar)
{
    qtest_pci_write(shown->qemu, shown->device, PCI_BAR_0 + 4 * bar, 4, UINT32_MAX);
    return qtest_pci_read(shown->qemu, shown->device, PCI_BAR_0 + 4 * bar, 4);
}

static void
place(struct shown *shown, unsigned bar, uint64_t bytes, bool is_64_bit)
{
    uint64_t *next = is_64_bit ? &shown->prefetch_next : &shown->memory_next;
    uint64_t base = (*next + bytes - 1) & ~(bytes - 1);
    *next = base + bytes;
    qtest_pci_write(shown->qemu, shown->device, PCI_BAR_0 + 4 * bar, 4, (uint32_t)base);
    if (is_64_bit) {
        qtest_pci_write(shown->qemu, shown->device, PCI_BAR_0 + 4 * (bar + 1), 4,
                        (uint32_t)(base >> 32));
    }
    shown->function.bars[bar] = (struct virtio_pci_bar){ .base = base, .bytes = bytes };
}

/* I/O is left alone: nobody here uses it. */
static void
place_all(struct shown *shown)
{
    for (unsigned bar = 0; bar < PCI_BAR_COUNT; bar++) {
        uint32_t low = size_mask(shown, bar);
        bool is_64_bit = (low & PCI_BAR_KIND) == PCI_BAR_64_BIT;
        if ((low & PCI_BAR_IS_IO) != 0 || (low & ~(uint32_t)PCI_BAR_MEMORY_FLAGS) == 0) {
            continue;
        }
        uint64_t mask = is_64_bit ? (uint64_t)size_mask(shown, bar + 1) << 32 : UINT64_MAX << 32;
        mask |= low & ~(uint32_t)PCI_BAR_MEMORY_FLAGS;
        place(shown, bar, ~mask + 1, is_64_bit);
        bar += is_64_bit;
    }
    qtest_pci_write(shown->qemu, shown->device, PCI_COMMAND, 2,
                    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

unsigned
qtest_pci_probe(struct qemu *qemu, struct virtio_bus *bus)
{
    struct shown shown = { .qemu = qemu,
                           .memory_next = MEMORY_BASE,
                           .prefetch_next = PREFETCH_BASE };
    unsigned stranger_count = 0;
    for (shown.device = 0; shown.device < QTEST_PCI_DEVICE_COUNT; shown.device++) {
        if (qtest_pci_read(qemu, shown.device, PCI_VENDOR_ID, 2) == NO_VENDOR) {
            continue;
        }
        shown.function = (struct virtio_pci_function){ .ctx = &shown,
                                                       .config_read = on_read,
                                                       .address = (uint16_t)(shown.device << 3) };
        place_all(&shown);
        struct virtio_device *device;
        enum virtio_err err = virtio_pci_probe(bus, &shown.function, &device);
        stranger_count += err == VIRTIO_ERR_NO_DEVICE;
        if (err != VIRTIO_OK && err != VIRTIO_ERR_NO_DEVICE) {
            qemu_die("a function cannot be probed");
        }
    }
    return stranger_count;
}
