/*
 * venus/os.h for Linux: sealed memfds, and threads that keep out of the front's way.
 */
#include <errno.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "venus/os.h"

#define NS_PER_S 1000000000u

/* Not F_SEAL_SEAL: fronts add seals of their own.  Writing cannot be sealed while it is mapped here. */
#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static struct timespec
timespec_of(uint64_t time_ns)
{
    return (struct timespec){ .tv_sec = (time_t)(time_ns / NS_PER_S),
                              .tv_nsec = (long)(time_ns % NS_PER_S) };
}

uint64_t
vn_os_now_ns(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void
vn_os_yield(void)
{
    (void)sched_yield();
}

void
vn_os_sleep_ns(uint64_t duration_ns)
{
    struct timespec duration = timespec_of(duration_ns);
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, NULL);
}

uint64_t
vn_os_page_bytes(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t
vn_os_whole_pages(uint64_t size_bytes)
{
    uint64_t page_bytes = vn_os_page_bytes();
    return (size_bytes + page_bytes - 1) / page_bytes * page_bytes;
}

int
vn_os_memory_create(const char *name, uint64_t size_bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -1;
    }
    if (size_bytes > INT64_MAX || ftruncate(fd, (off_t)size_bytes) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool
vn_os_memory_seal(int fd, uint64_t size_bytes)
{
    return size_bytes <= INT64_MAX && ftruncate(fd, (off_t)size_bytes) == 0 &&
           fcntl(fd, F_ADD_SEALS, SIZE_SEALS) == 0;
}

const char *
vn_os_memory_fix(int fd, uint64_t size_bytes)
{
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0) {
        return "it is no memory that can be sealed";
    }
    if ((seals & SIZE_SEALS) != SIZE_SEALS && fcntl(fd, F_ADD_SEALS, SIZE_SEALS) != 0) {
        return "its size cannot be sealed";
    }
    struct stat about;
    if (fstat(fd, &about) != 0 || about.st_size < 0 ||
        vn_os_whole_pages((uint64_t)about.st_size) < size_bytes) {
        return "it is shorter than it is said to be";
    }
    return NULL;
}

uint8_t *
vn_os_map(int fd, uint64_t size_bytes)
{
    void *map = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

void
vn_os_unmap(uint8_t *map, uint64_t size_bytes)
{
    if (map) {
        (void)munmap(map, size_bytes);
    }
}

int
vn_os_fd_copy(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void
vn_os_fd_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

int
vn_os_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    /* Of the thread's own doing: if they were blocked, they would end the process past its handler, without last words. */
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        (void)sigdelset(&all, faults[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread inherits it */
    int error = pthread_create(thread, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void
vn_os_thread_set_name(const char *name)
{
    (void)prctl(PR_SET_NAME, (unsigned long)(uintptr_t)name, 0, 0, 0);
}

void
vn_os_thread_sharpen(void)
{
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

void
vn_os_thread_set_nice(int32_t nice)
{
    int32_t wanted = nice < -20 ? -20 : nice > 19 ? 19 : nice;
    (void)setpriority(PRIO_PROCESS, 0, wanted);
}

int
vn_os_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error == 0) {
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        error = pthread_cond_init(cond, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
    return error;
}

int
vn_os_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t deadline_ns)
{
    struct timespec deadline = timespec_of(deadline_ns);
    return pthread_cond_timedwait(cond, lock, &deadline);
}
