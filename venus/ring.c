/*
 * The thread of a ring: sees a new tail, copies, executes, rests.  See venus/ring.h; making and ending rings is in rings.c.
 */
#include "venus/ring.h"

#include <string.h>

#include "venus/context.h"
#include "venus/habit.h"
#include "venus/os.h"

/*
 * How a thread waits for the next tail.  A new tail is most likely at once, so:
 *
 *   REST_PAUSES   looks between pauses alone          a client that calls one synchronous command after another (< 1 us)
 *   REST_SPIN_NS  looks between yields                the same client computing a little; others may have the processor
 *   REST_ALONE_NS the same, while nobody takes it     a client that is woken by us between two commands
 *   then naps     looks between naps that double      a client that works on a frame; the processor is free
 *   then asleep   IDLE is set, the client notifies    nobody: no wake-up until then
 *
 * A yield that took longer than CROWDED_NS let somebody else run, perhaps the very client on the same processor: as long as
 * that is so, the pauses are left out, which it would wait for in vain.  One that took longer than ROBBED_NS gave the
 * processor to somebody who computes, and who may keep it for milliseconds: then the next yields are naps, from which a
 * thread comes back in time.
 *
 * Naps end when nothing has come for idleTimeout (what the client asked; Mesa: 1 ms), and grow up to a part of it.  With a
 * client that asks for a very long idleTimeout they grow to NAP_MAX_NS, so that an empty ring never wakes more than 4 times
 * per second.
 *
 * A client that comes at regular intervals (habit.h) finds the thread up, looking between yields from shortly before it is due;
 * a wake-up on time costs the client far less than one by notification.  One that stays away costs one such look, and then
 * nothing.
 *
 * After a notification the thread stays up longer, NOTIFY_QUIET idleTimeouts: Mesa's client sends at most one notification
 * per idleTimeout, by a clock of its own, and so may stay silent about a tail that it writes that soon, although it sees
 * IDLE.  Twice, since a guest's clock may run slower than the host's.
 */
#define REST_PAUSES      60u
#define REST_SPIN_PAUSES 4u
#define REST_SPIN_NS     50000u
#define REST_ALONE_NS    150000u
#define CROWDED_NS       1000u
#define BUSY_NS          20000u
#define ROBBED_NS        100000u
#define ROBBED_YIELDS    200u
#define NAP_MIN_NS       10000u
#define NAP_MAX_NS       250000000u
#define NAP_PART         20u
#define NOTIFY_QUIET     2u

struct rest {
    uint32_t look_count;
    uint64_t since_ns; /* when looking alone was over: the begin of a silence */
    uint64_t nap_ns;
    bool has_company; /* somebody else ran when we yielded */
    /* What outlasts a rest: */
    bool is_crowded;
    uint32_t robbed_count; /* yields still to be left out */
    struct vn_habit habit;
};

static void
renew(struct rest *rest)
{
    rest->look_count = 0;
    rest->since_ns = 0;
    rest->nap_ns = 0;
    rest->has_company = false;
}

/* A silence ended; how long was it? */
static void
learn(struct rest *rest)
{
    uint64_t silence_ns = vn_os_now_ns() - rest->since_ns;
    if (silence_ns >= REST_SPIN_NS) {
        vn_habit_learn(&rest->habit, silence_ns);
    }
}

/* Gives way to whoever waits for progress, or stops; see vn_ring_wait_seqno for why nobody is missed. */
void
vn_ring_attend(struct vn_ring *ring)
{
    uint32_t asked = atomic_load_explicit(&ring->asked, memory_order_acquire);
    if (asked & VN_RING_CUT) {
        ring->exec.has_failed = true;
    }
    if (asked & VN_RING_AWAITED) {
        (void)pthread_mutex_lock(&ring->lock);
        (void)pthread_cond_broadcast(&ring->progress);
        (void)pthread_mutex_unlock(&ring->lock);
    }
}

/*
 * The look at `asked` after each command may be too early to see somebody who began to wait meanwhile (his wish and our head
 * can pass each other).  This one cannot: it and his setting of AWAITED are read-modify-writes of one word, so one of them
 * comes second and sees what the other did before.  It is made whenever the thread is about to stop making progress.
 * Model: tests/model/ring.pml, SCHEME AWAIT (NO_SURE_LOOK, PLAIN_AWAITED, NO_LOCK each lose a wake-up).
 */
static void
attend_surely(struct vn_ring *ring)
{
    if (atomic_fetch_or_explicit(&ring->asked, 0, memory_order_acq_rel) != 0) {
        vn_ring_attend(ring);
    }
}

