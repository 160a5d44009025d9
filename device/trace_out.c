#include "device/trace_out.h"

#include <errno.h>

#include <fcntl.h>
#include <unistd.h>

int
trace_out_open(const char *path, enum trace_file_side side)
{
    struct trace_file_header header = { .magic = TRACE_FILE_MAGIC_BYTES,
                                        .version = le16_from(TRACE_FILE_VERSION),
                                        .side = (uint8_t)side,
                                        .record_bytes = le32_from(sizeof(struct trace_record)),
                                        .ticks_per_second = le64_from(1000000000) };
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0 && !trace_out_write(fd, &header, sizeof(header))) {
        int error = errno;
        (void)close(fd);
        errno = error;
        fd = -1;
    }
    return fd;
}

bool
trace_out_write(int fd, const void *bytes, size_t size_bytes)
{
    const uint8_t *from = bytes;
    while (size_bytes > 0) {
        ssize_t written = write(fd, from, size_bytes);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            from += written;
            size_bytes -= (size_t)written;
        }
    }
    return true;
}
