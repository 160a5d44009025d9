/*
 * exec.c - starts a server, then a program with the environment of its client; ends both.
 *
 *      vitrine exec ──fork+exec──▶ vitrine-gpu --vtest DIR/s --life-fd 3
 *           │       ◀─── 'R' ready, 'D' a renderer died
 *           └──fork+exec──▶ PROGRAM (VN_DEBUG, VTEST_SOCKET_NAME, VK_DRIVER_FILES)
 *
 * The server ends when its life fd does: also when this process is killed.
 */
#include "tools/vitrine/exec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device/beside.h"
#include "device/drivers.h"
#include "device/environment.h"
#include "device/options.h"

enum {
    EXIT_RENDERER_DIED = 70, /* sysexits.h: an internal software error */
    EXIT_NO_SERVER = 71,     /* the system cannot do it */
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
    LIFE_FD = 3,
    START_MS = 10000,
    STOP_MS = 5000,
    KILL_AFTER_MS = 1000, /* for a client whose renderer died */
    ARGUMENT_COUNT_MAX = 32,
};

static const struct option_spec specs[] = {
    {"host-driver",    "NAME|JSON",      false},
    { "client-driver", "JSON",           false},
    { "isolate",       "process|thread", false},
    { "no-sandbox",    NULL,             false},
    { "shader-cache",  "DIR|none",       false},
    { "trace",         "FILE",           false},
    { "record",        "FILE",           false},
    { "trace-records", "FILE",           false},
    { "stats",         "text|json",      true },
    { "max-memory",    "SIZE",           false},
    { "max-cpu",       "SECONDS",        false},
    { "verbose",       NULL,             false},
    { "help",          NULL,             false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

/* What of our options goes to vitrine-gpu as it is; each a word of WORD_BYTES at most. */
static const char *const passed_on[] = { "host-driver", "isolate", "no-sandbox",   "shader-cache",
                                         "trace",       "record",  "stats",        "max-memory",
                                         "max-cpu",     "verbose", "trace-records" };
enum { PASSED_ON_COUNT = sizeof(passed_on) / sizeof(passed_on[0]), WORD_BYTES = 4096 + 64 };

struct run {
    const struct options *options;
    char directory[64];
    char socket_path[80];
    char client_driver[DRIVER_PATH_BYTES];
    pid_t
        server; /* these two: 0 before its start and after its end, -1 when there was no starting it */
    pid_t program;
    int life; /* our end; -1 when the server has closed its own */
    int signals;
    bool is_starting; /* what a terminal sends to all has not reached PROGRAM */
    bool has_renderer_died;
    int ending_signal; /* the last that was for PROGRAM; 0: none */
    int program_status;
};

static void
print_help(void)
{
    (void)puts(
        "vitrine exec - runs a Vulkan program through the Venus renderer\n"
        "\n"
        "usage: vitrine exec [OPTION...] -- PROGRAM [ARGUMENT...]\n"
        "\n"
        "Starts a private renderer on this machine's Vulkan driver, lets PROGRAM (and what it\n"
        "starts) use Mesa's Venus driver as its only Vulkan driver, and stops everything when\n"
        "PROGRAM ends.\n"
        "\n"
        "options:\n"
        "  --host-driver NAME|JSON the Vulkan driver that does the work: part of the name of an\n"
        "                          ICD file (lavapipe, radeon, ...) or its path; default:\n"
        "                          $VK_DRIVER_FILES, else what works here, software last\n"
        "  --client-driver JSON    Mesa's Venus driver, virtio_icd.json; default:\n"
        "                          $VITRINE_CLIENT_ICD, else the standard directories\n"
        "  --isolate process|thread  process (default): a sandboxed renderer process for each\n"
        "                          client process of PROGRAM; thread: all in one, for debugging\n"
        "  --no-sandbox            renderer processes keep their access to files and system\n"
        "                          calls\n"
        "  --shader-cache DIR|none where renderer processes keep compiled shaders; default:\n"
        "                          ${XDG_CACHE_HOME:-$HOME/.cache}/vitrine/shaders\n"
        "  --trace FILE            write each command, decoded, as one line\n"
        "  --record FILE           write each command's bytes, and freed memory's: of the first\n"
        "                          client to FILE, of the next ones to FILE.2, FILE.3, ...\n"
        "  --trace-records FILE    when each command was picked up, carried out and answered,\n"
        "                          for `vitrine trace`: FILE.renderer-1, FILE.renderer-2, ...\n"
        "  --stats[=text|json]     print counters at the end (text, or --stats=json); they are\n"
        "                          also printed while PROGRAM runs, each time that this command\n"
        "                          gets SIGUSR1\n"
        "  --max-memory SIZE       device and shared memory of one client (512M, 2G; default:\n"
        "                          half of this machine's)\n"
        "  --max-cpu SECONDS       CPU time of one client's renderer process (default: no\n"
        "                          limit)\n"
        "  --verbose               say also which processes of PROGRAM connect\n"
        "  --help                  this text\n"
        "\n"
        "exit status: PROGRAM's own, 128 + N when signal N ended it; but\n"
        "  2    wrong use\n"
        "  70   the renderer died and PROGRAM with it; the line before says why\n"
        "  71   the renderer could not be started\n"
        "  126  PROGRAM cannot be executed\n"
        "  127  PROGRAM was not found\n"
        "\n"
        "examples:\n"
        "  vitrine exec -- vulkaninfo --summary\n"
        "  vitrine exec --host-driver lavapipe --trace commands.txt -- vkcube --c 100");
}

static uint64_t
now_ms(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int
no_server(const char *what)
{
    (void)fprintf(stderr, "vitrine: %s: %s\n", what, strerror(errno));
    return EXIT_NO_SERVER;
}

static bool
make_directory(struct run *run)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    bool is_usable = runtime != NULL && runtime[0] == '/' && strlen(runtime) < 40 &&
                     access(runtime, W_OK | X_OK) == 0;
    (void)snprintf(run->directory, sizeof(run->directory), "%s/vitrine-XXXXXX",
                   is_usable ? runtime : "/tmp");
    if (mkdtemp(run->directory) == NULL) {
        run->directory[0] = '\0';
        return false;
    }
    (void)snprintf(run->socket_path, sizeof(run->socket_path), "%s/vtest", run->directory);
    return true;
}

static void
fill_signals(sigset_t *set)
{
    static const int numbers[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
    (void)sigemptyset(set);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaddset(set, numbers[i]);
    }
}

static bool
open_signals(struct run *run)
{
    sigset_t set;
    fill_signals(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return false;
    }
    run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return run->signals >= 0;
}

static void
forget_signals(void)
{
    const struct timespec now = { 0 };
    sigset_t set;
    fill_signals(&set);
    while (sigtimedwait(&set, NULL, &now) > 0) {
    }
}

static void
unblock_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* One program's clients are one person's: they may share a cache, unlike those of a server for many. */
static const char *
default_value(const char *option)
{
    static char cache[4096];
    if (strcmp(option, "shader-cache") == 0 && environment_own_cache(cache, sizeof(cache))) {
        return cache;
    }
    return NULL;
}

/* Else the server would take the next word for it. */
static bool
needs_value(const char *option)
{
    for (unsigned i = 0; i < SPEC_COUNT; i++) {
        if (strcmp(specs[i].name, option) == 0) {
            return specs[i].value != NULL && !specs[i].is_value_optional;
        }
    }
    return false;
}

/* vitrine-gpu reads them again; but what is wrong is told in the name of what the person called. */
static bool
are_values_right(const struct options *options)
{
    static const char *const isolations[] = { "process", "thread" };
    unsigned isolation = 0;
    enum worker_stats stats = STATS_NONE;
    uint64_t number = 0;
    return option_word(options, "isolate", isolations, 2, &isolation) &&
           option_stats(options, &stats) && option_bytes(options, "max-memory", &number) &&
           option_number(options, "max-cpu", 1, 1 << 30, &number);
}

/* The server's command line; words[] has room for all of passed_on. */
static void
fill_server_words(const struct run *run, char texts[][WORD_BYTES], const char *words[])
{
    unsigned count = 1;
    words[count++] = "--vtest";
    words[count++] = run->socket_path;
    words[count++] = "--life-fd=3";
    words[count++] = "--kill-after=1000";
    for (unsigned i = 0; i < PASSED_ON_COUNT; i++) {
        const char *value = options_get(run->options, passed_on[i]);
        value = value != NULL ? value : default_value(passed_on[i]);
        if (value == NULL) {
            continue;
        }
        (void)snprintf(texts[i], WORD_BYTES, "--%s%s%s", passed_on[i],
                       value[0] != '\0' || needs_value(passed_on[i]) ? "=" : "", value);
        words[count++] = texts[i];
    }
    words[count] = NULL;
}

static void
become_server(const struct run *run, const char *path, int life)
{
    static char texts[PASSED_ON_COUNT][WORD_BYTES];
    const char *words[ARGUMENT_COUNT_MAX] = { path };
    fill_server_words(run, texts, words);
    (void)setpgid(0, 0); /* a Ctrl-C is for the program; the server ends with us */
    forget_signals();    /* one that came before */
    (void)prctl(PR_SET_PDEATHSIG,
                SIGTERM); /* also while it opens files and does not watch its life fd */
    int copy = life == LIFE_FD ? fcntl(life, F_SETFD, 0) : dup2(life, LIFE_FD);
    unblock_signals();
    char *const *arguments = NULL;
    const char *const *constant = words;
    memcpy(&arguments, &constant, sizeof(constant)); /* execv does not write to them */
    if (copy >= 0) {
        (void)execv(path, arguments);
    }
    (void)fprintf(stderr, "vitrine: cannot execute %s: %s\n", path, strerror(errno));
    _exit(EXIT_NO_SERVER);
}

/* One letter from the server; 0 when it has closed, ' ' when there is none now. */
static char
read_life(struct run *run)
{
    char letter = 0;
    ssize_t got = recv(run->life, &letter, 1, MSG_DONTWAIT);
    if (got == 1) {
        return letter;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return ' ';
    }
    (void)close(run->life);
    run->life = -1;
    return 0;
}

/* kill takes 0 for all of our group and -1 for all that there is. */
static void
signal_child(pid_t pid, int number)
{
    if (pid > 0) {
        (void)kill(pid, number);
    }
}

/*
 * A signal for us is meant for the program.  One that the terminal sent has reached it already, if it was there; any other
 * is passed on and is final: the program gets STOP_MS to obey.  SIGUSR1 asks for counters, which is the server's.
 */
static void
pass_on(struct run *run, const struct signalfd_siginfo *info)
{
    bool is_from_terminal = info->ssi_signo == SIGINT && info->ssi_code == SI_KERNEL;
    if (info->ssi_signo == SIGUSR1) {
        signal_child(run->is_starting ? 0 : run->server, SIGUSR1);
    } else if (!is_from_terminal || run->is_starting) {
        signal_child(run->program, (int)info->ssi_signo);
        run->ending_signal = (int)info->ssi_signo;
    }
}

static void
read_signals(struct run *run)
{
    struct signalfd_siginfo info;
    while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo != SIGCHLD) {
            pass_on(run, &info);
        }
    }
}

