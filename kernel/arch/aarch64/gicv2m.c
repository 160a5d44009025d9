/* GICv2m (Arm SBSA, "GICv2m"): a frame of registers that turns a written number into that shared line. See irq/msi.h. */
#include "kernel/arch/aarch64/gic.h"
#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/core/mmio.h"
#include "kernel/irq/msi.h"

enum v2m_register {
    V2M_TYPER = 0x008, /* first line in 25:16, how many in 9:0 */
    V2M_SETSPI = 0x040,
};

enum { V2M_LINES_MAX = 128 };

static struct {
    uint64_t setspi_address;
    uint32_t line_first;
    uint32_t line_count;
    bool is_taken[V2M_LINES_MAX];
} frame;

static void
free_lines(uint32_t device_id, uint32_t count, const uint32_t *irqs)
{
    (void)device_id;
    for (uint32_t i = 0; i < count; i++) {
        frame.is_taken[irqs[i] - frame.line_first] = false;
    }
}

static int
alloc_lines(uint32_t device_id, uint32_t count, uint32_t *irqs, struct msi_message *messages)
{
    uint32_t taken_count = 0;

    for (uint32_t i = 0; i < frame.line_count && taken_count < count; i++) {
        if (frame.is_taken[i]) {
            continue;
        }
        uint32_t irq = frame.line_first + i;
        frame.is_taken[i] = true;
        irqs[taken_count] = irq;
        messages[taken_count] = (struct msi_message){ frame.setspi_address, irq };
        taken_count++;
    }
    if (taken_count < count) {
        free_lines(device_id, taken_count, irqs);
        return -E_NOSPC;
    }
    return 0;
}

static const struct msi_controller_ops ops = {
    .name = "GICv2m",
    .alloc = alloc_lines,
    .free = free_lines,
};

int
gicv2m_start(volatile void *registers, uint64_t base)
{
    uint32_t typer = mmio_read32(registers, V2M_TYPER);

    frame.line_first = typer >> 16 & 0x3ff;
    frame.line_count = (uint32_t)min_u64(typer & 0x3ff, V2M_LINES_MAX);
    frame.setspi_address = base + V2M_SETSPI;
    if (frame.line_first < IRQ_SHARED_FIRST || frame.line_count == 0 ||
        frame.line_first + frame.line_count > irq_line_count()) {
        log_error("gic", "GICv2m: lines %u to %u are none of the GIC's", frame.line_first,
                  frame.line_first + frame.line_count);
        return -E_INVAL;
    }
    for (uint32_t i = 0; i < frame.line_count; i++) {
        irq_set_trigger(frame.line_first + i, IRQ_EDGE_RISING);
    }
    msi_set_controller(&ops);
    return (int)frame.line_count;
}
