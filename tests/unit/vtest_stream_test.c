/*
 * A client's socket: every byte once and in order, however it is cut; and a reader that dies is noticed by an error.
 */
#include <errno.h>
#include <stdlib.h>

#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device/stream.h"
#include "tests/unit/utest.h"

enum { TOTAL_BYTES = 1 << 20, SLOW_BYTES = 20000 };

struct writer {
    pthread_t thread;
    int fd;
    size_t total_bytes;
    size_t part_bytes_max;
};

/*
 * Linux of before the end of 2025: a peek that slept gives what is oldest in the socket once more, and moves the offset by it.
 * The socket's own recv, on such a kernel, when has_old_kernel is set.
 */
static bool has_old_kernel;
static unsigned forgotten_count;

ssize_t
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library's are reserved
recv(int fd, void *to, size_t size, int flags)
{
    static const int oldest = 0;
    ssize_t got = syscall(SYS_recvfrom, fd, to, size, flags | (has_old_kernel ? MSG_DONTWAIT : 0),
                          NULL, NULL);
    if (!has_old_kernel || got >= 0 || errno != EAGAIN || (flags & MSG_DONTWAIT) != 0) {
        return got;
    }
    got = syscall(SYS_recvfrom, fd, to, size, flags, NULL, NULL);
    if (got >= 0 && (flags & MSG_PEEK) != 0) {
        forgotten_count++;
        (void)setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &oldest, sizeof(oldest));
        got = syscall(SYS_recvfrom, fd, to, size, flags | MSG_DONTWAIT, NULL, NULL);
    }
    return got;
}

static uint8_t
byte_at(size_t at)
{
    return (uint8_t)(at * 131 + at / 251);
}

static void *
write_all(void *argument)
{
    const struct writer *writer = argument;
    unsigned seed = 1;
    uint8_t part[4096];
    for (size_t at = 0; at < writer->total_bytes;) {
        size_t size = 1 + (size_t)rand_r(&seed) % writer->part_bytes_max;
        size = size < writer->total_bytes - at ? size : writer->total_bytes - at;
        for (size_t i = 0; i < size; i++) {
            part[i] = byte_at(at + i);
        }
        if (send(writer->fd, part, size, MSG_NOSIGNAL) != (ssize_t)size) {
            break;
        }
        at += size;
    }
    return NULL;
}

static void
start(struct writer *writer, struct stream *stream)
{
    int fds[2] = { -1, -1 };
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    EXPECT_EQ(stream_init(stream, fds[0]), STREAM_OK);
    writer->fd = fds[1];
    EXPECT_EQ(pthread_create(&writer->thread, NULL, write_all, writer), 0);
}

/* Reads parts of up to part_bytes_max.  Returns: how many bytes were right. */
static size_t
read_all(struct stream *stream, size_t total_bytes, size_t part_bytes_max)
{
    static uint8_t part[TOTAL_BYTES];
    unsigned seed = 2;
    for (size_t at = 0; at < total_bytes;) {
        size_t size = 1 + (size_t)rand_r(&seed) % part_bytes_max;
        size = size < total_bytes - at ? size : total_bytes - at;
        if (stream_read(stream, part, size) != STREAM_OK) {
            return at;
        }
        for (size_t i = 0; i < size; i++) {
            if (part[i] != byte_at(at + i)) {
                return at + i;
            }
        }
        at += size;
    }
    return total_bytes;
}

static void *
close_late(void *argument)
{
    const struct writer *writer = argument;
    (void)usleep(20000);
    (void)close(writer->fd);
    return NULL;
}

static void
finish(struct writer *writer, struct stream *stream)
{
    (void)pthread_join(writer->thread, NULL);
    (void)close(stream->fd);
    (void)close(writer->fd);
}

UTEST(every_byte_comes_once_and_in_order)
{
    static const size_t sizes[][2] = {
        {4096,  40    },
        { 40,   4096  },
        { 4096, 200000},
        { 9,    9     }
    };
    static struct stream stream;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct writer writer = { .total_bytes = TOTAL_BYTES, .part_bytes_max = sizes[i][0] };
        start(&writer, &stream);
        EXPECT_EQ(read_all(&stream, TOTAL_BYTES, sizes[i][1]), TOTAL_BYTES);
        finish(&writer, &stream);
    }
}

