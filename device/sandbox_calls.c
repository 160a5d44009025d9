/*
 * sandbox_calls.c - the system calls that a renderer may make, in groups, with the reason of each.
 *
 * Measured with strace on lavapipe 22.3 and 25.0 from the first client byte to the last (vulkaninfo, compute, drawing); what
 * glibc may choose instead of a call that was seen is on the list too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/sandbox.h"

/* A driver's memory, its just-in-time compiled shaders (which is why PROT_EXEC is not denied), memory shared with clients. */
static const int memory_calls[] = {
    SCMP_SYS(brk),       SCMP_SYS(mmap),      SCMP_SYS(munmap),        SCMP_SYS(mremap),
    SCMP_SYS(mprotect),  SCMP_SYS(madvise),   SCMP_SYS(msync),         SCMP_SYS(mlock),
    SCMP_SYS(munlock),   SCMP_SYS(mincore),   SCMP_SYS(membarrier),    SCMP_SYS(memfd_create),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(get_mempolicy),
};

/* Threads: of rings, of queues, of lavapipe's rasteriser and compiler; how they wait and end. */
static const int thread_calls[] = {
    SCMP_SYS(futex),
    SCMP_SYS(futex_waitv),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(getpriority),
    SCMP_SYS(getcpu),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
};

/* Time. */
static const int time_calls[] = {
    SCMP_SYS(nanosleep),      SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),   SCMP_SYS(gettimeofday),    SCMP_SYS(time),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime),
};

/* What is open already or comes through the client's socket: sockets, memory, eventfds, the trace. */
static const int fd_calls[] = {
    SCMP_SYS(read),        SCMP_SYS(write),         SCMP_SYS(readv),     SCMP_SYS(writev),
    SCMP_SYS(pread64),     SCMP_SYS(pwrite64),      SCMP_SYS(close),     SCMP_SYS(close_range),
    SCMP_SYS(dup),         SCMP_SYS(dup2),          SCMP_SYS(dup3),      SCMP_SYS(lseek),
    SCMP_SYS(fstat),       SCMP_SYS(poll),          SCMP_SYS(ppoll),     SCMP_SYS(select),
    SCMP_SYS(pselect6),    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2),      SCMP_SYS(pipe2),     SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),    SCMP_SYS(sendto),        SCMP_SYS(recvmsg),   SCMP_SYS(recvfrom),
    SCMP_SYS(shutdown),    SCMP_SYS(getsockopt),
};

/* The Vulkan loader reads its lists of drivers again for each instance: names and reading only, and Landlock says which. */
static const int lookup_calls[] = {
    SCMP_SYS(stat),       SCMP_SYS(lstat),      SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(access),     SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),     SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),    SCMP_SYS(fadvise64),
};

/* Who and where we are: asked by drivers for cache names, feature checks and random seeds. */
static const int identity_calls[] = {
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),    SCMP_SYS(getegid),
    SCMP_SYS(uname),  SCMP_SYS(sysinfo), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
};

/* Harmless attempts, which drivers survive when they fail: windows, helper processes' sockets, times of files, whose file it is. */
static const int refused_calls[] = {
    SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(creat), SCMP_SYS(utimensat), SCMP_SYS(kcmp),
};

/* The same without a cache of compiled shaders; with one drivers work in it, and Landlock keeps them there. */
static const int cache_calls[] = {
    SCMP_SYS(mkdir),    SCMP_SYS(mkdirat), SCMP_SYS(unlink),
    SCMP_SYS(unlinkat), SCMP_SYS(rename),  SCMP_SYS(flock),
};

struct call_group {
    const int *calls;
    size_t call_count;
};
#define GROUP(calls)                                                                               \
 {                                                                                                 \
  calls, sizeof(calls) / sizeof((calls)[0])                                                        \
 }
static const struct call_group allowed[] = {
    GROUP(memory_calls), GROUP(thread_calls), GROUP(time_calls),
    GROUP(fd_calls),     GROUP(lookup_calls), GROUP(identity_calls),
};

static int
add_group(scmp_filter_ctx filter, uint32_t action, const struct call_group *group)
{
    int error = 0;
    for (size_t i = 0; i < group->call_count && error == 0; i++) {
        error = seccomp_rule_add(filter, action, group->calls[i], 0);
    }
    return error;
}

/*
 * Opening: for reading; with hardware also for writing, to the nodes that Landlock leaves, or to anything where there is no
 * Landlock; to make a file only in a cache.
 */
static scmp_datum_t
refused_open_flags(const struct sandbox *sandbox, bool has_hardware)
{
    scmp_datum_t refused = O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
    if (sandbox->writable_directory == NULL) {
        refused |= O_CREAT | O_TRUNC | (has_hardware ? 0 : O_ACCMODE);
    }
    return refused;
}

static int
add_open(scmp_filter_ctx filter, scmp_datum_t refused)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, refused, 0));
    error = error != 0 ? error
                       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                                          SCMP_A1(SCMP_CMP_MASKED_EQ, refused, 0));
    for (unsigned bit = 0; bit < 32 && error == 0; bit++) { /* the rest is refused, bit by bit */
        scmp_datum_t mask = (scmp_datum_t)1 << bit;
        if ((refused & mask) == 0) {
            continue;
        }
        error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, mask, mask));
        error = error != 0 ? error
                           : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(open), 1,
                                              SCMP_A1(SCMP_CMP_MASKED_EQ, mask, mask));
    }
    return error;
}

