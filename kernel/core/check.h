/*
 * When we are wrong ourselves: CHECK and panic. Never for what a device, a device tree or a person said.
 */
#ifndef KERNEL_CORE_CHECK_H
#define KERNEL_CORE_CHECK_H

#include "kernel/core/base.h"

/*
 * Stop the kernel with a message, registers, backtrace, the last log lines and the memory map; then power off
 * (vitrine.panic=poweroff) or halt.
 * Context: any, interrupt handlers and held locks included. Returns: never.
 */
_Noreturn void panic(const char *format, ...) PRINTF_LIKE(1, 2);

/* What CHECK calls: panic naming the condition and its place. */
_Noreturn void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

/* The message of the panic under way, "" when there is none. For the architecture's trap handler. */
const char *panic_message(void);

/*
 * What the architecture's trap handler does after it has printed the registers: log tail, memory map, the end.
 * Context: exception. Returns: never.
 */
_Noreturn void panic_finish(void);

/*
 * Claim the right to report a panic. Another CPU that panics meanwhile halts; a panic within the report ends at once.
 * Context: exception. Returns: true for the first caller only.
 */
bool panic_begin(void);

/* Decide what happens after the report: vitrine.panic=poweroff or halt (at first). Context: boot. */
void panic_set_poweroff(bool should_poweroff);

#endif
