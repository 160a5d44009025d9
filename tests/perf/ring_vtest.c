/*
 * The socket and the ring of the load generator.
 */
#include "tests/perf/ring_vtest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/perf/ring_encode.h"

#define HEAD_OFFSET      0
#define TAIL_OFFSET      64
#define STATUS_OFFSET    128
#define DATA_OFFSET      192
#define SHM_BYTES        (DATA_OFFSET + RING_BUFFER_BYTES + 4)
#define BLOB_HOST3D      2
#define BLOB_MAPPABLE    1
#define CAPSET_VENUS     4
#define PROTOCOL_VERSION 3
#define YIELD_PAUSES     4096
#define MESSAGE_BYTES    512
#define BATCH_DWORDS     9 /* the count and one batch, of 8 dwords since version 4 */

/* Commands of the vtest protocol. */
enum vtest {
    VTEST_RESOURCE_UNREF = 3,
    VTEST_RESOURCE_BUSY_WAIT = 7,
    VTEST_CREATE_RENDERER = 8,
    VTEST_PING = 10,
    VTEST_PROTOCOL_VERSION = 11,
    VTEST_CONTEXT_INIT = 17,
    VTEST_CREATE_BLOB = 18,
    VTEST_SUBMIT_CMD2 = 24,
};

void
ring_fail(const char *format, ...)
{
    va_list list;

    (void)fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fputc('\n', stderr);
    exit(1);
}

uint64_t
ring_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* In one call: the server wakes once. */
static void
send_parts(const struct ring_vtest *v, struct iovec *parts, size_t part_count)
{
    struct msghdr m = { .msg_iov = parts, .msg_iovlen = part_count };

    while (m.msg_iovlen > 0) {
        ssize_t n = sendmsg(v->fd, &m, MSG_NOSIGNAL);

        if (n < 0) {
            ring_fail("the server closed the socket while it was written to");
        }
        while (m.msg_iovlen > 0 && (size_t)n >= m.msg_iov->iov_len) {
            n -= (ssize_t)m.msg_iov->iov_len;
            m.msg_iov++;
            m.msg_iovlen--;
        }
        if (m.msg_iovlen > 0) {
            m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + n;
            m.msg_iov->iov_len -= (size_t)n;
        }
    }
}

/* What will only be read. */
static struct iovec
part_of(const void *bytes, size_t size_bytes)
{
    struct iovec part = { .iov_len = size_bytes };

    memcpy(&part.iov_base, &bytes, sizeof(bytes));
    return part;
}

static void
receive_all(const struct ring_vtest *v, void *bytes, size_t size_bytes)
{
    if (recv(v->fd, bytes, size_bytes, MSG_WAITALL) != (ssize_t)size_bytes) {
        ring_fail("the server closed the socket where a reply was due");
    }
}

static void
message(const struct ring_vtest *v, enum vtest command, const uint32_t *payload, uint32_t dwords)
{
    uint32_t head[2] = { dwords, command };
    struct iovec parts[2] = { part_of(head, sizeof(head)), part_of(payload, (size_t)dwords * 4) };

    send_parts(v, parts, 2);
}

/* The reply to `command`, which must have `dwords` dwords. */
static void
reply(const struct ring_vtest *v, enum vtest command, uint32_t *payload, uint32_t dwords)
{
    uint32_t head[2];

    receive_all(v, head, sizeof(head));
    if (head[0] != dwords || head[1] != command) {
        ring_fail("the server answers %u dwords to command %u, not %u to %u", head[0], head[1],
                  dwords, command);
    }
    receive_all(v, payload, (size_t)dwords * 4);
}

static int
receive_fd(const struct ring_vtest *v)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    char byte = 0;
    struct iovec part = { &byte, 1 };
    struct msghdr m = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    int fd = -1;

    if (recvmsg(v->fd, &m, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&m) == NULL) {
        ring_fail("the server sent no file descriptor with its blob");
    }
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
    return fd;
}

