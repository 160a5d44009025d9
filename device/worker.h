/*
 * worker.h - one client's renderer: serves the client's socket, reports to the supervisor.
 *
 * It begins by waiting for that client, which lets a supervisor start workers ahead of need.  It is a process of its own (vitrine-render, the default) or a thread of the supervisor's; the code is the same.
 */
#ifndef DEVICE_WORKER_H
#define DEVICE_WORKER_H

#include <stdbool.h>

#include "venus/venus.h"

#include "device/quota.h"

enum worker_stats { STATS_NONE, STATS_TEXT, STATS_JSON };

struct worker_config {
    int channel;   /* to the supervisor (report.h); taken over */
    int trace_fd;  /* borrowed; -1: no trace */
    bool is_alone; /* in a process: ends with its supervisor */
    enum worker_stats stats;
    struct venus_limits limits;
    const struct quota *quota; /* shared with others, at this place; NULL: none */
    unsigned place;
};

/*
 * Waits for the supervisor's word and serves the client that comes with it until it or its context ends.  Context: blocks.
 * Returns: 0: the client left as it should, or never came; 1: not so, and the supervisor has been told the reason.
 */
int worker_serve(const struct worker_config *config);

/*
 * Instead of serving: tells the supervisor why not.
 * Returns: 1.
 */
int worker_refuse(const struct worker_config *config, const char *reason);

/* Tells the supervisor what a person should know of this worker.  Context: before worker_serve. */
void worker_warn(const struct worker_config *config, const char *sentence);

#endif
