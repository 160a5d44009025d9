/*
 * ask.c - finds the socket, sends a line, reads a line.
 */
#include "tools/vitrine/ask.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "device/view/control.h"
#include "device/view/control_path.h"

enum { ANSWER_S_MAX = 10, READ_BYTES = 64 << 10, REQUEST_BYTES = 128 };

/* One line on stderr without "see --help": nothing is wrong with the command line.  Returns: false. */
static bool __attribute__((format(printf, 2, 3)))
failed(const struct options *options, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "%s: ", options->program);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    return false;
}

/* --- which socket --- */

static bool
say_which(const struct options *options, const struct control_found *found)
{
    (void)fprintf(stderr, "%s: %u devices run; say which: ", options->program, found->count);
    for (unsigned i = 0; i < found->count; i++) {
        (void)fprintf(stderr, "%s--control %s", i > 0 ? " or " : "", found->paths[i]);
    }
    (void)fputc('\n', stderr);
    return false;
}

static bool
find_path(const struct options *options, char path[CONTROL_PATH_BYTES])
{
    struct control_found found;
    const char *given = options_get(options, "control");
    if (given != NULL) {
        int length = snprintf(path, CONTROL_PATH_BYTES, "%s", given);
        return length < CONTROL_PATH_BYTES ||
               failed(options, "--control %s: a socket's path has at most %d bytes", given,
                      CONTROL_PATH_BYTES - 1);
    }
    control_path_find(&found);
    if (found.count > 1) {
        return say_which(options, &found);
    }
    if (found.count == 0) {
        return failed(options, "no device of yours runs: start `vitrine-gpu --vhost-user SOCKET`, "
                               "or name its control socket with --control");
    }
    memcpy(path, found.paths[0], CONTROL_PATH_BYTES);
    return true;
}

/* Returns: a socket whose waits end; -1 after one line. */
static int
connect_device(const struct options *options)
{
    char path[CONTROL_PATH_BYTES];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval limit = { .tv_sec = ANSWER_S_MAX };
    if (!find_path(options, path)) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)failed(options, "cannot reach a device at %s: %s", path,
                     errno == ECONNREFUSED ? "nobody serves this socket any more"
                                           : strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    return fd;
}

/* --- the answer --- */

static void
take_fd(struct msghdr *message, struct answer *answer)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    if (rights != NULL && rights->cmsg_type == SCM_RIGHTS && answer->fd < 0 &&
        rights->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&answer->fd, CMSG_DATA(rights), sizeof(int));
    }
}

static ssize_t
read_some(int fd, struct answer *answer, size_t used)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec whole = { .iov_base = answer->text + used, .iov_len = READ_BYTES };
    struct msghdr message = {
        .msg_iov = &whole,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got > 0) {
        take_fd(&message, answer);
    }
    return got;
}

/* Returns: whether a line came, in time and not endless. */
static bool
read_line(int fd, struct answer *answer)
{
    for (size_t used = 0; used < CONTROL_ANSWER_BYTES_MAX;) {
        char *longer = realloc(answer->text, used + READ_BYTES + 1);
        if (longer == NULL) {
            return false;
        }
        answer->text = longer;
        ssize_t got = read_some(fd, answer, used);
        if (got <= 0) {
            return false;
        }
        used += (size_t)got;
        answer->text[used] = '\0';
        char *newline = strchr(answer->text, '\n');
        if (newline != NULL) {
            *newline = '\0';
            return true;
        }
    }
    return false;
}

static bool
read_answer(const struct options *options, int fd, struct answer *answer)
{
    errno = 0;
    if (!read_line(fd, answer)) {
        return failed(options, "the device did not answer%s",
                      errno == EAGAIN ? " within 10 s" : ": it has ended, or is no device");
    }
    answer->json = cJSON_Parse(answer->text);
    if (cJSON_IsTrue(cJSON_GetObjectItem(answer->json, "ok"))) {
        return true;
    }
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItem(answer->json, "error"));
    return failed(options, "%s", error != NULL ? error : "the answer is not a device's");
}

bool
ask(const struct options *options, struct answer *answer, const char *format, ...)
{
    char request[REQUEST_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(request, sizeof(request) - 1, format, arguments);
    va_end(arguments);
    *answer = (struct answer){ .fd = -1 };
    int fd = connect_device(options);
    if (fd < 0) {
        return false;
    }
    request[length++] = '\n';
    bool is_sent = send(fd, request, (size_t)length, MSG_NOSIGNAL) == length;
    bool is_answered = is_sent ? read_answer(options, fd, answer)
                               : failed(options, "the device takes no request: it has ended");
    (void)close(fd);
    if (!is_answered) {
        answer_finish(answer);
    }
    return is_answered;
}

void
answer_finish(struct answer *answer)
{
    cJSON_Delete(answer->json);
    free(answer->text);
    if (answer->fd >= 0) {
        (void)close(answer->fd);
    }
    *answer = (struct answer){ .fd = -1 };
}

bool
ask_scanout(const struct options *options, unsigned *scanout_idx)
{
    uint64_t number = 0;
    bool is_right = option_number(options, "scanout", 0, 15, &number);
    *scanout_idx = (unsigned)number;
    return is_right;
}
