/*
 * front.h - what the two fronts of a renderer have in common: the vtest socket (vtest.h) and the render server's (context.h).
 *
 *      front_init ─▶ front_make_context ─▶ messages, each after the other ─▶ front_finish
 */
#ifndef DEVICE_FRONT_H
#define DEVICE_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>

#include "venus/venus.h"

#include "device/fault.h"
#include "device/quota.h"

struct front_config {
    struct venus_limits limits;
    const struct quota *quota; /* asked beside the limits, at this place; NULL: none */
    unsigned place;
    const char *vulkan_library; /* see venus_config */
    void *user;
    void (*on_name)(void *user, const char *name); /* the client has said what it is called */
    void (*on_fatal)(void *user, const char *reason);
    void (*on_ring)(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes);
    void (*on_trace)(void *user, const char *line); /* NULL: no trace */
    /* These three: see venus_config; NULL: no record. */
    void (*on_command)(void *user, uint64_t ring_id, const void *bytes, size_t size_bytes);
    void (*on_memory)(void *user, uint64_t memory_id, const void *bytes, uint64_t size_bytes);
    void (*on_record)(void *user, const void *record);
    void (*on_context)(void *user, struct venus *venus);     /* it lives from now on */
    void (*on_context_end)(void *user, struct venus *venus); /* and will be gone after this */
};

enum front_end {
    FRONT_CLIENT_LEFT,  /* as it should */
    FRONT_CLIENT_WRONG, /* its message, or its end in the middle of one */
    FRONT_CONTEXT_DEAD, /* venus_why; on_fatal has been told */
    FRONT_HOST_SHORT,   /* of memory, or the socket failed */
};

/* A session's first member: so it is what the library's callbacks get as `user`. */
struct front {
    const struct front_config *config;
    struct fault *fault; /* why it ended, when a message or the host was to blame */
    enum front_end end;
    struct venus *venus; /* NULL until the client has made its context */
    int socket;          /* -1 once closed; the library's threads may shut it down */
    pthread_mutex_t socket_lock;
};

/* socket: closed by front_finish.  config, fault: must outlive it. */
void
front_init(struct front *front, int socket, const struct front_config *config, struct fault *fault);

/* Closes the socket first, since freeing the client's objects may wait for the device; then ends the context. */
void front_finish(struct front *front);

/* Makes the context and tells config->on_context.  Returns: venus_create's status. */
enum venus_status
front_make_context(struct front *front, const char *name,
                   void (*on_fence)(void *user, uint32_t ring_idx, uint64_t fence_id));

/* How a session ends; always false, for handlers that return whether to go on. */
bool front_client_is_wrong(struct front *front); /* the fault has been written by who found it */
bool front_host_is_short(struct front *front, const char *what);   /* with errno's text */
bool front_memory_is_short(struct front *front, const char *what); /* VENUS_NO_MEMORY */
bool front_context_is_dead(struct front *front);                   /* VENUS_FATAL */

#endif
