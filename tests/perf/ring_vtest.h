/*
 * A Venus client without Mesa: the handshake on a vtest socket, shared memory, one ring.
 *
 *   ring_vtest_open(&v, path);  ring_vtest_ring(&v);  ring_push(&v, bytes, size);  ring_wait(&v);  ring_vtest_close(&v);
 *
 * The socket's messages are u32 length in dwords (bytes for the first message alone), u32 command, payload.  Whatever
 * goes wrong ends the program with a sentence and status 1.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RING_BUFFER_BYTES (128U << 10)
#define RING_STATUS_IDLE  1U
#define RING_STATUS_FATAL 2U

struct ring_shm {
    uint32_t resource_id;
    uint8_t *map;
    size_t size_bytes;
};

struct ring_vtest {
    int fd;
    struct ring_shm shm; /* the ring's */
    uint32_t tail;
    uint32_t notify_count;
    uint32_t
        nap_ns; /* between two looks at the head, to be set by the user; 0: it is looked at all the time */
};

void
ring_fail(const char *format, ...) __attribute__((noreturn)) __attribute__((format(printf, 1, 2)));

uint64_t ring_now_ns(void);

/* Connects and brings the context to life. */
void ring_vtest_open(struct ring_vtest *v, const char *path);
void ring_vtest_close(struct ring_vtest *v);

/* Shared memory of the server's. */
struct ring_shm ring_vtest_shm(struct ring_vtest *v, size_t size_bytes);

/* What the server has under this id: memory that it was told to allocate, the first size_bytes of it. */
struct ring_shm ring_vtest_blob(struct ring_vtest *v, uint64_t blob_id, size_t size_bytes);
/* Unmaps it, and has the server forget it. */
void ring_vtest_drop(struct ring_vtest *v, const struct ring_shm *shm);

/* A command stream over the socket itself. */
void ring_vtest_submit(struct ring_vtest *v, const void *bytes, size_t size_bytes);

/* Creates the ring, laid out as Mesa does it. */
void ring_vtest_ring(struct ring_vtest *v);

/* Writes commands into the ring as soon as there is room, and wakes the server when it sleeps. */
void ring_push(struct ring_vtest *v, const void *bytes, uint32_t size_bytes);

/* Lets the server do what comes over the socket after all that is in the ring now, as Mesa does before it maps memory. */
void ring_vtest_wait_seqno(struct ring_vtest *v);

/* Until everything in the ring has been executed. */
void ring_wait(const struct ring_vtest *v);
