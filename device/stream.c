/*
 * stream.c - see stream.h for why a byte stays behind.
 */
#include "device/stream.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <sys/socket.h>

/* As many bytes as come before the end, all of them or fewer; -1 and errno. */
static ssize_t
receive(int fd, void *to, size_t size, int flags)
{
    size_t done = 0;
    while (done < size) {
        ssize_t part = recv(fd, (uint8_t *)to + done, size - done, flags);
        if (part == 0) {
            break;
        }
        if (part < 0 && errno != EINTR) {
            return -1;
        }
        done += part > 0 ? (size_t)part : 0;
    }
    return (ssize_t)done;
}

static enum stream_result
drop_unread(struct stream *stream)
{
    uint8_t byte;
    if (stream->has_unread && receive(stream->fd, &byte, 1, 0) != 1) {
        return STREAM_ERROR;
    }
    stream->has_unread = false;
    return STREAM_OK;
}

enum stream_result
stream_read(struct stream *stream, void *to, size_t size)
{
    if (drop_unread(stream) != STREAM_OK) {
        return STREAM_ERROR;
    }
    ssize_t taken = size > 1 ? receive(stream->fd, to, size - 1, MSG_WAITALL) : 0;
    if (taken < 0) {
        return STREAM_ERROR;
    }
    if ((size_t)taken < size - 1) {
        return taken == 0 ? STREAM_END : STREAM_CUT;
    }
    ssize_t last = receive(stream->fd, (uint8_t *)to + size - 1, 1, MSG_PEEK);
    if (last < 0) {
        return STREAM_ERROR;
    }
    stream->has_unread = last == 1;
    if (last == 1) {
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
