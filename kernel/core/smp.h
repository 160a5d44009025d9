/*
 * The other CPUs: started at boot, then parked, each with its own data and stacks and interrupts on.
 */
#ifndef KERNEL_CORE_SMP_H
#define KERNEL_CORE_SMP_H

/* Start every CPU that percpu knows and wait until they are online, at most 1 s. Context: boot CPU. */
void smp_start(void);

/* What another CPU runs. Context: that CPU, interrupts masked. Returns: never. */
_Noreturn void smp_cpu_main(void);

#endif
