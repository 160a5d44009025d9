/* The other CPUs: see smp.h. */
#include "kernel/core/smp.h"

#include "kernel/arch/arch.h"
#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"
#include "kernel/irq/irq.h"

void
smp_cpu_main(void)
{
    struct percpu *cpu = percpu_get();

    if (irq_controller_name() != NULL) {
        irq_init_cpu();
    }
    __atomic_store_n(&cpu->is_online, true, __ATOMIC_RELEASE); /* pairs with percpu_online_count */
    for (;;) {
        arch_wait_for_irq();
        cpu->wake_count++;
        arch_irq_enable(); /* what woke us is handled here */
        (void)arch_irq_save();
    }
}

void
smp_start(void)
{
    uint64_t deadline_ns = time_deadline_ns(NS_PER_S);

    for (uint32_t i = 1; i < percpu_count(); i++) {
        int error = arch_cpu_start(i);

        if (error != 0) {
            log_warn("smp", "CPU %u does not start: %s", i, errno_text(error));
        }
    }
    while (percpu_online_count() < percpu_count() && !time_has_passed(deadline_ns)) {
        arch_spin_hint();
    }
    log_info("smp", "%u of %u CPUs online", percpu_online_count(), percpu_count());
}
