/*
 * front.h - what the two fronts of a renderer have in common: the vtest socket (vtest.h) and the render server's (context.h).
 */
#ifndef DEVICE_FRONT_H
#define DEVICE_FRONT_H

#include "venus/venus.h"

#include "device/fault.h"

struct front_config {
    struct venus_limits limits;
    const char *vulkan_library; /* see venus_config */
    void *user;
    void (*on_name)(void *user, const char *name); /* the client has said what it is called */
    void (*on_fatal)(void *user, const char *reason);
    void (*on_ring)(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes);
    void (*on_trace)(void *user, const char *line); /* NULL: no trace */
    /* See venus_config; NULL: no record. */
    void (*on_command)(void *user, uint64_t ring_id, const void *bytes, size_t size_bytes);
    void (*on_context)(void *user, struct venus *venus);     /* it lives from now on */
    void (*on_context_end)(void *user, struct venus *venus); /* and will be gone after this */
};

enum front_end {
    FRONT_CLIENT_LEFT,  /* as it should */
    FRONT_CLIENT_WRONG, /* its message, or its end in the middle of one */
    FRONT_CONTEXT_DEAD, /* venus_why; on_fatal has been told */
    FRONT_HOST_SHORT,   /* of memory, or the socket failed */
};

#endif
