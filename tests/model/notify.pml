/*
 * Notification suppression between a driver and a device (VirtIO 1.3 §2.7.7, §2.7.10, §2.8.10): may both end up asleep
 * while there is work?  One driver keeps up to RING buffers in flight until TOTAL have come back; one device serves them.
 * Each side sleeps when it has nothing to do, after asking the other side to wake it.
 *
 * Memory is that of real processors: a store may be seen by the other side later than the loads that follow it, until a
 * full barrier.  Each side has a buffer of one store, which `memory` empties at any time.
 *
 * SCHEME: EVENT (split ring, VIRTIO_F_EVENT_IDX), FLAGS (split ring, flags; the packed ring's ENABLE and DISABLE are the
 *         same protocol), PACKED (packed ring, flags DESC with an offset and a wrap counter).
 * A mutation must make the model fail; otherwise it would show nothing:
 *   NO_DRIVER_RECHECK  NO_DEVICE_RECHECK    sleep without another look after asking to be woken
 *   NO_DRIVER_BARRIER  NO_DEVICE_BARRIER    look at the other side's wish before the own index is visible to it
 *   NO_DRIVER_SLEEP_BARRIER  NO_DEVICE_SLEEP_BARRIER   take that other look before the wish is visible
 *   OFF_BY_ONE                              compare with the event instead of with the event + 1
 *
 * A lost wake-up shows as an invalid end state: the driver is not done, and nobody can move.
 */
#define EVENT 1
#define FLAGS 2
#define PACKED 3

#ifndef SCHEME
#define SCHEME EVENT
#endif
#ifndef RING
#define RING 2
#endif
#ifndef TOTAL
#define TOTAL 6
#endif

/* Indices are counted modulo MOD.  Split: 2^16 in truth, 8 here.  Packed: the offset and the wrap counter together. */
#if SCHEME == PACKED
#define MOD (2 * RING)
#else
#define MOD 8
#endif
#define DISTANCE(from, to) (((to) + MOD - (from)) % MOD)

/* §2.7.7.2, §2.7.10: the index moved from old to new; the other side wants to hear when it passes `event`. */
#ifdef OFF_BY_ONE
#define PASSES(event, old, new) (DISTANCE((event), new) < DISTANCE(old, new))
#else
#define PASSES(event, old, new) (DISTANCE((event) + 1, new) < DISTANCE(old, new))
#endif

/* What a store goes to. */
#define NOTHING 0
#define INDEX 1
#define WISH_EVENT 2
#define WISH_FLAG 3

/* In shared memory, as the other side sees it. */
byte index_of[2];      /* available index, used index */
byte event_of[2];      /* avail_event and used_event, or the packed offset and wrap counter: [0] is the driver's wish */
bool is_wanted[2];     /* flags: wants to be woken;  PACKED: flags are DESC rather than DISABLE */

/* The one store that is still on its way, per side. */
byte store_to[2];
byte store_value[2];

bool is_signalled[2];  /* a notification for [1] the device, an interrupt for [0] the driver: latched */
bool is_done;

#define DRIVER 0
#define DEVICE 1

inline store(me, to, value)
{
    atomic { store_to[me] == NOTHING -> store_to[me] = to; store_value[me] = value }
}

inline barrier(me)
{
    store_to[me] == NOTHING
}

/* The own index went from old to new: is the other side to be told? */
inline publish(me, old, new, no_barrier)
{
    store(me, INDEX, new);
    if
    :: no_barrier -> skip
    :: else -> barrier(me)
    fi;
    if
#if SCHEME == EVENT
    :: PASSES(event_of[1 - me], old, new) -> is_signalled[1 - me] = true
#elif SCHEME == FLAGS
    :: is_wanted[1 - me] -> is_signalled[1 - me] = true
#else
    :: is_wanted[1 - me] && PASSES(event_of[1 - me], old, new) -> is_signalled[1 - me] = true
#endif
    :: else -> skip
    fi
}

/* Nothing seen at `seen`: ask to be woken when the other side's index passes it. */
inline ask(me, seen, no_barrier)
{
#if SCHEME == EVENT || SCHEME == PACKED
    store(me, WISH_EVENT, seen);
#endif
#if SCHEME == FLAGS || SCHEME == PACKED
    store(me, WISH_FLAG, true);
#endif
    if
    :: no_barrier -> skip
    :: else -> barrier(me)
    fi
}

