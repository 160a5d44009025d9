/*
 * spawn.c - worker processes by fork and exec, so that nothing of the supervisor's memory goes with them.
 */
#include "device/spawn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "device/report.h"

/* What vitrine-render finds its fds under. */
enum { REPORT_FD = 3, TRACE_FD = 4, QUOTA_FD = 5, FD_COUNT = 3, FIRST_FREE_FD = 10 };
enum { ARGUMENT_COUNT_MAX = 24, NUMBER_BYTES = 24 };

struct arguments {
    const char *words[ARGUMENT_COUNT_MAX];
    unsigned count;
    char numbers[4][NUMBER_BYTES];
    unsigned number_count;
};

static void
add(struct arguments *arguments, const char *word)
{
    if (arguments->count < ARGUMENT_COUNT_MAX - 1) {
        arguments->words[arguments->count++] = word;
    }
}

static void
add_number(struct arguments *arguments, const char *option, uint64_t number)
{
    char *text = arguments->numbers[arguments->number_count++];
    (void)snprintf(text, NUMBER_BYTES, "%" PRIu64, number);
    add(arguments, option);
    add(arguments, text);
}

static void
fill_arguments(struct arguments *arguments, const struct supervisor_config *config,
               const struct worker_config *worker)
{
    static const char *const stats[] = { NULL, "--stats=text", "--stats=json" };
    add(arguments, config->worker_path);
    add_number(arguments, "--report-fd", REPORT_FD);
    if (worker->trace_fd >= 0) {
        add(arguments, "--trace-fd=4");
    }
    if (worker->quota != NULL) {
        add(arguments, "--quota-fd=5");
        add_number(arguments, "--quota-place", worker->place);
    }
    if (stats[config->stats] != NULL) {
        add(arguments, stats[config->stats]);
    }
    if (config->shader_cache != NULL) {
        add(arguments, "--shader-cache");
        add(arguments, config->shader_cache);
    }
    if (config->limits.memory_bytes > 0) {
        add_number(arguments, "--max-memory", config->limits.memory_bytes);
    }
    if (config->cpu_s > 0) {
        add_number(arguments, "--max-cpu", config->cpu_s);
    }
    if (!config->is_sandboxed) {
        add(arguments, "--no-sandbox");
    }
}

/* A copy out of the way of the numbers that the worker expects. */
static int
lift(int fd)
{
    return fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD) : -1;
}

static void
close_if_open(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

static int
start(const char *const *words, const int fds[FD_COUNT], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    for (int i = 0; i < FD_COUNT; i++) {
        if (fds[i] >= 0) {
            (void)posix_spawn_file_actions_adddup2(&actions, fds[i], REPORT_FD + i);
        } else {
            (void)posix_spawn_file_actions_addclose(&actions, REPORT_FD + i);
        }
    }
    /* What whoever started us left open is no client's: no sandbox would keep it from reading and writing there. */
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, REPORT_FD + FD_COUNT);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    /* Out of the terminal's foreground group: a Ctrl-C is for the supervisor, who then stops its workers. */
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    char *const *arguments = NULL;
    memcpy(&arguments, &words, sizeof(words)); /* not written to: POSIX.1-2017, exec, rationale */
    int error = posix_spawn(pid, words[0], &actions, &attributes, arguments, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

static bool
spawn_process(const struct supervisor_config *config, const struct worker_config *worker,
              pid_t *pid)
{
    struct arguments arguments = { 0 };
    const int own[FD_COUNT] = { worker->channel, worker->trace_fd,
                                worker->quota != NULL ? worker->quota->fd : -1 };
    int fds[FD_COUNT];
    int error = 0;
    for (int i = 0; i < FD_COUNT; i++) {
        fds[i] = lift(own[i]);
        error = own[i] >= 0 && fds[i] < 0 ? EMFILE : error;
    }
    fill_arguments(&arguments, config, worker);
    if (error == 0) {
        error = start(arguments.words, fds, pid);
    }
    for (int i = 0; i < FD_COUNT; i++) {
        close_if_open(fds[i]);
    }
    (void)close(worker->channel);
    errno = error;
    return error == 0;
}

static void *
serve(void *argument)
{
    struct worker_config *config = argument;
    (void)worker_serve(config);
    free(config);
    return NULL;
}

static bool
spawn_thread(const struct worker_config *worker)
{
    struct worker_config *own = malloc(sizeof(*own));
    pthread_t thread;
    int error = ENOMEM;
    if (own != NULL) {
        *own = *worker;
        error = pthread_create(&thread, NULL, serve, own);
    }
    if (error != 0) {
        free(own);
        (void)close(worker->channel);
        errno = error;
        return false;
    }
    (void)pthread_detach(thread);
    return true;
}

void
spawn_release(const struct supervisor_config *config, unsigned place)
{
    if (config->quota != NULL) {
        quota_release(config->quota, place);
    }
}

bool
spawn_worker(const struct supervisor_config *config, int trace_fd, struct spawned *out)
{
    int channel[2];
    unsigned place = config->quota != NULL ? quota_admit(config->quota) : QUOTA_NO_PLACE;
    if (config->quota != NULL && place == QUOTA_NO_PLACE) {
        errno = EAGAIN;
        return false;
    }
    if (!report_pair(channel)) {
        spawn_release(config, place);
        return false;
    }
    struct worker_config worker = {
        .channel = channel[1],
        .trace_fd = trace_fd,
        .stats = config->stats,
        .limits = config->limits,
        .quota = config->quota,
        .place = place,
    };
    *out = (struct spawned){ .channel = channel[0], .place = place };
    bool is_started = config->worker_path != NULL ? spawn_process(config, &worker, &out->pid)
                                                  : spawn_thread(&worker);
    if (!is_started) {
        int error = errno;
        spawn_release(config, place);
        (void)close(channel[0]);
        errno = error;
        return false;
    }
    (void)fcntl(channel[0], F_SETFL, O_NONBLOCK); /* a worker that does not read holds nobody up */
    return true;
}
