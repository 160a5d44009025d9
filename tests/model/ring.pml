/*
 * The sleep of a ring of the renderer (venus/ring.c): may both sides end up waiting while there is work?
 *
 * SCHEME IDLE    `rest_once`, `may_idle`, `sleep_idle`, `vn_ring_notify` against a client that does as Mesa's: it stores tail,
 *                looks at the status, and notifies when it sees IDLE; but at most once per TIMEOUT ticks of a clock of its
 *                own, which may miss every other tick of ours.  A third party sets ALIVE in the same word (venus/monitor.c),
 *                and the client clears it.
 * SCHEME AWAIT   `vn_ring_advance`, `attend_surely` against `sleep_for_seqno`: one waits for the head of the other.
 *
 * Memory is that of real processors: a store may be seen by the others later than the loads that follow it, until a full
 * barrier (a read-modify-write is one).  Each side has a buffer of one store, which `memory` empties at any time.
 *
 * A mutation must make the model fail; otherwise it would show nothing:
 *   IDLE   NO_RECHECK         sleep without another look at tail after IDLE is set
 *          NO_BARRIER         take that look before IDLE is visible
 *          NO_CLIENT_BARRIER  the client looks at the status before its tail is visible
 *          NO_QUIET           sleep although the client may be silent because it notified us just now
 *          SHORT_QUIET        wait for one TIMEOUT only, although the client's clock may be slower
 *          FORGETS_LATE       forget earlier notifications after IDLE is set, not before
 *          PLAIN_ALIVE        set ALIVE by a load and a store
 *   AWAIT  NO_SURE_LOOK       look at AWAITED after each command only, without a barrier
 *          PLAIN_AWAITED      the waiting side looks at head before AWAITED is visible
 *          NO_LOCK            wake without the lock
 *
 * A lost wake-up shows as an invalid end state: the client is not done, and nobody can move.
 */
#define IDLE 1
#define AWAIT 2

#ifndef SCHEME
#define SCHEME IDLE
#endif
#ifndef TOTAL
#define TOTAL 3
#endif
#define TIMEOUT 2

#if defined(NO_QUIET)
#define QUIET 0
#elif defined(SHORT_QUIET)
#define QUIET TIMEOUT
#else
#define QUIET (2 * TIMEOUT)
#endif

#define CLIENT 0
#define RING 1

/* What a store goes to. */
#define NOTHING 0
#define TAIL 1
#define HEAD 2
#define IDLE_BIT 3
#define AWAITED_BIT 4

byte tail, head;     /* in shared memory, as the other side sees them */
bool is_idle;        /* bit of the status word */
bool is_alive;       /* another bit of it */
bool is_awaited;     /* bit of `asked` */

/* The one store that is still on its way, per side. */
byte store_to[2];
byte store_value[2];

inline store(me, to, value)
{
    atomic { store_to[me] == NOTHING -> store_to[me] = to; store_value[me] = value }
}

inline barrier(me)
{
    store_to[me] == NOTHING
}

#if SCHEME == IDLE

byte note_count;             /* notifications on their way through the socket */
bool is_notified;            /* ring->is_notified */
byte since_sent = TIMEOUT;   /* ticks of the client's clock since it notified; no further than it matters */
byte since_told = QUIET;     /* ticks of ours since we were told of a tail */
bool has_missed;             /* the client's clock missed the last tick */

active proctype client()
{
    byte written;

    do
    :: written == TOTAL -> break
    :: written < TOTAL ->
        written++;
        store(CLIENT, TAIL, written);
#ifndef NO_CLIENT_BARRIER
        barrier(CLIENT);
#endif
        if
        :: is_idle ->
            if
            :: since_sent >= TIMEOUT -> atomic { since_sent = 0; note_count++ }
            :: else -> skip
            fi
        :: else -> skip
        fi;
        if
        :: head == written /* synchronous */
        :: written < TOTAL -> is_alive = false /* goes on; and did it look whether we live */
        fi
    od;
    head == TOTAL
}