/* For a signal, or for the server's word; -1: without limit. */
static void
wait_for_news(struct run *run, int limit_ms)
{
    struct pollfd polls[2] = {
        {run->signals, POLLIN, 0},
        { run->life,   POLLIN, 0}
    };
    (void)poll(polls, 2, limit_ms);
    read_signals(run);
}

/* Returns: 0; else the status to end with. */
static int
wait_until_ready(struct run *run)
{
    uint64_t deadline_ms = now_ms() + START_MS;
    char letter = ' ';
    for (uint64_t now = now_ms(); letter == ' ' && now < deadline_ms; now = now_ms()) {
        wait_for_news(run, (int)(deadline_ms - now));
        if (run->ending_signal != 0) {
            return 128 + run->ending_signal;
        }
        letter = read_life(run);
    }
    if (letter == ' ') {
        (void)fputs("vitrine: the renderer did not start within 10 s\n", stderr);
    }
    return letter == 'R' ? 0 : EXIT_NO_SERVER; /* it has said why itself */
}

static int
start_server(struct run *run)
{
    char path[4096];
    int life[2];
    if (!program_beside("vitrine-gpu", path, sizeof(path))) {
        (void)fputs("vitrine: the program vitrine-gpu is missing beside this one\n", stderr);
        return EXIT_NO_SERVER;
    }
    if (!open_signals(run) || !make_directory(run) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life) != 0) {
        return no_server("cannot prepare a renderer");
    }
    run->life = life[0];
    run->server = fork();
    if (run->server == 0) {
        become_server(run, path, life[1]);
    }
    (void)close(life[1]);
    return run->server > 0 ? wait_until_ready(run) : no_server("cannot start the renderer");
}

