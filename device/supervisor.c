/*
 * supervisor.c - one thread, one poll: the listening socket, signals, whom we serve, and a channel per worker.
 */
#include "device/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device/client.h"
#include "device/listen.h"
#include "device/report.h"
#include "device/spawn.h"

enum {
    STOP_MS = 3000,          /* how long workers may take to end when we are asked to */
    REPORT_BURST_COUNT = 64, /* from one worker before the others have their turn */
    SHORT_OF_FDS_MS = 100,   /* how long nobody is accepted then */
};

struct supervisor {
    const struct supervisor_config *config;
    int listener;
    int signals;
    int life_fd;
    int trace_fd;
    struct client *clients;
    unsigned client_count;
    struct report *report; /* 64 KiB, for one at a time */
    struct pollfd *polls;
    uint64_t accept_ns; /* not before */
    uint64_t stop_ns;   /* when stopping must be over; 0: not stopping */
};

static uint64_t
now_ns(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void say(const struct supervisor *supervisor, const struct client *client,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
say(const struct supervisor *supervisor, const struct client *client, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    if (client != NULL) {
        (void)fprintf(stderr, "%s: client %s (pid %d): %s\n", supervisor->config->program,
                      client->name, (int)client->pid, sentence);
    } else {
        (void)fprintf(stderr, "%s: %s\n", supervisor->config->program, sentence);
    }
}

/* One letter to whom we serve; who does not read it any more need not be told. */
static void
tell_life(const struct supervisor *supervisor, char letter)
{
    if (supervisor->life_fd >= 0) {
        (void)send(supervisor->life_fd, &letter, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* The worker died or its context did: says so once, and sees to it that the client ends. */
static void
mourn(struct supervisor *supervisor, struct client *client, const char *reason)
{
    if (client->has_reason) {
        return;
    }
    client->has_reason = true;
    say(supervisor, client, "%s", reason);
    tell_life(supervisor, 'D');
    if (supervisor->config->kill_after_ms > 0) {
        client->kill_ns = now_ns() + (uint64_t)supervisor->config->kill_after_ms * 1000000;
    }
}

static void
on_report(struct supervisor *supervisor, struct client *client, int fd)
{
    const struct report *report = supervisor->report;
    if (report->head.kind == REPORT_RING) {
        if (!client_add_ring(client, report, fd)) {
            say(supervisor, client, "the renderer reported a ring that cannot be one");
        }
        return;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    switch (report->head.kind) {
    case REPORT_NAME:
        (void)snprintf(client->name, sizeof(client->name), "%.*s", CLIENT_NAME_BYTES - 1,
                       report->text);
        if (supervisor->config->is_verbose) {
            say(supervisor, client, "connected");
        }
        break;
    case REPORT_RING_GONE: client_remove_ring(client, report->head.ring_id); break;
    case REPORT_REASON: mourn(supervisor, client, report->text); break;
    case REPORT_STATS:
        say(supervisor, client, "statistics:");
        (void)fprintf(stderr, "%s\n", report->text);
        break;
    default: break;
    }
}

/* Returns: whether the channel is still open. */
static bool
drain(struct supervisor *supervisor, struct client *client, unsigned report_count_max)
{
    for (unsigned i = 0; i < report_count_max && client->channel >= 0; i++) {
        int fd = -1;
        enum report_result result = report_receive(client->channel, false, supervisor->report, &fd);
        if (result == REPORT_GOT) {
            on_report(supervisor, client, fd);
        } else if (result == REPORT_NONE) {
            break;
        } else if (result == REPORT_CLOSED) {
            (void)close(client->channel);
            client->channel = -1;
        }
    }
    return client->channel >= 0;
}

static void
describe_death(int status, char *text, size_t size_bytes)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (number == SIGSYS) {
        (void)snprintf(
            text, size_bytes,
            "its renderer made a system call that the sandbox forbids (--no-sandbox lets it)");
    } else if (number == SIGXCPU) {
        (void)snprintf(text, size_bytes, "its renderer used up its CPU time (--max-cpu)");
    } else if (number != 0) {
        (void)snprintf(text, size_bytes, "its renderer was killed by signal %d (%s)", number,
                       strsignal(number));
    } else {
        (void)snprintf(text, size_bytes, "its renderer ended with status %d without a reason",
                       WEXITSTATUS(status));
    }
}

/* Everything that the worker had to say has been read; status: as waitpid has it. */
static void
end_client(struct supervisor *supervisor, struct client *client, int status)
{
    client->is_over = true;
    bool is_clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_clean && supervisor->stop_ns == 0) {
        char text[128];
        describe_death(status, text, sizeof(text));
        mourn(supervisor, client, text);
    }
    if (client->has_reason || !is_clean) {
        client_tell_fatal(client);
    } else if (supervisor->config->is_verbose) {
        say(supervisor, client, "left");
    }
}

static struct client *
find_worker(const struct supervisor *supervisor, pid_t pid)
{
    struct client *client = supervisor->clients;
    while (client != NULL && client->worker != pid) {
        client = client->next;
    }
    return client;
}

static void
reap(struct supervisor *supervisor)
{
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        struct client *client = find_worker(supervisor, pid);
        if (client != NULL) {
            (void)drain(supervisor, client, UINT32_MAX);
            end_client(supervisor, client, status);
        }
    }
}

/* A client that is over stays in the list only while it may have to be killed. */
static bool
is_done_with(struct supervisor *supervisor, struct client *client)
{
    if (client->kill_ns != 0 && !client_is_there(client)) {
        client->kill_ns = 0;
    }
    if (client->kill_ns != 0 && client->kill_ns <= now_ns()) {
        say(supervisor, client, "it did not end by itself within %u ms: killed",
            supervisor->config->kill_after_ms);
        client_kill(client);
        client->kill_ns = 0;
    }
    return client->is_over && client->kill_ns == 0;
}

static void
review_clients(struct supervisor *supervisor)
{
    struct client **link = &supervisor->clients;
    while (*link != NULL) {
        struct client *client = *link;
        if (is_done_with(supervisor, client)) {
            *link = client->next;
            supervisor->client_count--;
            client_destroy(client);
        } else {
            link = &client->next;
        }
    }
}

static void
admit(struct supervisor *supervisor, int fd)
{
    struct client *client = client_create(fd);
    if (client == NULL) {
        (void)close(fd);
        return;
    }
    if (supervisor->client_count >= supervisor->config->client_count_max) {
        say(supervisor, client, "refused: there are %u clients already (--max-clients)",
            supervisor->client_count);
        (void)close(fd);
        client_destroy(client);
        return;
    }
    if (!spawn_worker(supervisor->config, client, fd, supervisor->trace_fd)) {
        say(supervisor, client, "refused: no renderer could be started: %s", strerror(errno));
        client_destroy(client);
        return;
    }
    client->next = supervisor->clients;
    supervisor->clients = client;
    supervisor->client_count++;
}

static void
accept_clients(struct supervisor *supervisor)
{
    int fd;
    while ((fd = accept4(supervisor->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        admit(supervisor, fd);
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        say(supervisor, NULL, "a client has to wait: %s", strerror(errno));
        supervisor->accept_ns = now_ns() + (uint64_t)SHORT_OF_FDS_MS * 1000000;
    }
}

static void
ask_for_stats(const struct supervisor *supervisor)
{
    for (const struct client *client = supervisor->clients; client != NULL; client = client->next) {
        if (client->channel >= 0) {
            (void)report_send(client->channel, &(struct report_head){ .kind = REPORT_WANT_STATS },
                              NULL, -1);
        }
    }
}

/* The workers get time to finish what their clients, who are leaving, asked for. */
static void
begin_stop(struct supervisor *supervisor, uint32_t limit_ms)
{
    if (supervisor->stop_ns == 0) {
        supervisor->stop_ns = now_ns() + (uint64_t)limit_ms * 1000000;
    }
}

static void
on_signal(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            reap(supervisor);
        } else if (info.ssi_signo == SIGUSR1) {
            ask_for_stats(supervisor);
        } else {
            begin_stop(supervisor, 0);
        }
    }
}

static void
on_life(struct supervisor *supervisor)
{
    char byte;
    ssize_t got = recv(supervisor->life_fd, &byte, 1, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        begin_stop(supervisor, STOP_MS);
        supervisor->life_fd = -1;
    }
}

/* The three fixed fds and one per worker; polls has room for them. */
static unsigned
fill_polls(struct supervisor *supervisor)
{
    bool is_accepting = supervisor->stop_ns == 0 && supervisor->accept_ns <= now_ns();
    supervisor->polls[0] = (struct pollfd){ supervisor->signals, POLLIN, 0 };
    supervisor->polls[1] = (struct pollfd){ is_accepting ? supervisor->listener : -1, POLLIN, 0 };
    supervisor->polls[2] = (struct pollfd){ supervisor->life_fd, POLLIN, 0 };
    unsigned count = 3;
    for (const struct client *client = supervisor->clients; client != NULL; client = client->next) {
        supervisor->polls[count++] = (struct pollfd){ client->channel, POLLIN, 0 };
    }
    return count;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a != 0 && (b == 0 || a < b) ? a : b;
}

/* Until the next deadline; -1: there is none. */
static int
poll_timeout_ms(const struct supervisor *supervisor)
{
    uint64_t now = now_ns();
    uint64_t deadline = earlier(supervisor->stop_ns, 0);
    if (supervisor->accept_ns > now) {
        deadline = earlier(supervisor->accept_ns, deadline);
    }
    for (const struct client *client = supervisor->clients; client != NULL; client = client->next) {
        deadline = earlier(client->kill_ns, deadline);
    }
    if (deadline == 0) {
        return -1;
    }
    return deadline > now ? (int)((deadline - now) / 1000000) + 1 : 0;
}

/* A thread's worker is over when its channel is; a process's, when it was reaped. */
static void
read_reports(struct supervisor *supervisor)
{
    for (struct client *client = supervisor->clients; client != NULL; client = client->next) {
        bool is_open = client->channel >= 0 && drain(supervisor, client, REPORT_BURST_COUNT);
        if (!is_open && client->worker == 0 && !client->is_over) {
            end_client(supervisor, client, 0);
        }
    }
}

static bool
is_stopped(const struct supervisor *supervisor)
{
    return supervisor->stop_ns != 0 &&
           (supervisor->clients == NULL || supervisor->stop_ns <= now_ns());
}

static void
serve(struct supervisor *supervisor)
{
    while (!is_stopped(supervisor)) {
        unsigned count = fill_polls(supervisor);
        if (poll(supervisor->polls, count, poll_timeout_ms(supervisor)) < 0 && errno != EINTR) {
            say(supervisor, NULL, "poll: %s", strerror(errno));
            return;
        }
        read_reports(supervisor);
        on_signal(supervisor);
        if (supervisor->polls[1].fd >= 0 && supervisor->polls[1].revents != 0) {
            accept_clients(supervisor);
        }
        if (supervisor->life_fd >= 0 && supervisor->polls[2].revents != 0) {
            on_life(supervisor);
        }
        review_clients(supervisor);
    }
}

/* No worker outlives us, and every client of one is told. */
static void
stop_workers(struct supervisor *supervisor)
{
    for (const struct client *client = supervisor->clients; client != NULL; client = client->next) {
        if (client->worker > 0 && !client->is_over) {
            (void)kill(client->worker, SIGKILL);
        }
    }
    while (supervisor->clients != NULL) {
        struct client *client = supervisor->clients;
        supervisor->clients = client->next;
        if (client->worker > 0 && !client->is_over) {
            (void)waitpid(client->worker, NULL, 0);
            client_tell_fatal(client);
        }
        client_destroy(client);
    }
}

/* Blocked for all threads to come; delivered by a file descriptor. */
static bool
open_signals(struct supervisor *supervisor)
{
    static const int numbers[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
    sigset_t set;
    (void)sigemptyset(&set);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaddset(&set, numbers[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    supervisor->signals = sigprocmask(SIG_BLOCK, &set, NULL) == 0
                              ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
                              : -1;
    return supervisor->signals >= 0;
}

static bool
open_trace(struct supervisor *supervisor)
{
    const char *path = supervisor->config->trace_path;
    supervisor->trace_fd = -1;
    if (path == NULL) {
        return true;
    }
    supervisor->trace_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (supervisor->trace_fd < 0) {
        say(supervisor, NULL, "cannot write the trace to %s: %s", path, strerror(errno));
    }
    return supervisor->trace_fd >= 0;
}

/* Rings, channels and clients: many more fds than a shell's usual limit. */
static void
raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool
open_all(struct supervisor *supervisor)
{
    char reason[256];
    size_t poll_count = 3 + (size_t)supervisor->config->client_count_max * 2;
    supervisor->report = malloc(sizeof(*supervisor->report));
    supervisor->polls = calloc(poll_count, sizeof(struct pollfd));
    if (supervisor->report == NULL || supervisor->polls == NULL || !open_signals(supervisor)) {
        say(supervisor, NULL, "cannot start: %s", strerror(errno));
        return false;
    }
    if (!open_trace(supervisor)) {
        return false;
    }
    supervisor->listener = listen_on(supervisor->config->socket_path, reason, sizeof(reason));
    if (supervisor->listener < 0) {
        say(supervisor, NULL, "%s", reason);
    }
    return supervisor->listener >= 0;
}

/* The directory was made for this socket alone by whom we serve, and may have been left to us. */
static void
remove_socket(const struct supervisor_config *config)
{
    char directory[PATH_MAX];
    (void)unlink(config->socket_path);
    (void)snprintf(directory, sizeof(directory), "%s", config->socket_path);
    char *slash = strrchr(directory, '/');
    if (config->life_fd >= 0 && slash != NULL) {
        *slash = '\0';
        (void)rmdir(directory);
    }
}

static void
close_if_open(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

int
supervisor_run(const struct supervisor_config *config)
{
    struct supervisor supervisor = {
        .config = config,
        .listener = -1,
        .signals = -1,
        .trace_fd = -1,
        .life_fd = config->life_fd,
    };
    raise_fd_limit();
    bool is_open = open_all(&supervisor);
    if (is_open) {
        tell_life(&supervisor, 'R');
        if (config->is_verbose) {
            say(&supervisor, NULL, "serving Venus clients on %s", config->socket_path);
        }
        serve(&supervisor);
        remove_socket(config);
        stop_workers(&supervisor);
    }
    close_if_open(supervisor.listener);
    close_if_open(supervisor.signals);
    close_if_open(supervisor.trace_fd);
    free(supervisor.report);
    free(supervisor.polls);
    return is_open ? 0 : 1;
}
