/*
 * device_run.c - the caretaker: starts the device process and the render server, waits, and says who died of what.
 */
#include "device/device_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device/listen.h"
#include "device/render_server.h"
#include "device/view/control_path.h"

enum { STOP_S = 5 /* how long each may take to end when asked */ };

struct child {
    const char *what;
    pid_t pid; /* 0: none, or reaped */
};

struct care {
    const struct device_config *config;
    struct device_fds fds;
    struct supervisor_config renderers_config; /* with the quota */
    char control_path[CONTROL_PATH_BYTES];
    struct child device;
    struct child renderers;
    bool is_stopping;
    int status;
};

static bool __attribute__((format(printf, 2, 3)))
say(const struct care *care, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "%s: %s\n", care->config->program, sentence);
    return false;
}

/* --- what is opened before anybody is shut off --- */

static bool
open_control(struct care *care)
{
    const char *path = care->config->control_path;
    char reason[256];
    if (path != NULL && strcmp(path, "none") == 0) {
        return true;
    }
    if (path == NULL && !control_path_own(care->control_path)) {
        return say(care, "no control socket: %s", care->control_path);
    }
    if (path != NULL) {
        (void)snprintf(care->control_path, sizeof(care->control_path), "%s", path);
    }
    care->fds.control = listen_on(path != NULL ? path : care->control_path, reason, sizeof(reason));
    if (care->fds.control < 0) {
        care->control_path[0] = '\0';
        return say(care, "the control socket: %s", reason);
    }
    return true;
}

static bool
open_view(struct care *care)
{
    const struct device_config *config = care->config;
    struct view_started started;
    char reason[256];
    if (config->view.way == VIEW_NONE) {
        return true;
    }
    if (!view_start(&config->view, config->socket_path, &started, reason, sizeof(reason))) {
        return say(care, "%s", reason);
    }
    care->fds.view = started.fd;
    return true;
}

static bool
open_all(struct care *care)
{
    const struct device_config *config = care->config;
    char reason[256];
    care->fds.listener = listen_on(config->socket_path, reason, sizeof(reason));
    if (care->fds.listener < 0) {
        return say(care, "%s", reason);
    }
    if (config->records_path != NULL) {
        care->fds.records = records_open(config->records_path);
        if (care->fds.records == NULL) {
            return say(care, "cannot write %s: %s", config->records_path, strerror(errno));
        }
    }
    if (!quota_create(&care->fds.quota,
                      RENDER_SERVER_PLACE_COUNT(config->renderers.client_count_max),
                      config->limits.memory_bytes)) {
        return say(care, "no page for the guest's quota: %s", strerror(errno));
    }
    care->renderers_config.quota = &care->fds.quota;
    return open_control(care) && open_view(care);
}

static void
close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

/* --- children --- */

static void
block_signals(sigset_t *set)
{
    static const int numbers[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaddset(set, numbers[i]);
    }
    (void)sigprocmask(SIG_BLOCK, set, NULL);
}

/* fork; the child ends with us, even if we were killed and it is stuck: whoever asks it to end is gone then.  Returns: as fork. */
static pid_t
start(struct child *child)
{
    pid_t parent = getpid();
    (void)fflush(NULL);
    child->pid = fork();
    if (child->pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)) {
        _exit(EXIT_FAILURE);
    }
    return child->pid;
}

/* The render server has nothing of the device's: neither guest memory nor pictures. */
static void
run_renderers(struct care *care, int socket)
{
    close_fd(&care->fds.listener);
    close_fd(&care->fds.control);
    close_fd(&care->fds.view);
    exit(render_server_run(&care->renderers_config, socket));
}

/*
 * What whoever started us left open is nothing to the device process, whose sandbox lets it read and write what is open.
 * All that is ours would be closed by an exec; that was not.
 */