static void
connect_to(struct ring_vtest *v, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path)) {
        ring_fail("the path %s is too long for a socket", path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (v->fd < 0 || connect(v->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        ring_fail("nothing listens at %s", path);
    }
}

void
ring_vtest_open(struct ring_vtest *v, const char *path)
{
    static const char name[] = "ring_load";
    const uint32_t head[2] = { sizeof(name), VTEST_CREATE_RENDERER }; /* in bytes, this one */
    struct iovec parts[2] = { part_of(head, sizeof(head)), part_of(name, sizeof(name)) };
    const uint32_t wanted = PROTOCOL_VERSION;
    const uint32_t capset = CAPSET_VENUS;
    const uint32_t nothing[2] = { 0, 0 };
    uint32_t answer = 0;

    memset(v, 0, sizeof(*v));
    connect_to(v, path);
    send_parts(v, parts, 2);
    message(v, VTEST_PING, NULL, 0);
    message(v, VTEST_RESOURCE_BUSY_WAIT, nothing, 2); /* an old server answers this alone */
    reply(v, VTEST_PING, NULL, 0);
    reply(v, VTEST_RESOURCE_BUSY_WAIT, &answer, 1);
    message(v, VTEST_PROTOCOL_VERSION, &wanted, 1);
    reply(v, VTEST_PROTOCOL_VERSION, &answer, 1);
    if (answer < PROTOCOL_VERSION) {
        ring_fail("the server speaks version %u of the vtest protocol only", answer);
    }
    message(v, VTEST_CONTEXT_INIT, &capset, 1);
}

struct ring_shm
ring_vtest_blob(struct ring_vtest *v, uint64_t blob_id, size_t size_bytes)
{
    struct ring_shm shm = { .size_bytes = size_bytes };
    const uint32_t request[6] = {
        BLOB_HOST3D, BLOB_MAPPABLE,     (uint32_t)size_bytes,
        0,           (uint32_t)blob_id, (uint32_t)(blob_id >> 32),
    };
    int fd = -1;

    message(v, VTEST_CREATE_BLOB, request, 6);
    reply(v, VTEST_CREATE_BLOB, &shm.resource_id, 1);
    fd = receive_fd(v);
    shm.map = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shm.map == MAP_FAILED) {
        ring_fail("cannot map %zu bytes of shared memory", size_bytes);
    }
    (void)close(fd);
    return shm;
}

struct ring_shm
ring_vtest_shm(struct ring_vtest *v, size_t size_bytes)
{
    return ring_vtest_blob(v, 0, size_bytes);
}

void
ring_vtest_drop(struct ring_vtest *v, const struct ring_shm *shm)
{
    (void)munmap(shm->map, shm->size_bytes);
    message(v, VTEST_RESOURCE_UNREF, &shm->resource_id, 1);
}

void
ring_vtest_submit(struct ring_vtest *v, const void *bytes, size_t size_bytes)
{
    uint32_t dwords = (uint32_t)(size_bytes / 4);
    const uint32_t payload[BATCH_DWORDS] = { 1, 0, BATCH_DWORDS, dwords, BATCH_DWORDS + dwords };
    const uint32_t head[2] = { BATCH_DWORDS + dwords, VTEST_SUBMIT_CMD2 };
    struct iovec parts[3] = { part_of(head, sizeof(head)), part_of(payload, sizeof(payload)),
                              part_of(bytes, size_bytes) };

    send_parts(v, parts, 3);
}

static _Atomic uint32_t *
word(const struct ring_vtest *v, size_t offset)
{
    return (_Atomic uint32_t *)(void *)(v->shm.map + offset);
}

void
ring_vtest_ring(struct ring_vtest *v)
{
    uint8_t bytes[MESSAGE_BYTES];
    struct ring_stream s = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };

    v->shm = ring_vtest_shm(v, SHM_BYTES);
    ring_encode_create_ring(&s, v->shm.resource_id, SHM_BYTES, RING_BUFFER_BYTES);
    ring_vtest_submit(v, s.bytes, s.size_bytes);
}

void
ring_vtest_close(struct ring_vtest *v)
{
    uint8_t bytes[MESSAGE_BYTES];
    struct ring_stream s = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };

    ring_encode_destroy_ring(&s);
    ring_vtest_submit(v, s.bytes, s.size_bytes);
    (void)close(v->fd);
}

static void
notify(struct ring_vtest *v)
{
    uint8_t bytes[MESSAGE_BYTES];
    struct ring_stream s = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };

    ring_encode_notify(&s, v->tail);
    ring_vtest_submit(v, s.bytes, s.size_bytes);
    v->notify_count++;
}

void
ring_vtest_wait_seqno(struct ring_vtest *v)
{
    uint8_t bytes[MESSAGE_BYTES];
    struct ring_stream s = { .bytes = bytes, .capacity_bytes = sizeof(bytes) };

    ring_encode_wait_seqno(&s, v->tail);
    ring_vtest_submit(v, s.bytes, s.size_bytes);
}

static uint32_t
used_bytes(const struct ring_vtest *v)
{
    if ((atomic_load_explicit(word(v, STATUS_OFFSET), memory_order_relaxed) & RING_STATUS_FATAL) !=
        0) {
        ring_fail("the server calls the ring fatally wrong");
    }
    return v->tail - atomic_load_explicit(word(v, HEAD_OFFSET), memory_order_acquire);
}

/* Sleeps; or spins, but leaves the processor to others now and then: the server may be one of them. */
static void
pause_briefly(const struct ring_vtest *v, uint32_t *count)
{
    const struct timespec nap = { 0, v->nap_ns };

    if (v->nap_ns > 0) {
        (void)nanosleep(&nap, NULL);
        return;
    }
    if (++*count % YIELD_PAUSES == 0) {
        (void)sched_yield();
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void
ring_push(struct ring_vtest *v, const void *bytes, uint32_t size_bytes)
{
    uint32_t at = v->tail % RING_BUFFER_BYTES;
    uint32_t first = size_bytes < RING_BUFFER_BYTES - at ? size_bytes : RING_BUFFER_BYTES - at;
    uint8_t *data = v->shm.map + DATA_OFFSET;
    uint32_t pauses = 0;

    while (used_bytes(v) > RING_BUFFER_BYTES - size_bytes) {
        pause_briefly(v, &pauses);
    }
    memcpy(data + at, bytes, first);
    memcpy(data, (const uint8_t *)bytes + first, size_bytes - first);
    v->tail += size_bytes;
    atomic_store(word(v, TAIL_OFFSET), v->tail);
    /* Pairs with the server, which says that it is idle and then looks at the tail once more. */
    if ((atomic_load(word(v, STATUS_OFFSET)) & RING_STATUS_IDLE) != 0) {
        notify(v);
    }
}

void
ring_wait(const struct ring_vtest *v)
{
    uint32_t pauses = 0;

    while (used_bytes(v) != 0) {
        pause_briefly(v, &pauses);
    }
}
