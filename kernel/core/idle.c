/* Waiting: see idle.h. */
#include "kernel/core/idle.h"

#include "kernel/arch/arch.h"
#include "kernel/core/check.h"
#include "kernel/core/errno.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"

static struct idle_hook *hooks;

void
idle_register(struct idle_hook *hook)
{
    CHECK(hook->poll != NULL);
    hook->next = hooks;
    hooks = hook;
}

/* Returns: the earliest moment that a hook wants. A hook that waits itself comes here again and is not re-entered. */
static uint64_t
run_hooks(void)
{
    uint64_t wake_ns = UINT64_MAX;

    for (struct idle_hook *hook = hooks; hook != NULL; hook = hook->next) {
        if (hook->is_running) {
            continue;
        }
        hook->is_running = true;
        wake_ns = min_u64(wake_ns, hook->poll(hook->ctx));
        hook->is_running = false;
    }
    return wake_ns;
}

void
idle_wait(uint64_t deadline_ns)
{
    struct percpu *cpu = percpu_get();
    uint64_t seen_count = cpu->irq_count;

    deadline_ns = min_u64(deadline_ns, run_hooks());
    if (time_has_passed(deadline_ns)) {
        return;
    }
    if (!time_has_interrupt()) {
        time_interrupt(); /* a broken device tree: nothing would end the sleep */
        return;
    }
    time_set_wake(deadline_ns);
    /* An interrupt since the hooks began may have brought work that they did not see: then do not sleep. */
    uint64_t irq_state = arch_irq_save();
    if (cpu->irq_count == seen_count) {
        arch_wait_for_irq();
    }
    arch_irq_restore(irq_state);
}

int
idle_wait_for(bool (*is_done)(void *ctx), void *ctx, uint64_t deadline_ns)
{
    while (!is_done(ctx)) {
        if (time_has_passed(deadline_ns)) {
            return -E_TIMEDOUT;
        }
        idle_wait(deadline_ns);
    }
    return 0;
}

static bool
is_never(void *ctx)
{
    (void)ctx;
    return false;
}

void
idle_sleep_ns(uint64_t duration_ns)
{
    (void)idle_wait_for(is_never, NULL, time_deadline_ns(duration_ns));
}
