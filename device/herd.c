/*
 * herd.c - see herd.h.
 */
#include "device/herd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/clock.h"
#include "device/record.h"
#include "device/render_records.h"

enum {
    REPORT_BURST_COUNT = 64,  /* from one worker before the others have their turn */
    REPORT_COUNT_MAX = 10000, /* of a worker's life, but for rings */
    TOLD_COUNT_MAX = 8,       /* in TOLD_NS */
    TOLD_NS = 1000000000,
    SPARE_DELAY_MS = 500, /* not while a client that has just come is starting, too */
};

uint64_t
herd_now_ns(void)
{
    return clock_now_ns();
}

void
herd_say(const struct herd *herd, const struct client *client, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    if (client != NULL && client->pid > 0) {
        (void)fprintf(stderr, "%s: client %s (pid %d): %s\n", herd->config->program, client->name,
                      (int)client->pid, sentence);
    } else if (client != NULL) { /* of a render server: it may be in a guest */
        (void)fprintf(stderr, "%s: client %s: %s\n", herd->config->program, client->name, sentence);
    } else {
        (void)fprintf(stderr, "%s: %s\n", herd->config->program, sentence);
    }
}

/*
 * A sentence on what a client did: a guest's programs may fail without end, and shall fill no disk.  How many were left out is
 * told with the next one.
 */
static void
tell(struct herd *herd, const struct client *client, const char *sentence)
{
    uint64_t now_ns = herd_now_ns();
    if (now_ns - herd->told_ns >= TOLD_NS) {
        if (herd->untold_count > 0) {
            herd_say(herd, NULL, "%u more sentences on clients were left out", herd->untold_count);
        }
        herd->told_ns = now_ns;
        herd->told_count = herd->untold_count = 0;
    }
    if (herd->told_count == TOLD_COUNT_MAX) {
        herd->untold_count++;
        return;
    }
    herd->told_count++;
    herd_say(herd, client, "%s", sentence);
}

/* The worker died or its context did: says so once, and sees to it that the client ends. */
static void
mourn(struct herd *herd, struct client *client, const char *reason)
{
    if (client->has_reason) {
        return;
    }
    client->has_reason = true;
    tell(herd, client, reason);
    if (herd->on_death != NULL) {
        herd->on_death(herd->user);
    }
    if (herd->config->kill_after_ms > 0) {
        client->kill_ns = herd_now_ns() + (uint64_t)herd->config->kill_after_ms * 1000000;
    }
}

