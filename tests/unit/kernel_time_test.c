/* Time, timers, waiting, interrupts. */
#include "kernel/arch/host/host.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"
#include "kernel/irq/irq.h"
#include "tests/unit/utest.h"

static uint32_t order[8];
static uint32_t order_count;

static void
on_timer(struct timer *timer, void *ctx)
{
    EXPECT_FALSE(timer->is_armed);
    EXPECT_TRUE(time_now_ns() >= timer->deadline_ns);
    order[order_count++] = *(uint32_t *)ctx;
}

UTEST(timers_fire_in_order_of_deadline)
{
    uint32_t names[3] = { 1, 2, 3 };
    struct timer timers[3];
    uint64_t now_ns = time_now_ns();

    order_count = 0;
    for (size_t i = 0; i < 3; i++) {
        timers[i] = (struct timer){ .fn = on_timer, .ctx = &names[i] };
    }
    timer_start(&timers[0], now_ns + 300);
    timer_start(&timers[1], now_ns + 100);
    timer_start(&timers[2], now_ns + 200);
    EXPECT_EQ(host_timer_count(), now_ns + 100);
    timer_start(&timers[1], now_ns + 400); /* moved */
    EXPECT_EQ(host_timer_count(), now_ns + 200);
    host_advance_ns(250);
    EXPECT_EQ(order_count, 1);
    timer_cancel(&timers[0]);
    timer_cancel(&timers[0]);
    host_advance_ns(250);
    EXPECT_EQ(order_count, 2);
    EXPECT_EQ(order[0], 3);
    EXPECT_EQ(order[1], 2);
    EXPECT_TRUE(host_timer_count() == UINT64_MAX);
}

static void
rearm(struct timer *timer, void *ctx)
{
    uint32_t *left_count = ctx;

    if (--*left_count > 0) {
        timer_start(timer, timer->deadline_ns + 10);
    }
}

UTEST(a_timer_may_arm_itself_again)
{
    uint32_t left_count = 5;
    struct timer timer = { .fn = rearm, .ctx = &left_count };

    timer_start(&timer, time_now_ns() + 10);
    host_advance_ns(1000);
    EXPECT_EQ(left_count, 0);
}

UTEST(deadlines_do_not_wrap)
{
    EXPECT_TRUE(time_deadline_ns(UINT64_MAX) == UINT64_MAX);
    EXPECT_FALSE(time_has_passed(UINT64_MAX));
    EXPECT_TRUE(time_has_passed(time_now_ns()));
}

UTEST(sleeping_ends_at_its_deadline)
{
    uint64_t before_ns = time_now_ns();

    idle_sleep_ns(5 * NS_PER_MS);
    EXPECT_EQ(time_now_ns(), before_ns + 5 * NS_PER_MS);
}

static bool
is_set(void *ctx)
{
    return *(bool *)ctx;
}

UTEST(waiting_has_a_deadline)
{
    bool never = false;
    bool always = true;

    EXPECT_EQ(idle_wait_for(is_set, &never, time_deadline_ns(NS_PER_MS)), -E_TIMEDOUT);
    EXPECT_EQ(idle_wait_for(is_set, &always, 0), 0);
}

static uint32_t poll_count;

static uint64_t
poll(void *ctx)
{
    (void)ctx;
    poll_count++;
    if (poll_count == 1) {
        idle_wait(time_now_ns() + 1); /* a hook that waits is not entered again */
    }
    return time_now_ns() + NS_PER_MS;
}

UTEST(hooks_run_while_waiting_and_choose_when_to_wake)
{
    static struct idle_hook hook = { .name = "test", .poll = poll };

    idle_register(&hook);
    poll_count = 0;
    idle_sleep_ns(10 * NS_PER_MS);
    EXPECT_TRUE(poll_count >= 9 && poll_count <= 12);
}

static uint32_t handled_count;

static void
on_irq(uint32_t irq, void *ctx)
{
    EXPECT_EQ(irq, 40);
    EXPECT_TRUE(ctx == &handled_count);
    handled_count++;
}

UTEST(interrupts_reach_their_handler_and_are_counted)
{
    uint64_t latency_ns;

    EXPECT_EQ(irq_register(40, IRQ_EDGE_RISING, on_irq, NULL, "test"), -E_NODEV);
    host_irq_init();
    EXPECT_EQ(irq_register(5000, IRQ_EDGE_RISING, on_irq, NULL, "test"), -E_RANGE);
    EXPECT_EQ(irq_register(40, IRQ_EDGE_RISING, on_irq, &handled_count, "test"), 0);
    EXPECT_EQ(irq_register(40, IRQ_EDGE_RISING, on_irq, NULL, "other"), -E_BUSY);
    EXPECT_TRUE(host_irq_is_enabled(40));
    host_irq_raise(40);
    host_irq_raise(40);
    EXPECT_EQ(handled_count, 2);
    EXPECT_EQ(irq_line_at(40)->count, 2);
    EXPECT_EQ(irq_unregister(40), 0);
    EXPECT_EQ(irq_unregister(40), -E_NOENT);
    EXPECT_FALSE(host_irq_is_enabled(40));
    EXPECT_EQ(irq_self_test(&latency_ns), 0);
}

UTEST(an_interrupt_that_nobody_wants_is_disabled)
{
    uint64_t before = irq_unhandled_count();

    host_irq_init();
    host_irq_raise(50);
    EXPECT_EQ(irq_unhandled_count(), before + 1);
    EXPECT_FALSE(host_irq_is_enabled(50));
    before = irq_spurious_count();
    host_irq_raise(IRQ_SPURIOUS);
    EXPECT_EQ(irq_spurious_count(), before + 1);
}