static void
close_inherited(void)
{
    DIR *directory = opendir("/proc/self/fd");
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        int fd = (int)strtol(entry->d_name, NULL, 10); /* 0: "." and ".." */
        if (fd > STDERR_FILENO && fcntl(fd, F_GETFD) == 0) {
            (void)close(fd);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

static void
run_device(struct care *care)
{
    close_inherited();
    exit(device_serve(care->config, &care->fds));
}

static bool
start_all(struct care *care)
{
    int pair[2] = { -1, -1 };
    if (care->config->has_venus) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
            return say(care, "no socket for the render server: %s", strerror(errno));
        }
        if (start(&care->renderers) == 0) {
            (void)close(pair[0]);
            run_renderers(care, pair[1]);
        }
        close_fd(&pair[1]);
    }
    care->fds.render_server = pair[0];
    if (care->renderers.pid >= 0 && start(&care->device) == 0) {
        run_device(care);
    }
    close_fd(&care->fds.render_server); /* all that is the device's now */
    close_fd(&care->fds.listener);
    close_fd(&care->fds.control);
    close_fd(&care->fds.view);
    if (care->renderers.pid < 0 || care->device.pid < 0) {
        return say(care, "a process cannot be started: %s", strerror(errno));
    }
    return true;
}

static void
ask_to_end(struct care *care)
{
    care->is_stopping = true;
    if (care->device.pid > 0) {
        (void)kill(care->device.pid, SIGTERM);
    } else if (care->renderers.pid > 0) {
        (void)kill(care->renderers.pid, SIGTERM);
    }
}

/* A child's end: with a sentence, unless we asked for it. */
static void
mourn(struct care *care, struct child *child, int status)
{
    child->pid = 0;
    if (WIFSIGNALED(status)) {
        (void)say(care, "%s died of signal %d (%s)%s", child->what, WTERMSIG(status),
                  strsignal(WTERMSIG(status)),
                  WTERMSIG(status) == SIGSYS ? ": its sandbox refused a system call" : "");
        care->status = EXIT_FAILURE;
    } else if (WEXITSTATUS(status) != 0) {
        care->status = EXIT_FAILURE; /* it has said why */
    } else if (!care->is_stopping) {
        (void)say(care, "%s has ended: so does the rest", child->what);
    }
    ask_to_end(care);
}

static void
reap(struct care *care)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == care->device.pid) {
            mourn(care, &care->device, status);
        } else if (pid == care->renderers.pid) {
            mourn(care, &care->renderers, status);
        }
    }
}

static void
wait_for_end(struct care *care, const sigset_t *set)
{
    const struct timespec limit = { .tv_sec = STOP_S };
    while (care->device.pid > 0 || care->renderers.pid > 0) {
        int number = care->is_stopping ? sigtimedwait(set, NULL, &limit) : sigwaitinfo(set, NULL);
        if (number == SIGCHLD) {
            reap(care);
        } else if (number > 0) {
            ask_to_end(care);
        } else if (errno == EAGAIN) {
            struct child *slow = care->device.pid > 0 ? &care->device : &care->renderers;
            (void)say(care, "%s does not end: it is ended", slow->what);
            (void)kill(slow->pid, SIGKILL);
        }
    }
}

/* A blob of the guest's is a file here: many more than a shell's usual limit. */
static void
raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A wish that may be a mistake: guest and view stay dark. */
static void
tell_of_no_display(const struct care *care)
{
    const struct device_config *config = care->config;
    bool has_display = false;
    for (unsigned i = 0; i < config->scanout_count; i++) {
        has_display = has_display || config->scanouts[i].is_enabled;
    }
    if (!has_display) {
        (void)say(care, "no display is plugged in: `vitrine plug` plugs one in");
    }
}

int
device_run(const struct device_config *config)
{
    struct care care = {
        .config = config,
        .renderers_config = config->renderers,
        .fds = {.listener = -1,       .control = -1, .render_server = -1, .view = -1 },
        .device = { .what = "the device process"},
        .renderers = { .what = "the render server"                  }
    };
    sigset_t set;
    raise_fd_limit();
    block_signals(&set);
    tell_of_no_display(&care);
    bool is_open = open_all(&care);
    bool is_bound = care.fds.listener >= 0;
    if (!is_open || !start_all(&care)) {
        care.status = EXIT_FAILURE;
        ask_to_end(&care);
    }
    wait_for_end(&care, &set);
    if (is_bound) {
        (void)unlink(config->socket_path);
    }
    if (care.control_path[0] != '\0') {
        (void)unlink(care.control_path);
    }
    close_fd(&care.fds.listener);
    return care.status;
}
