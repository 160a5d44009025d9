/*
 * render_server.c - contexts come and go by requests on the server's own socket.
 */
#include "device/render_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "device/herd.h"
#include "device/packet.h"
#include "device/render_wire.h"

enum { LEAVE_MS = 3000 /* how long a worker may take to free what its context had */ };

union request {
    uint32_t op;
    struct render_create_context create_context;
    struct render_destroy_context destroy_context;
};

static const size_t sizes[] = {
    [RENDER_SERVER_NOP] = 4,
    [RENDER_SERVER_INIT] = 8,
    [RENDER_SERVER_RESET] = 4,
    [RENDER_SERVER_CREATE_CONTEXT] = sizeof(struct render_create_context),
    [RENDER_SERVER_DESTROY_CONTEXT] = sizeof(struct render_destroy_context),
};
enum { OP_COUNT = sizeof(sizes) / sizeof(sizes[0]) };

/* The worker with this context; NULL.  0 finds none: those that were let go have it. */
static struct client *
find_context(const struct herd *herd, uint32_t context_id)
{
    struct client *client = context_id != 0 ? herd->clients : NULL;
    while (client != NULL && client->context_id != context_id) {
        client = client->next;
    }
    return client;
}

static void
let_go(struct client *client)
{
    client->context_id = 0;
    herd_dismiss(client, LEAVE_MS);
}

/* A worker for the context.  Returns: the other side's end of its socket (the caller's); -1 after a line. */
static int
start_context(struct herd *herd, const struct render_create_context *request)
{
    int pair[2] = { -1, -1 };
    if (request->context_id == 0 || find_context(herd, request->context_id) != NULL ||
        herd->client_count >= herd->config->client_count_max) {
        herd_say(herd, NULL,
                 "context %u is refused: its number is 0 or taken, or there are %u already",
                 request->context_id, herd->client_count);
        return -1;
    }
    struct client *client = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0
                                ? client_create(pair[0])
                                : NULL;
    if (client == NULL) {
        if (pair[0] >= 0) {
            (void)close(pair[0]);
            (void)close(pair[1]);
        }
        return -1;
    }
    client->context_id = request->context_id;
    client->pid = 0;
    (void)snprintf(client->name, sizeof(client->name), "%.*s", RENDER_NAME_BYTES, request->name);
    make_printable(client->name, false);
    if (!herd_admit(herd, client, REPORT_SERVE_CONTEXT, pair[0])) {
        herd_say(herd, client, "no renderer could be started: %s", strerror(errno));
        client_destroy(client);
        (void)close(pair[1]);
        return -1;
    }
    return pair[1];
}

static void
create_context(struct herd *herd, const struct render_create_context *request)
{
    int fd = start_context(herd, request);
    uint8_t is_made = fd >= 0;
    if (packet_send(herd->sources[0].fd, &is_made, sizeof(is_made), fd) != 0) {
        herd_stop(herd, LEAVE_MS);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void
dispatch(struct herd *herd, const union request *request)
{
    struct client *client = NULL;
    switch ((enum render_server_op)request->op) {
    case RENDER_SERVER_CREATE_CONTEXT: create_context(herd, &request->create_context); break;
    case RENDER_SERVER_DESTROY_CONTEXT:
        client = find_context(herd, request->destroy_context.context_id);
        if (client != NULL) {
            let_go(client);
        }
        break;
    case RENDER_SERVER_RESET:
        for (client = herd->clients; client != NULL; client = client->next) {
            let_go(client);
        }
        break;
    default: break;
    }
}

static void
on_request(void *user)
{
    struct herd *herd = user;
    union request request = { 0 };
    struct packet packet = { 0 };
    enum packet_result result =
        packet_receive(herd->sources[0].fd, &request, sizeof(request), &packet);
    packet_close_fds(&packet);
    if (result == PACKET_END || result == PACKET_ERROR) {
        herd_stop(herd, LEAVE_MS);
        return;
    }
    bool is_known = result == PACKET_GOT && packet.size_bytes >= 4 && request.op < OP_COUNT;
    if (!is_known || packet.size_bytes != sizes[request.op]) {
        herd_say(herd, NULL, "a request of op %u and %zu bytes is none: the connection is ended",
                 request.op, packet.size_bytes);
        herd_stop(herd, LEAVE_MS);
        return;
    }
    dispatch(herd, &request);
}

static bool
is_packet_socket(int fd)
{
    int type = 0;
    socklen_t type_bytes = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_bytes) == 0 && type == SOCK_SEQPACKET;
}

int
render_server_run(const struct supervisor_config *config, int fd)
{
    struct herd herd = {
        .config = config, .signals = -1, .trace_fd = -1, .record_fd = -1, .spare = { .channel = -1 }
    };
    herd.user = &herd;
    if (!is_packet_socket(fd)) {
        herd_say(&herd, NULL, "fd %d is no SOCK_SEQPACKET socket, which the render server's is",
                 fd);
        return 1;
    }
    herd.sources[0] = (struct herd_source){ .fd = fd, .on_ready = on_request };
    herd.sources[1].fd = -1;
    bool is_open = herd_open(&herd);
    if (is_open) {
        herd_serve(&herd);
    }
    (void)close(fd);
    herd_close(&herd);
    return is_open ? 0 : 1;
}
