/*
 * loop.c - epoll, and a sorted list of moments.
 */
#include "device/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <sys/epoll.h>
#include <unistd.h>

#include "device/clock.h"

enum {
    EVENT_COUNT_MAX = 64, /* taken from the kernel at once */
    FD_COUNT_FIRST = 64,
};

struct watch {
    loop_ready_fn *on_ready; /* NULL: not watched */
    void *user;
    uint32_t
        generation; /* of this fd number: an event of an earlier one is not for the present owner */
};

struct loop {
    int epoll;
    bool is_stopped;
    struct watch *watches; /* by fd */
    size_t watch_count;
    struct loop_timer *timers; /* the next one first */
};

uint64_t
loop_now_ns(void)
{
    return clock_now_ns();
}

struct loop *
loop_create(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        return NULL;
    }
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        free(loop);
        return NULL;
    }
    return loop;
}

void
loop_destroy(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    (void)close(loop->epoll);
    free(loop->watches);
    free(loop);
}

/* Room for this fd's entry. */
static bool
reserve(struct loop *loop, size_t fd)
{
    size_t count = loop->watch_count != 0 ? loop->watch_count : FD_COUNT_FIRST;
    while (count <= fd) {
        count *= 2;
    }
    if (count == loop->watch_count) {
        return true;
    }
    struct watch *watches = realloc(loop->watches, count * sizeof(*watches));
    if (watches == NULL) {
        return false;
    }
    memset(watches + loop->watch_count, 0, (count - loop->watch_count) * sizeof(*watches));
    loop->watches = watches;
    loop->watch_count = count;
    return true;
}

bool
loop_watch(struct loop *loop, int fd, uint32_t events, loop_ready_fn *on_ready, void *user)
{
    if (fd < 0 || !reserve(loop, (size_t)fd)) {
        errno = fd < 0 ? EBADF : ENOMEM;
        return false;
    }
    struct watch *watch = &loop->watches[fd];
    bool is_new = watch->on_ready == NULL;
    uint32_t generation = watch->generation + is_new;
    struct epoll_event event = { .events = events,
                                 .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd };
    if (epoll_ctl(loop->epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) {
        return false;
    }
    *watch = (struct watch){ on_ready, user, generation };
    return true;
}

void
loop_unwatch(struct loop *loop, int fd)
{
    if (fd < 0 || (size_t)fd >= loop->watch_count || loop->watches[fd].on_ready == NULL) {
        return;
    }
    loop->watches[fd].on_ready = NULL;
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void
loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    for (struct loop_timer **at = &loop->timers; *at != NULL; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    }
    timer->next = NULL;
    timer->deadline_ns = 0;
}

void
loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns)
{
    loop_timer_clear(loop, timer);
    uint64_t now_ns = loop_now_ns();
    timer->deadline_ns = delay_ns < UINT64_MAX - now_ns ? now_ns + delay_ns : UINT64_MAX;
    struct loop_timer **at = &loop->timers;
    while (*at != NULL && (*at)->deadline_ns <= timer->deadline_ns) {
        at = &(*at)->next;
    }
    timer->next = *at;
    *at = timer;
}

/* Calls what is late by a moment taken before: a timer that sets itself anew has to wait for the next round. */
static void
call_late(struct loop *loop)
{
    uint64_t now_ns = loop->timers != NULL ? loop_now_ns() : 0;
    while (!loop->is_stopped && loop->timers != NULL && loop->timers->deadline_ns <= now_ns) {
        struct loop_timer *timer = loop->timers;
        loop_timer_clear(loop, timer);
        timer->on_late(timer->user);
    }
}

/* Milliseconds until the next timer, rounded up; -1: there is none. */
static int
wait_ms(const struct loop *loop)
{
    if (loop->timers == NULL) {
        return -1;
    }
    uint64_t now_ns = loop_now_ns();
    uint64_t deadline_ns = loop->timers->deadline_ns;
    uint64_t ms = deadline_ns > now_ns ? (deadline_ns - now_ns - 1) / 1000000 + 1 : 0;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void
call_ready(struct loop *loop, const struct epoll_event *event)
{
    uint32_t fd = (uint32_t)event->data.u64;
    uint32_t generation = (uint32_t)(event->data.u64 >> 32);
    const struct watch *watch = &loop->watches[fd];
    if (watch->on_ready != NULL && watch->generation == generation) {
        watch->on_ready(watch->user, event->events);
    }
}

int
loop_run(struct loop *loop)
{
    struct epoll_event events[EVENT_COUNT_MAX];
    loop->is_stopped = false;
    while (!loop->is_stopped) {
        int count = epoll_wait(loop->epoll, events, EVENT_COUNT_MAX, wait_ms(loop));
        if (count < 0 && errno != EINTR) {
            return -1;
        }
        for (int i = 0; i < count && !loop->is_stopped; i++) {
            call_ready(loop, &events[i]);
        }
        call_late(loop);
    }
    return 0;
}

void
loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
}