inline awake(me)
{
#if SCHEME == FLAGS || SCHEME == PACKED
    store(me, WISH_FLAG, false)
#else
    skip
#endif
}

#ifdef NO_DRIVER_BARRIER
#define DRIVER_SKIPS_BARRIER true
#else
#define DRIVER_SKIPS_BARRIER false
#endif
#ifdef NO_DEVICE_BARRIER
#define DEVICE_SKIPS_BARRIER true
#else
#define DEVICE_SKIPS_BARRIER false
#endif
#ifdef NO_DRIVER_SLEEP_BARRIER
#define DRIVER_SKIPS_SLEEP_BARRIER true
#else
#define DRIVER_SKIPS_SLEEP_BARRIER false
#endif
#ifdef NO_DEVICE_SLEEP_BARRIER
#define DEVICE_SKIPS_SLEEP_BARRIER true
#else
#define DEVICE_SKIPS_SLEEP_BARRIER false
#endif

active proctype driver()
{
    byte added, taken;     /* of TOTAL */
    byte avail, used_seen; /* modulo MOD */
    byte old;

    do
    :: taken == TOTAL -> break
    :: added < TOTAL && added - taken < RING ->
        old = avail;
        do /* a batch of one or more, with one look at the device's wish */
        :: added < TOTAL && added - taken < RING -> added++; avail = (avail + 1) % MOD
        :: avail != old -> break
        od;
        publish(DRIVER, old, avail, DRIVER_SKIPS_BARRIER)
    :: index_of[DEVICE] != used_seen ->
        taken++;
        used_seen = (used_seen + 1) % MOD
    :: index_of[DEVICE] == used_seen && taken < TOTAL && (added == TOTAL || added - taken == RING) ->
        ask(DRIVER, used_seen, DRIVER_SKIPS_SLEEP_BARRIER);
        if
#ifndef NO_DRIVER_RECHECK
        :: index_of[DEVICE] != used_seen -> skip
#endif
        :: else -> is_signalled[DRIVER] -> is_signalled[DRIVER] = false
        fi;
        awake(DRIVER)
    od;
    assert(added == TOTAL);
    is_done = true
}

active proctype device()
{
    byte avail_seen, used; /* modulo MOD */
    byte old;

    do
    :: index_of[DRIVER] != avail_seen ->
        old = used;
        do /* serves one or more before it publishes */
        :: index_of[DRIVER] != avail_seen -> avail_seen = (avail_seen + 1) % MOD; used = (used + 1) % MOD
        :: used != old -> break
        od;
        publish(DEVICE, old, used, DEVICE_SKIPS_BARRIER)
    :: index_of[DRIVER] == avail_seen ->
        ask(DEVICE, avail_seen, DEVICE_SKIPS_SLEEP_BARRIER);
        if
#ifndef NO_DEVICE_RECHECK
        :: index_of[DRIVER] != avail_seen -> skip
#endif
        :: else ->
end_idle:   is_signalled[DEVICE] -> is_signalled[DEVICE] = false
        fi;
        awake(DEVICE)
    od
}

active proctype memory()
{
end_memory:
    do
    :: atomic { store_to[DRIVER] == INDEX -> index_of[DRIVER] = store_value[DRIVER]; store_to[DRIVER] = NOTHING }
    :: atomic { store_to[DRIVER] == WISH_EVENT -> event_of[DRIVER] = store_value[DRIVER]; store_to[DRIVER] = NOTHING }
    :: atomic { store_to[DRIVER] == WISH_FLAG -> is_wanted[DRIVER] = store_value[DRIVER]; store_to[DRIVER] = NOTHING }
    :: atomic { store_to[DEVICE] == INDEX -> index_of[DEVICE] = store_value[DEVICE]; store_to[DEVICE] = NOTHING }
    :: atomic { store_to[DEVICE] == WISH_EVENT -> event_of[DEVICE] = store_value[DEVICE]; store_to[DEVICE] = NOTHING }
    :: atomic { store_to[DEVICE] == WISH_FLAG -> is_wanted[DEVICE] = store_value[DEVICE]; store_to[DEVICE] = NOTHING }
    od
}
