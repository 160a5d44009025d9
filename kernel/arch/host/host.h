/*
 * The fake architecture: the kernel's core in an ordinary process, for unit tests and fuzzers. Time stands still unless a test
 * moves it (or the kernel waits), interrupts come when a test raises them, a panic can be expected.
 */
#ifndef KERNEL_ARCH_HOST_HOST_H
#define KERNEL_ARCH_HOST_HOST_H

#include <setjmp.h>

#include "kernel/core/base.h"

/* Move time on, and run the timer interrupt where one was due. */
void host_advance_ns(uint64_t duration_ns);

/* The counter value that the kernel last asked to be woken at; UINT64_MAX: none. One count is one nanosecond. */
uint64_t host_timer_count(void);

/* Called in place of sleeping, after time has moved to the next timer (or by 1 ms). NULL: nothing. */
void host_on_sleep(void (*fn)(void));

/* Everything that was written to the console since host_console_clear; the last 64 KiB of it. */
const char *host_console(void);
void host_console_clear(void);

/* Capture the console from now on. */
void host_console_start(void);

/* Give the page allocator `bytes` bytes of this process's memory, filled with a pattern. Earlier memory is forgotten. */
void host_memory_init(size_t bytes);

/* An interrupt controller that counts; raise runs the handler. */
void host_irq_init(void);
void host_irq_raise(uint32_t irq);
bool host_irq_is_enabled(uint32_t irq);

/* Let these answer every register access, which then is to no memory. NULL both: registers are memory of the test's. */
void host_on_mmio(uint32_t (*read)(uint64_t address),
                  void (*write)(uint64_t address, unsigned width, uint32_t value));

/* For HOST_PANICS. */
extern jmp_buf host_panic_jump;
extern bool host_is_panic_expected;

/* Whether `statement` panics; panic_message() tells why. Locks that it held stay held. */
#define HOST_PANICS(statement) \
 __extension__({ \
bool host_has_panicked = setjmp(host_panic_jump) != 0; \
if (!host_has_panicked) { \
host_is_panic_expected = true; \
statement; \
} \
host_is_panic_expected = false; \
host_has_panicked; \
 })

#endif
