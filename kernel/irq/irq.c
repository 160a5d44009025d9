/* Interrupts: see irq.h. */
#include "kernel/irq/irq.h"

#include "kernel/core/check.h"
#include "kernel/core/errno.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"

enum {
    SELF_TEST_IRQ = 1,
};

static struct {
    struct spinlock lock;
    const struct irq_controller_ops *ops;
    uint32_t line_count;
    struct irq_line lines[IRQ_COUNT_MAX];
    struct irq_line messages[IRQ_MESSAGE_COUNT];
    uint64_t unhandled_count;
    uint64_t spurious_count;
} irqs;

void
irq_set_controller(const struct irq_controller_ops *ops)
{
    CHECK(irqs.ops == NULL);
    irqs.line_count = ops->line_count();
    irqs.line_count = irqs.line_count < IRQ_COUNT_MAX ? irqs.line_count : IRQ_COUNT_MAX;
    irqs.ops = ops;
    ops->init_cpu();
}

const char *
irq_controller_name(void)
{
    return irqs.ops != NULL ? irqs.ops->name : NULL;
}

uint32_t
irq_line_count(void)
{
    return irqs.line_count;
}

/* NULL: there is no such number. */
static struct irq_line *
find_line(uint32_t irq)
{
    if (irq >= IRQ_MESSAGE_FIRST) {
        irq -= IRQ_MESSAGE_FIRST;
        return irq < IRQ_MESSAGE_COUNT ? &irqs.messages[irq] : NULL;
    }
    return irq < irqs.line_count ? &irqs.lines[irq] : NULL;
}

int
irq_register(uint32_t irq, enum irq_trigger trigger, irq_handler handler, void *ctx,
             const char *name)
{
    CHECK(handler != NULL && name != NULL);
    if (irqs.ops == NULL) {
        return -E_NODEV;
    }
    struct irq_line *line = find_line(irq);
    if (line == NULL) {
        return -E_RANGE;
    }
    uint64_t irq_state = spin_lock_irq(&irqs.lock);
    const char *owner = line->name;

    if (owner == NULL) {
        *line = (struct irq_line){ name, handler, ctx, 0 };
        if (trigger != IRQ_TRIGGER_ANY && irq >= IRQ_SOFTWARE_COUNT) {
            irqs.ops->set_trigger(irq, trigger);
        }
        irqs.ops->enable(irq);
    }
    spin_unlock_irq(&irqs.lock, irq_state);
    if (owner != NULL) {
        log_error("irq", "line %u for %s: already taken by %s", irq, name, owner);
        return -E_BUSY;
    }
    log_debug("irq", "line %u: %s", irq, name);
    return 0;
}

int
irq_unregister(uint32_t irq)
{
    int error = -E_NOENT;
    uint64_t irq_state = spin_lock_irq(&irqs.lock);

    struct irq_line *line = find_line(irq);

    if (line != NULL && line->name != NULL) {
        irqs.ops->disable(irq);
        *line = (struct irq_line){ 0 };
        error = 0;
    }
    spin_unlock_irq(&irqs.lock, irq_state);
    return error;
}

void
irq_set_trigger(uint32_t irq, enum irq_trigger trigger)
{
    CHECK(irqs.ops != NULL && irq >= IRQ_SHARED_FIRST && irq < irqs.line_count);
    irqs.ops->set_trigger(irq, trigger);
}

void
irq_enable_here(uint32_t irq)
{
    CHECK(irqs.ops != NULL && irq < IRQ_SHARED_FIRST);
    irqs.ops->enable(irq);
}

void
irq_init_cpu(void)
{
    CHECK(irqs.ops != NULL);
    irqs.ops->init_cpu();
}

static void
handle(uint32_t irq, struct irq_line *line)
{
    if (line->handler == NULL) {
        /* Nobody will quiet it: without this it would come again at once, for ever. */
        irqs.unhandled_count++;
        irqs.ops->disable(irq);
        log_warn("irq", "line %u: nobody has registered, disabled", irq);
        return;
    }
    __atomic_fetch_add(&line->count, 1, __ATOMIC_RELAXED);
    line->handler(irq, line->ctx);
}

void
irq_dispatch(void)
{
    struct percpu *cpu = percpu_get();
    uint32_t irq = irqs.ops->acknowledge();

    cpu->irq_count++;
    struct irq_line *line = find_line(irq);
    if (line == NULL) {
        irqs.spurious_count++;
        return;
    }
    while (line != NULL) {
        handle(irq, line);
        irqs.ops->finish(irq);
        irq = irqs.ops->acknowledge();
        line = find_line(irq);
    }
}

const struct irq_line *
irq_line_at(uint32_t irq)
{
    return find_line(irq);
}

const struct irq_line *
irq_next_registered(uint32_t *irq)
{
    for (; *irq < IRQ_MESSAGE_FIRST + IRQ_MESSAGE_COUNT; ++*irq) {
        const struct irq_line *line = find_line(*irq);

        if (line != NULL && line->name != NULL) {
            return line;
        }
    }
    return NULL;
}

uint64_t
irq_unhandled_count(void)
{
    return irqs.unhandled_count;
}

uint64_t
irq_spurious_count(void)
{
    return irqs.spurious_count;
}

static void
on_self_test(uint32_t irq, void *ctx)
{
    uint64_t *arrived_ns = ctx;

    (void)irq;
    __atomic_store_n(arrived_ns, time_now_ns(), __ATOMIC_RELEASE);
}

int
irq_self_test(uint64_t *latency_ns)
{
    uint64_t arrived_ns = 0;
    int error =
        irq_register(SELF_TEST_IRQ, IRQ_TRIGGER_ANY, on_self_test, &arrived_ns, "self test");

    if (error != 0) {
        return error;
    }
    uint64_t raised_ns = time_now_ns();
    uint64_t deadline_ns = time_deadline_ns(100 * NS_PER_MS);
    irqs.ops->raise_self(SELF_TEST_IRQ);
    while (__atomic_load_n(&arrived_ns, __ATOMIC_ACQUIRE) == 0 && !time_has_passed(deadline_ns)) {
    }
    error = arrived_ns == 0 ? -E_TIMEDOUT : 0;
    *latency_ns = arrived_ns - raised_ns;
    (void)irq_unregister(SELF_TEST_IRQ);
    return error;
}

int
irq_check(void (*print)(const char *format, ...))
{
    return irqs.ops == NULL ? -E_NODEV : (int)irqs.ops->check(print);
}