UTEST(an_older_kernel_gives_no_byte_twice)
{
    static struct stream stream;
    uint8_t words[8];
    struct writer writer = { .total_bytes = SLOW_BYTES, .part_bytes_max = 3 };
    has_old_kernel = true;
    forgotten_count = 0;
    start(&writer, &stream);
    EXPECT_EQ(read_all(&stream, SLOW_BYTES, 40), SLOW_BYTES);
    EXPECT_TRUE(forgotten_count > 0);
    finish(&writer, &stream);

    /* The end, while we sleep. */
    writer = (struct writer){ .total_bytes = 8, .part_bytes_max = 8 };
    start(&writer, &stream);
    EXPECT_EQ(stream_read(&stream, words, 8), STREAM_OK);
    pthread_t closer;
    EXPECT_EQ(pthread_create(&closer, NULL, close_late, &writer), 0);
    EXPECT_EQ(stream_read(&stream, words, 8), STREAM_END);
    (void)pthread_join(closer, NULL);
    (void)pthread_join(writer.thread, NULL);
    (void)close(stream.fd);
    has_old_kernel = false;
}

/* Each byte costs the writer a piece of its buffer: it must not wait for room while the reader waits for bytes. */
UTEST(a_writer_of_single_bytes_is_not_held_up)
{
    static struct stream stream;
    struct writer writer = { .total_bytes = SLOW_BYTES, .part_bytes_max = 1 };
    start(&writer, &stream);
    EXPECT_EQ(read_all(&stream, SLOW_BYTES, SLOW_BYTES), SLOW_BYTES);
    finish(&writer, &stream);
}

UTEST(a_reader_that_dies_is_an_error_at_any_time)
{
    static struct stream stream;
    static const uint8_t bytes[600];
    for (size_t size = 1; size <= sizeof(bytes); size += 7) {
        int fds[2] = { -1, -1 };
        uint8_t read_bytes[600];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        EXPECT_EQ(stream_init(&stream, fds[0]), STREAM_OK);
        for (unsigned i = 0; i < 5; i++) {
            EXPECT_EQ(send(fds[1], bytes, size, 0), size);
            EXPECT_EQ(stream_read(&stream, read_bytes, size), STREAM_OK);
        }
        (void)close(fds[0]);
        EXPECT_EQ(recv(fds[1], read_bytes, 1, 0), -1);
        EXPECT_EQ(errno, ECONNRESET);
        (void)close(fds[1]);
    }
}

UTEST(a_writer_that_leaves_is_told_from_one_that_stops_within_a_message)
{
    static struct stream stream;
    uint8_t words[8];
    for (size_t size = 8; size <= 12; size += 4) {
        int fds[2] = { -1, -1 };
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        EXPECT_EQ(stream_init(&stream, fds[0]), STREAM_OK);
        EXPECT_EQ(send(fds[1], "0123456789ab", size, 0), size);
        (void)close(fds[1]);
        EXPECT_EQ(stream_read(&stream, words, sizeof(words)), STREAM_OK);
        EXPECT_EQ(stream_read(&stream, words, sizeof(words)), size == 8 ? STREAM_END : STREAM_CUT);
        (void)close(fds[0]);
    }
}

/* The fd is not given to who reads the answer before it. */
UTEST(an_answer_and_its_fd_come_one_after_the_other)
{
    static struct stream stream;
    int fds[2] = { -1, -1 };
    int pipe_fds[2] = { -1, -1 };
    uint8_t answer[13];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec one = { .iov_base = answer, .iov_len = sizeof(answer) };
    struct msghdr message = {
        .msg_iov = &one,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.bytes),
    };
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    EXPECT_EQ(pipe(pipe_fds), 0);
    EXPECT_EQ(stream_init(&stream, fds[0]), STREAM_OK);
    EXPECT_EQ(stream_write_with_fd(&stream, "012345678901", 12, pipe_fds[1]), STREAM_OK);
    EXPECT_EQ(read(fds[1], answer, 8), 8);
    EXPECT_EQ(read(fds[1], answer, 4), 4);
    EXPECT_EQ(recvmsg(fds[1], &message, MSG_CMSG_CLOEXEC), 1);
    int fd = -1;
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights != NULL && rights->cmsg_type == SCM_RIGHTS) {
        memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    }
    EXPECT_EQ(write(fd, "x", 1), 1);
    EXPECT_EQ(read(pipe_fds[0], answer, 1), 1);
    (void)close(fd);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    (void)close(fds[0]);
    (void)close(fds[1]);
}
