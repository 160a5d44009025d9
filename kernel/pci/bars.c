/* Base address registers and bridge windows: what is wanted, and what is given. See pci.h. */
#include "kernel/core/log.h"
#include "kernel/pci/internal.h"

enum {
    IO_GRAIN = 1 << 12, /* of a bridge's windows */
    MEMORY_GRAIN = 1 << 20,
    SLOT_MEMORY_BYTES = 4 << 20, /* kept for what will be plugged in */
    SLOT_PREFETCH_PART = 64,     /* of the host's window, likewise */
};

static const char *const space_names[PCI_SPACE_COUNT] = { "I/O", "memory", "prefetchable memory" };

static uint32_t
bar_offset(uint32_t idx)
{
    return PCI_BAR_0 + 4 * idx;
}

/* The bits that hold when ones are written are the size's complement; the register is as before afterwards. */
static uint32_t
probe_size(const struct pci_function *function, uint32_t idx)
{
    uint32_t before = pci_read(function, bar_offset(idx), 4);

    pci_write(function, bar_offset(idx), 4, UINT32_MAX);
    uint32_t mask = pci_read(function, bar_offset(idx), 4);
    pci_write(function, bar_offset(idx), 4, before);
    return mask;
}

static enum pci_space
space_of(const struct pci_function *function, uint32_t value)
{
    bool has_high = function->host->windows[PCI_SPACE_PREFETCH].end != 0;
    bool is_high = (value & PCI_BAR_IS_PREFETCHABLE) != 0 &&
                   (value & PCI_BAR_KIND) == PCI_BAR_64_BIT && has_high;

    if ((value & PCI_BAR_IS_IO) != 0) {
        return PCI_SPACE_IO;
    }
    return is_high ? PCI_SPACE_PREFETCH : PCI_SPACE_MEMORY;
}

/* Returns: how many registers it takes. */
static uint32_t
read_bar(struct pci_function *function, uint32_t idx, uint32_t count)
{
    struct pci_bar *bar = &function->bars[idx];
    uint32_t value = pci_read(function, bar_offset(idx), 4);
    uint32_t mask = probe_size(function, idx);
    uint32_t flags = (value & PCI_BAR_IS_IO) != 0 ? PCI_BAR_IO_FLAGS : PCI_BAR_MEMORY_FLAGS;

    bar->space = space_of(function, value);
    bar->is_64_bit =
        bar->space != PCI_SPACE_IO && (value & PCI_BAR_KIND) == PCI_BAR_64_BIT && idx + 1 < count;
    if (bar->is_64_bit) {
        uint64_t high = pci_read(function, bar_offset(idx + 1), 4);
        uint64_t high_mask = probe_size(function, idx + 1);

        bar->bytes = ~(high_mask << 32 | (mask & ~flags)) + 1;
        bar->address = high << 32 | (value & ~flags);
    } else {
        /* I/O addresses have 16 bits here: what is above may be wired to 0. */
        uint32_t wired = bar->space == PCI_SPACE_IO ? 0xffff0000U : 0;
        bar->bytes = (mask & ~flags) == 0 ? 0 : (uint32_t)(~((mask & ~flags) | wired) + 1);
        bar->address = value & ~flags;
    }
    if ((bar->bytes & (bar->bytes - 1)) != 0) {
        bar->bytes = 0; /* no size that a register can have */
    }
    return bar->is_64_bit ? 2 : 1;
}