/* VN_DEBUG may already ask for other things. */
static void
set_environment(const struct run *run)
{
    const char *debug = getenv("VN_DEBUG");
    char both[1024];
    (void)snprintf(both, sizeof(both), "vtest%s%s", debug != NULL && debug[0] != '\0' ? "," : "",
                   debug != NULL ? debug : "");
    (void)setenv("VN_DEBUG", both, 1);
    (void)setenv("VTEST_SOCKET_NAME", run->socket_path, 1);
    (void)setenv("VK_DRIVER_FILES", run->client_driver, 1);
    (void)setenv("VK_ICD_FILENAMES", run->client_driver, 1); /* for loaders before 1.3.207 */
}

/* Returns: 0; else the status to end with. */
static int
start_program(struct run *run)
{
    char *const *words = run->options->rest;
    read_signals(run);
    if (run->ending_signal != 0) {
        return 128 + run->ending_signal;
    }
    run->program = fork();
    if (run->program < 0) {
        return no_server("cannot start the program");
    }
    if (run->program == 0) {
        set_environment(run);
        unblock_signals();
        (void)execvp(words[0], words);
        int error = errno;
        (void)fprintf(stderr, "vitrine: cannot execute %s: %s\n", words[0], strerror(error));
        _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
    }
    read_signals(run); /* these may have come before the fork */
    run->is_starting = false;
    return 0;
}

