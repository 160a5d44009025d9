/* What GICv2 and GICv3 have in common: see gic.h. */
#include "kernel/arch/aarch64/gic.h"
#include "kernel/core/mmio.h"

uint32_t
gic_line_count(volatile void *distributor)
{
    return 32 * ((mmio_read32(distributor, GICD_TYPER) & 0x1f) + 1);
}

void
gic_set_trigger(volatile void *bank, uint32_t irq, enum irq_trigger trigger)
{
    uint32_t bit = UINT32_C(2) << (irq % 16 * 2);

    mmio_modify32(bank, GICD_ICFGR + irq / 16 * 4, bit, trigger == IRQ_EDGE_RISING ? bit : 0);
}

uint32_t
gic_check_item(void (*print)(const char *format, ...), const char *name, uint64_t value,
               uint64_t mask, uint64_t wanted)
{
    bool is_right = (value & mask) == wanted;

    print("  %-34s 0x%02lx  %s\n", name, value, is_right ? "ok" : "WRONG");
    return is_right ? 0 : 1;
}
