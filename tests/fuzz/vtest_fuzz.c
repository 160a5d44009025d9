/*
 * A vtest client's bytes: the message parsers on the data as they are, and a whole session that reads them from a socket.
 *
 * The fake renderer makes the session's life eventful: streams may kill the context, tell of rings, hold and release fences.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/vtest.h"
#include "device/vtest_message.h"
#include "tests/fuzz/fuzz_input.h"

enum { NAME_BYTES = 13, SOCKET_BYTES_MAX = 65536 };

/* An accepted message stays within itself: the sanitizer watches. */
static uint32_t
sum_message(const struct vtest_message *message)
{
    uint32_t sum = message->dword_count > 0 ? message->payload[message->dword_count - 1] : 0;
    for (uint32_t i = 0; i < message->batch_count; i++) {
        struct vtest_batch batch = vtest_batch_read(message, i);
        for (uint32_t at = 0; at < batch.command_bytes / 4; at++) {
            sum += batch.commands[at];
        }
        for (uint64_t at = 0; at < (uint64_t)batch.sync_count * VTEST_SYNC_DWORDS; at++) {
            sum += batch.syncs[at];
        }
        fuzz_expect(batch.ring_idx < VENUS_TIMELINE_COUNT);
    }
    return sum;
}

/* One message, in memory of exactly its size. */
static void
parse(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint32_t words[2] = { fuzz_u32(&in), fuzz_u32(&in) };
    struct vtest_header header;
    struct vtest_message message;
    struct fault fault = { "" };
    volatile uint32_t sum = 0;
    words[1] %= 40;
    if (!vtest_header_read(words, &header, &fault)) {
        fuzz_expect(fault.text[0] != '\0');
        return;
    }
    fuzz_expect(header.payload_bytes <= VTEST_PAYLOAD_BYTES_MAX);
    if (header.payload_bytes > in.left) {
        return;
    }
    void *payload = malloc(header.payload_bytes + (header.payload_bytes == 0));
    fuzz_expect(payload != NULL);
    fuzz_take(&in, payload, header.payload_bytes);
    if (vtest_message_read(&header, payload, &message, &fault)) {
        sum = sum_message(&message);
    } else {
        fuzz_expect(fault.text[0] != '\0');
    }
    (void)sum;
    free(payload);
}

static void
on_name(void *user, const char *name)
{
    (void)user;
    (void)name;
}

static void
on_ring(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes)
{
    (void)user;
    (void)ring_id;
    (void)status_offset_bytes;
    fuzz_expect(fd >= 0);
}

/* Reads what the session answers, fds and all, until its end. */
static void *
drain(void *argument)
{
    const int *fd = argument;
    char bytes[4096];
    while (recv(*fd, bytes, sizeof(bytes), 0) > 0) {
    }
    return NULL;
}

/* A whole session: after the two messages without which nothing begins, the data are what the client sends. */
static void
serve(const uint8_t *data, size_t size)
{
    static const char begin[] = "\5\0\0\0\10\0\0\0fuzz\0\1\0\0\0\21\0\0\0\4\0\0";
    struct front_config config = { .on_name = on_name, .on_ring = on_ring };
    struct fault fault;
    pthread_t reader;
    int fds[2];
    fuzz_expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    (void)signal(SIGPIPE, SIG_IGN); /* as our programs do */
    config.limits.memory_bytes = 1 << 16;
    fuzz_expect(pthread_create(&reader, NULL, drain, &fds[0]) == 0);
    (void)send(fds[0], begin, sizeof(begin), MSG_NOSIGNAL);
    (void)send(fds[0], data, size < SOCKET_BYTES_MAX ? size : SOCKET_BYTES_MAX, MSG_NOSIGNAL);
    (void)shutdown(fds[0], SHUT_WR);
    enum front_end end = vtest_serve(fds[1], &config, &fault);
    fuzz_expect((end == FRONT_CLIENT_LEFT) == (fault.text[0] == '\0'));
    (void)pthread_join(reader, NULL);
    (void)close(fds[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    if (data[0] % 4 == 0) {
        serve(data + 1, size - 1);
    } else {
        parse(data + 1, size - 1);
    }
    return 0;
}
