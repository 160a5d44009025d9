/*
 * message.h - one vhost-user message: read as it comes, checked by one table before anybody looks at it.
 */
#ifndef DEVICE_VHOST_MESSAGE_H
#define DEVICE_VHOST_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "device/fault.h"
#include "device/vhost/wire.h"

struct vhost_message {
    struct vhost_header header;
    union vhost_payload payload; /* zero beyond what came */
    unsigned fd_count;
    int fds[VHOST_FD_COUNT_MAX]; /* the message's; -1 once taken */
};

/* Is the header one that we know, and its size possible?  Returns: false: fault. */
bool vhost_check_header(const struct vhost_header *header, struct fault *fault);

/*
 * The whole message: size, number of fds, and what it says of its own length.
 * After true: a queue's fd is fds[0] unless VHOST_VRING_NO_FD; a table's regions have an fd each.
 */
bool vhost_check_message(const struct vhost_message *message, struct fault *fault);

/* "SET_VRING_ADDR"; "message 99". */
const char *vhost_request_name(uint32_t request);

/* Takes the fd out.  Returns: the caller's fd; -1: there is none. */
int vhost_take_fd(struct vhost_message *message, unsigned idx);
void vhost_close_fds(struct vhost_message *message);

/* What has come of a message so far. */
struct vhost_reader {
    struct vhost_message message;
    size_t got_bytes;
};

enum vhost_read_result { VHOST_READ_WHOLE, VHOST_READ_MORE, VHOST_READ_END, VHOST_READ_WRONG };

/*
 * Reads what is there of one message, and not a byte of the next; never blocks.
 * Returns: VHOST_READ_WHOLE: reader->message, checked, until vhost_read_next; VHOST_READ_MORE: come again; VHOST_READ_END: the
 * other end is gone; VHOST_READ_WRONG: fault.
 */
enum vhost_read_result vhost_read(int socket, struct vhost_reader *reader, struct fault *fault);

/* Closes what fds are left and is ready for the next message. */
void vhost_read_next(struct vhost_reader *reader);

/*
 * Sends header, payload and fd (borrowed; -1: none) as a whole; never blocks.
 * Returns: false: the other end is gone or takes nothing.
 */
bool vhost_send(int socket, const struct vhost_header *header, const void *payload, int fd);

#endif
