/*
 * record.c - see record.h.  One write for each command: several threads' commands stay whole, and a crash loses none.
 */
#include "device/record.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

static const uint32_t magic = 0x31534e56; /* VNS1 */

struct record_head {
    uint64_t ring_id;
    uint32_t size_bytes;
    uint32_t zero;
};

int
record_open(const char *path, unsigned client_idx)
{
    char numbered[PATH_MAX];
    (void)snprintf(numbered, sizeof(numbered), "%s.%u", path, client_idx + 1);
    int fd = open(client_idx == 0 ? path : numbered,
                  O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0 && write(fd, &magic, sizeof(magic)) != (ssize_t)sizeof(magic)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int
record_add(int fd, uint64_t ring_id, const void *bytes, size_t size_bytes)
{
    struct record_head head = { .ring_id = ring_id, .size_bytes = (uint32_t)size_bytes };
    struct iovec parts[2] = {
        {.iov_base = &head, .iov_len = sizeof(head) },
        { .iov_len = size_bytes               }
    };
    memcpy(&parts[1].iov_base, &bytes, sizeof(bytes)); /* writev does not write to it */
    return writev(fd, parts, 2) == (ssize_t)(sizeof(head) + size_bytes) ? 0 : -1;
}
