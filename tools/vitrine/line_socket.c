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
    *line = (struct line_socket){ .fd = -1 };
    if (strlen(path) >= sizeof(address.sun_path)) {
        return fail(line, "the path has more than %zu characters", sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    line->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (line->fd < 0 || connect(line->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return fail(line, "%s", errno == EAGAIN ? "it serves others only" : strerror(errno));
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
    return result != 0 || left_ms > 0 || fail(line, "no answer within %d s", LINE_WAIT_MS / 1000);
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

/* Reads what is there into the buffer.  Returns: false at the end, on errors, when the line is too long. */
static bool
fill(struct line_socket *line)
{
    if (line->used_bytes == line->room_bytes) {
        size_t room_bytes = line->room_bytes == 0 ? 1 << 16 : 2 * line->room_bytes;
        char *bigger = room_bytes > LINE_BYTES_MAX ? NULL : realloc(line->bytes, room_bytes);
        if (bigger == NULL) {
            return fail(line, "its answer is too long");
        }
        line->bytes = bigger;
        line->room_bytes = room_bytes;
    }
    ssize_t got =
        recv(line->fd, line->bytes + line->used_bytes, line->room_bytes - line->used_bytes, 0);
    if (got == 0) {
        return fail(line, "it closed the connection");
    }
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        return fail(line, "%s", strerror(errno));
    }
    line->used_bytes += got > 0 ? (size_t)got : 0;
    return true;
}

static cJSON *
take_line(struct line_socket *line, size_t line_bytes)
{
    cJSON *message = cJSON_ParseWithLength(line->bytes, line_bytes);
    line->used_bytes -= line_bytes + 1;
    memmove(line->bytes, line->bytes + line_bytes + 1, line->used_bytes);
    if (message == NULL) {
        (void)fail(line, "its answer is no JSON");
    }
    return message;
}

cJSON *
line_read(struct line_socket *line)
{
    int64_t deadline_ms = now_ms() + LINE_WAIT_MS;
    for (;;) {
        char *end = line->used_bytes == 0 ? NULL : memchr(line->bytes, '\n', line->used_bytes);
        if (end != NULL) {
            return take_line(line, (size_t)(end - line->bytes));
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
    free(line->bytes);
    line->bytes = NULL;
    line->used_bytes = 0;
    line->room_bytes = 0;
    line->fd = -1;
}
