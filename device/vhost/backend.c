/*
 * backend.c - requests to the front-end, on the socket that it gave us for them.
 *
 * One is under way at a time and the others wait in line: an answer names its request only by its kind.  Nobody waits for
 * the socket: it is the loop that reads the answer, in between the front-end's own messages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/vhost/session.h"

enum { RENEWAL_NS = 500000000 };

static void on_backend(void *user, uint32_t events);

bool
vhost_is_mapped(const struct vhost *vhost, uint64_t device, uint64_t inode)
{
    const struct vhost_mapped *mapped = vhost->mapped;
    while (mapped != NULL && (mapped->device != device || mapped->inode != inode)) {
        mapped = mapped->next;
    }
    return mapped != NULL;
}

/* Remembered from the request on: the table with the new piece comes before the answer. */
static bool
remember(struct vhost *vhost, int fd, uint64_t shm_offset)
{
    struct stat status;
    struct vhost_mapped *mapped = malloc(sizeof(*mapped));
    if (mapped == NULL || fstat(fd, &status) != 0) {
        free(mapped);
        return false;
    }
    *mapped = (struct vhost_mapped){ vhost->mapped, shm_offset, status.st_dev, status.st_ino };
    vhost->mapped = mapped;
    return true;
}

/* The oldest at this place: answers come in the order of the requests, and a new piece may be asked for before the old one went. */
static void
forget(struct vhost *vhost, uint64_t shm_offset)
{
    struct vhost_mapped **oldest = NULL;
    for (struct vhost_mapped **at = &vhost->mapped; *at != NULL; at = &(*at)->next) {
        oldest = (*at)->shm_offset == shm_offset ? at : oldest;
    }
    if (oldest != NULL) {
        struct vhost_mapped *mapped = *oldest;
        *oldest = mapped->next;
        free(mapped);
    }
}

