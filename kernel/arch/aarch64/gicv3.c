/*
 * GICv3 (Arm IHI 0069): distributor and one redistributor per CPU in memory, the CPU interface in system registers.
 * All interrupts are group 1 non-secure. See gic.h.
 */
#include "kernel/arch/aarch64/gic.h"
#include "kernel/arch/aarch64/sysreg.h"
#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/core/mmio.h"
#include "kernel/core/time.h"

/* Redistributor: a frame of controls, then one for this CPU's interrupts, laid out like the distributor. */
enum gicr_register {
    GICR_CTLR = 0x000,
    GICR_TYPER = 0x008,
    GICR_WAKER = 0x014,
    GICR_SGI_FRAME = 0x10000,
    GICR_FRAMES_BYTES = 0x20000,
    GICR_FRAMES_V4_BYTES = 0x40000, /* with the frames for virtual interrupts */
};

#define GICR_TYPER_LPIS  (UINT64_C(1) << 0)
#define GICR_TYPER_VLPIS (UINT64_C(1) << 1)
#define GICR_TYPER_LAST  (UINT64_C(1) << 4)

#define GICR_WAKER_SLEEP  (UINT32_C(1) << 1)
#define GICR_WAKER_ASLEEP (UINT32_C(1) << 2)

#define GICD_CTLR_GROUP1_NS (UINT32_C(1) << 1)
#define GICD_CTLR_ARE_NS    (UINT32_C(1) << 4)
#define GICD_CTLR_RWP       (UINT32_C(1) << 31)

/* ICC_* by encoding: assemblers that do not know the GIC's names take these. */
#define ICC_PMR_EL1     s3_0_c4_c6_0
#define ICC_IAR1_EL1    s3_0_c12_c12_0
#define ICC_EOIR1_EL1   s3_0_c12_c12_1
#define ICC_BPR1_EL1    s3_0_c12_c12_3
#define ICC_SRE_EL1     s3_0_c12_c12_5
#define ICC_IGRPEN1_EL1 s3_0_c12_c12_7
#define ICC_SGI1R_EL1   s3_0_c12_c11_5

/* SYSREG_READ stringizes its argument as it stands; this expands it first. */
#define ICC_READ(name)         SYSREG_READ(name)
#define ICC_WRITE(name, value) SYSREG_WRITE(name, value)

static struct {
    volatile void *distributor;
    volatile void *redistributors;
    uint64_t redistributors_bytes;
    volatile void *own[8]; /* each CPU's redistributor */
} gic;

static uint32_t
line_count(void)
{
    return gic_line_count(gic.distributor);
}

static uint64_t
own_affinity(void)
{
    uint64_t mpidr = SYSREG_READ(mpidr_el1);

    return (mpidr & 0xffffff) | (mpidr >> 32 & 0xff) << 24;
}

/* The frames whose TYPER names the running CPU. Returns: NULL when there are none. */
static volatile void *
find_redistributor(void)
{
    uint64_t offset = 0;

    while (offset + GICR_FRAMES_BYTES <= gic.redistributors_bytes) {
        volatile void *frames = (volatile char *)gic.redistributors + offset;
        uint64_t typer = mmio_read64(frames, GICR_TYPER);

        if (typer >> 32 == own_affinity()) {
            return frames;
        }
        if ((typer & GICR_TYPER_LAST) != 0) {
            return NULL;
        }
        offset += (typer & GICR_TYPER_VLPIS) != 0 ? GICR_FRAMES_V4_BYTES : GICR_FRAMES_BYTES;
    }
    return NULL;
}

static void
wake_redistributor(volatile void *frames)
{
    uint64_t deadline_ns = time_deadline_ns(100 * NS_PER_MS);

    mmio_modify32(frames, GICR_WAKER, GICR_WAKER_SLEEP, 0);
    while ((mmio_read32(frames, GICR_WAKER) & GICR_WAKER_ASLEEP) != 0) {
        if (time_has_passed(deadline_ns)) {
            log_error("gic", "redistributor of CPU %u does not wake", arch_cpu_idx());
            return;
        }
    }
}

static void
init_cpu(void)
{
    volatile void *frames = find_redistributor();

    if (frames == NULL) {
        log_error("gic", "CPU %u (affinity 0x%lx) has no redistributor", arch_cpu_idx(),
                  own_affinity());
        return;
    }
    gic.own[arch_cpu_idx()] = frames;
    wake_redistributor(frames);
    mmio_write32(frames, GICR_SGI_FRAME + GICD_IGROUPR, UINT32_MAX);
    for (uint32_t irq = 0; irq < IRQ_SHARED_FIRST; irq += 4) {
        mmio_write32(frames, GICR_SGI_FRAME + GICD_IPRIORITYR + irq, GIC_PRIORITY_OF_FOUR);
    }
    ICC_WRITE(ICC_SRE_EL1, ICC_READ(ICC_SRE_EL1) | 1);
    barrier_isb();
    ICC_WRITE(ICC_PMR_EL1, GIC_PRIORITY_MASK);
    ICC_WRITE(ICC_BPR1_EL1, 0);
    ICC_WRITE(ICC_IGRPEN1_EL1, 1);
    barrier_isb();
}

