/* pci: every function of the bus, with `all` its addresses and capabilities; a driver taken from one, and given back. */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/drv.h"
#include "kernel/pci/pci.h"

static const struct {
    uint16_t code; /* base class and subclass */
    char name[20];
} classes[] = {
    {0x0000,  "old"              },
    { 0x0100, "SCSI controller"  },
    { 0x0106, "SATA controller"  },
    { 0x0108, "NVMe controller"  },
    { 0x0180, "storage"          },
    { 0x0200, "Ethernet"         },
    { 0x0280, "network"          },
    { 0x0300, "VGA display"      },
    { 0x0380, "display"          },
    { 0x0403, "sound"            },
    { 0x0500, "memory"           },
    { 0x0600, "host bridge"      },
    { 0x0604, "PCI bridge"       },
    { 0x0700, "serial port"      },
    { 0x0780, "communication"    },
    { 0x0880, "system peripheral"},
    { 0x0900, "keyboard"         },
    { 0x0980, "input device"     },
    { 0x0c03, "USB controller"   },
    { 0x00ff, "unclassified"     },
};

static const char *
class_name(uint32_t class_code)
{
    for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
        if (classes[i].code == class_code >> 8) {
            return classes[i].name;
        }
    }
    return "?";
}

static void
print_function(const struct pci_function *function)
{
    char name[8];

    console_print("%s  %04x:%04x rev %02x  class %06x %-17s ", pci_name(function, name),
                  function->vendor_id, function->device_id, function->revision,
                  function->class_code, class_name(function->class_code));
    if (function->is_gone) {
        console_print("(gone)\n");
    } else if (function->is_bridge) {
        console_print("buses %02x-%02x%s\n", function->secondary, function->subordinate,
                      function->is_slot ? ", hot-plug slot" : "");
    } else {
        console_print("%s%s%s\n", function->driver != NULL ? function->driver : "(no driver)",
                      function->detail[0] != '\0' ? ": " : "", function->detail);
    }
}

static void
print_bars(const struct pci_function *function)
{
    static const char *const spaces[PCI_SPACE_COUNT] = { "I/O", "memory", "prefetchable" };

    for (uint32_t i = 0; i < PCI_BAR_COUNT; i++) {
        const struct pci_bar *bar = &function->bars[i];

        if (bar->bytes != 0) {
            console_print("         BAR %u: 0x%llx bytes at 0x%llx, %s%s\n", i,
                          (unsigned long long)bar->bytes, (unsigned long long)bar->address,
                          spaces[bar->space], bar->is_64_bit ? ", 64 bits" : "");
        }
    }
}

static const char *
capability_name(uint32_t id)
{
    switch (id) {
    case 0x01: return "power management";
    case PCI_CAPABILITY_MSI: return "MSI";
    case PCI_CAPABILITY_VENDOR: return "vendor";
    case 0x0d: return "subsystem id";
    case PCI_CAPABILITY_EXPRESS: return "PCI Express";
    case PCI_CAPABILITY_MSIX: return "MSI-X";
    default: return "?";
    }
}

static void
print_capabilities(const struct pci_function *function)
{
    if ((pci_read(function, PCI_STATUS, 2) & PCI_STATUS_HAS_CAPABILITIES) == 0) {
        return;
    }
    uint32_t at = pci_read(function, PCI_CAPABILITIES, 1) & ~3U;
    for (unsigned step = 0; at >= PCI_CAPABILITY_FIRST && step < PCI_CAPABILITY_STEPS_MAX; step++) {
        uint32_t id = pci_read(function, at + PCI_CAPABILITY_ID, 1);

        console_print("         capability 0x%02x at 0x%02x: %s\n", id, at, capability_name(id));
        at = pci_read(function, at + PCI_CAPABILITY_NEXT, 1) & ~3U;
    }
}

static void
print_all(bool is_long)
{
    struct pci_function *function;

    for (uint32_t i = 0; (function = pci_function_at(i)) != NULL; i++) {
        print_function(function);
        if (is_long && !function->is_gone) {
            print_bars(function);
            print_capabilities(function);
        }
    }
}

/* The function of word 1, "02:00.0"; NULL: there is none (said). */
static struct pci_function *
named(const struct shell_call *call)
{
    struct pci_function *function;
    char name[8];

    for (uint32_t i = 0; (function = pci_function_at(i)) != NULL; i++) {
        if (!function->is_gone && strcmp(pci_name(function, name), call->argv[1]) == 0) {
            return function;
        }
    }
    (void)shell_fail(call, "%s: no function \"%s\"; pci list shows them all", call->argv[0],
                     call->argv[1]);
    return NULL;
}

static int
pci_list(const struct shell_call *call)
{
    print_all(false);
    return pci_function_at(0) == NULL ? shell_fail(call, "there is no PCI bus") : 0;
}

static int
pci_all(const struct shell_call *call)
{
    print_all(true);
    return pci_function_at(0) == NULL ? shell_fail(call, "there is no PCI bus") : 0;
}

static int
pci_unbind(const struct shell_call *call)
{
    struct pci_function *function = named(call);

    if (function == NULL) {
        return SHELL_FAILED;
    }
    int error = drv_function_removed(function, false);
    return error == 0
               ? 0
               : shell_fail(call, "unbind: the driver does not let go: %s", errno_text(error));
}

static int
pci_bind(const struct shell_call *call)
{
    struct pci_function *function = named(call);

    if (function == NULL) {
        return SHELL_FAILED;
    }
    if (function->driver != NULL) {
        return shell_fail(call, "bind: %s has it", function->driver);
    }
    drv_function_added(function);
    return function->driver != NULL ? 0 : shell_fail(call, "bind: there is no driver for it");
}

const struct subcommand cmd_pci_table[] = {
    {"list",    "",        pci_list,   0, 0},
    { "all",    "",        pci_all,    0, 0},
    { "unbind", "BB:DD.F", pci_unbind, 1, 1},
    { "bind",   "BB:DD.F", pci_bind,   1, 1},
    { NULL,     NULL,      NULL,       0, 0},
};

int
cmd_pci(const struct shell_call *call)
{
    return subcommand_run(cmd_pci_table, call);
}
