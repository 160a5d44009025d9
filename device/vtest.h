/*
 * vtest.h - serves one client over a vtest socket, with one Venus context.
 */
#ifndef DEVICE_VTEST_H
#define DEVICE_VTEST_H

#include "venus/venus.h"

#include "device/vtest_message.h"

struct vtest_config {
    struct venus_limits limits;
    const char *vulkan_library; /* see venus_config */
    void *user;
    void (*on_name)(void *user, const char *name); /* the client has said what it is called */
    void (*on_fatal)(void *user, const char *reason);
    void (*on_ring)(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes);
    void (*on_trace)(void *user, const char *line);          /* NULL: no trace */
    void (*on_context)(void *user, struct venus *venus);     /* it lives from now on */
    void (*on_context_end)(void *user, struct venus *venus); /* and will be gone after this */
};

enum vtest_end {
    VTEST_CLIENT_LEFT,  /* as it should */
    VTEST_CLIENT_WRONG, /* its message, or its end in the middle of one */
    VTEST_CONTEXT_DEAD, /* venus_why; on_fatal has been told */
    VTEST_HOST_SHORT,   /* of memory, or the socket failed */
};

/*
 * Serves the client behind fd until either side ends.  fd: taken over; closed before the context's objects are freed, with
 * an unread byte (see stream.h), so that a client which waits for an answer ends at once.
 * on_name: required; the others may be NULL.  Context: blocks.
 * Returns: how it ended; *fault: a sentence, empty for VTEST_CLIENT_LEFT.
 */
enum vtest_end vtest_serve(int fd, const struct vtest_config *config, struct vtest_fault *fault);

#endif
