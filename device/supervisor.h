/*
 * supervisor.h - listens on a vtest socket, gives each client a worker, and says why one died.
 *
 *      client ──connect──▶ supervisor ──fork+exec──▶ vitrine-render --report-fd 3
 *         │                    ▲                           │
 *         └────────────────────┼── all messages ───────────┤   the worker serves the client's socket itself
 *                              └── name, rings, reason ────┘   report.h
 *
 * A worker's death: its client's rings get the bit that says so, one line goes to stderr, and others never notice.
 */
#ifndef DEVICE_SUPERVISOR_H
#define DEVICE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "device/worker.h"

struct supervisor_config {
    const char *program; /* for messages */
    const char *socket_path;
    const char *worker_path;  /* vitrine-render; NULL: workers are threads */
    const char *trace_path;   /* NULL: no trace */
    const char *record_path;  /* NULL: no record; see herd.h */
    const char *records_path; /* NULL: none; each worker's is this and .renderer-N */
    const char *shader_cache; /* a directory that worker processes may write; NULL: none */
    enum worker_stats stats;
    struct venus_limits limits;
    struct quota *quota; /* all clients together are held to it; NULL: each has its limits only */
    uint32_t client_count_max;
    uint64_t cpu_s;    /* CPU time of a worker; 0: no limit */
    bool is_sandboxed; /* worker processes shut themselves off */
    bool is_verbose;   /* also says who comes and goes */
    int life_fd; /* a stream socket to whom we serve, -1: none.  Gets 'R' when clients may connect and 'D' for
                               each worker that died; when its other end shuts down we stop */
    uint32_t
        kill_after_ms; /* a client whose worker died and who is still there then is killed; 0: never */
};

/* Serves until SIGINT, SIGTERM, SIGHUP or the end of life_fd.  Returns: an exit status: 0, or 1 after a line on stderr. */
int supervisor_run(const struct supervisor_config *config);

#endif