static void
copy_out(struct vn_ring *ring, uint32_t head, uint32_t size)
{
    uint32_t offset = head & (ring->buffer_bytes - 1);
    uint32_t first = ring->buffer_bytes - offset;
    first = first < size ? first : size;
    memcpy(ring->copy, ring->buffer + offset, first);
    memcpy(ring->copy + first, ring->buffer, size - first);
}

/* Executes [head, tail).  The client may write there all the while: what is executed is the copy. */
static void
serve(struct vn_ring *ring, uint32_t tail)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t size = tail - head;
    if (size > ring->buffer_bytes || size % 4 != 0) {
        ring->exec.has_failed = true;
        vn_fatal(ring->venus,
                 "ring %#llx: tail %u is %u bytes ahead of head %u; expected a multiple of 4, at "
                 "most the "
                 "%u bytes of the buffer",
                 (unsigned long long)ring->id, tail, size, head, ring->buffer_bytes);
        return;
    }
    copy_out(ring, head, size);
    ring->batch_head = head;
    uint64_t before = atomic_load_explicit(&ring->counters.byte_count, memory_order_relaxed);
    (void)vn_exec_run(&ring->exec, ring->copy, size, true, before);
    vn_ring_show_head(ring);
    vn_ring_count(&ring->counters.byte_count, size);
    vn_ring_count(&ring->counters.batch_count, 1);
    attend_surely(ring);
}

static bool
is_empty(const struct vn_ring *ring)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    return atomic_load_explicit(ring->shared_tail, memory_order_acquire) == head;
}

/* Is a client's silence a promise yet?  Forgets the notifications so far if it is. */
static bool
may_idle(struct vn_ring *ring, uint64_t now_ns)
{
    (void)pthread_mutex_lock(&ring->lock);
    bool is_quiet = now_ns >= ring->notified_ns + NOTIFY_QUIET * ring->idle_timeout_ns;
    if (is_quiet) {
        ring->is_notified = false;
    }
    (void)pthread_mutex_unlock(&ring->lock);
    return is_quiet;
}

/* deadline_ns: 0: none. */
static void
wait_for_notification(struct vn_ring *ring, uint64_t deadline_ns)
{
    int error = 0;
    (void)pthread_mutex_lock(&ring->lock);
    while (!ring->is_notified && error == 0 &&
           !(atomic_load_explicit(&ring->asked, memory_order_relaxed) &
             (VN_RING_CUT | VN_RING_DRAIN))) {
        error = deadline_ns ? vn_os_cond_wait_until(&ring->wake, &ring->lock, deadline_ns)
                            : pthread_cond_wait(&ring->wake, &ring->lock);
    }
    (void)pthread_mutex_unlock(&ring->lock);
    vn_ring_count(&ring->counters.wakeup_count, 1);
}

/*
 * No tail is missed, because
 *   we:          set IDLE, then load tail    (sequentially consistent, as is the client's)
 *   the client:  stores tail, then loads status
 * so either we see its tail, or it sees IDLE; and then it notifies, unless it did so less than an idleTimeout ago.  That
 * one either has come, and then `may_idle` would not have let us come here yet, or comes still, and wakes us.
 * Other side: Mesa's vn_ring_submit (vn_ring_store_tail, vn_ring_load_status); `flush` in tests/unit/venus_ring_test.c.
 * Model: tests/model/ring.pml (NO_RECHECK, NO_BARRIER, NO_QUIET, SHORT_QUIET and FORGETS_LATE each lose a wake-up).
 */
static void
sleep_idle(struct vn_ring *ring, uint64_t deadline_ns)
{
    atomic_fetch_or_explicit(ring->shared_status, VN_RING_IDLE, memory_order_seq_cst);
    uint32_t tail = atomic_load_explicit(ring->shared_tail, memory_order_seq_cst);
    if (tail == atomic_load_explicit(&ring->head, memory_order_relaxed)) {
        wait_for_notification(ring, deadline_ns);
    }
    atomic_fetch_and_explicit(ring->shared_status, ~VN_RING_IDLE, memory_order_seq_cst);
}

/*
 * A nap is no promise to anybody, and ends in time by itself; but who waits for this ring cuts it short (vn_ring_wait_seqno), and
 * so does a notification.  Should he come just before the nap begins, he waits for its end.
 */
