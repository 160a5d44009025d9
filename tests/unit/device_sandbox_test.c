/*
 * The sandbox of the device process, tried from within: whoever takes it over is left with the guest that he had.
 */
#include <errno.h>
#include <stdlib.h>

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/device_run.h"
#include "tests/unit/utest.h"

/* Returns: -1 and errno. */
typedef int attempt_fn(void);

enum { NO_SANDBOX = 255, KILLED = 254 };

/* The errno of an attempt made within; 0: it succeeded; KILLED: it never returned, as all that the device never does. */
static int
try_within(attempt_fn *attempt)
{
    int ends[2];
    int result = KILLED;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return NO_SANDBOX;
    }
    pid_t child = fork();
    if (child ==
        0) { /* told by the pipe: the sanitizer's way to exit is none that the device has */
        char reason[DEVICE_REASON_BYTES];
        int told = NO_SANDBOX;
        if (device_sandbox(reason)) {
            told = attempt() < 0 ? errno : 0;
        }
        (void)!write(ends[1], &told, sizeof(told));
        _exit(0);
    }
    (void)close(ends[1]);
    (void)!read(ends[0], &result, sizeof(result));
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
    return result;
}

static int
ask_what_memory_is(void)
{
    struct statfs system;
    return fstatfs(memfd_create("no dma-buf", MFD_CLOEXEC), &system);
}

/* It would wait for the GPU's work, and the whole device with it. */
static int
wait_for_a_dma_buf(void)
{
    const struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
    return ioctl(memfd_create("no dma-buf", MFD_CLOEXEC), DMA_BUF_IOCTL_SYNC, &sync);
}

/* Types a command into the terminal that we were started from. */
static int
type_for_a_person(void)
{
    return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static int
read_a_file(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int
start_a_program(void)
{
    char *const words[] = { NULL };
    return execve("/bin/true", words, words);
}

static int
make_a_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
make_memory_of_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? -1 : 0;
}

UTEST(a_renderer_may_give_memory_that_is_no_dma_buf)
{
    EXPECT_EQ(try_within(ask_what_memory_is), 0);
}

UTEST(what_the_device_never_does_ends_it)
{
    static attempt_fn *const attempts[] = { type_for_a_person, wait_for_a_dma_buf,
                                            read_a_file,       start_a_program,
                                            make_a_socket,     make_memory_of_code };
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        EXPECT_EQ(try_within(attempts[i]), KILLED);
    }
}
