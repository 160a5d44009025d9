#include "tools/vitrine/line_socket.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static bool __attribute__((format(printf, 2, 3)))
fail(struct line_socket *line, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(line->why, sizeof(line->why), format, values);
    va_end(values);
    return false;
}

bool
line_open(struct line_socket *line, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    *line = (struct line_socket){ .fd = -1, .passed_fd = -1 };
    if (strlen(path) >= sizeof(address.sun_path)) {
        return fail(line, "the path has more than %zu characters", sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    line->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (line->fd < 0 || connect(line->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return fail(line, "%s",
                    errno == EAGAIN         ? "it serves others only"
                    : errno == ECONNREFUSED ? "nobody serves this socket any more"
                                            : strerror(errno));
    }
    return true;
}

static int64_t
now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
wait_for(struct line_socket *line, short events, int64_t deadline_ms)
{
    struct pollfd one = { .fd = line->fd, .events = events };
    int64_t left_ms = deadline_ms - now_ms();
    int result = left_ms <= 0 ? 0 : poll(&one, 1, (int)left_ms);
    if (result < 0 && errno != EINTR) {
        return fail(line, "poll: %s", strerror(errno));
    }
    return result != 0 || left_ms > 0 ||
           fail(line, "nothing came within %d s", LINE_WAIT_MS / 1000);
}

bool
line_send(struct line_socket *line, const char *text)
{
    int64_t deadline_ms = now_ms() + LINE_WAIT_MS;
    size_t left_bytes = strlen(text);
    while (left_bytes > 0) {
        ssize_t sent = send(line->fd, text, left_bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return fail(line, "%s", strerror(errno));
        }
        if (sent < 0 && !wait_for(line, POLLOUT, deadline_ms)) {
            return false;
        }
        text += sent > 0 ? sent : 0;
        left_bytes -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool
reserve(struct line_socket *line)
{
    if (line->used_bytes < line->room_bytes) {
        return true;
    }
    size_t room_bytes = line->room_bytes == 0 ? 1 << 16 : 2 * line->room_bytes;
    char *bigger = room_bytes > LINE_BYTES_MAX ? NULL : realloc(line->bytes, room_bytes);
    if (bigger == NULL) {
        return fail(line, "its answer is too long");
    }
    line->bytes = bigger;
    line->room_bytes = room_bytes;
    return true;
}

static void
take_fd(struct line_socket *line, struct msghdr *message)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    if (rights != NULL && rights->cmsg_type == SCM_RIGHTS && line->passed_fd < 0 &&
        rights->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&line->passed_fd, CMSG_DATA(rights), sizeof(int));
    }
}

/* Reads what is there into the buffer.  Returns: false at the end, on errors, when the line is too long. */
static bool
fill(struct line_socket *line)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    if (!reserve(line)) {
        return false;
    }
    struct iovec room = { .iov_base = line->bytes + line->used_bytes,
                          .iov_len = line->room_bytes - line->used_bytes };
    struct msghdr message = { .msg_iov = &room,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control.bytes) };
    ssize_t got = recvmsg(line->fd, &message, MSG_CMSG_CLOEXEC);
    if (got == 0) {
        return fail(line, "it closed the connection");
    }
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR || fail(line, "%s", strerror(errno));
    }
    take_fd(line, &message);
    line->used_bytes += (size_t)got;
    return true;
}

static void
forget_line(struct line_socket *line)
{
    line->used_bytes -= line->line_bytes;
    if (line->line_bytes > 0) {
        memmove(line->bytes, line->bytes + line->line_bytes, line->used_bytes);
    }
    line->line_bytes = 0;
}

static cJSON *
parse_line(struct line_socket *line, char *end)
{
    *end = '\0';
    line->line_bytes = (size_t)(end - line->bytes) + 1;
    cJSON *message = cJSON_Parse(line->bytes);
    if (message == NULL) {
        (void)fail(line, "its answer is no JSON");
    }
    return message;
}

cJSON *
line_read(struct line_socket *line)
{
    int64_t deadline_ms = now_ms() + LINE_WAIT_MS;
    forget_line(line);
    for (;;) {
        char *end = line->used_bytes == 0 ? NULL : memchr(line->bytes, '\n', line->used_bytes);
        if (end != NULL) {
            return parse_line(line, end);
        }
        if (!wait_for(line, POLLIN, deadline_ms) || !fill(line)) {
            return NULL;
        }
    }
}

void
line_close(struct line_socket *line)
{
    if (line->fd >= 0) {
        (void)close(line->fd);
    }
    if (line->passed_fd >= 0) {
        (void)close(line->passed_fd);
    }
    free(line->bytes);
    *line = (struct line_socket){ .fd = -1, .passed_fd = -1 };
}
