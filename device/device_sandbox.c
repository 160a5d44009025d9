/*
 * device_sandbox.c - the system calls that the device process needs once it serves: all else ends it (SIGSYS).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/device_run.h"

/* The loop and its timers. */
static const int loop_calls[] = {
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),   SCMP_SYS(epoll_ctl),
    SCMP_SYS(poll),       SCMP_SYS(clock_gettime), SCMP_SYS(restart_syscall),
};

/* Sockets that are open or come in, eventfds, the trace, memory files for viewers and renderers. */
static const int fd_calls[] = {
    SCMP_SYS(read),     SCMP_SYS(write),     SCMP_SYS(readv),        SCMP_SYS(writev),
    SCMP_SYS(close),    SCMP_SYS(accept4),   SCMP_SYS(recvmsg),      SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom), SCMP_SYS(sendto),    SCMP_SYS(shutdown),     SCMP_SYS(getsockopt),
    SCMP_SYS(eventfd2), SCMP_SYS(pread64),   SCMP_SYS(memfd_create), SCMP_SYS(ftruncate),
    SCMP_SYS(lseek),    SCMP_SYS(fallocate), SCMP_SYS(fstat),        SCMP_SYS(fstatfs),
};

/* malloc; how a process ends, also by abort. */
static const int process_calls[] = {
    SCMP_SYS(brk),          SCMP_SYS(munmap),       SCMP_SYS(mremap),
    SCMP_SYS(madvise),      SCMP_SYS(futex),        SCMP_SYS(getpid),
    SCMP_SYS(gettid),       SCMP_SYS(getppid),      SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(exit),
    SCMP_SYS(exit_group),   SCMP_SYS(getrandom),
};

struct call_list {
    const int *calls;
    size_t count;
};
#define LIST(calls)                                                                                \
 {                                                                                                 \
  calls, sizeof(calls) / sizeof((calls)[0])                                                        \
 }
static const struct call_list lists[] = { LIST(loop_calls), LIST(fd_calls), LIST(process_calls) };

/* Copies of fds, seals of memory files; never an owner, whom the kernel would signal. */
static int
add_fcntl(scmp_filter_ctx filter)
{
    static const int commands[] = { F_DUPFD_CLOEXEC, F_GETFD,     F_SETFD,    F_GETFL,
                                    F_SETFL,         F_ADD_SEALS, F_GET_SEALS };
    int error = 0;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
    }
    return error;
}

/*
 * Memory is for data; a renderer's socket may hold more; fstat of newer C libraries names no file; abort signals this process
 * only.
 */
static int
add_limited(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    error = error != 0 ? error
                       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    error = error != 0 ? error
                       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                          SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
    error = error != 0 ? error
                       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
                                          SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
                                          SCMP_A2(SCMP_CMP_EQ, SO_SNDBUF));
    return error != 0 ? error
                      : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                         SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int
add_rules(scmp_filter_ctx filter)
{
    int error = 0;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t k = 0; k < lists[i].count && error == 0; k++) {
            error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, lists[i].calls[k], 0);
        }
    }
    error = error != 0 ? error : add_limited(filter);
    return error != 0 ? error : add_fcntl(filter);
}

bool
device_sandbox(char reason[DEVICE_REASON_BYTES])
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int error = filter != NULL ? add_rules(filter) : -ENOMEM;
    error = error != 0 ? error : seccomp_load(filter);
    if (filter != NULL) {
        seccomp_release(filter);
    }
    if (error != 0) {
        (void)snprintf(reason, DEVICE_REASON_BYTES, "seccomp: %s", strerror(-error));
    }
    return error == 0;
}
