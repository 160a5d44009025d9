/*
 * Hot-plug slots behind PCI Express ports. They are polled: ten times a second is soon enough for a person who plugs.
 *
 *   button ─→ drivers let go ─→ power off ─→ (out)          in ─→ power on ─→ scan ─→ addresses ─→ drivers
 *
 * Source: PCI Express Base Specification §6.7.
 */
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/pci/internal.h"

enum {
    POLL_MS = 100,
    SLOT_COUNT_MAX = 64,
    SCAN_TRIES_MAX = 20, /* a function may need a second after power-on before it answers */
};

static struct slot {
    struct pci_function *port;
    uint32_t tries_left; /* a function is there and is looked for */
} slots[SLOT_COUNT_MAX];

static uint32_t slot_count;
static const struct pci_listener *told;

static uint16_t
read_slot(const struct pci_function *port, unsigned offset)
{
    return (uint16_t)pci_read(port, port->express + offset, 2);
}

static void
set_power(const struct pci_function *port, bool is_on)
{
    unsigned control = read_slot(port, PCI_EXPRESS_SLOT_CONTROL);

    control &= ~(unsigned)(PCI_EXPRESS_SLOT_POWER_LED | PCI_EXPRESS_SLOT_POWER_OFF);
    control |= is_on ? PCI_EXPRESS_SLOT_POWER_LED_ON
                     : PCI_EXPRESS_SLOT_POWER_LED_OFF | PCI_EXPRESS_SLOT_POWER_OFF;
    pci_write(port, port->express + PCI_EXPRESS_SLOT_CONTROL, 2, control);
}

/* Change bits since the last call, cleared. */
static uint16_t
take_events(const struct pci_function *port)
{
    uint16_t status = read_slot(port, PCI_EXPRESS_SLOT_STATUS);

    if (status == UINT16_MAX) {
        return 0; /* the port itself does not answer */
    }
    if ((status & (PCI_EXPRESS_SLOT_BUTTON | PCI_EXPRESS_SLOT_PRESENCE_CHANGED)) != 0) {
        pci_write(port, port->express + PCI_EXPRESS_SLOT_STATUS, 2, status);
    }
    return status;
}

static struct pci_function *
next_behind(const struct pci_function *port, uint32_t *idx)
{
    struct pci_function *function;

    while ((function = pci_function_at((*idx)++)) != NULL) {
        if (function->parent == port && !function->is_gone) {
            return function;
        }
    }
    return NULL;
}

static bool
is_empty(const struct pci_function *port)
{
    uint32_t idx = 0;

    return next_behind(port, &idx) == NULL;
}

/* Returns: 0 when nobody uses any function behind the port. */
static int
let_go(const struct pci_function *port, bool is_gone)
{
    struct pci_function *function;
    char name[8];
    int result = 0;

    for (uint32_t idx = 0; (function = next_behind(port, &idx)) != NULL;) {
        int error = told->removed(function, is_gone);

        if (error != 0) {
            log_warn("pci", "%s: stays, its driver does not let go: %s", pci_name(function, name),
                     errno_text(error));
            result = error;
        }
    }
    return result;
}

static void
forget(struct pci_function *port)
{
    struct pci_function *function;
    char name[8];

    for (uint32_t idx = 0; (function = next_behind(port, &idx)) != NULL;) {
        function->is_gone = true;
        log_info("pci", "%s: %04x:%04x is out of its slot", pci_name(function, name),
                 function->vendor_id, function->device_id);
    }
    for (enum pci_space space = 0; space < PCI_SPACE_COUNT; space++) {
        port->windows[space].next = port->windows[space].base;
    }
}

static void
eject(struct pci_function *port)
{
    char name[8];

    log_info("pci", "%s: somebody wants what is in the slot", pci_name(port, name));
    if (let_go(port, false) == 0) {
        forget(port);
        set_power(port, false);
    }
}

static void
look_for_function(struct slot *slot)
{
    struct pci_function *function;
    char name[8];

    pci_scan_bus(slot->port->host, slot->port);
    if (is_empty(slot->port)) {
        if (--slot->tries_left == 0) {
            log_error("pci", "%s: what is in the slot does not answer", pci_name(slot->port, name));
        }
        return;
    }
    slot->tries_left = 0;
    pci_bars_assign(slot->port->host, slot->port);
    for (uint32_t idx = 0; (function = next_behind(slot->port, &idx)) != NULL;) {
        log_info("pci", "%s: %04x:%04x is in its slot now", pci_name(function, name),
                 function->vendor_id, function->device_id);
        told->added(function);
    }
}

static void
poll_slot(struct slot *slot)
{
    struct pci_function *port = slot->port;
    uint16_t status = take_events(port);
    bool is_present = (status & PCI_EXPRESS_SLOT_IS_PRESENT) != 0;
    bool has_event = (status & (PCI_EXPRESS_SLOT_BUTTON | PCI_EXPRESS_SLOT_PRESENCE_CHANGED)) != 0;

    if (has_event && !is_empty(port) && !is_present) {
        (void)let_go(port, true);
        forget(port);
    } else if (has_event && !is_empty(port) && (status & PCI_EXPRESS_SLOT_BUTTON) != 0) {
        eject(port);
    } else if (has_event && is_empty(port) && is_present) {
        set_power(port, true);
        slot->tries_left = SCAN_TRIES_MAX;
    }
    if (slot->tries_left > 0) {
        look_for_function(slot);
    }
}

static uint64_t
poll(void *ctx)
{
    static uint64_t next_ns;

    (void)ctx;
    if (time_now_ns() >= next_ns) {
        for (uint32_t i = 0; i < slot_count; i++) {
            poll_slot(&slots[i]);
        }
        next_ns = time_deadline_ns(POLL_MS * NS_PER_MS);
    }
    return next_ns;
}

static struct idle_hook hook = { .name = "pci slots", .poll = poll };

void
pci_slots_watch(const struct pci_listener *listener)
{
    struct pci_function *function;

    told = listener;
    for (uint32_t i = 0; (function = pci_function_at(i)) != NULL; i++) {
        /* Firmware's windows have no room that we know of. */
        if (function->is_slot && slot_count < SLOT_COUNT_MAX && !function->host->is_configured) {
            (void)take_events(function);
            slots[slot_count++] = (struct slot){ .port = function };
        }
    }
    if (slot_count > 0) {
        idle_register(&hook);
        log_info("pci", "%u hot-plug slots", slot_count);
    }
}