static void
on_report(struct herd *herd, struct client *client, int fd)
{
    const struct report *report = herd->report;
    if (report->head.kind == REPORT_RING) {
        if (!client_add_ring(client, report, fd) && ++client->report_count <= REPORT_COUNT_MAX) {
            herd_say(herd, client, "the renderer reported a ring that cannot be one");
        }
        return;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (++client->report_count > REPORT_COUNT_MAX) {
        return; /* a worker that talks so much is not ours any more: nobody shall have to read it */
    }
    switch (report->head.kind) {
    case REPORT_NAME:
        (void)snprintf(client->name, sizeof(client->name), "%.*s", CLIENT_NAME_BYTES - 1,
                       report->text);
        if (herd->config->is_verbose) {
            herd_say(herd, client, "connected");
        }
        break;
    case REPORT_RING_GONE: client_remove_ring(client, report->head.ring_id); break;
    case REPORT_REASON: mourn(herd, client, report->text); break;
    case REPORT_WARNING: tell(herd, client, report->text); break;
    case REPORT_STATS:
        herd_say(herd, client, "statistics:");
        (void)fprintf(stderr, "%s\n", report->text);
        break;
    default: break;
    }
}

/* Returns: whether the channel is still open. */
static bool
drain(struct herd *herd, struct client *client, unsigned report_count_max)
{
    for (unsigned i = 0; i < report_count_max && client->channel >= 0; i++) {
        int fd = -1;
        enum report_result result = report_receive(client->channel, false, herd->report, &fd);
        if (result == REPORT_GOT) {
            on_report(herd, client, fd);
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
end_client(struct herd *herd, struct client *client, int status)
{
    client->is_over = true;
    spawn_release(herd->config, client->place);
    bool is_clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_clean && herd->stop_ns == 0 && client->dismiss_ns != UINT64_MAX) {
        char text[128];
        describe_death(status, text, sizeof(text));
        mourn(herd, client, text);
    }
    if (client->has_reason || !is_clean) {
        client_tell_fatal(client);
    } else if (herd->config->is_verbose) {
        herd_say(herd, client, "left");
    }
}

/* The next client will find its worker with all drivers loaded.  None: it waits a little longer. */
static void
prepare_spare(struct herd *herd)
{
    bool is_wanted = herd->config->worker_path != NULL && herd->spare.channel < 0;
    herd->spare_ns = 0;
    if (is_wanted && !spawn_worker(herd->config, herd->trace_fd, &herd->spare)) {
        herd->spare.channel = -1;
    }
}

static void
drop_spare(struct herd *herd)
{
    if (herd->spare.channel >= 0) {
        (void)close(herd->spare.channel);
        herd->spare.channel = -1;
    }
}

static struct client *
find_worker(const struct herd *herd, pid_t pid)
{
    struct client *client = herd->clients;
    while (client != NULL && client->worker != pid) {
        client = client->next;
    }
    return client;
}

static void
reap(struct herd *herd)
{
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        struct client *client = find_worker(herd, pid);
        if (client == NULL && pid == herd->spare.pid) {
            spawn_release(herd->config, herd->spare.place);
            drop_spare(herd);
        } else if (client != NULL) {
            (void)drain(herd, client, UINT32_MAX);
            end_client(herd, client, status);
        }
    }
}

/* A client that is over stays in the list only while it may have to be killed. */
static bool
is_done_with(struct herd *herd, struct client *client)
{
    if (client->dismiss_ns != 0 && client->dismiss_ns <= herd_now_ns() && !client->is_over) {
        (void)kill(client->worker, SIGKILL);
        client->dismiss_ns = UINT64_MAX;
    }
    if (client->kill_ns != 0 && !client_is_there(client)) {
        client->kill_ns = 0;
    }
    if (client->kill_ns != 0 && client->kill_ns <= herd_now_ns()) {
        herd_say(herd, client, "it did not end by itself within %u ms: killed",
                 herd->config->kill_after_ms);
        client_kill(client);
        client->kill_ns = 0;
    }
    return client->is_over && client->kill_ns == 0;
}

static void
review_clients(struct herd *herd)
{
    struct client **link = &herd->clients;
    while (*link != NULL) {
        struct client *client = *link;
        if (is_done_with(herd, client)) {
            *link = client->next;
            herd->client_count--;
            client_destroy(client);
        } else {
            link = &client->next;
        }
    }
}

static void
ask_for_stats(const struct herd *herd)
{
    for (const struct client *client = herd->clients; client != NULL; client = client->next) {
        if (client->channel >= 0) {
            (void)report_send(client->channel, &(struct report_head){ .kind = REPORT_WANT_STATS },
                              NULL, -1);
        }
    }
}

static void
on_signal(struct herd *herd)
{
    struct signalfd_siginfo info;
    while (read(herd->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            reap(herd);
        } else if (info.ssi_signo == SIGUSR1) {
            ask_for_stats(herd);
        } else {
            herd_stop(herd, 0);
        }
    }
}

void
herd_stop(struct herd *herd, uint32_t limit_ms)
{
    if (herd->stop_ns == 0) {
        herd->stop_ns = herd_now_ns() + (uint64_t)limit_ms * 1000000;
    }
}

/* The signals, the sources, and one per worker; polls has room for them. */
static unsigned
fill_polls(struct herd *herd)
{
    unsigned count = 0;
    uint64_t now = herd_now_ns();
    herd->polls[count++] = (struct pollfd){ herd->signals, POLLIN, 0 };
    for (unsigned i = 0; i < HERD_SOURCE_COUNT_MAX; i++) {
        const struct herd_source *source = &herd->sources[i];
        bool is_on = herd->stop_ns == 0 && source->on_ready != NULL && source->paused_ns <= now;
        herd->polls[count++] = (struct pollfd){ is_on ? source->fd : -1, POLLIN, 0 };
    }
    for (const struct client *client = herd->clients; client != NULL; client = client->next) {
        herd->polls[count++] = (struct pollfd){ client->channel, POLLIN, 0 };
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
poll_timeout_ms(const struct herd *herd)
{
    uint64_t now = herd_now_ns();
    uint64_t deadline = earlier(herd->stop_ns, herd->spare_ns);
    for (unsigned i = 0; i < HERD_SOURCE_COUNT_MAX; i++) {
        if (herd->sources[i].paused_ns > now) {
            deadline = earlier(herd->sources[i].paused_ns, deadline);
        }
    }
    for (const struct client *client = herd->clients; client != NULL; client = client->next) {
        deadline = earlier(client->kill_ns, deadline);
        deadline = earlier(client->is_over ? 0 : client->dismiss_ns, deadline);
    }
    if (deadline == 0) {
        return -1;
    }
    return deadline > now ? (int)((deadline - now) / 1000000) + 1 : 0;
}

/* A thread's worker is over when its channel is; a process's, when it was reaped. */
static void
read_reports(struct herd *herd)
{
    for (struct client *client = herd->clients; client != NULL; client = client->next) {
        bool is_open = client->channel >= 0 && drain(herd, client, REPORT_BURST_COUNT);
        if (!is_open && client->worker == 0 && !client->is_over) {
            end_client(herd, client, 0);
        }
    }
}

static bool
is_stopped(const struct herd *herd)
{
    return herd->stop_ns != 0 && (herd->clients == NULL || herd->stop_ns <= herd_now_ns());
}

static void
serve_sources(struct herd *herd)
{
    for (unsigned i = 0; i < HERD_SOURCE_COUNT_MAX; i++) {
        const struct pollfd *result = &herd->polls[1 + i];
        if (result->fd >= 0 && result->revents != 0) {
            herd->sources[i].on_ready(herd->user);
        }
    }
}

void
herd_serve(struct herd *herd)
{
    while (!is_stopped(herd)) {
        unsigned count = fill_polls(herd);
        int ready_count = poll(herd->polls, count, poll_timeout_ms(herd));
        if (ready_count < 0 && errno != EINTR) {
            herd_say(herd, NULL, "poll: %s", strerror(errno));
            return;
        }
        read_reports(herd);
        on_signal(herd);
        if (ready_count > 0) {
            serve_sources(herd);
        }
        review_clients(herd);
        if (herd->spare_ns != 0 && herd->spare_ns <= herd_now_ns()) {
            prepare_spare(herd);
        }
    }
}

/* No worker outlives us, and every client of one is told. */
static void
stop_workers(struct herd *herd)
{
    if (herd->spare.channel >= 0) {
        (void)kill(herd->spare.pid, SIGKILL);
        (void)waitpid(herd->spare.pid, NULL, 0);
        drop_spare(herd);
    }
    for (const struct client *client = herd->clients; client != NULL; client = client->next) {
        if (client->worker > 0 && !client->is_over) {
            (void)kill(client->worker, SIGKILL);
        }
    }
    while (herd->clients != NULL) {
        struct client *client = herd->clients;
        herd->clients = client->next;
        if (client->worker > 0 && !client->is_over) {
            (void)waitpid(client->worker, NULL, 0);
            client_tell_fatal(client);
        }
        client_destroy(client);
    }
}

/* Blocked for all threads to come; delivered by a file descriptor. */
static bool
open_signals(struct herd *herd)
{
    static const int numbers[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
    sigset_t set;
    (void)sigemptyset(&set);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaddset(&set, numbers[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    herd->signals = sigprocmask(SIG_BLOCK, &set, NULL) == 0
                        ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
                        : -1;
    return herd->signals >= 0;
}

static bool
open_trace(struct herd *herd)
{
    const char *path = herd->config->trace_path;
    herd->trace_fd = -1;
    if (path == NULL) {
        return true;
    }
    herd->trace_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (herd->trace_fd < 0) {
        herd_say(herd, NULL, "cannot write the trace to %s: %s", path, strerror(errno));
    }
    return herd->trace_fd >= 0;
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

/* The first client's record is made now, so that a wrong path is known at once. */
static bool
open_record(struct herd *herd)
{
    const char *path = herd->config->record_path;
    herd->record_fd = path != NULL ? record_open(path, 0) : -1;
    if (path != NULL && herd->record_fd < 0) {
        herd_say(herd, NULL, "cannot write the record to %s: %s", path, strerror(errno));
    }
    return path == NULL || herd->record_fd >= 0;
}

/* Gives a client's worker its file.  One that cannot be made costs the record, not the client. */
static void
hand_out_record(struct herd *herd, const struct client *client)
{
    const char *path = herd->config->record_path;
    int fd = path != NULL && herd->record_fd < 0 ? record_open(path, herd->recorded_count)
                                                 : herd->record_fd;
    if (path == NULL) {
        return;
    }
    herd->record_fd = -1;
    herd->recorded_count++;
    if (fd < 0) {
        herd_say(herd, client, "it is not recorded: %s.%u: %s", path, herd->recorded_count,
                 strerror(errno));
        return;
    }
    (void)report_send(client->channel, &(struct report_head){ .kind = REPORT_RECORD }, NULL, fd);
    (void)close(fd);
}

/* The same for what became of its commands. */
static void
hand_out_records(struct herd *herd, const struct client *client)
{
    const char *path = herd->config->records_path;
    if (path == NULL) {
        return;
    }
    int fd = render_records_open(path, ++herd->records_count, client->context_id, client->name);
    if (fd < 0) {
        herd_say(herd, client, "no records of it: %s.renderer-%u: %s", path, herd->records_count,
                 strerror(errno));
        return;
    }
    (void)report_send(client->channel, &(struct report_head){ .kind = REPORT_RECORDS }, NULL, fd);
    (void)close(fd);
}

bool
herd_open(struct herd *herd)
{
    size_t poll_count = 1 + HERD_SOURCE_COUNT_MAX + (size_t)herd->config->client_count_max;
    raise_fd_limit();
    herd->report = malloc(sizeof(*herd->report));
    herd->polls = calloc(poll_count, sizeof(struct pollfd));
    if (herd->report == NULL || herd->polls == NULL) {
        herd_say(herd, NULL, "cannot start: %s", strerror(errno));
        return false;
    }
    if (!open_trace(herd) ||
        !open_record(herd)) { /* may wait for a pipe's reader: a signal ends that */
        return false;
    }
    if (!open_signals(herd)) {
        herd_say(herd, NULL, "cannot start: %s", strerror(errno));
        return false;
    }
    prepare_spare(herd);
    return true;
}

bool
herd_admit(struct herd *herd, struct client *client, enum report_kind kind, int socket)
{
    struct spawned worker = herd->spare;
    herd->spare.channel = -1;
    if (worker.channel < 0 && !spawn_worker(herd->config, herd->trace_fd, &worker)) {
        (void)close(socket);
        return false;
    }
    client->worker = worker.pid;
    client->channel = worker.channel;
    client->place = worker.place;
    hand_out_record(herd, client);
    hand_out_records(herd, client);
    (void)report_send(client->channel, &(struct report_head){ .kind = kind }, client->name, socket);
    (void)close(socket); /* a worker that is gone already took the client with it */
    client->next = herd->clients;
    herd->clients = client;
    herd->client_count++;
    herd->spare_ns = herd_now_ns() + (uint64_t)SPARE_DELAY_MS * 1000000;
    return true;
}

void
herd_dismiss(struct client *client, uint32_t limit_ms)
{
    client->dismiss_ns = herd_now_ns() + (uint64_t)limit_ms * 1000000;
}

static void
close_if_open(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

void
herd_close(struct herd *herd)
{
    stop_workers(herd);
    close_if_open(herd->signals);
    close_if_open(herd->trace_fd);
    close_if_open(herd->record_fd);
    free(herd->report);
    free(herd->polls);
}
