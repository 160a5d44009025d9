// A preloaded stand-in for /dev/udmabuf, for the peer's server on machines whose kernel has none.
//
// The peer hands mapped memory to its clients as dma-bufs only, and lavapipe makes dma-bufs of memfds by way of
// /dev/udmabuf.  To all of them (driver, renderer, client) a memfd itself does as well: it can be mapped, sought and
// passed on.  So, in the process that this library is preloaded into:
//
//   open("/dev/udmabuf")           gives an empty memfd, which only has to be a descriptor
//   ioctl(x, UDMABUF_CREATE, c)    gives a duplicate of c->memfd; offset and size are taken to be the whole of it
//   ioctl(memfd, DMA_BUF_IOCTL_SYNC, s)    succeeds: shared pages need no bracket around the processor's accesses
//
// Everything else goes on to the C library.

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <sys/mman.h>
#include <sys/types.h>

typedef int open_fn(const char *path, int flags, ...);
typedef int openat_fn(int directory, const char *path, int flags, ...);
typedef int ioctl_fn(int fd, unsigned long request, ...);

// The C library's names, for functions whose own names do not clash with its headers.
int shim_open(const char *path, int flags, ...) __asm__("open");
int shim_open64(const char *path, int flags, ...) __asm__("open64");
int shim_openat(int directory, const char *path, int flags, ...) __asm__("openat");
int shim_ioctl(int fd, unsigned long request, ...) __asm__("ioctl");

static bool
is_udmabuf(const char *path)
{
    return path != NULL && strcmp(path, "/dev/udmabuf") == 0;
}

static int
open_stand_in(void)
{
    return memfd_create("udmabuf-device", MFD_CLOEXEC);
}

// Sets *function to what would have been called without us.
static void
find_next(void *function, const char *name)
{
    void *const symbol = dlsym(RTLD_NEXT, name);

    memcpy(function, &symbol, sizeof symbol);
}

static mode_t
mode_for(int flags, va_list list)
{
    const bool is_there = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;

    return is_there ? va_arg(list, mode_t) : 0;
}

static int
open_by(const char *name, const char *path, int flags, mode_t mode)
{
    open_fn *next = NULL;

    if (is_udmabuf(path)) {
        return open_stand_in();
    }
    find_next(&next, name);
    return next(path, flags, mode);
}

int
shim_open(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    const mode_t mode = mode_for(flags, list);
    va_end(list);
    return open_by("open", path, flags, mode);
}

int
shim_open64(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    const mode_t mode = mode_for(flags, list);
    va_end(list);
    return open_by("open64", path, flags, mode);
}

int
shim_openat(int directory, const char *path, int flags, ...)
{
    openat_fn *next = NULL;
    va_list list;

    if (is_udmabuf(path)) {
        return open_stand_in();
    }
    va_start(list, flags);
    const mode_t mode = mode_for(flags, list);
    va_end(list);
    find_next(&next, "openat");
    return next(directory, path, flags, mode);
}

static int
create_udmabuf(const struct udmabuf_create *create)
{
    return fcntl((int)create->memfd, F_DUPFD_CLOEXEC, 0);
}

// A real dma-buf is synchronized by the kernel; a memfd knows nothing of it, and needs nothing.
static int
synchronize(ioctl_fn *next, int fd, void *argument)
{
    const int result = next(fd, DMA_BUF_IOCTL_SYNC, argument);

    return result < 0 && (errno == ENOTTY || errno == EINVAL) ? 0 : result;
}

int
shim_ioctl(int fd, unsigned long request, ...)
{
    ioctl_fn *next = NULL;
    va_list list;

    va_start(list, request);
    void *const argument = va_arg(list, void *);
    va_end(list);
    find_next(&next, "ioctl");
    if (request == UDMABUF_CREATE) {
        return create_udmabuf(argument);
    }
    if (request == DMA_BUF_IOCTL_SYNC) {
        return synchronize(next, fd, argument);
    }
    return next(fd, request, argument);
}
