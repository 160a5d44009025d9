/*
 * Time: nanoseconds since the counter started (on QEMU: since the machine did), and timers.
 */
#ifndef KERNEL_CORE_TIME_H
#define KERNEL_CORE_TIME_H

#include "kernel/core/base.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* Never goes back; 0 until the timer is known. Context: any. */
uint64_t time_now_ns(void);

/* now + duration, without wrapping. Context: any. */
uint64_t time_deadline_ns(uint64_t duration_ns);

/* Whether a deadline has passed. Context: any. */
bool time_has_passed(uint64_t deadline_ns);

/*
 * A callback at a moment. The structure is the caller's and must live while armed.
 * `fn` runs once, in interrupt context, with interrupts masked; it may arm its timer again.
 */
struct timer {
    uint64_t deadline_ns;
    void (*fn)(struct timer *timer, void *ctx);
    void *ctx;
    struct timer *next; /* the list's */
    bool is_armed;
};

/* Arm, or move an armed one. CHECKs fn. Context: any. */
void timer_start(struct timer *timer, uint64_t deadline_ns);

/* Disarm; nothing happens when not armed. `fn` is not running on this CPU when this returns. Context: any. */
void timer_cancel(struct timer *timer);

/* Wake an idle_wait at that moment: what idle.c asks for. UINT64_MAX for no wish. Context: main loop. */
void time_set_wake(uint64_t deadline_ns);

/* The architecture's timer interrupt: runs what is due and sets the next deadline. Context: interrupt, or idle without one. */
void time_interrupt(void);

/* Learn the counter's frequency from the architecture. Context: boot. */
void time_init(void);

/* The timer's interrupt arrives from now on. Context: boot. */
void time_set_has_interrupt(void);

/* Whether it does; where not, idle_wait polls in place of sleeping. */
bool time_has_interrupt(void);

/* Timers that have fired. */
uint64_t time_timer_count(void);

#endif
