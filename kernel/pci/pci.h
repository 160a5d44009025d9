/*
 * The PCI bus: every function behind every host bridge of the device tree, found, numbered and given addresses.
 *
 *   pci_start ─→ host.c   the tree: ECAM, bus range, windows
 *             ─→ scan.c   functions, bridges and their buses, depth first
 *             ─→ bars.c   sizes of BARs; addresses and bridge windows, unless firmware gave them
 *             ─→ irq.c    INTx by the interrupt map, MSI-X by the controller of messages
 *             ─→ slots.c  slots behind root ports: what goes and comes while we run
 *
 * Who wants a function (kernel/drv/pci_virtio.c) walks pci_function_at and names itself in function->driver.
 */
#ifndef KERNEL_PCI_PCI_H
#define KERNEL_PCI_PCI_H

#include "abi/pci.h"

#include "kernel/core/base.h"
#include "kernel/fdt/devices.h"

enum {
    PCI_FUNCTION_COUNT_MAX = 256,
    PCI_BUS_COUNT_MAX = 256,
};

/* Kinds of addresses; a bridge passes each through a window of its own. */
enum pci_space {
    PCI_SPACE_IO,
    PCI_SPACE_MEMORY,   /* below 4 GiB on the bus */
    PCI_SPACE_PREFETCH, /* prefetchable and anywhere; where the host has no high window: none */
    PCI_SPACE_COUNT
};

/* Addresses on the bus, [base, end), of which those from `next` on are free. end 0: none. */
struct pci_window {
    uint64_t base;
    uint64_t next;
    uint64_t end;
};

struct pci_host {
    struct dt_cursor node;
    uint64_t ecam_base;
    uint8_t bus_first;
    uint8_t bus_last;
    uint8_t bus_next;   /* the highest number given away */
    bool is_configured; /* by firmware: its numbers and addresses stay */
    volatile uint8_t
        *buses[PCI_BUS_COUNT_MAX]; /* configuration space, mapped when a bus is looked at */
    struct pci_window windows[PCI_SPACE_COUNT];
    uint64_t cpu_offset[PCI_SPACE_COUNT]; /* CPU address less bus address */
};

struct pci_bar {
    uint64_t address; /* on the bus; 0: not assigned */
    uint64_t bytes;   /* 0: not there, or the upper half of a 64-bit one */
    enum pci_space space;
    bool is_64_bit;
};

struct pci_function {
    struct pci_host *host;
    struct pci_function *parent; /* the bridge above; NULL: the host */
    uint8_t bus;
    uint8_t device;
    uint8_t number;
    bool is_bridge;
    bool is_gone;
    uint16_t vendor_id;
    uint16_t device_id;
    uint32_t class_code; /* base class, subclass, interface: 0x030000 */
    uint8_t revision;
    struct pci_bar bars[PCI_BAR_COUNT];

    /* Bridges. */
    uint8_t secondary;
    uint8_t subordinate;
    struct pci_window windows[PCI_SPACE_COUNT];
    uint8_t express; /* offset of the capability; 0: none */
    bool is_slot;    /* a port with a hot-plug slot behind it */

    const char *driver; /* NULL: nobody's */
    char detail[64];    /* how it is driven: "MSI-X 80 81" */
};

/* Find, number and assign. Context: boot, once, after interrupts have their controller. Returns: how many functions. */
uint32_t pci_start(void);

/* Context: main thread. Returns: NULL past the last one; a function that has gone keeps its place, see is_gone. */
struct pci_function *pci_function_at(uint32_t idx);

/* Configuration space; `width` is 1, 2 or 4 bytes, `offset` aligned to it and below 4096. Context: any. */
uint32_t pci_read(const struct pci_function *function, uint32_t offset, unsigned width);
void
pci_write(const struct pci_function *function, uint32_t offset, unsigned width, uint32_t value);

/* Set and clear bits of the command register. */
void pci_command(const struct pci_function *function, uint16_t clear, uint16_t set);

/* The first capability of that id. Returns: its offset; 0: none. */
uint16_t pci_capability(const struct pci_function *function, uint8_t id);

/* The CPU's address of a BAR. Returns: 0 when it is not assigned. */
uint64_t pci_bar_cpu_address(const struct pci_function *function, uint32_t bar);

/* Bus, device and function as one number, which is also the id that its messages bear. */
static inline uint16_t
pci_address(const struct pci_function *function)
{
    return (uint16_t)((unsigned)function->bus << 8 | (unsigned)function->device << 3 |
                      function->number);
}

/* "02:00.0"; in static memory of the caller. */
const char *pci_name(const struct pci_function *function, char name[static 8]);

/* Say how it is driven; for `pci`. Cut where longer. */
void pci_describe(struct pci_function *function, const char *format, ...) PRINTF_LIKE(2, 3);

/* Interrupts of one function. */
struct pci_irq {
    bool is_msix;
    uint32_t count; /* vectors 0 ... count - 1; INTx: 1 */
    uint32_t irqs[2];
    uint32_t device_id; /* as the controller of messages knows it */
};

/*
 * Enable `count` (1 or 2) MSI-X vectors of the function, none of them masked. Handlers come first: see irq.
 * `prepare` is called with each interrupt's number before the function may send it, and registers the handler.
 * Returns: 0; -E_NODEV (no MSI-X, or no controller of messages), or as msi_alloc and `prepare`: nothing has changed then.
 */
int pci_irq_messages(struct pci_function *function, uint32_t count,
                     int (*prepare)(void *ctx, uint32_t irq, uint32_t vector), void *ctx,
                     struct pci_irq *irq);

/* Turn the vectors off again; handlers have been unregistered by the caller. */
void pci_irq_release(struct pci_function *function, const struct pci_irq *irq);

/* The line that the function's INTx pin leads to, through all bridges. Returns: 0; -E_NOENT. */
int pci_irq_line(const struct pci_function *function, struct dt_irq *line);

/* What is told of functions that come and go. */
struct pci_listener {
    /* A function is there and has addresses. */
    void (*added)(struct pci_function *function);

    /* Somebody asks for it back, or (`is_gone`) it is out already. Returns: 0 when nobody uses it any more. */
    int (*removed)(struct pci_function *function, bool is_gone);
};

/* Watch the slots from now on, in the main thread's idle time. Context: boot, once, after drivers have started. */
void pci_slots_watch(const struct pci_listener *listener);

#endif
