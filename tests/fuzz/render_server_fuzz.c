/*
 * A render server's context under packets of any bytes.
 *
 * The data are packets: u16 length, u8 how many fds, then the bytes.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/context.h"
#include "device/packet.h"
#include "device/render_wire.h"
#include "tests/fuzz/fuzz_input.h"

enum { PACKET_BYTES_MAX = 1024, PACKET_COUNT_MAX = 64 };

struct client {
    int fd;
    int timelines;
    int event;
};

static void
on_name(void *user, const char *name)
{
    (void)user;
    (void)name;
}

static void
send_packet(const struct client *client, const void *bytes, size_t size, unsigned fd_count)
{
    struct iovec whole = { .iov_len = size };
    memcpy(&whole.iov_base, &bytes, sizeof(bytes));
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control = { 0 };
    const int fds[3] = { client->timelines, client->event, client->timelines };
    struct msghdr message = { .msg_iov = &whole, .msg_iovlen = 1 };
    if (fd_count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, fd_count * sizeof(int));
    }
    (void)sendmsg(client->fd, &message, MSG_NOSIGNAL);
}

static void *
drain(void *argument)
{
    const int *fd = argument;
    uint8_t bytes[256];
    struct packet packet;
    enum packet_result result;
    do {
        result = packet_receive(*fd, bytes, sizeof(bytes), &packet);
        packet_close_fds(&packet);
    } while (result == PACKET_GOT || result == PACKET_CUT);
    return NULL;
}

static void
send_all(const struct client *client, struct fuzz_input *in, bool is_begun)
{
    uint8_t bytes[PACKET_BYTES_MAX];
    if (is_begun) {
        const struct render_init init = { RENDER_CONTEXT_INIT, VENUS_CAPSET_ID, 256 };
        send_packet(client, &init, sizeof(init), 2);
    }
    for (unsigned i = 0; i < PACKET_COUNT_MAX && in->left > 0; i++) {
        size_t size = fuzz_u16(in) % PACKET_BYTES_MAX;
        unsigned fd_count = fuzz_u8(in) % 4;
        fuzz_take(in, bytes, size);
        if (size > 0) {
            send_packet(client, bytes, size, fd_count);
        }
    }
    (void)shutdown(client->fd, SHUT_WR);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct front_config config = { .on_name = on_name };
    struct fuzz_input in = { data, size };
    struct fault fault;
    pthread_t reader;
    int fds[2];
    if (size < 2) {
        return 0;
    }
    bool is_begun = fuzz_u8(&in) % 8 != 0;
    fuzz_expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    struct client client = { fds[0], memfd_create("timelines", MFD_CLOEXEC),
                             eventfd(0, EFD_CLOEXEC) };
    fuzz_expect(ftruncate(client.timelines, 256) == 0);
    config.limits.memory_bytes = 1 << 16;
    fuzz_expect(pthread_create(&reader, NULL, drain, &fds[0]) == 0);
    send_all(&client, &in, is_begun);
    enum front_end end = context_serve(fds[1], "fuzz", &config, &fault);
    fuzz_expect((end == FRONT_CLIENT_LEFT) == (fault.text[0] == '\0'));
    (void)pthread_join(reader, NULL);
    (void)close(client.fd);
    (void)close(client.timelines);
    (void)close(client.event);
    return 0;
}
