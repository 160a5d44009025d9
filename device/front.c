/*
 * front.c - a session's context, its socket, and how both end.
 */
#include "device/front.h"

#include <errno.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

void
front_init(struct front *front, int socket, const struct front_config *config, struct fault *fault)
{
    *front = (struct front){
        .config = config, .fault = fault, .end = FRONT_CLIENT_LEFT, .socket = socket
    };
    fault->text[0] = '\0';
    (void)pthread_mutex_init(&front->socket_lock, NULL);
}

void
front_finish(struct front *front)
{
    (void)pthread_mutex_lock(&front->socket_lock);
    (void)close(front->socket);
    front->socket = -1;
    (void)pthread_mutex_unlock(&front->socket_lock);
    if (front->venus != NULL && front->config->on_context_end != NULL) {
        front->config->on_context_end(front->config->user, front->venus);
    }
    venus_destroy(front->venus);
    (void)pthread_mutex_destroy(&front->socket_lock);
}

static void
on_fatal(void *user, const char *reason)
{
    struct front *front = user;
    if (front->config->on_fatal != NULL) {
        front->config->on_fatal(front->config->user, reason);
    }
    (void)pthread_mutex_lock(&front->socket_lock);
    if (front->socket >= 0) {
        (void)shutdown(front->socket, SHUT_RD); /* what comes now is read in vain */
    }
    (void)pthread_mutex_unlock(&front->socket_lock);
}

static void
on_ring(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes)
{
    const struct front *front = user;
    front->config->on_ring(front->config->user, ring_id, fd, status_offset_bytes);
}

static void
on_trace(void *user, const char *line)
{
    const struct front *front = user;
    front->config->on_trace(front->config->user, line);
}

static void
on_command(void *user, uint64_t ring_id, const void *bytes, size_t size_bytes)
{
    const struct front *front = user;
    front->config->on_command(front->config->user, ring_id, bytes, size_bytes);
}

static void
on_memory(void *user, uint64_t memory_id, const void *bytes, uint64_t size_bytes)
{
    const struct front *front = user;
    front->config->on_memory(front->config->user, memory_id, bytes, size_bytes);
}

static void
on_record(void *user, const void *record)
{
    const struct front *front = user;
    front->config->on_record(front->config->user, record);
}

static bool
on_take(void *user, uint64_t bytes)
{
    const struct front *front = user;
    return quota_take(front->config->quota, front->config->place, bytes);
}

static void
on_give_back(void *user, uint64_t bytes)
{
    const struct front *front = user;
    quota_give_back(front->config->quota, front->config->place, bytes);
}

enum venus_status
front_make_context(struct front *front, const char *name,
                   void (*on_fence)(void *user, uint32_t ring_idx, uint64_t fence_id))
{
    const struct front_config *wanted = front->config;
    const struct venus_config config = {
        .name = name,
        .vulkan_library = wanted->vulkan_library,
        .limits = wanted->limits,
        .user = front,
        .on_fence = on_fence,
        .on_fatal = on_fatal,
        .on_ring = wanted->on_ring != NULL ? on_ring : NULL,
        .on_trace = wanted->on_trace != NULL ? on_trace : NULL,
        .on_command = wanted->on_command != NULL ? on_command : NULL,
        .on_memory = wanted->on_memory != NULL ? on_memory : NULL,
        .on_record = wanted->on_record != NULL ? on_record : NULL,
        .on_take = wanted->quota != NULL ? on_take : NULL,
        .on_give_back = wanted->quota != NULL ? on_give_back : NULL,
    };
    enum venus_status status = venus_create(&config, &front->venus);
    if (status == VENUS_OK && wanted->on_context != NULL) {
        wanted->on_context(wanted->user, front->venus);
    }
    return status;
}

static bool
end_with(struct front *front, enum front_end end)
{
    front->end = end;
    return false;
}

bool
front_client_is_wrong(struct front *front)
{
    return end_with(front, FRONT_CLIENT_WRONG);
}

bool
front_host_is_short(struct front *front, const char *what)
{
    (void)refuse(front->fault, "%s: %s", what, strerror(errno));
    return end_with(front, FRONT_HOST_SHORT);
}

bool
front_memory_is_short(struct front *front, const char *what)
{
    (void)refuse(front->fault, "%s: the host's memory or the client's limit is short", what);
    return end_with(front, FRONT_HOST_SHORT);
}

bool
front_context_is_dead(struct front *front)
{
    const char *why = venus_why(front->venus);
    (void)refuse(front->fault, "%s", why != NULL ? why : "the context died without a word");
    return end_with(front, FRONT_CONTEXT_DEAD);
}
