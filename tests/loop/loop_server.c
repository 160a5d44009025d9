/*
 * loop_server.c - render_wire.h, as far as the device speaks it.
 */
#include "tests/loop/loop_server.h"

#include <stdlib.h>

#include <sys/socket.h>
#include <unistd.h>

#include "device/context.h"
#include "device/packet.h"
#include "device/render_wire.h"

static void
on_name(void *user, const char *name)
{
    (void)user;
    (void)name;
}

static void
on_fatal(void *user, const char *reason)
{
    (void)user;
    (void)reason;
}

static void *
serve(void *user)
{
    const struct front_config config = { .on_name = on_name, .on_fatal = on_fatal };
    struct fault fault;
    int fd = (int)(intptr_t)user;
    (void)context_serve(fd, "guest", &config, &fault);
    return NULL;
}

/* Returns: the device's end; -1. */
static int
start_context(struct loop_server *server)
{
    int pair[2];
    if (server->mood == LOOP_SERVER_REFUSING ||
        server->context_count + server->deaf_count >= LOOP_SERVER_CONTEXTS_MAX ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return -1;
    }
    if (server->mood == LOOP_SERVER_DEAF) {
        server->deaf[server->deaf_count++] = pair[0];
        return pair[1];
    }
    if (pthread_create(&server->contexts[server->context_count], NULL, serve,
                       (void *)(intptr_t)pair[0]) != 0) {
        (void)close(pair[0]);
        (void)close(pair[1]);
        return -1;
    }
    server->context_count++;
    return pair[1];
}

static void *
run(void *user)
{
    struct loop_server *server = user;
    union {
        uint32_t op;
        struct render_create_context create;
    } request;
    struct packet packet;
    while (packet_receive(server->socket, &request, sizeof(request), &packet) == PACKET_GOT) {
        server->destroyed_count += request.op == RENDER_SERVER_DESTROY_CONTEXT;
        if (request.op != RENDER_SERVER_CREATE_CONTEXT || server->mood == LOOP_SERVER_SILENT) {
            continue;
        }
        int fd = start_context(server);
        uint8_t is_made = fd >= 0;
        (void)packet_send(server->socket, &is_made, sizeof(is_made), fd);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    return NULL;
}

bool
loop_server_start(struct loop_server *server, enum loop_server_mood mood)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    *server = (struct loop_server){ .fd = pair[0], .socket = pair[1], .mood = mood };
    return pthread_create(&server->thread, NULL, run, server) == 0;
}

void
loop_server_finish(struct loop_server *server)
{
    (void)pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < server->context_count; i++) {
        (void)pthread_join(server->contexts[i], NULL);
    }
    for (unsigned i = 0; i < server->deaf_count; i++) {
        (void)close(server->deaf[i]);
    }
    (void)close(server->socket);
}