void
pci_bars_read(struct pci_function *function)
{
    uint32_t count = function->is_bridge ? PCI_BRIDGE_BAR_COUNT : PCI_BAR_COUNT;
    uint16_t command = (uint16_t)pci_read(function, PCI_COMMAND, 2);

    pci_command(function, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
    for (uint32_t idx = 0; idx < count;) {
        idx += read_bar(function, idx, count);
    }
    pci_write(function, PCI_COMMAND, 2, command);
    for (uint32_t idx = 0; idx < count && !function->host->is_configured; idx++) {
        function->bars[idx].address = 0;
    }
}

/* Returns: the address; 0 when the window is full. */
static uint64_t
take(struct pci_window *window, uint64_t bytes)
{
    uint64_t at = align_up(window->next, bytes);

    if (at < window->next || at >= window->end || bytes > window->end - at) {
        return 0;
    }
    window->next = at + bytes;
    return at;
}

static struct pci_window *
windows_above(struct pci_host *host, struct pci_function *bridge)
{
    return bridge != NULL ? bridge->windows : host->windows;
}

static void
assign_bar(struct pci_function *function, uint32_t idx)
{
    struct pci_bar *bar = &function->bars[idx];
    struct pci_window *windows = windows_above(function->host, function->parent);
    char name[8];

    bar->address = take(&windows[bar->space], bar->bytes);
    if (bar->address == 0 && bar->space == PCI_SPACE_PREFETCH) {
        bar->address = take(&windows[PCI_SPACE_MEMORY], bar->bytes);
        bar->space = bar->address != 0 ? PCI_SPACE_MEMORY : bar->space;
    }
    if (bar->address == 0) {
        log_info("pci", "%s: no %s is left for BAR %u of 0x%llx bytes", pci_name(function, name),
                 space_names[bar->space], idx, (unsigned long long)bar->bytes);
        return;
    }
    pci_write(function, bar_offset(idx), 4, (uint32_t)bar->address);
    if (bar->is_64_bit) {
        pci_write(function, bar_offset(idx + 1), 4, (uint32_t)(bar->address >> 32));
    }
}

/* A closed window is one that ends before it begins. */
static void
write_windows(const struct pci_function *bridge)
{
    const struct pci_window *io = &bridge->windows[PCI_SPACE_IO];
    const struct pci_window *memory = &bridge->windows[PCI_SPACE_MEMORY];
    const struct pci_window *high = &bridge->windows[PCI_SPACE_PREFETCH];
    uint32_t closed = 0x0000fff0;
    bool has_high = high->end > high->base;
    uint64_t high_last = has_high ? high->end - 1 : 0;

    pci_write(bridge, PCI_IO_BASE, 2,
              io->end > io->base ? (uint32_t)((io->base >> 8 & 0xf0) | ((io->end - 1) & 0xf000))
                                 : 0x00f0);
    pci_write(bridge, PCI_MEMORY_BASE, 4,
              memory->end > memory->base
                  ? (uint32_t)((memory->base >> 16 & 0xfff0) | ((memory->end - 1) & 0xfff00000))
                  : closed);
    pci_write(bridge, PCI_PREFETCH_BASE_HIGH, 4, has_high ? (uint32_t)(high->base >> 32) : 0);
    pci_write(bridge, PCI_PREFETCH_LIMIT_HIGH, 4, (uint32_t)(high_last >> 32));
    pci_write(bridge, PCI_PREFETCH_BASE, 4,
              has_high ? (uint32_t)((high->base >> 16 & 0xfff0) | (high_last & 0xfff00000))
                       : closed);
}

/* What a slot gets beyond what is in it now. */
static uint64_t
slot_reserve(const struct pci_function *bridge, enum pci_space space)
{
    const struct pci_window *whole = &bridge->host->windows[PCI_SPACE_PREFETCH];

    if (!bridge->is_slot || space == PCI_SPACE_IO) {
        return 0;
    }
    return space == PCI_SPACE_MEMORY
               ? SLOT_MEMORY_BYTES
               : align_down((whole->end - whole->base) / SLOT_PREFETCH_PART, MEMORY_GRAIN);
}

/*
 * The bridge takes all that is left above it, its functions take theirs from that, and what they did not take goes back, but
 * for a reserve behind a slot.
 */
static void
assign_bridge(struct pci_host *host, struct pci_function *bridge)
{
    struct pci_window *above = windows_above(host, bridge->parent);

    for (enum pci_space space = 0; space < PCI_SPACE_COUNT; space++) {
        uint64_t grain = space == PCI_SPACE_IO ? IO_GRAIN : MEMORY_GRAIN;
        uint64_t base = align_up(above[space].next, grain);

        bridge->windows[space] = (struct pci_window){ base, base, max_u64(base, above[space].end) };
    }
    pci_bars_assign(host, bridge);
    for (enum pci_space space = 0; space < PCI_SPACE_COUNT; space++) {
        uint64_t grain = space == PCI_SPACE_IO ? IO_GRAIN : MEMORY_GRAIN;
        struct pci_window *window = &bridge->windows[space];
        uint64_t wanted = align_up(window->next, grain) + slot_reserve(bridge, space);

        window->end = wanted <= window->end ? wanted : align_up(window->next, grain);
        above[space].next =
            max_u64(above[space].next, window->end > window->base ? window->end : 0);
    }
    write_windows(bridge);
    pci_command(bridge, 0, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void
pci_bars_assign(struct pci_host *host, struct pci_function *bridge)
{
    struct pci_function *function;

    for (uint32_t i = 0; (function = pci_function_at(i)) != NULL; i++) {
        if (function->host != host || function->parent != bridge || function->is_gone) {
            continue;
        }
        for (uint32_t idx = 0; idx < PCI_BAR_COUNT; idx++) {
            if (function->bars[idx].bytes != 0) {
                assign_bar(function, idx);
            }
        }
        if (function->is_bridge && function->secondary != 0) {
            assign_bridge(host, function);
        }
    }
}

uint64_t
pci_bar_cpu_address(const struct pci_function *function, uint32_t bar)
{
    const struct pci_bar *at = &function->bars[bar];
    const struct pci_host *host = function->host;

    for (enum pci_space space = 0; space < PCI_SPACE_COUNT && at->address != 0; space++) {
        const struct pci_window *window = &host->windows[space];

        if ((space == PCI_SPACE_IO) == (at->space == PCI_SPACE_IO) && at->address >= window->base &&
            at->address < window->end) {
            return at->address + host->cpu_offset[space];
        }
    }
    return 0;
}
