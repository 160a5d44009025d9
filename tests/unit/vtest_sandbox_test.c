/*
 * The sandbox of a renderer process, tried from within: what it must not reach although the system calls are on its list.
 */
#include <errno.h>
#include <stdlib.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/sandbox.h"
#include "tests/unit/utest.h"

#define SOFTWARE "/nowhere/lvp_icd.json"
#define HARDWARE "/nowhere/radeon_icd.json"

/* What the process within tries; `other` is a process of the same user.  Returns: -1 and errno. */
typedef int attempt_fn(pid_t other);

enum { NO_SANDBOX = 255, SIGNALLED = 254 };

static bool
enter(const struct sandbox *sandbox, bool has_landlock)
{
    char reason[SANDBOX_REASON_BYTES];
    bool is_held = false;
    bool is_ready = has_landlock ? sandbox_close_files(sandbox, &is_held, reason)
                                 : prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    return is_ready && sandbox_close_calls(sandbox, reason);
}

/* The errno of an attempt made within a sandbox; 0: it succeeded; NO_SANDBOX, SIGNALLED: it never came so far. */
static int
try_on_kernel(bool has_landlock, const char *driver_files, attempt_fn *attempt)
{
    pid_t other = getpid();
    pid_t child = fork();
    if (child == 0) {
        const struct sandbox sandbox = { .driver_files = driver_files };
        if (!enter(&sandbox, has_landlock)) {
            _exit(NO_SANDBOX);
        }
        _exit(attempt(other) < 0 ? errno : 0);
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED;
}

static int
try_within(const char *driver_files, attempt_fn *attempt)
{
    return try_on_kernel(true, driver_files, attempt);
}

static int
own_the_news(pid_t other)
{
    int fds[2];
    return pipe2(fds, O_CLOEXEC) == 0 ? fcntl(fds[0], F_SETOWN, other) : 0;
}

static int
choose_the_signal(pid_t other)
{
    (void)other;
    return fcntl(STDERR_FILENO, F_SETSIG, SIGKILL);
}

static int
slow_down_another(pid_t other)
{
    return setpriority(PRIO_PROCESS, (id_t)other, 19);
}

static int
slow_down_all(pid_t other)
{
    (void)other;
    return setpriority(PRIO_USER, 0, 19);
}

static int
slow_down_oneself(pid_t other)
{
    (void)other;
    return setpriority(PRIO_PROCESS, 0, 19);
}

static int
crowd_another(pid_t other)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return sched_setaffinity(other, sizeof(set), &set);
}

static int
idle_another(pid_t other)
{
    const struct sched_param parameters = { 0 };
    return sched_setscheduler(other, SCHED_IDLE, &parameters);
}

UTEST(another_process_is_neither_signalled_nor_slowed_down)
{
    static attempt_fn *const attempts[] = { own_the_news,  choose_the_signal, slow_down_another,
                                            slow_down_all, crowd_another,     idle_another };
    for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        EXPECT_EQ(try_within(SOFTWARE, attempts[i]), EACCES);
        EXPECT_EQ(try_within(HARDWARE, attempts[i]), EACCES);
    }
    EXPECT_EQ(try_within(SOFTWARE, slow_down_oneself), 0);
}

static int
type_for_the_person(pid_t other)
{
    (void)other;
    return ioctl(STDERR_FILENO, TIOCSTI, "x");
}

static int
own_standard_error(pid_t other)
{
    int owner = other;
    return ioctl(STDERR_FILENO, FIOSETOWN, &owner);
}

/* A number as DRM's: a pipe has no such, but it is asked. */
static int
ask_a_device(pid_t other)
{
    (void)other;
    int fds[2];
    return pipe2(fds, O_CLOEXEC) == 0 ? ioctl(fds[0], _IOW('d', 9, long), NULL) : 0;
}

UTEST(device_nodes_are_asked_but_terminals_are_not_typed_into)
{
    EXPECT_EQ(try_within(HARDWARE, type_for_the_person), EPERM);
    EXPECT_EQ(try_within(HARDWARE, own_standard_error), EPERM);
    EXPECT_EQ(try_within(HARDWARE, ask_a_device), ENOTTY);
    EXPECT_EQ(try_within(SOFTWARE, type_for_the_person), ENOTTY);
}

static char json[64];
static char secret[64];

static int
read_the_neighbour(pid_t other)
{
    (void)other;
    return open(secret, O_RDONLY | O_CLOEXEC);
}

static int
read_the_driver(pid_t other)
{
    (void)other;
    return open(json, O_RDONLY | O_CLOEXEC);
}

static int
make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 ? close(fd) : -1;
}

static bool
has_landlock(void)
{
    int error = try_within(SOFTWARE, read_the_driver); /* json is not among the driver's files */
    return error == EACCES;
}

UTEST(what_lies_beside_a_driver_is_not_readable)
{
    char directory[] = "/tmp/vitrine-sandbox-XXXXXX";
    EXPECT_TRUE(mkdtemp(directory) != NULL);
    (void)snprintf(json, sizeof(json), "%s/lvp_icd.json", directory);
    (void)snprintf(secret, sizeof(secret), "%s/diary", directory);
    EXPECT_TRUE(make_file(json) == 0 && make_file(secret) == 0);
    if (has_landlock()) { /* else nothing of this can be promised */
        EXPECT_EQ(try_within(json, read_the_driver), 0);
        EXPECT_EQ(try_within(json, read_the_neighbour), EACCES);
    }
    EXPECT_TRUE(unlink(json) == 0 && unlink(secret) == 0 && rmdir(directory) == 0);
}

static int
overwrite_the_diary(pid_t other)
{
    (void)other;
    return open(secret, O_WRONLY | O_CLOEXEC);
}

static int
cut_the_diary(pid_t other)
{
    (void)other;
    return open(secret, O_WRONLY | O_TRUNC | O_CLOEXEC);
}

/* What render_main.c warns of: a filter of system calls does not know a device node from a file. */
UTEST(without_landlock_only_a_software_driver_keeps_files_as_they_are)
{
    (void)snprintf(secret, sizeof(secret), "/tmp/vitrine-diary-XXXXXX");
    int fd = mkstemp(secret);
    EXPECT_TRUE(fd >= 0 && close(fd) == 0);
    EXPECT_EQ(try_on_kernel(false, SOFTWARE, overwrite_the_diary), EACCES);
    EXPECT_EQ(try_on_kernel(false, HARDWARE, cut_the_diary), EACCES);
    EXPECT_EQ(try_on_kernel(false, HARDWARE, overwrite_the_diary), 0);
    if (try_within(SOFTWARE, read_the_neighbour) == EACCES) { /* this kernel has Landlock */
        EXPECT_EQ(try_within(HARDWARE, overwrite_the_diary), EACCES);
    }
    EXPECT_EQ(unlink(secret), 0);
}
