/* Which functions there are, and the numbers of the buses behind bridges. See pci.h. */
#include <stdarg.h>
#include <string.h>

#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/log.h"
#include "kernel/core/mmio.h"
#include "kernel/mm/heap.h"
#include "kernel/pci/internal.h"

enum {
    DEVICES_OF_BUS = 32,
    FUNCTIONS_OF_DEVICE = 8,
    NO_VENDOR = 0xffff,
};

static struct pci_function *functions[PCI_FUNCTION_COUNT_MAX];
static uint32_t function_count;

struct pci_function *
pci_function_at(uint32_t idx)
{
    return idx < function_count ? functions[idx] : NULL;
}

void
pci_describe(struct pci_function *function, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_text_va(function->detail, sizeof(function->detail), format, args);
    va_end(args);
}

/* A place in the list: that of a function that has gone, or a new one. NULL: logged. */
static struct pci_function *
take_place(void)
{
    for (uint32_t i = 0; i < function_count; i++) {
        if (functions[i]->is_gone && functions[i]->driver == NULL) {
            return functions[i];
        }
    }
    struct pci_function *fresh =
        function_count < PCI_FUNCTION_COUNT_MAX ? kzalloc(sizeof(*fresh)) : NULL;
    if (fresh == NULL) {
        log_error("pci", "no room for more than %u functions", function_count);
        return NULL;
    }
    functions[function_count++] = fresh;
    return fresh;
}

static void
read_express(struct pci_function *function)
{
    function->express = (uint8_t)pci_capability(function, PCI_CAPABILITY_EXPRESS);
    if (function->express == 0 || !function->is_bridge) {
        return;
    }
    uint32_t flags = pci_read(function, function->express + PCI_EXPRESS_FLAGS, 2);
    function->is_slot = (flags & PCI_EXPRESS_FLAG_SLOT) != 0 &&
                        (pci_read(function, function->express + PCI_EXPRESS_SLOT_CAPABILITIES, 4) &
                         PCI_EXPRESS_SLOT_IS_HOT_PLUG) != 0;
}

static struct pci_function *
add_function(const struct pci_function *seen)
{
    struct pci_function *function = take_place();

    if (function == NULL) {
        return NULL;
    }
    *function = *seen;
    function->device_id = (uint16_t)pci_read(function, PCI_DEVICE_ID, 2);
    function->class_code = pci_read(function, PCI_REVISION_ID, 4) >> 8;
    function->revision = (uint8_t)pci_read(function, PCI_REVISION_ID, 1);
    function->is_bridge =
        (pci_read(function, PCI_HEADER_TYPE, 1) & PCI_HEADER_KIND) == PCI_HEADER_BRIDGE;
    read_express(function);
    if (!function->host->is_configured) {
        pci_command(function, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
                    PCI_COMMAND_INTX_OFF);
    }
    pci_bars_read(function);
    return function;
}

/* Number the bus behind a bridge, and those below it. */
static void
scan_bridge(struct pci_host *host, struct pci_function *bridge)
{
    char name[8];

    if (host->is_configured) {
        bridge->secondary = (uint8_t)pci_read(bridge, PCI_SECONDARY_BUS, 1);
        bridge->subordinate = (uint8_t)pci_read(bridge, PCI_SUBORDINATE_BUS, 1);
        if (bridge->secondary <= bridge->bus) {
            return; /* firmware left it closed */
        }
        pci_scan_bus(host, bridge);
        return;
    }
    if (host->bus_next == host->bus_last) {
        log_warn("pci", "%s: no bus number is left for what is behind it", pci_name(bridge, name));
        return;
    }
    bridge->secondary = ++host->bus_next;
    pci_write(bridge, PCI_PRIMARY_BUS, 1, bridge->bus);
    pci_write(bridge, PCI_SECONDARY_BUS, 1, bridge->secondary);
    pci_write(bridge, PCI_SUBORDINATE_BUS, 1, host->bus_last); /* all, until it is known */
    pci_scan_bus(host, bridge);
    bridge->subordinate = host->bus_next;
    pci_write(bridge, PCI_SUBORDINATE_BUS, 1, bridge->subordinate);
}

