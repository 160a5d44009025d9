/* Reading the answer of a web server: see http.h. */
#include "kernel/net/http.h"

#include <string.h>

#include "kernel/core/errno.h"
#include "kernel/core/format.h"

enum { CHUNK_DIGITS_MAX = 15 };

static const char version[] = "HTTP/1.";

void
http_begin(struct http_answer *answer,
           void (*on_body)(void *ctx, const uint8_t *bytes, size_t count), void *ctx)
{
    memset(answer, 0, sizeof(*answer));
    answer->on_body = on_body;
    answer->ctx = ctx;
}

static void
fail(struct http_answer *answer, const char *fault)
{
    answer->result = HTTP_BROKEN;
    answer->fault = fault;
    answer->state = HTTP_ENDED;
}

static void
complete(struct http_answer *answer)
{
    answer->result = HTTP_COMPLETE;
    answer->state = HTTP_ENDED;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether `text` is `word`, which is in small letters, in letters of any size. */
static bool
is_word(const char *text, const char *word)
{
    while (*word != '\0' && lower(*text) == *word) {
        text++;
        word++;
    }
    return *word == '\0' && *text == '\0';
}

/* "HTTP/1.1 200 OK"; the reason may be missing. */
static void
take_status_line(struct http_answer *answer)
{
    const char *at = answer->line + sizeof(version) - 1;
    bool is_whole = answer->line_length >= sizeof(version) - 1 + 5 && is_digit(at[0]) &&
                    at[1] == ' ' && is_digit(at[2]) && is_digit(at[3]) && is_digit(at[4]) &&
                    (at[5] == ' ' || at[5] == '\0');

    if (!is_whole) {
        fail(answer, "no status line");
        return;
    }
    answer->status = (uint32_t)(100 * (at[2] - '0') + 10 * (at[3] - '0') + (at[4] - '0'));
    if (answer->status < HTTP_STATUS_MIN || answer->status > HTTP_STATUS_MAX) {
        fail(answer, "a status that is none");
        return;
    }
    answer->state = HTTP_HEADERS;
}

static void
take_length(struct http_answer *answer, const char *value)
{
    uint64_t length;

    if (!is_digit(value[0]) || value[1] == 'x' || value[1] == 'X' ||
        parse_u64(value, INT64_MAX, &length) != 0) {
        fail(answer, "a Content-Length that is no length");
    } else if (answer->has_length && answer->length != length) {
        fail(answer, "two lengths");
    } else {
        answer->has_length = true;
        answer->length = length;
    }
}

/* Returns: of the characters that a header's name may have, how many are at `text`. */
static size_t
name_length(const char *text)
{
    size_t length = 0;

    while (text[length] > ' ' && text[length] < 0x7f && text[length] != ':') {
        length++;
    }
    return length;
}

/* "Name: value"; the two that say where the body ends are read, others only looked at. */
static void
take_header(struct http_answer *answer)
{
    char *colon = strchr(answer->line, ':');
    char *end = answer->line + answer->line_length;
    size_t length = name_length(answer->line);

    if (length == 0 || colon != answer->line + length) {
        fail(answer, "a header that is none");
        return;
    }
    char *value = colon + 1;
    *colon = '\0';
    while (*value == ' ' || *value == '\t') {
        value++;
    }
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        *--end = '\0';
    }
    if (is_word(answer->line, "content-length")) {
        take_length(answer, value);
    } else if (is_word(answer->line, "transfer-encoding")) {
        answer->is_chunked = is_word(value, "chunked");
        if (!answer->is_chunked && !is_word(value, "identity")) {
            fail(answer, "a transfer encoding that is not known");
        }
    }
}

static bool
has_no_body(uint32_t status)
{
    return status == 204 || status == 304;
}

/* The empty line after the headers. */
static void
end_headers(struct http_answer *answer)
{
    if (answer->status < 200) { /* for the time being: the answer follows, RFC 9110 §15.2 */
        answer->state = HTTP_STATUS_LINE;
        answer->has_length = false;
        answer->is_chunked = false;
    } else if (has_no_body(answer->status)) {
        complete(answer);
    } else if (answer->is_chunked) {
        answer->has_length = false;
        answer->state = HTTP_CHUNK_SIZE;
    } else if (answer->has_length) {
        answer->left_bytes = answer->length;
        answer->state = HTTP_BODY;
        if (answer->length == 0) {
            complete(answer);
        }
    } else {
        answer->state = HTTP_BODY_OPEN;
    }
}

