/*
 * report.c - packets between a worker and its supervisor.
 */
#include "device/report.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

static_assert(sizeof(struct report_head) == 24, "the head is sent as it lies: no padding");

bool
report_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0;
}

union fd_control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void
attach_fd(struct msghdr *message, union fd_control *control, int fd)
{
    message->msg_control = control;
    message->msg_controllen = sizeof(control->bytes);
    struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
}

bool
report_send(int channel, const struct report_head *head, const char *text, int fd)
{
    struct report_head own = *head;
    size_t text_bytes = text != NULL ? strnlen(text, REPORT_TEXT_BYTES_MAX) : 0;
    own.text_bytes = (uint32_t)text_bytes;
    struct iovec parts[2] = {
        {.iov_base = &own, .iov_len = sizeof(own)}
    };
    memcpy(&parts[1].iov_base, &text, sizeof(text)); /* sendmsg does not write to it */
    parts[1].iov_len = text_bytes;
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    union fd_control control = { 0 };
    if (fd >= 0) {
        attach_fd(&message, &control, fd);
    }
    ssize_t sent;
    do {
        sent = sendmsg(channel, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/* The one fd of a message, -1 when it has none. */
static int
take_fd(struct msghdr *message)
{
    int fd = -1;
    const struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    }
    return fd;
}

/* As UTF-8 has those between 0x80 and 0x9f, which some terminals obey, too. */
static bool
is_high_control(const char *text)
{
    return (unsigned char)text[0] == 0xc2 && ((unsigned char)text[1] & 0xe0) == 0x80;
}

void
make_printable(char *text, bool is_with_line_ends)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool is_line_end = c == '\n' && is_with_line_ends;
        if (is_high_control(text)) {
            text[0] = text[1] = '?';
        } else if ((c < ' ' && !is_line_end && c != '\t') || c == 0x7f) {
            *text = '?';
        }
    }
}

enum report_result
report_receive(int channel, bool is_waiting, struct report *report, int *fd)
{
    struct iovec whole = { .iov_base = report, .iov_len = sizeof(*report) - 1 };
    union fd_control control = { 0 };
    struct msghdr message = {
        .msg_iov = &whole,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t got;
    do {
        got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC | (is_waiting ? 0 : MSG_DONTWAIT));
    } while (got < 0 && errno == EINTR);
    *fd = -1;
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? REPORT_NONE : REPORT_CLOSED;
    }
    if (got == 0) {
        return REPORT_CLOSED;
    }
    *fd = take_fd(&message);
    bool is_whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (!is_whole || (size_t)got < sizeof(report->head) ||
        report->head.text_bytes != (size_t)got - sizeof(report->head)) {
        if (*fd >= 0) {
            (void)close(*fd);
        }
        *fd = -1;
        return REPORT_WRONG;
    }
    report->text[report->head.text_bytes] = '\0';
    make_printable(report->text, report->head.kind == REPORT_STATS);
    return REPORT_GOT;
}
