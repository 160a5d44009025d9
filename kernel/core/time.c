/* Time and timers: see time.h. There is no periodic tick: the hardware is set for the next deadline only. */
#include "kernel/core/time.h"

#include "kernel/arch/arch.h"
#include "kernel/core/check.h"
#include "kernel/core/lock.h"

static struct {
    struct spinlock lock;
    uint64_t hz;
    uint64_t ns_per_count_q32; /* nanoseconds per count, 32 fraction bits */
    struct timer *timers;      /* by rising deadline */
    uint64_t wake_ns;          /* what idle wants, UINT64_MAX for none */
    uint64_t fired_count;
    bool has_interrupt;
} timekeeper = { .wake_ns = UINT64_MAX };

void
time_init(void)
{
    timekeeper.hz = arch_counter_hz();
    timekeeper.ns_per_count_q32 = timekeeper.hz == 0 ? 0 : (NS_PER_S << 32) / timekeeper.hz;
}

uint64_t
time_now_ns(void)
{
    __extension__ typedef unsigned __int128 wide;

    return (uint64_t)((wide)arch_counter() * timekeeper.ns_per_count_q32 >> 32);
}

static uint64_t
count_from_ns(uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_S;

    if (ns == UINT64_MAX || seconds > UINT64_MAX / 2 / timekeeper.hz) {
        return UINT64_MAX;
    }
    /* Rounded up, so that time_now_ns() has reached the deadline when the interrupt comes. */
    return seconds * timekeeper.hz + (ns % NS_PER_S * timekeeper.hz + NS_PER_S - 1) / NS_PER_S;
}

uint64_t
time_deadline_ns(uint64_t duration_ns)
{
    uint64_t now_ns = time_now_ns();

    return duration_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + duration_ns;
}

bool
time_has_passed(uint64_t deadline_ns)
{
    return time_now_ns() >= deadline_ns;
}

/* With the lock held: set the hardware for the earliest of what is wanted. */
static void
program_hardware(void)
{
    uint64_t next_ns = timekeeper.wake_ns;

    if (timekeeper.timers != NULL) {
        next_ns = min_u64(next_ns, timekeeper.timers->deadline_ns);
    }
    if (timekeeper.hz != 0) {
        arch_timer_set(count_from_ns(next_ns));
    }
}

/* With the lock held. */
static void
unlink_timer(struct timer *timer)
{
    for (struct timer **link = &timekeeper.timers; *link != NULL; link = &(*link)->next) {
        if (*link == timer) {
            *link = timer->next;
            break;
        }
    }
    timer->is_armed = false;
}

void
timer_start(struct timer *timer, uint64_t deadline_ns)
{
    CHECK(timer->fn != NULL);
    uint64_t irq_state = spin_lock_irq(&timekeeper.lock);
    struct timer **link = &timekeeper.timers;

    unlink_timer(timer);
    while (*link != NULL && (*link)->deadline_ns <= deadline_ns) {
        link = &(*link)->next;
    }
    timer->deadline_ns = deadline_ns;
    timer->next = *link;
    timer->is_armed = true;
    *link = timer;
    program_hardware();
    spin_unlock_irq(&timekeeper.lock, irq_state);
}

void
timer_cancel(struct timer *timer)
{
    uint64_t irq_state = spin_lock_irq(&timekeeper.lock);

    unlink_timer(timer);
    program_hardware();
    spin_unlock_irq(&timekeeper.lock, irq_state);
}

void
time_set_wake(uint64_t deadline_ns)
{
    uint64_t irq_state = spin_lock_irq(&timekeeper.lock);

    timekeeper.wake_ns = deadline_ns;
    program_hardware();
    spin_unlock_irq(&timekeeper.lock, irq_state);
}

static struct timer *
take_due(uint64_t now_ns)
{
    uint64_t irq_state = spin_lock_irq(&timekeeper.lock);
    struct timer *timer = timekeeper.timers;

    if (timer != NULL && timer->deadline_ns <= now_ns) {
        unlink_timer(timer);
        timekeeper.fired_count++;
    } else {
        timer = NULL;
    }
    spin_unlock_irq(&timekeeper.lock, irq_state);
    return timer;
}

void
time_interrupt(void)
{
    uint64_t now_ns = time_now_ns();
    struct timer *timer;

    while ((timer = take_due(now_ns)) != NULL) {
        timer->fn(timer, timer->ctx);
    }
    uint64_t irq_state = spin_lock_irq(&timekeeper.lock);
    if (timekeeper.wake_ns <= now_ns) {
        timekeeper.wake_ns = UINT64_MAX; /* the interrupt itself has woken it */
    }
    program_hardware();
    spin_unlock_irq(&timekeeper.lock, irq_state);
}

uint64_t
time_timer_count(void)
{
    return timekeeper.fired_count;
}

void
time_set_has_interrupt(void)
{
    timekeeper.has_interrupt = true;
}

bool
time_has_interrupt(void)
{
    return timekeeper.has_interrupt;
}