static int
hex_digit(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a0" and perhaps "; extension". */
static void
take_chunk_size(struct http_answer *answer)
{
    const char *at = answer->line;
    uint64_t bytes = 0;

    while (at - answer->line < CHUNK_DIGITS_MAX && hex_digit(*at) >= 0) {
        bytes = bytes * 16 + (uint64_t)hex_digit(*at);
        at++;
    }
    if (at == answer->line || (*at != '\0' && *at != ';' && *at != ' ' && *at != '\t')) {
        fail(answer, "a chunk without a length");
        return;
    }
    answer->left_bytes = bytes;
    answer->header_bytes = 0;
    answer->state = bytes > 0 ? HTTP_CHUNK : HTTP_TRAILER;
}

static void
take_line(struct http_answer *answer)
{
    switch (answer->state) {
    case HTTP_STATUS_LINE: take_status_line(answer); break;
    case HTTP_CHUNK_SIZE: take_chunk_size(answer); break;
    case HTTP_CHUNK_END:
        answer->state = HTTP_CHUNK_SIZE;
        if (answer->line_length != 0) {
            fail(answer, "a chunk that does not end");
        }
        break;
    case HTTP_TRAILER:
        if (answer->line_length == 0) {
            complete(answer);
        }
        break;
    default:
        if (answer->line_length == 0) {
            end_headers(answer);
        } else {
            take_header(answer);
        }
        break;
    }
}

/* What is no HTTP is to be known by its first bytes: there may never be a line's end. */
static bool
can_be_http(const struct http_answer *answer)
{
    uint32_t at = answer->line_length - 1;

    return answer->state != HTTP_STATUS_LINE || at >= sizeof(version) - 1 ||
           answer->line[at] == version[at];
}

static void
end_line(struct http_answer *answer)
{
    uint32_t length = answer->line_length;

    if (length > 0 && answer->line[length - 1] == '\r') {
        length--;
    }
    answer->line[length] = '\0';
    answer->line_length = length;
    if (strlen(answer->line) != length) {
        fail(answer, "a zero byte in a header");
    } else {
        take_line(answer);
    }
    answer->line_length = 0;
}

static void
take_header_byte(struct http_answer *answer, char c)
{
    answer->header_bytes++;
    if (c == '\n') {
        end_line(answer);
    } else if (answer->line_length == HTTP_LINE_BYTES - 1 ||
               answer->header_bytes >= HTTP_HEADER_BYTES_MAX) {
        fail(answer, "headers without end");
    } else {
        answer->line[answer->line_length++] = c;
        if (!can_be_http(answer)) {
            fail(answer, "no status line");
        }
    }
}

/* Returns: how many of the bytes are the body's. */
static size_t
take_body(struct http_answer *answer, const uint8_t *bytes, size_t count)
{
    bool is_open = answer->state == HTTP_BODY_OPEN;
    size_t taken = is_open ? count : (size_t)min_u64(count, answer->left_bytes);

    answer->body_bytes += taken;
    answer->on_body(answer->ctx, bytes, taken);
    if (is_open) {
        return taken;
    }
    answer->left_bytes -= taken;
    if (answer->left_bytes == 0 && answer->state == HTTP_CHUNK) {
        answer->state = HTTP_CHUNK_END;
    } else if (answer->left_bytes == 0) {
        complete(answer);
    }
    return taken;
}

static bool
is_in_body(const struct http_answer *answer)
{
    return answer->state == HTTP_BODY || answer->state == HTTP_BODY_OPEN ||
           answer->state == HTTP_CHUNK;
}

enum http_result
http_take(struct http_answer *answer, const uint8_t *bytes, size_t count)
{
    while (count > 0 && answer->state != HTTP_ENDED) {
        size_t taken = 1;

        if (is_in_body(answer)) {
            taken = take_body(answer, bytes, count);
        } else {
            take_header_byte(answer, (char)bytes[0]);
        }
        bytes += taken;
        count -= taken;
    }
    return answer->result;
}

enum http_result
http_close(struct http_answer *answer)
{
    if (answer->state == HTTP_BODY_OPEN) {
        complete(answer);
    } else if (answer->state != HTTP_ENDED) {
        answer->result = HTTP_CUT;
        answer->state = HTTP_ENDED;
    }
    return answer->result;
}
