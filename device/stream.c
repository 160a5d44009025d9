/*
 * stream.c - see stream.h for why a byte stays behind.
 */
#include "device/stream.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <sys/socket.h>

/* As many bytes as come before the end, all of them or fewer; -1 and errno.  parts: used up. */
static ssize_t
receive(int fd, struct iovec *parts, size_t part_count, int flags)
{
    size_t done = 0;
    while (part_count > 0) {
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = part_count };
        ssize_t got = recvmsg(fd, &message, flags);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        size_t rest = got > 0 ? (size_t)got : 0;
        done += rest;
        for (; part_count > 0 && rest >= parts->iov_len; parts++, part_count--) {
            rest -= parts->iov_len;
        }
        if (part_count > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + rest;
            parts->iov_len -= rest;
        }
    }
    return (ssize_t)done;
}

/* All but the last byte, with what stayed behind before it, in one call.  Returns: how many of them came; -1. */
static ssize_t
receive_most(struct stream *stream, void *to, size_t size)
{
    uint8_t unread;
    struct iovec parts[2] = {
        {&unread, 1       },
        { to,     size - 1}
    };
    size_t first = stream->has_unread ? 0 : 1;
    size_t end = size > 1 ? 2 : 1;
    stream->has_unread = false;
    if (first == end) {
        return 0;
    }
    ssize_t got = receive(stream->fd, parts + first, end - first, MSG_WAITALL);
    return got > 0 && first == 0 ? got - 1 : got;
}

enum stream_result
stream_read(struct stream *stream, void *to, size_t size)
{
    ssize_t taken = receive_most(stream, to, size);
    if (taken < 0) {
        return STREAM_ERROR;
    }
    if ((size_t)taken < size - 1) {
        return taken == 0 ? STREAM_END : STREAM_CUT;
    }
    struct iovec last = { (uint8_t *)to + size - 1, 1 };
    ssize_t peeked = receive(stream->fd, &last, 1, MSG_PEEK);
    if (peeked < 0) {
        return STREAM_ERROR;
    }
    stream->has_unread = peeked == 1;
    if (peeked == 1) {
        return STREAM_OK;
    }
    return size > 1 ? STREAM_CUT : STREAM_END;
}

static enum stream_result
send_all(int fd, struct msghdr *message)
{
    struct iovec *rest = message->msg_iov;
    while (rest->iov_len > 0) {
        ssize_t part = sendmsg(fd, message, MSG_NOSIGNAL);
        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part < 0) {
            return STREAM_ERROR;
        }
        rest->iov_base = (uint8_t *)rest->iov_base + part;
        rest->iov_len -= (size_t)part;
        message->msg_controllen = 0;
    }
    return STREAM_OK;
}

enum stream_result
stream_write(struct stream *stream, const void *bytes, size_t size)
{
    struct iovec rest = { 0 };
    memcpy(&rest.iov_base, &bytes, sizeof(bytes)); /* sendmsg does not write to it */
    rest.iov_len = size;
    return send_all(stream->fd, &(struct msghdr){ .msg_iov = &rest, .msg_iovlen = 1 });
}

enum stream_result
stream_write_fd(struct stream *stream, int fd)
{
    uint8_t byte = 0;
    struct iovec rest = { .iov_base = &byte, .iov_len = 1 };
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct msghdr message = {
        .msg_iov = &rest,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    return send_all(stream->fd, &message);
}
