/* Interrupts of PCI functions: INTx through the bridges to a line, MSI-X by messages. See pci.h. */
#include "kernel/irq/irq.h"

#include "kernel/core/errno.h"
#include "kernel/core/mmio.h"
#include "kernel/irq/msi.h"
#include "kernel/mm/map.h"
#include "kernel/pci/internal.h"

enum { CELL_BYTES = 4, PIN_COUNT = 4, MAP_ENTRY_CELLS = 4 };

/* Each bridge turns the pins by the number of the device below it. PCI-to-PCI Bridge Specification §9.1. */
int
pci_irq_line(const struct pci_function *function, struct dt_irq *line)
{
    uint32_t pin = pci_read(function, PCI_INTERRUPT_PIN, 1);

    if (pin < 1 || pin > PIN_COUNT) {
        return -E_NOENT;
    }
    while (function->parent != NULL) {
        pin = (pin - 1 + function->device) % PIN_COUNT + 1;
        function = function->parent;
    }
    return dt_irq_mapped(&function->host->node, (uint32_t)pci_address(function) << 8, pin, line);
}

static uint32_t
cell(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* `msi-map`: first id of the bus, controller, first id of the controller, how many. Returns: 0; -E_NODEV. */
static int
message_id(const struct pci_function *function, uint32_t *device_id)
{
    uint32_t bytes;
    uint32_t address = pci_address(function);
    const uint8_t *map = dt_bytes(&function->host->node, "msi-map", &bytes);

    for (uint32_t at = 0; bytes - at >= MAP_ENTRY_CELLS * CELL_BYTES;
         at += MAP_ENTRY_CELLS * CELL_BYTES) {
        uint32_t first = cell(map + at);
        uint32_t target = cell(map + at + (size_t)2 * CELL_BYTES);
        uint32_t count = cell(map + at + (size_t)3 * CELL_BYTES);

        if (address >= first && address - first < count) {
            *device_id = address - first + target;
            return 0;
        }
    }
    if (dt_bytes(&function->host->node, "msi-parent", &bytes) == NULL) {
        return -E_NODEV;
    }
    *device_id = address;
    return 0;
}

/* The vectors' table, mapped. Returns: NULL when the function has none for `count` vectors, or lies about it. */
static volatile uint8_t *
map_table(const struct pci_function *function, uint16_t capability, uint32_t count)
{
    uint32_t control = pci_read(function, capability + PCI_MSIX_CONTROL, 2);
    uint32_t table = pci_read(function, capability + PCI_MSIX_TABLE, 4);
    uint32_t bar = table & PCI_MSIX_TABLE_BAR;
    uint64_t offset = table & ~(uint32_t)PCI_MSIX_TABLE_BAR;
    uint64_t bytes = (uint64_t)count * PCI_MSIX_ENTRY_BYTES;

    if ((control & PCI_MSIX_CONTROL_LAST) + 1 < count || bar >= PCI_BAR_COUNT ||
        function->bars[bar].space == PCI_SPACE_IO || offset > function->bars[bar].bytes ||
        bytes > function->bars[bar].bytes - offset) {
        return NULL;
    }
    uint64_t address = pci_bar_cpu_address(function, bar);
    return address == 0 ? NULL : mmio_map_device("pci msi-x", address + offset, bytes);
}

static void
write_entry(volatile uint8_t *table, uint32_t vector, const struct msi_message *message)
{
    volatile uint8_t *entry = table + (size_t)vector * PCI_MSIX_ENTRY_BYTES;

    mmio_write32(entry, PCI_MSIX_ENTRY_ADDRESS_LOW, (uint32_t)message->address);
    mmio_write32(entry, PCI_MSIX_ENTRY_ADDRESS_HIGH, (uint32_t)(message->address >> 32));
    mmio_write32(entry, PCI_MSIX_ENTRY_DATA, message->data);
    mmio_write32(entry, PCI_MSIX_ENTRY_CONTROL, 0);
}

static int
prepare_all(const struct pci_irq *irq, int (*prepare)(void *ctx, uint32_t irq, uint32_t vector),
            void *ctx)
{
    for (uint32_t vector = 0; vector < irq->count; vector++) {
        int error = prepare(ctx, irq->irqs[vector], vector);

        if (error != 0) {
            while (vector > 0) {
                (void)irq_unregister(irq->irqs[--vector]);
            }
            return error;
        }
    }
    return 0;
}

int
pci_irq_messages(struct pci_function *function, uint32_t count,
                 int (*prepare)(void *ctx, uint32_t irq, uint32_t vector), void *ctx,
                 struct pci_irq *irq)
{
    struct msi_message messages[ARRAY_COUNT(irq->irqs)];
    uint16_t capability = pci_capability(function, PCI_CAPABILITY_MSIX);

    *irq = (struct pci_irq){ .is_msix = true, .count = count };
    if (capability == 0 || msi_controller_name() == NULL ||
        message_id(function, &irq->device_id) != 0) {
        return -E_NODEV;
    }
    volatile uint8_t *table = map_table(function, capability, count);
    if (table == NULL) {
        return -E_NODEV;
    }
    int error = msi_alloc(irq->device_id, count, irq->irqs, messages);
    if (error != 0) {
        return error;
    }
    error = prepare_all(irq, prepare, ctx);
    if (error != 0) {
        msi_free(irq->device_id, count, irq->irqs);
        return error;
    }
    /* Masked while the entries are written, §6.8.2: an enabled vector's address must not change. */
    pci_write(function, capability + PCI_MSIX_CONTROL, 2,
              PCI_MSIX_CONTROL_ENABLE | PCI_MSIX_CONTROL_MASK_ALL);
    for (uint32_t vector = 0; vector < count; vector++) {
        write_entry(table, vector, &messages[vector]);
    }
    pci_write(function, capability + PCI_MSIX_CONTROL, 2, PCI_MSIX_CONTROL_ENABLE);
    return 0;
}

void
pci_irq_release(struct pci_function *function, const struct pci_irq *irq)
{
    if (!irq->is_msix) {
        pci_command(function, 0, PCI_COMMAND_INTX_OFF);
        return;
    }
    uint16_t capability = pci_capability(function, PCI_CAPABILITY_MSIX);
    if (capability != 0) {
        pci_write(function, capability + PCI_MSIX_CONTROL, 2, 0);
    }
    msi_free(irq->device_id, irq->count, irq->irqs);
}
