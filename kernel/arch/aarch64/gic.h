/*
 * Arm's generic interrupt controllers, both generations behind struct irq_controller_ops (irq/irq.h).
 */
#ifndef KERNEL_ARCH_AARCH64_GIC_H
#define KERNEL_ARCH_AARCH64_GIC_H

#include "kernel/core/base.h"
#include "kernel/irq/irq.h"

/* Registers of the distributor that both generations have (Arm IHI 0048, IHI 0069). */
enum gicd_register {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IGROUPR = 0x080,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_IPRIORITYR = 0x400,
    GICD_ITARGETSR = 0x800, /* v2 */
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,     /* v2 */
    GICD_IROUTER = 0x6000, /* v3 */
};

enum {
    GIC_PRIORITY = 0xa0, /* of every line; more urgent than the mask, so that all get through */
    GIC_PRIORITY_MASK = 0xf0, /* PMR */
};

/* The same for the four lines of one register. */
#define GIC_PRIORITY_OF_FOUR UINT32_C(0xa0a0a0a0)

/*
 * Initialise the distributor and become the interrupt controller.
 * @distributor, @cpu  mapped registers.
 */
void gicv2_start(volatile void *distributor, volatile void *cpu);

/*
 * @redistributors  mapped registers of `bytes` bytes, 128 KiB or more per CPU.
 */
void gicv3_start(volatile void *distributor, volatile void *redistributors, uint64_t bytes);

/*
 * Take messages by a GICv2m frame, whose mapped registers lie at physical `base`.
 * Returns: how many lines it has; -E_INVAL (logged).
 */
int gicv2m_start(volatile void *registers, uint64_t base);

/* The boot CPU's redistributor; NULL without a GICv3 that has messages. Context: the boot CPU. */
volatile void *gicv3_redistributor(void);

/*
 * Take messages by an ITS, whose mapped registers lie at physical `base`.
 * Returns: 0; -E_NOMEM, -E_TIMEDOUT (a command is not done), -E_OPNOTSUPP (it does not see the CPU's caches).
 */
int its_start(volatile void *registers, uint64_t base, volatile void *redistributor);

/* Let an interrupt by message through, or not. */
void its_set_enabled(uint32_t irq, bool is_enabled);

/* Lines that the distributor has. */
uint32_t gic_line_count(volatile void *distributor);

/* Set edge or level in the configuration register of `bank` (distributor or redistributor). */
void gic_set_trigger(volatile void *bank, uint32_t irq, enum irq_trigger trigger);

/* Print "name: value" and whether it is as wanted under `mask`. Returns: 1 when not, else 0. */
uint32_t gic_check_item(void (*print)(const char *format, ...), const char *name, uint64_t value,
                        uint64_t mask, uint64_t wanted);

#endif
