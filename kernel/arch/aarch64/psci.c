/* PSCI: see psci.h and aarch64.h. */
#include "kernel/arch/aarch64/psci.h"

#include <string.h>

#include "kernel/arch/aarch64/aarch64.h"
#include "kernel/arch/arch.h"
#include "kernel/core/errno.h"
#include "kernel/core/log.h"

/* SMC calling convention: bit 30 for 64-bit arguments. */
#define PSCI_VERSION      UINT64_C(0x84000000)
#define PSCI_SYSTEM_OFF   UINT64_C(0x84000008)
#define PSCI_SYSTEM_RESET UINT64_C(0x84000009)
#define PSCI_CPU_ON_64    UINT64_C(0xc4000003)

extern char secondary_entry[];

typedef int64_t (*conduit_fn)(uint64_t function, uint64_t a, uint64_t b, uint64_t c);

static int64_t
call_hvc(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return (int64_t)x0;
}

static int64_t
call_smc(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return (int64_t)x0;
}

static conduit_fn conduit; /* NULL: no PSCI */

int
psci_init(const char *method)
{
    if (strcmp(method, "hvc") == 0) {
        conduit = call_hvc;
    } else if (strcmp(method, "smc") == 0) {
        conduit = call_smc;
    } else {
        return -E_INVAL;
    }
    uint64_t version = (uint64_t)conduit(PSCI_VERSION, 0, 0, 0);
    log_info("psci", "version %lu.%lu by %s", version >> 16 & 0x7fff, version & 0xffff, method);
    return 0;
}

int
psci_cpu_on(uint64_t hw_id, const struct secondary_boot *boot)
{
    if (conduit == NULL) {
        return -E_NODEV;
    }
    int64_t result = conduit(PSCI_CPU_ON_64, hw_id, (uintptr_t)secondary_entry, (uintptr_t)boot);
    if (result != 0) {
        log_error("psci", "CPU_ON for 0x%lx answered %ld", hw_id, result);
        return -E_IO;
    }
    return 0;
}

int
arch_power_off(void)
{
    if (conduit != NULL) {
        (void)conduit(PSCI_SYSTEM_OFF, 0, 0, 0);
    }
    return -E_NODEV;
}

int
arch_reset(void)
{
    if (conduit != NULL) {
        (void)conduit(PSCI_SYSTEM_RESET, 0, 0, 0);
    }
    return -E_NODEV;
}
