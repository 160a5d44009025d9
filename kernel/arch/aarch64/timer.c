/* The generic timer: see timer.h and arch.h. */
#include "kernel/arch/aarch64/timer.h"

#include "kernel/arch/aarch64/sysreg.h"
#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/irq/irq.h"

#define CNTV_ENABLE UINT64_C(1)

uint64_t
arch_counter(void)
{
    barrier_isb(); /* the counter may be read early, before what stands before it */
    return SYSREG_READ(cntvct_el0);
}

uint64_t
arch_counter_hz(void)
{
    return SYSREG_READ(cntfrq_el0);
}

void
arch_timer_set(uint64_t count)
{
    if (count == UINT64_MAX) {
        SYSREG_WRITE(cntv_ctl_el0, 0);
    } else {
        SYSREG_WRITE(cntv_cval_el0, count);
        SYSREG_WRITE(cntv_ctl_el0, CNTV_ENABLE);
    }
    barrier_isb();
}

static void
on_timer(uint32_t irq, void *ctx)
{
    (void)irq;
    (void)ctx;
    time_interrupt();
}

int
timer_attach(uint32_t irq, uint32_t trigger)
{
    int error = irq_register(irq, (enum irq_trigger)trigger, on_timer, NULL, "timer");

    if (error == 0) {
        time_set_has_interrupt();
        log_info("timer", "virtual timer, %lu Hz, interrupt %u", arch_counter_hz(), irq);
    }
    return error;
}
