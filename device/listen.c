/*
 * listen.c - bind, and what to do when the name is taken.
 */
#include "device/listen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG_COUNT = 128 };

static int
bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t mask = umask(0177);
    int result = bind(fd, (const struct sockaddr *)address, sizeof(*address));
    int error = errno;
    (void)umask(mask);
    errno = error;
    return result;
}

/* Whether the name belongs to a socket that nobody listens on. */
static bool
is_left_over(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_refused = fd >= 0 &&
                      connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                      errno == ECONNREFUSED;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_refused;
}

static int
bind_somehow(int fd, const struct sockaddr_un *address)
{
    if (bind_private(fd, address) == 0) {
        return 0;
    }
    if (errno != EADDRINUSE || !is_left_over(address)) {
        return -1;
    }
    (void)unlink(address->sun_path);
    return bind_private(fd, address);
}

int
listen_on(const char *path, char *reason, size_t reason_bytes)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address.sun_path)) {
        (void)snprintf(reason, reason_bytes,
                       "the socket's path has %zu bytes, the most is %zu: choose a shorter one",
                       strlen(path), sizeof(address.sun_path) - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind_somehow(fd, &address) == 0 && listen(fd, BACKLOG_COUNT) == 0) {
        return fd;
    }
    (void)snprintf(reason, reason_bytes, "cannot listen on %s: %s", path,
                   errno == EADDRINUSE ? "another server or file has this name" : strerror(errno));
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}
