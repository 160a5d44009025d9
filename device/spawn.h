/*
 * spawn.h - starts a worker, as a process or as a thread.
 */
#ifndef DEVICE_SPAWN_H
#define DEVICE_SPAWN_H

#include <stdbool.h>

#include <sys/types.h>

#include "device/supervisor.h"

struct spawned {
    pid_t pid;      /* 0: a thread */
    int channel;    /* to it; the caller's; does not block */
    unsigned place; /* in config->quota, to be released when it is over; QUOTA_NO_PLACE */
};

/*
 * Starts a worker, which gets ready and then waits for its client.  trace_fd: borrowed; -1: no trace.
 * Returns: true and *out; false and errno.
 */
bool spawn_worker(const struct supervisor_config *config, int trace_fd, struct spawned *out);

/* The worker that had this place is over: a process that was reaped, a thread that closed its channel. */
void spawn_release(const struct supervisor_config *config, unsigned place);

#endif