/* A thread, never a process; clone3, whose flags a filter cannot see, is said not to exist, so that glibc uses clone. */
static int
add_clone(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    return error != 0 ? error
                      : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* abort() and thread cancellation signal this process; no other can be signalled. */
static int
add_signals(scmp_filter_ctx filter)
{
    scmp_datum_t self = (scmp_datum_t)getpid();
    int error =
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, self));
    return error != 0 ? error
                      : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1,
                                         SCMP_A0(SCMP_CMP_EQ, self));
}

/* A file's owner is told of its news by a signal of the caller's choice: so a process could signal, and end, any other. */
static int
add_fcntl(scmp_filter_ctx filter)
{
    static const int commands[] = { F_DUPFD,  F_DUPFD_CLOEXEC, F_GETFD,    F_SETFD,
                                    F_GETFL,  F_SETFL,         F_GETLK,    F_SETLK,
                                    F_SETLKW, F_ADD_SEALS,     F_GET_SEALS };
    static const int refused[] = { F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY };
    int error = 0;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(fcntl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)refused[i]));
    }
    return error;
}

/* A thread may change its own priority and processors; by number it could name any process of this user. */
static int
add_priorities(scmp_filter_ctx filter)
{
    static const int calls[] = { SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setscheduler) };
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 2,
                                 SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS), SCMP_A1(SCMP_CMP_EQ, 0));
    error = error != 0
                ? error
                : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(setpriority), 2,
                                   SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS), SCMP_A1(SCMP_CMP_NE, 0));
    error = error != 0 ? error
                       : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(setpriority), 1,
                                          SCMP_A0(SCMP_CMP_NE, PRIO_PROCESS));
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1, SCMP_A0(SCMP_CMP_EQ, 0));
        error = error != 0 ? error
                           : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), calls[i], 1,
                                              SCMP_A0(SCMP_CMP_NE, 0));
    }
    return error;
}

/*
 * Those of device nodes, but none of terminals (type 'T': one types for the person at it, another ends a session) or sockets
 * (0x89: their owner is signalled).  Allowed is what differs from both types, each in some bit.
 */
static int
add_ioctl(scmp_filter_ctx filter, bool has_hardware)
{
    const scmp_datum_t terminals = 0x5400;
    const scmp_datum_t sockets = 0x8900;
    int error =
        has_hardware ? 0 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
    for (unsigned i = 0; has_hardware && i < 64 && error == 0; i++) {
        scmp_datum_t first = (scmp_datum_t)0x100 << i % 8;
        scmp_datum_t second = (scmp_datum_t)0x100 << i / 8;
        if (first == second && (terminals & first) != (sockets & first)) {
            continue; /* no number differs from both here */
        }
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                 SCMP_A1(SCMP_CMP_MASKED_EQ, first | second,
                                         (~terminals & first) | (~sockets & second)));
        error = error == -EEXIST ? 0 : error;
    }
    return error;
}

/* How a client's socket is read (stream.h); no other option of a socket. */
static int
add_socket_option(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
                            SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_PEEK_OFF));
}

/* Names of threads and of memory, exact sleeps; limits can be read, not set. */
static int
add_self(scmp_filter_ctx filter)
{
    static const int names[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_TIMERSLACK,
                                 0x53564d41 /* PR_SET_VMA */ };
    int error = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)names[i]));
    }
    return error != 0 ? error
                      : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                                         SCMP_A2(SCMP_CMP_EQ, 0));
}

static int
add_rules(scmp_filter_ctx filter, const struct sandbox *sandbox, bool has_hardware)
{
    static const struct call_group refused = GROUP(refused_calls);
    static const struct call_group cache = GROUP(cache_calls);
    uint32_t caching =
        sandbox->writable_directory != NULL ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EACCES);
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && error == 0; i++) {
        error = add_group(filter, SCMP_ACT_ALLOW, &allowed[i]);
    }
    error = error != 0 ? error : add_group(filter, SCMP_ACT_ERRNO(EACCES), &refused);
    error = error != 0 ? error : add_group(filter, caching, &cache);
    error = error != 0 ? error : add_open(filter, refused_open_flags(sandbox, has_hardware));
    error = error != 0 ? error : add_clone(filter);
    error = error != 0 ? error : add_signals(filter);
    error = error != 0 ? error : add_socket_option(filter);
    error = error != 0 ? error : add_self(filter);
    error = error != 0 ? error : add_fcntl(filter);
    error = error != 0 ? error : add_priorities(filter);
    return error != 0 ? error : add_ioctl(filter, has_hardware);
}

bool
sandbox_close_calls(const struct sandbox *sandbox, char reason[SANDBOX_REASON_BYTES])
{
    bool has_hardware = sandbox_has_hardware(sandbox->driver_files);
    uint32_t others = has_hardware ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_TRAP;
    scmp_filter_ctx filter = seccomp_init(others);
    int error = filter != NULL ? add_rules(filter, sandbox, has_hardware) : -ENOMEM;
    error = error != 0 ? error : seccomp_load(filter);
    if (filter != NULL) {
        seccomp_release(filter);
    }
    if (error != 0) {
        (void)snprintf(reason, SANDBOX_REASON_BYTES, "seccomp: %s", strerror(-error));
    }
    return error == 0;
}
