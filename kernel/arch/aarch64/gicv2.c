/* GICv2 (Arm IHI 0048): distributor and CPU interface in memory. See gic.h. */
#include "kernel/arch/aarch64/gic.h"
#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/core/mmio.h"

enum gicc_register {
    GICC_CTLR = 0x00,
    GICC_PMR = 0x04,
    GICC_BPR = 0x08,
    GICC_IAR = 0x0c,
    GICC_EOIR = 0x10,
};

static struct {
    volatile void *distributor;
    volatile void *cpu;
    uint32_t acknowledged[8]; /* per CPU: the last IAR, whose source bits EOIR wants back */
} gic;

static uint32_t
line_count(void)
{
    return gic_line_count(gic.distributor);
}

/* Everything below line 32 is banked: each CPU sets its own. */
static void
init_cpu(void)
{
    for (uint32_t irq = 0; irq < IRQ_SHARED_FIRST; irq += 4) {
        mmio_write32(gic.distributor, GICD_IPRIORITYR + irq, GIC_PRIORITY_OF_FOUR);
    }
    mmio_write32(gic.cpu, GICC_PMR, GIC_PRIORITY_MASK);
    mmio_write32(gic.cpu, GICC_BPR, 0);
    mmio_write32(gic.cpu, GICC_CTLR, 1);
}

static void
enable(uint32_t irq)
{
    mmio_write32(gic.distributor, GICD_ISENABLER + irq / 32 * 4, UINT32_C(1) << irq % 32);
}

static void
disable(uint32_t irq)
{
    mmio_write32(gic.distributor, GICD_ICENABLER + irq / 32 * 4, UINT32_C(1) << irq % 32);
}

static void
set_trigger(uint32_t irq, enum irq_trigger trigger)
{
    gic_set_trigger(gic.distributor, irq, trigger);
}

static uint32_t
acknowledge(void)
{
    uint32_t iar = mmio_read32(gic.cpu, GICC_IAR);

    gic.acknowledged[arch_cpu_idx()] = iar;
    return iar & 0x3ff;
}

static void
finish(uint32_t irq)
{
    (void)irq;
    mmio_write32(gic.cpu, GICC_EOIR, gic.acknowledged[arch_cpu_idx()]);
}

static void
raise_self(uint32_t software_irq)
{
    enum { TARGET_SELF = 2 << 24 };

    mmio_write32(gic.distributor, GICD_SGIR, TARGET_SELF | software_irq);
}

static uint32_t
check(void (*print)(const char *format, ...))
{
    uint32_t wrong_count = 0;

    wrong_count += gic_check_item(print, "GICD_CTLR (distributor on)",
                                  mmio_read32(gic.distributor, GICD_CTLR), 1, 1);
    wrong_count += gic_check_item(print, "GICC_CTLR (CPU interface on)",
                                  mmio_read32(gic.cpu, GICC_CTLR), 1, 1);
    wrong_count += gic_check_item(print, "GICC_PMR (priority mask)", mmio_read32(gic.cpu, GICC_PMR),
                                  0xf0, GIC_PRIORITY_MASK);
    wrong_count += gic_check_item(print, "GICD_IPRIORITYR (lines 24-27)",
                                  mmio_read32(gic.distributor, GICD_IPRIORITYR + 24), 0xf0f0f0f0,
                                  GIC_PRIORITY_OF_FOUR);
    return wrong_count;
}

static const struct irq_controller_ops ops = {
    .name = "GICv2",
    .line_count = line_count,
    .init_cpu = init_cpu,
    .enable = enable,
    .disable = disable,
    .set_trigger = set_trigger,
    .acknowledge = acknowledge,
    .finish = finish,
    .raise_self = raise_self,
    .check = check,
};

void
gicv2_start(volatile void *distributor, volatile void *cpu)
{
    gic.distributor = distributor;
    gic.cpu = cpu;
    mmio_write32(distributor, GICD_CTLR, 0);
    for (uint32_t irq = IRQ_SHARED_FIRST; irq < line_count(); irq += 4) {
        mmio_write32(distributor, GICD_IPRIORITYR + irq, GIC_PRIORITY_OF_FOUR);
        mmio_write32(distributor, GICD_ITARGETSR + irq, 0x01010101U); /* the boot CPU takes all */
    }
    for (uint32_t irq = IRQ_SHARED_FIRST; irq < line_count(); irq += 32) {
        mmio_write32(distributor, GICD_ICENABLER + irq / 8, UINT32_MAX);
    }
    mmio_write32(distributor, GICD_CTLR, 1);
    irq_set_controller(&ops);
    log_info("gic", "GICv2, %u lines", line_count());
}
