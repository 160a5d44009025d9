/*
 * The monitor: sets ALIVE in every ring that wants it, so that a waiting client can tell a long command from a dead process.
 * One thread per context, from the first such ring on; Mesa asks for once in 3 seconds.
 */
#include <errno.h>

#include "venus/context.h"
#include "venus/os.h"
#include "venus/ring.h"

/* A client that asks for more often than that is not worth the processor. */
#define REPORT_PERIOD_MIN_NS 20000000u
#define REPORT_PERIOD_MAX_NS (UINT64_C(1) << 42)

static void
report(struct vn_rings *rings)
{
    for (struct vn_ring *ring = rings->first; ring; ring = ring->next) {
        if (ring->report_period_ns) {
            atomic_fetch_or_explicit(ring->shared_status, VN_RING_ALIVE, memory_order_seq_cst);
        }
    }
}

/* Twice per period: one report may come late, and still none is missed. */
static uint64_t
next_report_ns(const struct vn_rings *rings)
{
    uint64_t period_ns = rings->report_period_ns;
    period_ns = period_ns < REPORT_PERIOD_MIN_NS ? REPORT_PERIOD_MIN_NS : period_ns;
    period_ns = period_ns < REPORT_PERIOD_MAX_NS ? period_ns : REPORT_PERIOD_MAX_NS;
    return vn_os_now_ns() + period_ns / 2;
}

static void *
monitor_main(void *argument)
{
    struct vn_rings *rings = argument;
    vn_os_thread_set_name("venus-monitor");
    (void)pthread_mutex_lock(&rings->lock);
    while (!rings->is_monitor_ending) {
        report(rings);
        (void)vn_os_cond_wait_until(&rings->monitor_wake, &rings->lock, next_report_ns(rings));
    }
    (void)pthread_mutex_unlock(&rings->lock);
    return NULL;
}

int
vn_monitor_add(struct vn_rings *rings, uint64_t report_period_ns)
{
    (void)pthread_mutex_lock(&rings->lock);
    if (!rings->has_monitor || report_period_ns < rings->report_period_ns) {
        rings->report_period_ns = report_period_ns;
        (void)pthread_cond_signal(&rings->monitor_wake);
    }
    int error = rings->has_monitor ? 0 : vn_os_thread_start(&rings->monitor, monitor_main, rings);
    rings->has_monitor = error == 0;
    (void)pthread_mutex_unlock(&rings->lock);
    return error;
}

void
vn_monitor_stop(struct vn_rings *rings)
{
    if (!rings->has_monitor) {
        return;
    }
    (void)pthread_mutex_lock(&rings->lock);
    rings->is_monitor_ending = true;
    (void)pthread_cond_signal(&rings->monitor_wake);
    (void)pthread_mutex_unlock(&rings->lock);
    (void)pthread_join(rings->monitor, NULL);
    rings->has_monitor = false;
}
