/*
 * view_start.c - starts vitrine-view and waits for its first word.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/beside.h"
#include "device/view/view.h"
#include "device/view/view_wire.h"

enum { VIEWER_FD = 3, START_MS = 10000, PATH_BYTES = 4096 };

bool
view_choose(const char *text, struct view_choice *choice)
{
    *choice = (struct view_choice){ .way = VIEW_NONE, .port = VIEW_VNC_PORT };
    if (strcmp(text, "none") == 0) {
        return true;
    }
    if (strcmp(text, "window") == 0) {
        choice->way = VIEW_WINDOW;
        return true;
    }
    if (strncmp(text, "vnc", 3) != 0 || (text[3] != '\0' && text[3] != ':')) {
        return false;
    }
    choice->way = VIEW_VNC;
    if (text[3] == '\0') {
        return true;
    }
    char *end = NULL;
    unsigned long port = strtoul(text + 4, &end, 10);
    choice->port = (uint16_t)port;
    return text[4] >= '0' && text[4] <= '9' && *end == '\0' && port >= 1 &&
           port <= UINT16_MAX - VIEW_SCANOUT_COUNT_MAX;
}

/* In a process group of its own: a Ctrl-C is for the device, and the viewer ends with it. */
static int
spawn_viewer(const char *path, const char *const words[], int socket, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_adddup2(&actions, socket, VIEWER_FD);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    char *const *arguments = NULL;
    memcpy(&arguments, &words, sizeof(arguments)); /* posix_spawn does not write to them */
    int error = posix_spawn(pid, path, &actions, &attributes, arguments, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* The viewer says that it is ready, or why not; or it dies without a word, and ld.so or SDL has spoken for it. */
static bool
wait_until_ready(int socket, char *reason, size_t reason_bytes)
{
    struct {
        struct view_message message;
        char sentence[VIEW_SENTENCE_BYTES_MAX + 1];
    } word = { 0 };
    struct pollfd wait = { .fd = socket, .events = POLLIN };
    int ready;
    do {
        ready = poll(&wait, 1, START_MS);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        (void)snprintf(reason, reason_bytes, "vitrine-view did not open within %d s",
                       START_MS / 1000);
        return false;
    }
    ssize_t got = recv(socket, &word, sizeof(word) - 1, 0);
    if (got == (ssize_t)sizeof(word.message) && word.message.kind == VIEW_READY) {
        return true;
    }
    bool has_said = got > (ssize_t)sizeof(word.message) && word.message.kind == VIEW_FAILED;
    (void)snprintf(reason, reason_bytes, "%s",
                   has_said ? word.sentence : "vitrine-view ended before it showed anything");
    return false;
}

static bool
start(const char *const words[], const char *path, struct view_started *started, char *reason,
      size_t reason_bytes)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        (void)snprintf(reason, reason_bytes, "no socket for vitrine-view: %s", strerror(errno));
        return false;
    }
    int error = spawn_viewer(path, words, fds[1], &started->pid);
    (void)close(fds[1]);
    started->fd = fds[0];
    if (error != 0) {
        (void)snprintf(reason, reason_bytes, "cannot start %s: %s", path, strerror(error));
        (void)close(fds[0]);
        return false;
    }
    if (!wait_until_ready(fds[0], reason, reason_bytes)) {
        (void)close(fds[0]);
        (void)kill(started->pid, SIGKILL);
        (void)waitpid(started->pid, NULL, 0);
        return false;
    }
    return true;
}

bool
view_start(const struct view_choice *choice, const char *title, struct view_started *started,
           char *reason, size_t reason_bytes)
{
    char path[PATH_BYTES];
    char way[32] = "--window";
    if (choice->way == VIEW_VNC) {
        (void)snprintf(way, sizeof(way), "--vnc=%u", choice->port);
    }
    if (!program_beside("vitrine-view", path, sizeof(path))) {
        (void)snprintf(reason, reason_bytes,
                       "the program vitrine-view is missing beside this one: `make programs` says "
                       "what it needs");
        return false;
    }
    bool has_input = choice->input_path != NULL;
    const char *words[] = { path,
                            "--socket-fd=3",
                            way,
                            "--title",
                            title,
                            has_input ? "--qmp" : NULL,
                            has_input ? choice->input_path : NULL,
                            NULL };
    return start(words, path, started, reason, reason_bytes);
}