/* The thread of the context's own stream. */
active proctype socket()
{
end_socket:
    do
    :: atomic { note_count > 0 -> note_count--; is_notified = true; since_told = 0 }
    od
}

active proctype ring()
{
    byte done;
    byte seen;
    byte nap_count;

    do
    :: tail != done -> done = tail; nap_count = 0; store(RING, HEAD, done)
    :: tail == done ->
        /* may_idle: under the lock */
        if
        :: atomic { since_told >= QUIET ->
#ifndef FORGETS_LATE
            is_notified = false
#else
            skip
#endif
            }
            /* sleep_idle */
#ifdef NO_BARRIER
            store(RING, IDLE_BIT, true);
#else
            barrier(RING);
            is_idle = true;
#endif
#ifdef FORGETS_LATE
            is_notified = false;
#endif
            seen = tail;
            if
#ifndef NO_RECHECK
            :: seen != done -> skip
#endif
            :: else ->
                if
                :: nap_count < 2 -> nap_count++ /* until the next tail is due by habit */
                :: skip ->
end_idle:           is_notified
                fi
            fi;
            barrier(RING);
            is_idle = false
        :: tail != done -> skip /* naps until then */
        fi
    od
}

active proctype clock()
{
end_clock:
    do
    :: atomic {
        since_told < QUIET || since_sent < TIMEOUT ->
        if
        :: since_told < QUIET -> since_told++
        :: else -> skip
        fi;
        if
        :: since_sent < TIMEOUT -> since_sent++; has_missed = false
        :: since_sent < TIMEOUT && !has_missed -> has_missed = true
        :: since_sent == TIMEOUT -> skip
        fi }
    od
}

active proctype monitor()
{
#ifdef PLAIN_ALIVE
    bool was_idle;
#endif
end_monitor:
    do
    :: !is_alive ->
#ifdef PLAIN_ALIVE
        was_idle = is_idle;
        atomic { is_alive = true; is_idle = was_idle }
#else
        is_alive = true
#endif
    od
}

#else /* AWAIT */

bool is_locked;
bool is_asleep; /* in pthread_cond_wait */

inline lock()
{
    atomic { !is_locked -> is_locked = true }
}

inline wake()
{
#ifndef NO_LOCK
    lock();
#endif
    is_asleep = false;
#ifndef NO_LOCK
    is_locked = false
#endif
}

/* Waits for every head but the first, one after another. */
active proctype client()
{
    byte seqno = 1;

    do
    :: seqno == TOTAL -> break
    :: seqno < TOTAL ->
        seqno++;
        lock();
#ifdef PLAIN_AWAITED
        store(CLIENT, AWAITED_BIT, true);
#else
        barrier(CLIENT);
        is_awaited = true;
#endif
        do
        :: head >= seqno -> break
        :: head < seqno ->
            atomic { is_locked = false; is_asleep = true };
            !is_asleep;
            lock()
        od;
        barrier(CLIENT);
        is_awaited = false;
        is_locked = false
    od
}

/* Batches of one or more commands; after TOTAL it sleeps for good, or blocks in a command. */
active proctype ring()
{
    byte done;
    bool is_last;

    do
    :: done == TOTAL -> break
    :: done < TOTAL ->
        do
        :: done < TOTAL ->
            done++;
            store(RING, HEAD, done);
            if
            :: is_awaited -> wake()
            :: else -> skip
            fi
        :: done > 0 -> break
        od;
#ifndef NO_SURE_LOOK
        barrier(RING);
        if
        :: is_awaited -> wake()
        :: else -> skip
        fi
#endif
    od
}

#endif

active proctype memory()
{
end_memory:
    do
    :: atomic { store_to[CLIENT] == TAIL -> tail = store_value[CLIENT]; store_to[CLIENT] = NOTHING }
    :: atomic { store_to[CLIENT] == AWAITED_BIT -> is_awaited = true; store_to[CLIENT] = NOTHING }
    :: atomic { store_to[RING] == HEAD -> head = store_value[RING]; store_to[RING] = NOTHING }
    :: atomic { store_to[RING] == IDLE_BIT -> is_idle = true; store_to[RING] = NOTHING }
    od
}
