/*
 * The kernel's own commands: help, echo, log, mem, metrics, devices, fdt, irq, cpu, fault, panic, reboot, poweroff,
 * selftest, time.
 */
#ifndef KERNEL_SHELL_COMMANDS_H
#define KERNEL_SHELL_COMMANDS_H

/* Register them all. Context: boot. */
void commands_init(void);

/* Those of commands_log.c and its like, for commands_init. */
void commands_log_init(void);
void commands_memory_init(void);
void commands_machine_init(void);
void commands_fault_init(void);
void commands_time_init(void);
void commands_selftest_init(void);

#endif
