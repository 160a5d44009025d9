/*
 * input.c - events as lines of QMP.  Answers are read and forgotten: an event that QEMU refuses is lost.
 */
#include "tools/view/input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    AXIS_MAX = 0x7fff,  /* of QMP's absolute axes */
    RETRY_MS = 500,     /* between connections that fail */
    GREETING_MS = 2000, /* a QEMU that has said nothing by then serves somebody else */
    LINE_BYTES = 512,
};

static const char *const button_names[INPUT_BUTTON_COUNT] = { "left", "middle", "right", "wheel-up",
                                                              "wheel-down" };

void
input_init(struct input *input, const char *program, const char *path)
{
    *input = (struct input){ .program = program, .path = path, .fd = -1 };
}

static uint64_t
now_ms(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
disconnect(struct input *input)
{
    (void)close(input->fd);
    input->fd = -1;
}

/* Half a line would spoil the next one: a QEMU that does not take all of it is left. */
static void
send_line(struct input *input, const char *line)
{
    size_t line_bytes = strlen(line);
    ssize_t sent = send(input->fd, line, line_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != (ssize_t)line_bytes) {
        disconnect(input);
    }
}

/* Returns: a connected socket, or one that waits for QEMU to take it; -1: nobody listens. */
static int
open_socket(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_open = fd >= 0 && length < (int)sizeof(address.sun_path) &&
                   connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0 && !is_open) {
        (void)close(fd);
    }
    return is_open ? fd : -1;
}

static bool
connect_qemu(struct input *input)
{
    uint64_t now = now_ms();
    if (input->tried_ms != 0 && now - input->tried_ms < RETRY_MS) {
        return false;
    }
    input->tried_ms = now;
    input->is_greeted = false;
    input->fd = open_socket(input->path);
    if (input->fd < 0) {
        return false;
    }
    memset(input->is_down, 0, sizeof(input->is_down)); /* another QEMU has heard of nothing yet */
    memset(input->is_pressed, 0, sizeof(input->is_pressed));
    send_line(input, "{\"execute\":\"qmp_capabilities\"}\n");
    return input->fd >= 0;
}

static void
complain(struct input *input)
{
    if (!input->is_greeted && !input->has_complained && now_ms() - input->tried_ms > GREETING_MS) {
        input->has_complained = true;
        (void)fprintf(stderr,
                      "%s: keys and the pointer go nowhere: QEMU does not greet at %s; it serves "
                      "one client of a QMP socket at a time: give it one more -qmp for this\n",
                      input->program, input->path);
    }
}

/* Returns: whether QEMU is there; its answers so far are gone. */
static bool
read_answers(struct input *input)
{
    char bytes[4096];
    for (;;) {
        ssize_t got = recv(input->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            return true;
        }
        if (got <= 0) {
            disconnect(input);
            return false;
        }
        input->is_greeted = true;
    }
}

static bool
is_connected(struct input *input)
{
    if (input->path == NULL) {
        return false;
    }
    if (input->fd >= 0 && read_answers(input)) {
        complain(input);
        return true;
    }
    return connect_qemu(input);
}

/* format: the events of one message. */
static void __attribute__((format(printf, 2, 3)))
send_events(struct input *input, const char *format, ...)
{
    char events[LINE_BYTES / 2];
    char line[LINE_BYTES];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(events, sizeof(events), format, values);
    va_end(values);
    (void)snprintf(line, sizeof(line),
                   "{\"execute\":\"input-send-event\",\"arguments\":{\"events\":[%s]}}\n", events);
    send_line(input, line);
}

void
input_key(struct input *input, unsigned usage, bool is_down)
{
    const char *name = key_qcode(usage);
    if (name == NULL || !is_connected(input) || input->is_down[usage] == is_down) {
        return;
    }
    input->is_down[usage] = is_down;
    send_events(input,
                "{\"type\":\"key\",\"data\":{\"down\":%s,\"key\":{\"type\":\"qcode\",\"data\":"
                "\"%s\"}}}",
                is_down ? "true" : "false", name);
}

static unsigned
scale(int at_px, uint32_t side_px)
{
    int64_t last_px = (int64_t)side_px - 1;
    int64_t within_px = at_px < 0 ? 0 : at_px > last_px ? last_px : at_px;
    return last_px > 0 ? (unsigned)(within_px * AXIS_MAX / last_px) : 0;
}

void
input_move(struct input *input, int x_px, int y_px, uint32_t width_px, uint32_t height_px)
{
    if (is_connected(input)) {
        send_events(input,
                    "{\"type\":\"abs\",\"data\":{\"axis\":\"x\",\"value\":%u}},"
                    "{\"type\":\"abs\",\"data\":{\"axis\":\"y\",\"value\":%u}}",
                    scale(x_px, width_px), scale(y_px, height_px));
    }
}

void
input_press(struct input *input, enum input_button button, bool is_down)
{
    if (!is_connected(input) || input->is_pressed[button] == is_down) {
        return;
    }
    input->is_pressed[button] = is_down;
    send_events(input, "{\"type\":\"btn\",\"data\":{\"down\":%s,\"button\":\"%s\"}}",
                is_down ? "true" : "false", button_names[button]);
}

void
input_release(struct input *input)
{
    for (unsigned usage = 0; usage < KEY_COUNT; usage++) {
        if (input->is_down[usage]) {
            input_key(input, usage, false);
        }
    }
    for (unsigned button = 0; button < INPUT_BUTTON_COUNT; button++) {
        if (input->is_pressed[button]) {
            input_press(input, button, false);
        }
    }
}

void
input_finish(struct input *input)
{
    if (input->fd >= 0) {
        disconnect(input);
    }
}
