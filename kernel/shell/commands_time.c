/* The `time` command: the clock, and how late timers come. */
#include <string.h>

#include "kernel/arch/arch.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/idle.h"
#include "kernel/core/time.h"
#include "kernel/shell/commands.h"
#include "kernel/shell/shell.h"

enum {
    SAMPLE_COUNT_DEFAULT = 100,
    SAMPLE_COUNT_MAX = 100000,
};

struct jitter {
    struct timer timer;
    uint64_t sample_count;
    uint64_t wanted_count;
    uint64_t least_ns;
    uint64_t most_ns;
    uint64_t sum_ns;
};

/* In the interrupt: how late is it? Then again 1 ms later. */
static void
take_sample(struct timer *timer, void *ctx)
{
    struct jitter *jitter = ctx;
    uint64_t late_ns = time_now_ns() - timer->deadline_ns;

    jitter->least_ns = min_u64(jitter->least_ns, late_ns);
    jitter->most_ns = max_u64(jitter->most_ns, late_ns);
    jitter->sum_ns += late_ns;
    jitter->sample_count++;
    if (jitter->sample_count < jitter->wanted_count) {
        timer_start(timer, time_deadline_ns(NS_PER_MS));
    }
}

/* All samples, or Ctrl-C. */
static bool
is_finished(void *ctx)
{
    const struct jitter *jitter = ctx;

    return shell_is_interrupted() ||
           __atomic_load_n(&jitter->sample_count, __ATOMIC_ACQUIRE) == jitter->wanted_count;
}

static int
measure_jitter(const struct shell_call *call, uint64_t sample_count)
{
    struct jitter jitter = { .wanted_count = sample_count, .least_ns = UINT64_MAX };

    jitter.timer.fn = take_sample;
    jitter.timer.ctx = &jitter;
    timer_start(&jitter.timer, time_deadline_ns(NS_PER_MS));
    int error = idle_wait_for(is_finished, &jitter,
                              time_deadline_ns((sample_count + 1000) * 10 * NS_PER_MS));
    timer_cancel(&jitter.timer);
    if (error != 0 || jitter.sample_count < sample_count) {
        return shell_fail(call, "only %lu of %lu timers came", jitter.sample_count, sample_count);
    }
    console_print(
        "%lu timers of 1 ms came late by %lu us at least, %lu us on average, %lu us at most\n",
        sample_count, jitter.least_ns / NS_PER_US, jitter.sum_ns / sample_count / NS_PER_US,
        jitter.most_ns / NS_PER_US);
    return 0;
}

static int
cmd_time(const struct shell_call *call)
{
    uint64_t sample_count = SAMPLE_COUNT_DEFAULT;

    if (call->argc == 1) {
        uint64_t now_ns = time_now_ns();

        console_print("up %lu.%06lu s, counter %lu Hz, %lu timers fired\n", now_ns / NS_PER_S,
                      now_ns % NS_PER_S / NS_PER_US, arch_counter_hz(), time_timer_count());
        return 0;
    }
    if (call->argc > 3 || strcmp(call->argv[1], "jitter") != 0) {
        return shell_usage(call, "unknown word: %s", call->argv[1]);
    }
    if (call->argc == 3 &&
        (parse_u64(call->argv[2], SAMPLE_COUNT_MAX, &sample_count) != 0 || sample_count == 0)) {
        return shell_usage(call, "the count is 1 to %d", SAMPLE_COUNT_MAX);
    }
    return measure_jitter(call, sample_count);
}

static const struct shell_command commands[] = {
    {"time", "[jitter [COUNT]]", "the clock; measure how late timers come", cmd_time},
};

void
commands_time_init(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
}
