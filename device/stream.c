/*
 * stream.c - see stream.h for why bytes are peeked.
 */
#include "device/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "device/clock.h"

/*
 * Before we sleep, no more than this stays in the socket: each of the other end's writes costs far more of its buffer than its
 * bytes (768 of 212,992 here), and it must not have to wait for us while we wait for it.
 */
enum { PEEKED_BYTES_MAX = 128 };

enum { LAST_WRITE_MS = 1000 };

enum {
    YIELD_COUNT = 2,
    ROBBED_NS = 100000, /* a yield of that length went to somebody who computes */
    ROBBED_FILLS = 200, /* so often it is not tried again */
};

enum stream_result
stream_init(struct stream *stream, int fd)
{
    static const int from_the_first = 0;
    stream->fd = fd;
    stream->peeked_bytes = 0;
    stream->first = 0;
    stream->end = 0;
    stream->robbed_count = 0;
    int result = setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &from_the_first, sizeof(from_the_first));
    return result == 0 ? STREAM_OK : STREAM_ERROR;
}

/* As recv: how many bytes came, 0 at the end; -1 and errno. */
static ssize_t
receive(int fd, void *to, size_t size, int flags)
{
    ssize_t got;
    do {
        got = recv(fd, to, size, flags);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Takes out of the socket what was peeked, all but the last byte.  The buffer is empty, and used. */
static enum stream_result
consume(struct stream *stream)
{
    while (stream->peeked_bytes > 1) {
        size_t rest = stream->peeked_bytes - 1;
        ssize_t got = receive(stream->fd, stream->buffer,
                              rest < STREAM_BUFFER_BYTES ? rest : STREAM_BUFFER_BYTES, 0);
        if (got <= 0) {
            return STREAM_ERROR;
        }
        stream->peeked_bytes -= (size_t)got;
    }
    return STREAM_OK;
}

/*
 * A client writes a message in several pieces, each of which would wake us; if it shares our processor, and nobody else wants it,
 * to let it go on brings the rest at once.  Somebody who computes would keep the processor, and the bytes would no longer wake
 * us: then we sleep at once, the next times too.
 */
static void
give_way(struct stream *stream)
{
    uint64_t start_ns = clock_now_ns();
    (void)sched_yield();
    stream->robbed_count = clock_now_ns() - start_ns > ROBBED_NS ? ROBBED_FILLS : 0;
}

/*
 * Sleeps until there is a byte that was not peeked.  Until it was mended at the end of 2025, Linux forgot the peek offset in that
 * sleep and gave what is oldest in the socket: so what it gives is not looked at, and the offset is set again.
 * Returns: as receive.
 */
static ssize_t
await_byte(struct stream *stream)
{
    uint8_t byte = 0;
    ssize_t got = receive(stream->fd, &byte, sizeof(byte), MSG_PEEK);
    int offset = (int)stream->peeked_bytes;
    bool is_set = setsockopt(stream->fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)) == 0;
    return got > 0 && !is_set ? -1 : got;
}

static ssize_t
peek(struct stream *stream, void *to, size_t size)
{
    for (unsigned looks = 1;; looks++) {
        ssize_t got = receive(stream->fd, to, size, MSG_PEEK | MSG_DONTWAIT);
        if (got >= 0 || errno != EAGAIN) {
            return got;
        }
        if (looks <= YIELD_COUNT && stream->robbed_count == 0) {
            give_way(stream);
            continue;
        }
        stream->robbed_count -= stream->robbed_count > 0;
        got = await_byte(stream);
        if (got <= 0) {
            return got;
        }
    }
}

/* Peeks what is there, at least one byte, into the empty buffer. */
static enum stream_result
fill(struct stream *stream)
{
    if (stream->peeked_bytes > PEEKED_BYTES_MAX && consume(stream) != STREAM_OK) {
        return STREAM_ERROR;
    }
    ssize_t got = peek(stream, stream->buffer, STREAM_BUFFER_BYTES);
    if (got <= 0) {
        return got == 0 ? STREAM_END : STREAM_ERROR;
    }
    stream->peeked_bytes += (size_t)got;
    stream->first = 0;
    stream->end = (size_t)got;
    return STREAM_OK;
}

enum stream_result
stream_read(struct stream *stream, void *to, size_t size)
{
    uint8_t *at = to;
    for (size_t rest = size; rest > 0;) {
        if (stream->first == stream->end) {
            enum stream_result result = fill(stream);
            if (result != STREAM_OK) {
                return result == STREAM_END && rest < size ? STREAM_CUT : result;
            }
        }
        size_t ready = stream->end - stream->first;
        size_t part = ready < rest ? ready : rest;
        memcpy(at, stream->buffer + stream->first, part);
        stream->first += part;
        at += part;
        rest -= part;
    }
    return STREAM_OK;
}

/*
 * Until the other end reads.  One that also talks no more, or to whom nobody listens any more (shutdown), gets a moment only.
 * Returns: false and errno.
 */
static bool
await_room(const struct stream *stream)
{
    struct pollfd ready = { .fd = stream->fd, .events = POLLOUT | POLLRDHUP };
    while (poll(&ready, 1, -1) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    if ((ready.revents & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        return true;
    }
    ready.events = POLLOUT;
    int ready_count = poll(&ready, 1, LAST_WRITE_MS);
    if (ready_count == 0) {
        errno = ETIMEDOUT;
    }
    return ready_count > 0;
}

/* After a call that failed: is it to be made again? */
static bool
is_again(const struct stream *stream)
{
    return errno == EINTR || (errno == EAGAIN && await_room(stream));
}

enum stream_result
stream_write(struct stream *stream, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t part = send(stream->fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (part < 0 && !is_again(stream)) {
            return STREAM_ERROR;
        }
        at += part > 0 ? part : 0;
        size -= part > 0 ? (size_t)part : 0;
    }
    return STREAM_OK;
}

static enum stream_result
write_fd(const struct stream *stream, struct msghdr *message)
{
    ssize_t sent;
    do {
        sent = sendmsg(stream->fd, message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && is_again(stream));
    return sent == 1 ? STREAM_OK : STREAM_ERROR;
}

/*
 * In two messages, since the reader of the bytes does not look for an fd and would lose it; but in one call, if both fit.
 */
static enum stream_result
write_both(struct stream *stream, const uint8_t *bytes, size_t size, struct msghdr *message)
{
    struct iovec first = { .iov_len = size };
    memcpy(&first.iov_base, &bytes, sizeof(bytes)); /* sendmmsg does not write to it */
    struct mmsghdr both[2] = {
        { .msg_hdr = { .msg_iov = &first, .msg_iovlen = 1 } },
        { .msg_hdr = *message },
    };
    int sent_count;
    do {
        sent_count = sendmmsg(stream->fd, both, 2, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent_count < 0 && is_again(stream));
    if (sent_count < 0) {
        return STREAM_ERROR;
    }
    if (sent_count == 2) {
        return STREAM_OK;
    }
    size_t done = both[0].msg_len;
    enum stream_result result = stream_write(stream, bytes + done, size - done);
    return result == STREAM_OK ? write_fd(stream, message) : result;
}

enum stream_result
stream_write_with_fd(struct stream *stream, const void *bytes, size_t size, int fd)
{
    uint8_t byte = 0;
    struct iovec one = { .iov_base = &byte, .iov_len = 1 };
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct msghdr message = {
        .msg_iov = &one,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    return write_both(stream, bytes, size, &message);
}