static void
doze(struct vn_ring *ring, uint64_t until_ns)
{
    (void)pthread_mutex_lock(&ring->lock);
    if (is_empty(ring) && atomic_load_explicit(&ring->asked, memory_order_relaxed) == 0) {
        atomic_store_explicit(&ring->is_napping, true, memory_order_relaxed);
        (void)vn_os_cond_wait_until(&ring->wake, &ring->lock, until_ns);
        atomic_store_explicit(&ring->is_napping, false, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&ring->lock);
}

static void
nap(struct vn_ring *ring, struct rest *rest)
{
    uint64_t longest_ns = ring->idle_timeout_ns / NAP_PART;
    longest_ns = longest_ns < NAP_MAX_NS ? longest_ns : NAP_MAX_NS;
    rest->nap_ns = rest->nap_ns == 0 ? NAP_MIN_NS : rest->nap_ns * 2;
    rest->nap_ns = rest->nap_ns < longest_ns ? rest->nap_ns : longest_ns;
    doze(ring, vn_os_now_ns() + (rest->nap_ns < NAP_MIN_NS ? NAP_MIN_NS : rest->nap_ns));
    vn_ring_count(&ring->counters.nap_count, 1);
}

static void
yield_or_nap(struct vn_ring *ring, struct rest *rest, uint64_t now_ns)
{
    if (rest->robbed_count > 0) {
        rest->robbed_count--;
        nap(ring, rest);
        return;
    }
    vn_os_yield();
    uint64_t lost_ns = vn_os_now_ns() - now_ns;
    rest->is_crowded = lost_ns > CROWDED_NS;
    rest->has_company = rest->has_company || lost_ns > BUSY_NS;
    rest->robbed_count = lost_ns > ROBBED_NS ? ROBBED_YIELDS : 0;
}

static void
spin(struct vn_ring *ring, struct rest *rest, uint64_t now_ns)
{
    for (uint32_t i = 0; i < REST_SPIN_PAUSES && !rest->is_crowded && is_empty(ring); i++) {
        vn_os_pause();
    }
    if (is_empty(ring)) {
        yield_or_nap(ring, rest, now_ns);
    }
}

/* One step of waiting: see the constants above. */
static void
rest_once(struct vn_ring *ring, struct rest *rest)
{
    if (++rest->look_count < REST_PAUSES && !rest->is_crowded) {
        vn_os_pause();
        return;
    }
    uint64_t now_ns = vn_os_now_ns();
    rest->since_ns = rest->since_ns == 0 ? now_ns : rest->since_ns;
    uint64_t quiet_ns = now_ns - rest->since_ns;
    uint64_t begin_ns = 0;
    uint64_t end_ns = 0;
    vn_habit_expect(&rest->habit, rest->since_ns, &begin_ns, &end_ns);
    uint64_t spin_ns = rest->has_company ? REST_SPIN_NS : REST_ALONE_NS;
    if (quiet_ns < spin_ns || (now_ns >= begin_ns && now_ns < end_ns)) {
        spin(ring, rest, now_ns);
    } else if (quiet_ns < ring->idle_timeout_ns || !may_idle(ring, now_ns)) {
        nap(ring, rest);
    } else {
        sleep_idle(ring, now_ns < begin_ns ? begin_ns : 0);
        rest->nap_ns = 0;
    }
}

void *
vn_ring_main(void *argument)
{
    struct vn_ring *ring = argument;
    vn_os_thread_set_name("venus-ring");
    vn_os_thread_sharpen();
    if (ring->has_nice) {
        vn_os_thread_set_nice(ring->nice);
    }
    struct rest rest = { 0 };
    while (!ring->exec.has_failed) {
        /* Before the look at the tail: what was there when the ring was told to drain is executed. */
        uint32_t asked = atomic_load_explicit(&ring->asked, memory_order_acquire);
        if (asked & VN_RING_CUT) {
            break;
        }
        uint32_t tail = atomic_load_explicit(ring->shared_tail, memory_order_acquire);
        if (tail != atomic_load_explicit(&ring->head, memory_order_relaxed)) {
            if (rest.since_ns != 0) {
                learn(&rest);
            }
            serve(ring, tail);
            renew(&rest);
        } else if (!(asked & VN_RING_DRAIN)) {
            rest_once(ring, &rest);
        }
        if (asked & VN_RING_DRAIN) {
            break;
        }
    }
    return NULL;
}

void
vn_ring_notify(struct vn_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    ring->is_notified = true;
    ring->notified_ns = vn_os_now_ns();
    (void)pthread_mutex_unlock(&ring->lock);
    (void)pthread_cond_signal(
        &ring->wake); /* now, so that the thread does not wake to a lock that is held */
}

void
vn_ring_submit_virtqueue_seqno(struct vn_ring *ring, uint64_t seqno)
{
    (void)pthread_mutex_lock(&ring->lock);
    if (seqno > ring->virtqueue_seqno) {
        ring->virtqueue_seqno = seqno;
    }
    (void)pthread_mutex_unlock(&ring->lock);
    (void)pthread_cond_signal(&ring->wake);
}

/* Is the ring's thread waiting for the one who asks this?  Under the lock. */
static bool
is_blocked(const struct vn_ring *ring)
{
    return ring->virtqueue_seqno < ring->blocked_on_seqno;
}

enum vn_ring_wait
vn_ring_wait_virtqueue_seqno(struct vn_ring *ring, uint64_t seqno)
{
    uint32_t stop = 0;
    (void)pthread_mutex_lock(&ring->lock);
    ring->blocked_on_seqno = seqno;
    (void)pthread_cond_broadcast(
        &ring->progress); /* who waits for this ring may be whom it waits for */
    while (is_blocked(ring) && stop == 0) {
        (void)pthread_cond_wait(&ring->wake, &ring->lock);
        stop = atomic_load_explicit(&ring->asked, memory_order_relaxed) &
               (VN_RING_CUT | VN_RING_DRAIN);
    }
    bool is_done = !is_blocked(ring);
    ring->blocked_on_seqno = 0;
    (void)pthread_mutex_unlock(&ring->lock);
    return is_done ? VN_RING_REACHED : stop & VN_RING_CUT ? VN_RING_ENDED : VN_RING_DEADLOCK;
}

/* Free-running counts: a is at or after b, when they are less than half the range apart. */
static bool
is_reached(uint32_t a, uint32_t b)
{
    return a - b < UINT32_C(1) << 31;
}

/* After that long, waiting is better done asleep: most waits are for commands that are being executed now. */
#define SEQNO_SPIN_NS 30000u
/* And so often a sleeper looks whether the tail is still where it was: one that was taken back would never be reached. */
#define TAIL_LOOK_NS 200000000u

static bool
spin_for_seqno(const struct vn_ring *ring, uint32_t seqno)
{
    uint64_t end_ns = 0;
    do {
        for (uint32_t i = 0; i < REST_PAUSES; i++) {
            if (is_reached(atomic_load_explicit(&ring->head, memory_order_acquire), seqno)) {
                return true;
            }
            vn_os_pause();
        }
        end_ns = end_ns == 0 ? vn_os_now_ns() + SEQNO_SPIN_NS : end_ns;
        vn_os_yield();
    } while (vn_os_now_ns() < end_ns);
    return false;
}

/* Has the client written that far?  It may take a tail back, although it must not. */
static bool
is_written(const struct vn_ring *ring, uint32_t seqno)
{
    return is_reached(atomic_load_explicit(ring->shared_tail, memory_order_acquire), seqno);
}

/*
 * Asleep.  AWAITED is set before the first look at head: see attend_surely.  The ring is woken, should it sleep in spite of its
 * tail (a client that did not notify it).
 */
static enum vn_ring_wait
sleep_for_seqno(struct vn_ring *ring, uint32_t seqno)
{
    enum vn_ring_wait result = VN_RING_REACHED;
    (void)pthread_mutex_lock(&ring->lock);
    (void)atomic_fetch_or_explicit(&ring->asked, VN_RING_AWAITED, memory_order_acq_rel);
    ring->is_notified = true;
    (void)pthread_cond_signal(&ring->wake);
    while (!is_reached(atomic_load_explicit(&ring->head, memory_order_acquire), seqno)) {
        if (atomic_load_explicit(&ring->asked, memory_order_relaxed) & VN_RING_CUT) {
            result = VN_RING_ENDED;
            break;
        }
        if (is_blocked(ring)) {
            result = VN_RING_DEADLOCK;
            break;
        }
        if (vn_os_cond_wait_until(&ring->progress, &ring->lock, vn_os_now_ns() + TAIL_LOOK_NS) !=
                0 &&
            !is_written(ring, seqno)) {
            result = VN_RING_BEYOND_TAIL;
            break;
        }
    }
    (void)atomic_fetch_and_explicit(&ring->asked, ~VN_RING_AWAITED, memory_order_acq_rel);
    (void)pthread_mutex_unlock(&ring->lock);
    return result;
}

/* The tail has moved, which a ring that naps has not seen yet. */
static void
end_nap(struct vn_ring *ring)
{
    if (atomic_load_explicit(&ring->is_napping, memory_order_relaxed)) {
        (void)pthread_mutex_lock(&ring->lock);
        (void)pthread_mutex_unlock(&ring->lock); /* it has begun to wait */
        (void)pthread_cond_signal(&ring->wake);
    }
}

enum vn_ring_wait
vn_ring_wait_seqno(struct vn_ring *ring, uint32_t seqno)
{
    if (!is_written(ring, seqno)) {
        return VN_RING_BEYOND_TAIL;
    }
    if (is_reached(atomic_load_explicit(&ring->head, memory_order_acquire), seqno)) {
        return VN_RING_REACHED;
    }
    end_nap(ring);
    return spin_for_seqno(ring, seqno) ? VN_RING_REACHED : sleep_for_seqno(ring, seqno);
}
