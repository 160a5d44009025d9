/*
 * stream.h - one end of a Unix stream socket, read so that its other end notices when we die.
 *
 * Mesa's client takes end-of-file for progress and reads again for ever; only an error makes it stop.  Linux gives such an
 * error (ECONNRESET) to a reader whose peer closed a socket that still had unread bytes.  So at least one byte of what has come
 * stays unread: however this process ends, a client that waits for an answer ends too.
 *
 *      what has come    ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░
 *      in the socket           ▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░     the socket's peek offset is where the light part begins
 *      in our buffer                  ▒▒▒▒▒              what stream_read has not given yet
 *
 * Bytes are peeked, many in one call, and taken out of the socket later, many in one call, all but the last one.
 */
#ifndef DEVICE_STREAM_H
#define DEVICE_STREAM_H

#include <stddef.h>
#include <stdint.h>

enum { STREAM_BUFFER_BYTES = 16384 };

struct stream {
    int fd;
    size_t peeked_bytes; /* in the socket */
    size_t first;        /* of the buffer, which stream_read gives next */
    size_t end;
    unsigned robbed_count; /* sleeps still to begin at once, see give_way in stream.c */
    uint8_t buffer[STREAM_BUFFER_BYTES];
};

enum stream_result {
    STREAM_OK,
    STREAM_END,   /* the other end left between two messages */
    STREAM_CUT,   /* it left within one */
    STREAM_ERROR, /* errno says what */
};

/* Begins to read a socket from which nothing has been read.  Returns: STREAM_OK, STREAM_ERROR. */
enum stream_result stream_init(struct stream *stream, int fd);

/*
 * Reads exactly `size` bytes (at least 1).
 * Context: blocks.  Returns: STREAM_*; STREAM_END only when nothing came at all.
 */
enum stream_result stream_read(struct stream *stream, void *to, size_t size);

/*
 * Writes all bytes.
 * Context: blocks while the other end does not read; but once it has shut down its writing, or we our reading, which any
 * thread may do, for a second at most.
 * Returns: STREAM_OK, STREAM_ERROR.
 */
enum stream_result stream_write(struct stream *stream, const void *bytes, size_t size);

/* The same, and then fd (still the caller's) with one byte of its own.  Returns: STREAM_OK, STREAM_ERROR. */
enum stream_result
stream_write_with_fd(struct stream *stream, const void *bytes, size_t size, int fd);

#endif