/* Whether the program is over; a dead server is noticed by its life fd. */
static bool
reap(struct run *run)
{
    int status = 0;
    if (waitpid(run->program, &status, WNOHANG) != run->program) {
        return false;
    }
    run->program_status = status;
    run->program = 0; /* the number may soon be another's */
    return true;
}

/* The server's death is also that of all its renderers. */
static void
watch_life(struct run *run)
{
    while (run->life >= 0) {
        char letter = read_life(run);
        if (letter == ' ') {
            return;
        }
        if (letter == 0) {
            (void)fputs("vitrine: the renderer's server has died\n", stderr);
        }
        run->has_renderer_died = run->has_renderer_died || letter == 0 || letter == 'D';
    }
}

/*
 * Waits for the program.  The server kills a client whose renderer died and who does not end; should the server itself be
 * gone, that falls to us.
 */
static void
wait_for_program(struct run *run)
{
    uint64_t deadline_ms = 0;
    while (!reap(run)) {
        uint64_t now = now_ms();
        int left_ms = deadline_ms == 0 ? -1 : deadline_ms > now ? (int)(deadline_ms - now) : 0;
        wait_for_news(run, left_ms);
        watch_life(run);
        if (deadline_ms == 0 && (run->ending_signal != 0 || run->life < 0)) {
            deadline_ms = now_ms() + (run->life < 0 ? KILL_AFTER_MS : STOP_MS);
        }
        if (deadline_ms != 0 && now_ms() >= deadline_ms) {
            (void)kill(run->program, SIGKILL);
            deadline_ms = UINT64_MAX / 2;
        }
    }
    watch_life(run); /* what was said just before the end */
}

/* The server ends when it sees our end of the life fd go, for which it looks once it has started. */
static void
stop_server(struct run *run)
{
    signal_child(run->is_starting ? run->server : 0, SIGTERM);
    if (run->life >= 0) {
        (void)shutdown(run->life, SHUT_WR);
    }
    for (uint64_t deadline_ms = now_ms() + STOP_MS; run->server > 0;) {
        if (waitpid(run->server, NULL, WNOHANG) != 0) {
            run->server = 0;
        } else if (now_ms() >= deadline_ms) {
            (void)kill(run->server, SIGKILL);
            deadline_ms = UINT64_MAX;
        } else {
            struct pollfd wake = { .fd = run->signals, .events = POLLIN };
            (void)poll(&wake, 1, 20);
            read_signals(run);
        }
    }
    if (run->life >= 0) {
        (void)close(run->life);
    }
}

static void
finish(struct run *run)
{
    stop_server(run);
    if (run->directory[0] != '\0') {
        (void)unlink(run->socket_path);
        (void)rmdir(run->directory);
    }
    if (run->signals >= 0) {
        (void)close(run->signals);
    }
}

static int
exit_status(const struct run *run)
{
    int status = run->program_status;
    if (run->has_renderer_died && WIFSIGNALED(status)) {
        return EXIT_RENDERER_DIED;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int
run_program(const struct options *options)
{
    struct run run = { .options = options, .life = -1, .signals = -1, .is_starting = true };
    if (!drivers_for_client(options_get(options, "client-driver"), run.client_driver,
                            sizeof(run.client_driver))) {
        (void)fprintf(stderr, "vitrine: %s\n", run.client_driver);
        return EXIT_NO_SERVER;
    }
    int status = start_server(&run);
    if (status == 0) {
        status = start_program(&run);
    }
    if (status == 0) {
        wait_for_program(&run);
        status = exit_status(&run);
    }
    finish(&run);
    return status;
}

int
exec_main(int argc, char **argv)
{
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = {
        .program = "vitrine exec",
        .specs = specs,
        .spec_count = SPEC_COUNT,
        .values = values,
        .takes_words = true,
    };
    int status = EXIT_SUCCESS;
    if (!options_begin(&options, argc, argv, print_help, &status)) {
        return status;
    }
    if (options.rest_count == 0) {
        (void)option_wrong(&options, "no program to run: vitrine exec -- PROGRAM [ARGUMENT...]");
        return EXIT_WRONG_USE;
    }
    return are_values_right(&options) ? run_program(&options) : EXIT_WRONG_USE;
}