/* Returns: whether there is a function; *is_multiple: whether others of the device may be there. */
static bool
scan_function(struct pci_host *host, struct pci_function *parent, struct pci_function *at,
              bool *is_multiple)
{
    if (pci_host_config(host, at->bus, at->device, at->number) == NULL) {
        return false;
    }
    at->vendor_id = (uint16_t)pci_read(at, PCI_VENDOR_ID, 2);
    if (at->vendor_id == NO_VENDOR || at->vendor_id == 0) {
        return false;
    }
    *is_multiple = (pci_read(at, PCI_HEADER_TYPE, 1) & PCI_HEADER_IS_MULTIPLE) != 0;
    at->parent = parent;
    struct pci_function *function = add_function(at);
    if (function != NULL && function->is_bridge) {
        scan_bridge(host, function);
    }
    return true;
}

/* A link leads to one device, number 0: a port answers for others as well. */
static bool
is_link(const struct pci_function *bridge)
{
    return bridge != NULL && bridge->express != 0 &&
           (pci_read(bridge, bridge->express + PCI_EXPRESS_FLAGS, 2) >> PCI_EXPRESS_KIND_SHIFT &
            PCI_EXPRESS_KIND_MASK) == PCI_EXPRESS_KIND_ROOT_PORT;
}

void
pci_scan_bus(struct pci_host *host, struct pci_function *bridge)
{
    uint8_t bus = bridge != NULL ? bridge->secondary : host->bus_first;
    uint8_t device_count = is_link(bridge) ? 1 : DEVICES_OF_BUS;

    for (uint8_t device = 0; device < device_count; device++) {
        bool is_multiple = true;

        for (uint8_t number = 0; number < FUNCTIONS_OF_DEVICE && is_multiple; number++) {
            struct pci_function at = {
                .host = host, .bus = bus, .device = device, .number = number
            };
            bool is_there = scan_function(host, bridge, &at, &is_multiple);
            if (number == 0 && !is_there) {
                break;
            }
        }
    }
}

/* Firmware that has set the bus up has at least turned one function on. */
static bool
has_been_configured(struct pci_host *host)
{
    for (unsigned device = 0; device < DEVICES_OF_BUS; device++) {
        struct pci_function at = { .host = host,
                                   .bus = host->bus_first,
                                   .device = (uint8_t)device };
        uint32_t vendor_id = pci_read(&at, PCI_VENDOR_ID, 2);

        if (vendor_id != NO_VENDOR && vendor_id != 0 &&
            (pci_read(&at, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) != 0) {
            return true;
        }
    }
    return false;
}

static int
probe_host(struct dt_device *device)
{
    struct pci_host *host = kzalloc(sizeof(*host));
    uint32_t count_before = function_count;

    if (host == NULL) {
        return -E_NOMEM;
    }
    int error = pci_host_read(host, device);
    if (error != 0) {
        kfree(host);
        return error;
    }
    host->is_configured = has_been_configured(host);
    pci_scan_bus(host, NULL);
    if (!host->is_configured) {
        pci_bars_assign(host, NULL);
    }
    log_info("pci", "%u functions on %u buses, addresses given by %s",
             function_count - count_before, host->bus_next - host->bus_first + 1U,
             host->is_configured ? "firmware" : "us");
    dt_device_describe(device, "PCI, %u functions", function_count - count_before);
    return 0;
}

static const char *const compatible[] = { "pci-host-ecam-generic", NULL };

static const struct dt_driver host_driver = {
    .name = "pci",
    .compatible = compatible,
    .probe = probe_host,
};

uint32_t
pci_start(void)
{
    (void)dt_driver_bind(&host_driver);
    return function_count;
}
