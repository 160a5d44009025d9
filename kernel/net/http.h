/*
 * Reading the answer of a web server, in whatever pieces it comes. Knows neither the network nor the console.
 *
 *   http_begin(&answer, on_body, ctx);
 *   while bytes come and the result is HTTP_MORE: result = http_take(&answer, bytes, count);
 *   the server closed the connection: result = http_close(&answer);
 *
 * The server is a stranger: headers are limited, a line that is none ends the reading, a length must be a number. The request is
 * to be one of HTTP/1.0; chunks, which such a request does not allow, are understood nevertheless. Nothing after the body's
 * end is looked at.
 * Source: RFC 9112 §2.1 (messages), §4 (status line), §5 (fields), §6.3 (length of the body), §7.1 (chunks).
 */
#ifndef KERNEL_NET_HTTP_H
#define KERNEL_NET_HTTP_H

#include "kernel/core/base.h"

enum {
    HTTP_LINE_BYTES = 4096, /* of a header */
    HTTP_HEADER_BYTES_MAX =
        16384, /* of all of them together, the chunks' lines included in their turn */
    HTTP_STATUS_MIN = 100,
    HTTP_STATUS_MAX = 599,
};

/* What is read next. */
enum http_state {
    HTTP_STATUS_LINE,
    HTTP_HEADERS,
    HTTP_BODY,       /* as many bytes as announced */
    HTTP_BODY_OPEN,  /* to the end of the connection */
    HTTP_CHUNK_SIZE, /* a line */
    HTTP_CHUNK,
    HTTP_CHUNK_END, /* the empty line after it */
    HTTP_TRAILER,   /* headers after the last chunk */
    HTTP_ENDED,
};

enum http_result {
    HTTP_MORE,     /* not complete */
    HTTP_COMPLETE, /* all of the body has come */
    HTTP_BROKEN,   /* no HTTP; `fault` says why */
    HTTP_CUT,      /* the connection ended before the answer did */
};

struct http_answer {
    void (*on_body)(void *ctx, const uint8_t *bytes, size_t count);
    void *ctx;
    enum http_state state;
    enum http_result result;
    const char *fault; /* of HTTP_BROKEN: a few words */
    uint32_t status;   /* 0: not known yet */
    uint32_t header_bytes;
    bool is_chunked;
    bool has_length;
    uint64_t length;     /* of the body, where has_length */
    uint64_t left_bytes; /* of the body or the chunk */
    uint64_t body_bytes; /* so far */
    uint32_t line_length;
    char line[HTTP_LINE_BYTES];
};

/* Begin. @on_body  gets the body's bytes as they come. Context: main thread. */
void http_begin(struct http_answer *answer,
                void (*on_body)(void *ctx, const uint8_t *bytes, size_t count), void *ctx);

/* Take what came. Once the result is not HTTP_MORE it stays. Context: main thread. Returns: not HTTP_CUT. */
enum http_result http_take(struct http_answer *answer, const uint8_t *bytes, size_t count);

/* The server closed the connection. Context: main thread. Returns: not HTTP_MORE. */
enum http_result http_close(struct http_answer *answer);

#endif