static bool
send_first(struct vhost *vhost)
{
    struct vhost_asked *asked = vhost->asked;
    bool has_payload = asked->request != VHOST_BACKEND_CONFIG_CHANGE;
    struct vhost_header header = { .request = asked->request,
                                   .flags = VHOST_VERSION | (has_payload ? VHOST_NEED_REPLY : 0),
                                   .size_bytes = has_payload ? sizeof(asked->map) : 0 };
    if (!vhost_send(vhost->backend, &header, &asked->map, asked->fd)) {
        return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    asked->is_sent = true;
    return true;
}

static void
drop_first(struct vhost *vhost)
{
    struct vhost_asked *asked = vhost->asked;
    vhost->asked = asked->next;
    if (vhost->asked == NULL) {
        vhost->asked_end = &vhost->asked;
    }
    if (asked->fd >= 0) {
        (void)close(asked->fd);
    }
    free(asked);
}

/*
 * A request that QEMU 11.1 reads when it has stopped the queues ends QEMU: it has let go of its device then.  It disables them
 * first, and what was sent just before cannot be taken back.
 */
static bool
may_ask(const struct vhost *vhost)
{
    const struct vhost_queue *queue = &vhost->queues[VIRTIO_GPU_CONTROLQ];
    return vhost->backend >= 0 && !vhost->is_backend_lost && queue->is_running && queue->is_enabled;
}

/*
 * Sends what can be sent.
 * Returns: false: the socket is gone.
 */
static bool
go_on(struct vhost *vhost)
{
    bool is_allowed = may_ask(vhost);
    if (vhost->is_backend_lost) {
        return true; /* they wait in line for its successor */
    }
    while (is_allowed && vhost->asked != NULL && !vhost->asked->is_sent) {
        if (!send_first(vhost)) {
            return false;
        }
        if (!vhost->asked->is_sent) {
            break; /* full */
        }
        if (vhost->asked->request == VHOST_BACKEND_CONFIG_CHANGE) {
            drop_first(vhost); /* no answer comes */
        }
    }
    bool is_full = is_allowed && vhost->asked != NULL && !vhost->asked->is_sent;
    return loop_watch(vhost->config.loop, vhost->backend, EPOLLIN | (is_full ? EPOLLOUT : 0),
                      on_backend, vhost);
}

static void
on_let_go(void *user)
{
    vhost_let_go(user);
}

/* The front-end has closed it: it gives us another, or has let go of its device. */
static void
lose(struct vhost *vhost)
{
    loop_unwatch(vhost->config.loop, vhost->backend);
    vhost->is_backend_lost = true;
    vhost->let_go = (struct loop_timer){ .on_late = on_let_go, .user = vhost };
    loop_timer_set(vhost->config.loop, &vhost->let_go, RENEWAL_NS);
}

/* Returns: -1: the socket is gone; 0: no whole answer yet; 1: vhost->reply. */
static int
read_reply(struct vhost *vhost)
{
    ssize_t got = recv(vhost->backend, vhost->reply + vhost->reply_bytes,
                       sizeof(vhost->reply) - vhost->reply_bytes, MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    vhost->reply_bytes += (size_t)got;
    return vhost->reply_bytes == sizeof(vhost->reply);
}

static void
take_reply(struct vhost *vhost)
{
    const struct vhost_asked *asked = vhost->asked;
    struct vhost_header header;
    uint64_t status;
    memcpy(&header, vhost->reply, sizeof(header));
    memcpy(&status, vhost->reply + sizeof(header), sizeof(status));
    vhost->reply_bytes = 0;
    if (asked == NULL || !asked->is_sent || header.request != asked->request ||
        header.flags != (VHOST_VERSION | VHOST_REPLY) || header.size_bytes != sizeof(status)) {
        vhost_fail(vhost,
                   "the front-end answered request %u, flags 0x%x, %u bytes, which was not asked",
                   header.request, header.flags, header.size_bytes);
        return;
    }
    uint64_t token = asked->token;
    bool is_map = asked->request == VHOST_BACKEND_SHMEM_MAP;
    if (is_map == (status != 0)) { /* not mapped, or no longer */
        forget(vhost, asked->map.shm_offset);
    }
    drop_first(vhost);
    if (!go_on(vhost)) {
        lose(vhost);
    }
    gpu_map_done(vhost->gpu, token, status == 0);
}

static void
on_backend(void *user, uint32_t events)
{
    struct vhost *vhost = user;
    int result = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 ? read_reply(vhost) : 0;
    if (result < 0 || !go_on(vhost)) {
        lose(vhost);
    } else if (result > 0) {
        take_reply(vhost);
    }
}

bool
vhost_backend_is_closed(const struct vhost *vhost)
{
    struct pollfd watched = { .fd = vhost->backend };
    return vhost->backend >= 0 && poll(&watched, 1, 0) == 1;
}

static void
close_socket(struct vhost *vhost)
{
    if (vhost->backend >= 0) {
        loop_timer_clear(vhost->config.loop, &vhost->let_go);
        loop_unwatch(vhost->config.loop, vhost->backend);
        (void)close(vhost->backend);
    }
    vhost->backend = -1;
    vhost->is_backend_lost = false;
}

/* The answer would have come on the socket that is gone. */
static void
send_again(struct vhost *vhost)
{
    if (vhost->asked != NULL) {
        vhost->asked->is_sent = false;
    }
}

bool
vhost_backend_open(struct vhost *vhost, int fd)
{
    bool is_answered = vhost->backend >= 0 && read_reply(vhost) > 0;
    close_socket(vhost);
    vhost->backend = fd;
    if (!loop_watch(vhost->config.loop, fd, EPOLLIN, on_backend, vhost)) {
        return false;
    }
    if (is_answered) {
        take_reply(vhost);
    } else {
        vhost->reply_bytes = 0;
        send_again(vhost);
    }
    vhost_backend_go_on(vhost);
    return vhost->backend == fd; /* else the answer was wrong, and has been said to be */
}

void
vhost_backend_close(struct vhost *vhost)
{
    while (vhost->asked != NULL) {
        drop_first(vhost);
    }
    while (vhost->mapped != NULL) {
        forget(vhost, vhost->mapped->shm_offset);
    }
    close_socket(vhost);
    vhost->reply_bytes = 0;
}

/* fd: taken over in any case. */
static bool
ask(struct vhost *vhost, const struct vhost_asked *question, int fd)
{
    struct vhost_asked *asked = vhost->backend >= 0 ? malloc(sizeof(*asked)) : NULL;
    if (asked == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    *asked = *question;
    asked->fd = fd;
    *vhost->asked_end = asked;
    vhost->asked_end = &asked->next;
    /* Whether the socket is gone is for the loop to find: who asks must not be called back. */
    (void)go_on(vhost);
    return true;
}

bool
vhost_has_room(void *user)
{
    const struct vhost *vhost = user;
    unsigned slot_count = vhost->guest.region_count;
    for (const struct vhost_mapped *at = vhost->mapped; at != NULL; at = at->next) {
        slot_count++;
    }
    return slot_count < VHOST_SLOT_COUNT - VHOST_SPARE_SLOT_COUNT;
}

bool
vhost_map(void *user, uint64_t token, int fd, uint64_t fd_offset, uint64_t shm_offset,
          uint64_t size_bytes)
{
    struct vhost *vhost = user;
    if (vhost->backend < 0 || !vhost_has(vhost, VHOST_PROTOCOL_SHMEM_MAP)) {
        return false;
    }
    struct vhost_asked question = {
        .request = VHOST_BACKEND_SHMEM_MAP,
        .token = token,
        .map = {.shm_id = VIRTIO_GPU_SHM_ID_HOST_VISIBLE,
                .fd_offset = fd_offset,
                .shm_offset = shm_offset,
                .size_bytes = size_bytes,
                .flags = VHOST_SHMEM_READ_WRITE}
    };
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0 || !remember(vhost, own, shm_offset)) {
        if (own >= 0) {
            (void)close(own);
        }
        return false;
    }
    if (!ask(vhost, &question, own)) {
        forget(vhost, shm_offset);
        return false;
    }
    return true;
}

bool
vhost_unmap(void *user, uint64_t token, uint64_t shm_offset, uint64_t size_bytes)
{
    struct vhost *vhost = user;
    struct vhost_asked question = {
        .request = VHOST_BACKEND_SHMEM_UNMAP,
        .token = token,
        .map = {.shm_id = VIRTIO_GPU_SHM_ID_HOST_VISIBLE,
                .shm_offset = shm_offset,
                .size_bytes = size_bytes}
    };
    return vhost_has(vhost, VHOST_PROTOCOL_SHMEM_MAP) && ask(vhost, &question, -1);
}

void
vhost_backend_go_on(struct vhost *vhost)
{
    struct vhost_asked question = { .request = VHOST_BACKEND_CONFIG_CHANGE };
    if (!may_ask(vhost)) {
        return;
    }
    bool is_told =
        vhost->is_config_changed && vhost->display == NULL; /* else QEMU's display tells */
    vhost->is_config_changed = false;
    if (is_told) {
        (void)ask(vhost, &question, -1);
    } else {
        (void)go_on(vhost);
    }
}

/* Of many changes while the queues are stopped, one is told. */
void
vhost_config_changed(void *user)
{
    struct vhost *vhost = user;
    vhost->is_config_changed = true;
    vhost_backend_go_on(vhost);
}
