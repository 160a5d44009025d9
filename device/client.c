/*
 * client.c - a client's rings, and its process.
 */
#include "device/client.h"

#include <stdio.h>
#include <stdlib.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device/report.h"

enum { RING_STATUS_FATAL = 2 };

struct client *
client_create(int fd)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    struct ucred who = { 0 };
    socklen_t who_bytes = sizeof(who);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_bytes) == 0) {
        client->pid = who.pid;
    }
    client->channel = -1;
    client->pidfd = client->pid > 0 ? (int)syscall(SYS_pidfd_open, client->pid, 0) : -1;
    (void)snprintf(client->name, sizeof(client->name), "(no name yet)");
    return client;
}

static void
drop_ring(struct client *client, struct client_ring **link)
{
    struct client_ring *ring = *link;
    *link = ring->next;
    client->ring_count--;
    (void)close(ring->fd);
    free(ring);
}

void
client_destroy(struct client *client)
{
    while (client->rings != NULL) {
        drop_ring(client, &client->rings);
    }
    if (client->channel >= 0) {
        (void)close(client->channel);
    }
    if (client->pidfd >= 0) {
        (void)close(client->pidfd);
    }
    free(client);
}

/* Only a memfd has seals to ask for: we shall write to it, so it must be nothing else. */
static bool
is_memfd(int fd)
{
    return fd >= 0 && fcntl(fd, F_GET_SEALS) >= 0;
}

bool
client_add_ring(struct client *client, const struct report *report, int fd)
{
    struct client_ring *ring = calloc(1, sizeof(*ring));
    if (ring == NULL || !is_memfd(fd) || client->ring_count >= CLIENT_RING_COUNT_MAX ||
        report->head.status_offset_bytes % 4 != 0) {
        free(ring);
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    *ring = (struct client_ring){
        .next = client->rings,
        .id = report->head.ring_id,
        .status_offset_bytes = report->head.status_offset_bytes,
        .fd = fd,
    };
    client->rings = ring;
    client->ring_count++;
    return true;
}

void
client_remove_ring(struct client *client, uint64_t id)
{
    for (struct client_ring **link = &client->rings; *link != NULL; link = &(*link)->next) {
        if ((*link)->id == id) {
            drop_ring(client, link);
            return;
        }
    }
}

/*
 * The worker no longer writes to the word, and the client only clears another bit of it: an aligned write of all 32 bits
 * cannot lose anything.  A write, not a mapping: it cannot fault whatever became of the memory.
 */
void
client_tell_fatal(const struct client *client)
{
    static const uint32_t status = RING_STATUS_FATAL;
    for (const struct client_ring *ring = client->rings; ring != NULL; ring = ring->next) {
        if (pwrite(ring->fd, &status, sizeof(status), (off_t)ring->status_offset_bytes) !=
            sizeof(status)) {
            continue; /* memory of this client's alone; there is nothing else to tell it by */
        }
    }
}

bool
client_is_there(const struct client *client)
{
    struct pollfd process = { .fd = client->pidfd, .events = POLLIN };
    return client->pidfd >= 0 && poll(&process, 1, 0) == 0;
}

void
client_kill(const struct client *client)
{
    if (client->pidfd >= 0) {
        (void)syscall(SYS_pidfd_send_signal, client->pidfd, SIGKILL, NULL, 0);
    }
}
