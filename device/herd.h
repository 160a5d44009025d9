/*
 * herd.h - a server's workers: their reports, their deaths, the end of all of them.  One thread, one poll.
 *
 *      herd_open ─▶ herd_serve { sources: where clients come from ─▶ herd_add } ─▶ herd_close
 */
#ifndef DEVICE_HERD_H
#define DEVICE_HERD_H

#include <stdbool.h>
#include <stdint.h>

#include <poll.h>

#include "device/client.h"
#include "device/report.h"
#include "device/spawn.h"
#include "device/supervisor.h"

enum { HERD_SOURCE_COUNT_MAX = 2 };

/* A descriptor that the herd watches for its server, until it stops. */
struct herd_source {
    int fd;             /* -1: none */
    uint64_t paused_ns; /* not before */
    void (*on_ready)(void *user);
};

struct herd {
    const struct supervisor_config *config;
    struct herd_source sources[HERD_SOURCE_COUNT_MAX];
    void *user;
    void (*on_death)(void *user); /* a worker died; may be NULL */
    int signals;
    int trace_fd;  /* -1: no trace */
    int record_fd; /* the next client's; -1: none, or it is made when the client comes */
    unsigned recorded_count;
    unsigned records_count; /* files of what became of clients' commands */
    struct client *clients;
    unsigned client_count;
    struct spawned spare;  /* a worker that waits for its client; channel -1: none */
    uint64_t spare_ns;     /* when to start it; 0: no need */
    struct report *report; /* 64 KiB, for one at a time */
    uint64_t told_ns;      /* since when sentences on what clients did are counted */
    unsigned told_count;
    unsigned untold_count; /* left out */
    struct pollfd *polls;
    uint64_t stop_ns; /* when stopping must be over; 0: not stopping */
};

/* Signals, limits, trace file.  Returns: true; false after a line on stderr. */
bool herd_open(struct herd *herd);

/* Watches until herd_stop and its limit, SIGINT, SIGTERM or SIGHUP. */
void herd_serve(struct herd *herd);

/* Ends what is left, tells the clients, closes everything.  herd: zero-safe where -1 stands for no fd. */
void herd_close(struct herd *herd);

/*
 * Gives a client a worker: the spare one, or a new one.  kind: REPORT_SERVE_VTEST, or REPORT_SERVE_CONTEXT of the client's
 * name.  socket: the client's, taken over.  client: the herd's from now on.
 * Returns: true; false and errno, and the client is still the caller's.
 */
bool herd_admit(struct herd *herd, struct client *client, enum report_kind kind, int socket);

/*
 * Lets one worker go: it gets limit_ms to end by itself, and its death is no news.
 */
void herd_dismiss(struct client *client, uint32_t limit_ms);

/* herd_serve returns when the workers have ended, or after limit_ms. */
void herd_stop(struct herd *herd, uint32_t limit_ms);

/* "PROGRAM: client NAME (pid N): sentence", without the middle when client is NULL. */
void herd_say(const struct herd *herd, const struct client *client, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Nanoseconds of a clock that only goes forward. */
uint64_t herd_now_ns(void);

#endif
