/*
 * loop.h - one thread that waits for many descriptors and moments: the device process has no other.
 */
#ifndef DEVICE_LOOP_H
#define DEVICE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as epoll_wait gave them. */
typedef void loop_ready_fn(void *user, uint32_t events);
typedef void loop_late_fn(void *user);

/* Returns: the loop; NULL and errno. */
struct loop *loop_create(void);

/* Closes no descriptor that it watched.  loop: NULL is allowed. */
void loop_destroy(struct loop *loop);

/*
 * Watches fd, or changes what for.  events: EPOLLIN, EPOLLOUT or both; 0: only its end; with EPOLLET once for each change.
 * Returns: true; false and errno.
 */
bool loop_watch(struct loop *loop, int fd, uint32_t events, loop_ready_fn *on_ready, void *user);

/* From now on on_ready is not called, not even for events already found.  Before the fd is closed. */
void loop_unwatch(struct loop *loop, int fd);

/* A moment at which to be called: in the owner's memory, zeroed at first. */
struct loop_timer {
    struct loop_timer *next; /* private */
    uint64_t deadline_ns;    /* private; 0: not set */
    loop_late_fn *on_late;
    void *user;
};

/* Sets it (anew), in nanoseconds from now; it is called once. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

/* Waits and calls until loop_stop.  Returns: 0; -1 and errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Nanoseconds of a clock that only goes forward. */
uint64_t loop_now_ns(void);

#endif
