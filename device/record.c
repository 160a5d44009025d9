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

#define MEMORY_BYTES_MAX (1U << 30) /* a write takes less than 2 GiB */

static const uint32_t magic = 0x31534e56; /* VNS1 */

struct record_head {
    uint64_t id; /* the ring's or the memory's */
    uint32_t size_bytes;
    uint32_t kind;
};

enum { KIND_COMMAND, KIND_MEMORY };

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

static int
add(int fd, struct record_head head, const void *bytes)
{
    struct iovec parts[2] = {
        {.iov_base = &head, .iov_len = sizeof(head) },
        { .iov_len = head.size_bytes               }
    };
    memcpy(&parts[1].iov_base, &bytes, sizeof(bytes)); /* writev does not write to it */
    return writev(fd, parts, 2) == (ssize_t)(sizeof(head) + head.size_bytes) ? 0 : -1;
}

int
record_add(int fd, uint64_t ring_id, const void *bytes, size_t size_bytes)
{
    return add(fd, (struct record_head){ ring_id, (uint32_t)size_bytes, KIND_COMMAND }, bytes);
}

int
record_add_memory(int fd, uint64_t memory_id, const void *bytes, uint64_t size_bytes)
{
    uint32_t added_bytes = size_bytes < MEMORY_BYTES_MAX ? (uint32_t)size_bytes : MEMORY_BYTES_MAX;
    return add(fd, (struct record_head){ memory_id, added_bytes, KIND_MEMORY }, bytes);
}