/* Where a line's bits are: this CPU's redistributor for its own lines, else the distributor. */
static volatile void *
bank_of(uint32_t irq)
{
    volatile char *frames = gic.own[arch_cpu_idx()];

    if (irq >= IRQ_SHARED_FIRST) {
        return gic.distributor;
    }
    return frames != NULL ? frames + GICR_SGI_FRAME : NULL;
}

static void
write_bit(uint32_t reg, uint32_t irq)
{
    volatile void *bank = bank_of(irq);

    if (bank != NULL) {
        mmio_write32(bank, reg + irq / 32 * 4, UINT32_C(1) << irq % 32);
    }
}

static void
enable(uint32_t irq)
{
    if (irq >= IRQ_MESSAGE_FIRST) {
        its_set_enabled(irq, true);
    } else {
        write_bit(GICD_ISENABLER, irq);
    }
}

static void
disable(uint32_t irq)
{
    if (irq >= IRQ_MESSAGE_FIRST) {
        its_set_enabled(irq, false);
    } else {
        write_bit(GICD_ICENABLER, irq);
    }
}

static void
set_trigger(uint32_t irq, enum irq_trigger trigger)
{
    volatile void *bank = bank_of(irq);

    if (bank != NULL) {
        gic_set_trigger(bank, irq, trigger);
    }
}

static uint32_t
acknowledge(void)
{
    uint64_t irq = ICC_READ(ICC_IAR1_EL1);

    barrier_dsb_sy(); /* the device's state is read after the interrupt was */
    return (uint32_t)irq & 0xffffff;
}

static void
finish(uint32_t irq)
{
    ICC_WRITE(ICC_EOIR1_EL1, irq);
    barrier_isb();
}

static void
raise_self(uint32_t software_irq)
{
    uint64_t affinity = own_affinity();
    uint64_t target = UINT64_C(1) << (affinity & 0xf);

    ICC_WRITE(ICC_SGI1R_EL1, (affinity >> 24 & 0xff) << 48 | (affinity >> 16 & 0xff) << 32 |
                                 (uint64_t)software_irq << 24 | (affinity >> 8 & 0xff) << 16 |
                                 target);
    barrier_isb();
}

static uint32_t
check(void (*print)(const char *format, ...))
{
    uint32_t wrong_count = 0;
    volatile void *bank = bank_of(0);

    wrong_count += gic_check_item(
        print, "GICD_CTLR (affinity, group 1)", mmio_read32(gic.distributor, GICD_CTLR),
        GICD_CTLR_ARE_NS | GICD_CTLR_GROUP1_NS, GICD_CTLR_ARE_NS | GICD_CTLR_GROUP1_NS);
    wrong_count +=
        gic_check_item(print, "ICC_SRE_EL1 (system registers)", ICC_READ(ICC_SRE_EL1), 1, 1);
    wrong_count += gic_check_item(print, "ICC_PMR_EL1 (priority mask)", ICC_READ(ICC_PMR_EL1), 0xf0,
                                  GIC_PRIORITY_MASK);
    wrong_count +=
        gic_check_item(print, "ICC_IGRPEN1_EL1 (group 1 on)", ICC_READ(ICC_IGRPEN1_EL1), 1, 1);
    if (bank != NULL) {
        wrong_count += gic_check_item(print, "GICR_IPRIORITYR (lines 24-27)",
                                      mmio_read32(bank, GICD_IPRIORITYR + 24), 0xf0f0f0f0,
                                      GIC_PRIORITY_OF_FOUR);
    }
    return wrong_count;
}

volatile void *
gicv3_redistributor(void)
{
    volatile void *frames = gic.own[0];

    return frames != NULL && (mmio_read64(frames, GICR_TYPER) & GICR_TYPER_LPIS) != 0 ? frames
                                                                                      : NULL;
}

static const struct irq_controller_ops ops = {
    .name = "GICv3",
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

static void
wait_for_distributor(void)
{
    uint64_t deadline_ns = time_deadline_ns(100 * NS_PER_MS);

    while ((mmio_read32(gic.distributor, GICD_CTLR) & GICD_CTLR_RWP) != 0) {
        if (time_has_passed(deadline_ns)) {
            log_error("gic", "the distributor does not finish a write");
            return;
        }
    }
}

void
gicv3_start(volatile void *distributor, volatile void *redistributors, uint64_t bytes)
{
    gic.distributor = distributor;
    gic.redistributors = redistributors;
    gic.redistributors_bytes = bytes;
    mmio_write32(distributor, GICD_CTLR, 0);
    wait_for_distributor();
    mmio_write32(distributor, GICD_CTLR, GICD_CTLR_ARE_NS);
    for (uint32_t irq = IRQ_SHARED_FIRST; irq < line_count(); irq += 32) {
        mmio_write32(distributor, GICD_ICENABLER + irq / 8, UINT32_MAX);
        mmio_write32(distributor, GICD_IGROUPR + irq / 8, UINT32_MAX);
    }
    for (uint32_t irq = IRQ_SHARED_FIRST; irq < line_count() && irq < IRQ_COUNT_MAX; irq++) {
        mmio_write8(distributor, GICD_IPRIORITYR + irq, GIC_PRIORITY);
        mmio_write64(distributor, GICD_IROUTER + irq * 8,
                     SYSREG_READ(mpidr_el1) & UINT64_C(0xff00ffffff));
    }
    wait_for_distributor();
    mmio_write32(distributor, GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_GROUP1_NS);
    irq_set_controller(&ops);
    log_info("gic", "GICv3, %u lines", line_count());
}
