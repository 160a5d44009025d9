/*
 * stream.h - one end of a Unix stream socket, read so that its other end notices when we die.
 *
 * Mesa's client takes end-of-file for progress and reads again for ever; only an error makes it stop.  Linux gives such an
 * error (ECONNRESET) to a reader whose peer closed a socket that still had unread bytes.  So one byte of each message stays
 * unread until the next message is asked for: however this process ends, a client that waits for an answer ends too.
 */
#ifndef DEVICE_STREAM_H
#define DEVICE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct stream {
    int fd;
    bool has_unread; /* the last byte of what stream_read gave is still in the socket */
};

enum stream_result {
    STREAM_OK,
    STREAM_END,   /* the other end left between two messages */
    STREAM_CUT,   /* it left within one */
    STREAM_ERROR, /* errno says what */
};

/*
 * Reads exactly `size` bytes (at least 1), the last of which stays in the socket until the next call.
 * Context: blocks.  Returns: STREAM_*; STREAM_END only when nothing came at all.
 */
enum stream_result stream_read(struct stream *stream, void *to, size_t size);

/* Writes all bytes.  Context: blocks while the other end does not read.  Returns: STREAM_OK, STREAM_ERROR. */
enum stream_result stream_write(struct stream *stream, const void *bytes, size_t size);

/* Sends fd (still the caller's) with one byte.  Returns: STREAM_OK, STREAM_ERROR. */
enum stream_result stream_write_fd(struct stream *stream, int fd);

#endif
