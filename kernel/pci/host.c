/* A PCI host bridge of the device tree ("pci-host-ecam-generic"), and its configuration space. See pci.h. */
#include <string.h>

#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/log.h"
#include "kernel/core/mmio.h"
#include "kernel/mm/map.h"
#include "kernel/pci/internal.h"

enum {
    CELL_BYTES = 4,
    RANGE_CELLS = 7, /* of `ranges`: three of the bus, two of the parent, two of the size */
    ECAM_BUS_BYTES = 1 << 20,
    ECAM_DEVICE_SHIFT = 15,
    ECAM_FUNCTION_SHIFT = 12,
};

static uint32_t
cell(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t
two_cells(const uint8_t *bytes)
{
    return (uint64_t)cell(bytes) << 32 | cell(bytes + CELL_BYTES);
}

/* The first cell of a bus address tells its space in 25:24: 1 I/O, 2 memory of 32 bits, 3 of 64 bits. */
static enum pci_space
space_of(uint32_t first_cell)
{
    switch (first_cell >> 24 & 3) {
    case 1: return PCI_SPACE_IO;
    case 2: return PCI_SPACE_MEMORY;
    case 3: return PCI_SPACE_PREFETCH;
    default: return PCI_SPACE_COUNT;
    }
}

/* Of several ranges of one space the first is used. Address 0 of the bus means "not assigned", so it is given to nobody. */
static void
take_range(struct pci_host *host, const uint8_t *entry)
{
    enum pci_space space = space_of(cell(entry));
    uint64_t bus = two_cells(entry + CELL_BYTES);
    uint64_t cpu = two_cells(entry + (size_t)3 * CELL_BYTES);
    uint64_t bytes = two_cells(entry + (size_t)5 * CELL_BYTES);

    if (space == PCI_SPACE_COUNT || host->windows[space].end != 0 || bytes > UINT64_MAX - bus ||
        bytes > UINT64_MAX - cpu) {
        return;
    }
    host->windows[space] = (struct pci_window){ bus, max_u64(bus, PAGE_BYTES), bus + bytes };
    host->cpu_offset[space] = cpu - bus;
}

static int
read_ranges(struct pci_host *host)
{
    uint32_t bytes;
    const uint8_t *ranges = dt_bytes(&host->node, "ranges", &bytes);
    const struct dt_level *parent = &host->node.levels[host->node.depth - 1];

    if (ranges == NULL || bytes % (RANGE_CELLS * CELL_BYTES) != 0 || parent->address_cells != 2) {
        dt_complain(&host->node, "ranges", "is no list of ranges of a PCI bus");
        return -E_INVAL;
    }
    for (uint32_t at = 0; at < bytes; at += RANGE_CELLS * CELL_BYTES) {
        take_range(host, ranges + at);
    }
    return 0;
}

/* All buses from 0 on, as far as the registers reach, where the tree does not say. */
static void
read_bus_range(struct pci_host *host, uint64_t ecam_bytes)
{
    uint32_t bytes;
    const uint8_t *range = dt_bytes(&host->node, "bus-range", &bytes);
    uint64_t last = min_u64(ecam_bytes / ECAM_BUS_BYTES, PCI_BUS_COUNT_MAX) - 1;

    if (range != NULL && bytes == 2 * CELL_BYTES) {
        host->bus_first = (uint8_t)cell(range);
        last = min_u64(host->bus_first + last, cell(range + CELL_BYTES));
    }
    host->bus_last = (uint8_t)min_u64(last, PCI_BUS_COUNT_MAX - 1);
    host->bus_next = host->bus_first;
}

int
pci_host_read(struct pci_host *host, const struct dt_device *device)
{
    host->node = device->node;
    if (device->reg_count == 0 || device->regs[0].size < ECAM_BUS_BYTES || host->node.depth == 0) {
        dt_complain(&device->node, "reg", "names no configuration space of a whole bus");
        return -E_INVAL;
    }
    host->ecam_base = device->regs[0].base;
    read_bus_range(host, device->regs[0].size);
    return read_ranges(host);
}

volatile uint8_t *
pci_host_config(struct pci_host *host, uint8_t bus, uint8_t device, uint8_t number)
{
    if (bus < host->bus_first || bus > host->bus_last) {
        return NULL;
    }
    if (host->buses[bus] == NULL) {
        uint64_t base = host->ecam_base + (uint64_t)(bus - host->bus_first) * ECAM_BUS_BYTES;
        host->buses[bus] = mmio_map_device("pci configuration", base, ECAM_BUS_BYTES);
    }
    return host->buses[bus] == NULL ? NULL
                                    : host->buses[bus] + ((uint32_t)device << ECAM_DEVICE_SHIFT) +
                                          ((uint32_t)number << ECAM_FUNCTION_SHIFT);
}

static volatile uint8_t *
config_of(const struct pci_function *function)
{
    return pci_host_config(function->host, function->bus, function->device, function->number);
}

uint32_t
pci_read(const struct pci_function *function, uint32_t offset, unsigned width)
{
    const volatile uint8_t *config = config_of(function);
    unsigned shift = 8 * (offset & 3 & (4 - width));

    if (config == NULL) {
        return UINT32_MAX >> (32 - 8 * width);
    }
    return mmio_read32(config, offset & ~3U) >> shift & UINT32_MAX >> (32 - 8 * width);
}

void
pci_write(const struct pci_function *function, uint32_t offset, unsigned width, uint32_t value)
{
    volatile uint8_t *config = config_of(function);

    if (config == NULL) {
        return;
    }
    /* In its own width: a neighbour may have bits that writing clears. */
    switch (width) {
    case 1: mmio_write8(config, offset, (uint8_t)value); break;
    case 2: mmio_write16(config, offset, (uint16_t)value); break;
    default: mmio_write32(config, offset, value); break;
    }
}

void
pci_command(const struct pci_function *function, uint16_t clear, uint16_t set)
{
    uint32_t command = pci_read(function, PCI_COMMAND, 2);

    pci_write(function, PCI_COMMAND, 2, (command & ~(uint32_t)clear) | set);
}

uint16_t
pci_capability(const struct pci_function *function, uint8_t id)
{
    if ((pci_read(function, PCI_STATUS, 2) & PCI_STATUS_HAS_CAPABILITIES) == 0) {
        return 0;
    }
    uint16_t at = (uint16_t)(pci_read(function, PCI_CAPABILITIES, 1) & ~3U);
    for (unsigned step = 0; at >= PCI_CAPABILITY_FIRST && step < PCI_CAPABILITY_STEPS_MAX; step++) {
        if (pci_read(function, at + PCI_CAPABILITY_ID, 1) == id) {
            return at;
        }
        at = (uint16_t)(pci_read(function, at + PCI_CAPABILITY_NEXT, 1) & ~3U);
    }
    return 0;
}

const char *
pci_name(const struct pci_function *function, char name[static 8])
{
    format_text(name, 8, "%02x:%02x.%u", function->bus, function->device, function->number);
    return name;
}
