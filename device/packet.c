/*
 * packet.c - recvmsg and sendmsg.
 */
#include "device/packet.h"

#include <errno.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

union fd_control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(PACKET_FD_COUNT_MAX * sizeof(int))];
};

void
packet_close_fds(struct packet *packet)
{
    for (unsigned i = 0; i < packet->fd_count; i++) {
        if (packet->fds[i] >= 0) {
            (void)close(packet->fds[i]);
        }
    }
    packet->fd_count = 0;
}

static void
take_fds(struct msghdr *message, struct packet *packet)
{
    packet->fd_count = 0;
    struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    if (rights == NULL || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) {
        return;
    }
    packet->fd_count = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(packet->fds, CMSG_DATA(rights), packet->fd_count * sizeof(int));
}

enum packet_result
packet_receive(int socket, void *to, size_t size_bytes, struct packet *packet)
{
    struct iovec whole = { .iov_base = to, .iov_len = size_bytes };
    union fd_control control = { 0 };
    struct msghdr message = {
        .msg_iov = &whole,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t got;
    do {
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    packet->fd_count = 0;
    if (got <= 0) {
        return got == 0 || errno == ECONNRESET ? PACKET_END : PACKET_ERROR;
    }
    packet->size_bytes = (size_t)got;
    take_fds(&message, packet);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        packet_close_fds(packet);
        return PACKET_CUT;
    }
    return PACKET_GOT;
}

int
packet_send_fds(int socket, const void *bytes, size_t size_bytes, const int *fds, unsigned fd_count)
{
    struct iovec whole = { .iov_len = size_bytes };
    memcpy(&whole.iov_base, &bytes, sizeof(bytes)); /* sendmsg does not write to it */
    union fd_control control = { 0 };
    struct msghdr message = { .msg_iov = &whole, .msg_iovlen = 1 };
    if (fd_count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, fd_count * sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

int
packet_send(int socket, const void *bytes, size_t size_bytes, int fd)
{
    return packet_send_fds(socket, bytes, size_bytes, &fd, fd >= 0 ? 1 : 0);
}
