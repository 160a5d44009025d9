/*
 * supervisor.c - the server of the vtest socket: who may come in, and for whom it is all done.
 */
#include "device/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "device/herd.h"
#include "device/listen.h"

enum {
    STOP_MS = 3000,        /* how long workers may take to end when we are asked to */
    SHORT_OF_FDS_MS = 100, /* how long nobody is accepted then */
};

enum { LISTENER, LIFE };

/* One letter to whom we serve; who does not read it any more need not be told. */
static void
tell_life(const struct supervisor_config *config, char letter)
{
    if (config->life_fd >= 0) {
        (void)send(config->life_fd, &letter, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

static void
on_death(void *user)
{
    const struct herd *herd = user;
    tell_life(herd->config, 'D');
}

/* fd: taken over. */
static void
admit(struct herd *herd, int fd)
{
    struct client *client = client_create(fd);
    if (client == NULL) {
        (void)close(fd);
        return;
    }
    if (herd->client_count >= herd->config->client_count_max) {
        herd_say(herd, client, "refused: there are %u clients already (--max-clients)",
                 herd->client_count);
        (void)close(fd);
        client_destroy(client);
        return;
    }
    if (!herd_admit(herd, client, REPORT_SERVE_VTEST, fd)) {
        herd_say(herd, client, "refused: no renderer could be started: %s", strerror(errno));
        client_destroy(client);
    }
}

static void
on_connection(void *user)
{
    struct herd *herd = user;
    struct herd_source *listener = &herd->sources[LISTENER];
    int fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        admit(herd, fd);
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        herd_say(herd, NULL, "a client has to wait: %s", strerror(errno));
        listener->paused_ns = herd_now_ns() + (uint64_t)SHORT_OF_FDS_MS * 1000000;
    }
}

/* Who started us says nothing: it only ends. */
static void
on_life(void *user)
{
    struct herd *herd = user;
    char byte;
    ssize_t got = recv(herd->sources[LIFE].fd, &byte, 1, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        herd_stop(herd, STOP_MS);
    }
}

/* The directory was made for this socket alone by whom we serve, and may have been left to us. */
static void
remove_socket(const struct supervisor_config *config)
{
    char directory[PATH_MAX];
    (void)unlink(config->socket_path);
    (void)snprintf(directory, sizeof(directory), "%s", config->socket_path);
    char *slash = strrchr(directory, '/');
    if (config->life_fd >= 0 && slash != NULL) {
        *slash = '\0';
        (void)rmdir(directory);
    }
}

static bool
open_listener(struct herd *herd)
{
    char reason[256];
    int fd = listen_on(herd->config->socket_path, reason, sizeof(reason));
    if (fd < 0) {
        herd_say(herd, NULL, "%s", reason);
        return false;
    }
    herd->sources[LISTENER] = (struct herd_source){ .fd = fd, .on_ready = on_connection };
    herd->sources[LIFE] = (struct herd_source){ .fd = herd->config->life_fd, .on_ready = on_life };
    return true;
}

int
supervisor_run(const struct supervisor_config *config)
{
    struct herd herd = { .config = config,
                         .on_death = on_death,
                         .signals = -1,
                         .trace_fd = -1,
                         .record_fd = -1,
                         .spare = { .channel = -1 } };
    herd.user = &herd;
    bool is_open = herd_open(&herd) && open_listener(&herd);
    if (is_open) {
        tell_life(config, 'R');
        if (config->is_verbose) {
            herd_say(&herd, NULL, "serving Venus clients on %s", config->socket_path);
        }
        herd_serve(&herd);
        remove_socket(config);
        (void)close(herd.sources[LISTENER].fd);
    }
    herd_close(&herd);
    return is_open ? 0 : 1;
}
