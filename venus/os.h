/*
 * What the library needs of the operating system beyond C and POSIX threads.  os_linux.c is the one file to write anew for
 * another system.
 */
#ifndef VENUS_OS_H
#define VENUS_OS_H

#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>

/* Monotonic time. */
uint64_t vn_os_now_ns(void);

/* Tells the processor that this is a loop which waits for another one's store. */
static inline void
vn_os_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/* Lets other threads run, if any wants to. */
void vn_os_yield(void);

/* Sleeps at least that long; see vn_os_thread_sharpen for how much longer. */
void vn_os_sleep_ns(uint64_t duration_ns);

/* What mappings and sizes of shared memory are multiples of. */
uint64_t vn_os_page_bytes(void);

/* size_bytes, at most INT64_MAX less a page, as whole pages: as much of it as can be mapped. */
uint64_t vn_os_whole_pages(uint64_t size_bytes);

/*
 * Zeroed shared memory.  Before anybody else gets the fd, vn_os_memory_seal.
 * Returns: an fd (close-on-exec), or -1 when the host is short.
 */
int vn_os_memory_create(const char *name, uint64_t size_bytes);

/*
 * Gives shared memory its last size: nobody can shrink or grow it any more, whoever gets the fd.
 * size_bytes: as many whole pages as it has been mapped with.
 * Returns: whether it could be done.
 */
bool vn_os_memory_seal(int fd, uint64_t size_bytes);

/*
 * Makes sure of foreign shared memory: it has whole pages for size_bytes, and never fewer from now on (else what is mapped
 * here could vanish, which is a SIGBUS).
 * Returns: NULL, or why not.
 */
const char *vn_os_memory_fix(int fd, uint64_t size_bytes);

/* Maps the first size_bytes for reading and writing, shared.  Returns: NULL when the host is short or the fd cannot be mapped. */
uint8_t *vn_os_map(int fd, uint64_t size_bytes);
void vn_os_unmap(uint8_t *map, uint64_t size_bytes);

/* Another fd of the same (close-on-exec), or -1 when there are too many. */
int vn_os_fd_copy(int fd);
/* fd: -1 is allowed. */
void vn_os_fd_close(int fd);

/* Starts a thread that gets no signals (they are the front's), but for faults of its own.  Returns: 0, or an errno. */
int vn_os_thread_start(pthread_t *thread, void *(*run)(void *), void *argument);

/* Names the calling thread, for tools that show threads: 15 characters at most. */
void vn_os_thread_set_name(const char *name);

/* From now on the calling thread's sleeps end as exactly as the system can. */
void vn_os_thread_sharpen(void);

/* Sets the nice value of the calling thread; what is not permitted is left as it is. */
void vn_os_thread_set_nice(int32_t nice);

/* A condition whose deadlines are of vn_os_now_ns().  Returns: 0, or an errno. */
int vn_os_cond_init(pthread_cond_t *cond);
/* Returns: 0, or ETIMEDOUT at deadline_ns. */
int vn_os_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t deadline_ns);

#endif
