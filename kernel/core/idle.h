/*
 * Waiting. The kernel has one main thread; whatever waits, waits here, and the network stack, the screen and the drivers
 * do their work meanwhile, as hooks.
 */
#ifndef KERNEL_CORE_IDLE_H
#define KERNEL_CORE_IDLE_H

#include "kernel/core/base.h"

struct idle_hook {
    const char *name;

    /*
     * Do what is there to do, without waiting. Called in the main thread, interrupts on, before every sleep; not called
     * again while it runs. Returns: the next moment it wants to be called without an interrupt happening, in ns
     * (UINT64_MAX: none; 0: at once).
     */
    uint64_t (*poll)(void *ctx);
    void *ctx;
    bool is_running;        /* idle's */
    struct idle_hook *next; /* idle's */
};

/* Add a hook; the structure is the caller's and stays. Context: main thread. */
void idle_register(struct idle_hook *hook);

/*
 * Run the hooks, then sleep until an interrupt, a hook's wish or the deadline, whichever comes first. Callers loop:
 *   while (!done && !time_has_passed(deadline_ns)) { idle_wait(deadline_ns); }
 * Context: main thread, interrupts on.
 */
void idle_wait(uint64_t deadline_ns);

/*
 * Wait until `is_done(ctx)` or the deadline. Context: main thread.
 * Returns: 0; -E_TIMEDOUT.
 */
int idle_wait_for(bool (*is_done)(void *ctx), void *ctx, uint64_t deadline_ns);

/* Sleep, hooks running. Context: main thread. */
void idle_sleep_ns(uint64_t duration_ns);

#endif
