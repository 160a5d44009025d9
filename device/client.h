/*
 * client.h - what the supervisor knows of one client and its worker.
 */
#ifndef DEVICE_CLIENT_H
#define DEVICE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

struct report;

enum {
    CLIENT_RING_COUNT_MAX = 256,
    CLIENT_NAME_BYTES = 64,
};

struct client_ring {
    struct client_ring *next;
    uint64_t id;
    uint64_t status_offset_bytes;
    int fd;
};

struct client {
    struct client *next;
    uint32_t context_id; /* of a render server's client; 0: let go */
    pid_t worker;        /* 0: a thread */
    int channel;         /* to the worker; -1 after its end */
    unsigned place;      /* the worker's, see spawn.h */
    pid_t pid;           /* the client's, as the kernel says; 0: unknown */
    int pidfd;           /* the client, whoever has its number later; -1: unknown */
    char name[CLIENT_NAME_BYTES];
    struct client_ring *rings;
    uint32_t ring_count;
    uint32_t report_count;
    bool has_reason; /* why it died has been said */
    bool is_over;    /* the worker is gone and reaped */
    uint64_t
        dismiss_ns; /* when a worker that was let go and still runs is killed; 0: never; UINT64_MAX: it was */
    uint64_t kill_ns; /* when a client that outlives its dead worker is killed; 0: not */
};

/* A client that has just connected.  Returns: NULL when memory is short; fd stays the caller's. */
struct client *client_create(int fd);

/* Closes what the supervisor holds of it. */
void client_destroy(struct client *client);

/*
 * Keeps what a worker reported of a ring.  fd: taken over.
 * Returns: true; false: a worker of ours would not say that.
 */
bool client_add_ring(struct client *client, const struct report *report, int fd);
void client_remove_ring(struct client *client, uint64_t id);

/* Sets the fatal bit in the status words of all rings: the client aborts at its next use of one. */
void client_tell_fatal(const struct client *client);

/* Whether the client's process still runs. */
bool client_is_there(const struct client *client);

/* Ends the client's process. */
void client_kill(const struct client *client);

#endif
