/*
 * net fetch: a page by HTTP.
 *
 *   tcp_connect ─→ on_connected: the request ─→ on_receive: http_take ─→ print_body     whatever ends it sets `is_over`
 *
 * The server is a stranger: all there is to an answer has a limit, and only plain characters of it reach the console.
 */
#include <string.h>

#include <lwip/tcp.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/time.h"
#include "kernel/net/cmd_net.h"
#include "kernel/net/http.h"
#include "kernel/net/net.h"

#define FETCH_TIMEOUT_S 30
#define BODY_MIB_MAX    64ULL
#define MIB             UINT64_C(0x100000)
#define FNV_START       UINT32_C(2166136261)
#define SCHEME          "http://"

enum {
    PORT_DEFAULT = 80,
    PRINT_BYTES_MAX = 4096, /* of a body to the console */
    HOST_BYTES = 256,
    REQUEST_BYTES = 1024, /* more than a command line */
    PIECE_BYTES = 512,
    FNV_PRIME = 16777619,
};

/* One fetch at a time. Static: it is large for a stack. */
static struct {
    struct tcp_pcb *pcb; /* NULL: there is no connection any more */
    struct http_answer answer;
    char request[REQUEST_BYTES];
    bool is_quiet;
    bool is_connected;
    bool is_over;
    bool is_too_long;
    bool is_line_open; /* the body printed so far does not end a line */
    err_t err;         /* of the connection */
    uint32_t checksum; /* FNV-1a of the body */
    uint32_t printed_bytes;
    uint64_t start_ns;
    uint64_t end_ns;
} fetch;

static void
end(void)
{
    fetch.is_over = true;
    fetch.end_ns = time_now_ns();
}

static bool
is_plain(uint8_t byte)
{
    return byte == '\n' || byte == '\t' || (byte >= ' ' && byte < 0x7f);
}

/* What is not ASCII could be a command to the terminal. */
static void
print_body(const uint8_t *bytes, size_t count)
{
    char text[PIECE_BYTES];
    size_t length = 0;

    for (size_t i = 0; i < count && fetch.printed_bytes < PRINT_BYTES_MAX; i++) {
        fetch.printed_bytes++;
        if (bytes[i] != '\r') {
            text[length++] = is_plain(bytes[i]) ? (char)bytes[i] : '.';
        }
    }
    if (length > 0) {
        console_write(text, length);
        fetch.is_line_open = text[length - 1] != '\n';
    }
}

/* http_answer.on_body; of at most PIECE_BYTES, as on_receive gives no more to http_take. */
static void
on_body(void *ctx, const uint8_t *bytes, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        fetch.checksum = (fetch.checksum ^ bytes[i]) * FNV_PRIME;
    }
    if (!fetch.is_quiet) {
        print_body(bytes, count);
    }
}

static void
take(const struct pbuf *data)
{
    uint8_t piece[PIECE_BYTES];
    uint16_t count;

    for (uint32_t offset = 0; offset < data->tot_len && !fetch.is_over; offset += count) {
        count = pbuf_copy_partial(data, piece, sizeof(piece), (uint16_t)offset);
        enum http_result result = http_take(&fetch.answer, piece, count);

        fetch.is_too_long = result == HTTP_MORE && fetch.answer.body_bytes > BODY_MIB_MAX * MIB;
        if (result != HTTP_MORE || fetch.is_too_long) {
            end();
        }
    }
}

/* tcp_recv_fn; no data: the server closed its side. */
static err_t
on_receive(void *ctx, struct tcp_pcb *pcb, struct pbuf *data, err_t err)
{
    (void)ctx;
    (void)err;
    if (data == NULL) {
        if (!fetch.is_over) {
            (void)http_close(&fetch.answer);
            end();
        }
        return ERR_OK;
    }
    take(data);
    tcp_recved(pcb, data->tot_len);
    (void)pbuf_free(data);
    return ERR_OK;
}

/* tcp_err_fn: the connection is gone, its pcb too. */
static void
on_error(void *ctx, err_t err)
{
    (void)ctx;
    fetch.pcb = NULL;
    if (!fetch.is_over) {
        fetch.err = err;
        end();
    }
}

/* tcp_connected_fn */
static err_t
on_connected(void *ctx, struct tcp_pcb *pcb, err_t err)
{
    (void)ctx;
    (void)err;
    fetch.is_connected = true;
    fetch.err = tcp_write(pcb, fetch.request, (uint16_t)strlen(fetch.request), TCP_WRITE_FLAG_COPY);
    if (fetch.err == ERR_OK) {
        fetch.err = tcp_output(pcb);
    }
    if (fetch.err != ERR_OK) {
        end();
    }
    return ERR_OK;
}

static bool
is_over(void *ctx)
{
    (void)ctx;
    return fetch.is_over;
}

static err_t
connect(const ip_addr_t *address, uint16_t port)
{
    fetch.pcb = tcp_new();
    if (fetch.pcb == NULL) {
        return ERR_MEM;
    }
    tcp_recv(fetch.pcb, on_receive);
    tcp_err(fetch.pcb, on_error);
    return tcp_connect(fetch.pcb, address, port, on_connected);
}

/* No callback comes after this. Closing in peace would wait for a server that still sends: it is told to stop. */
static void
disconnect(void)
{
    if (fetch.pcb != NULL) {
        tcp_err(fetch.pcb, NULL);
        tcp_recv(fetch.pcb, NULL);
        if (fetch.answer.result != HTTP_COMPLETE || tcp_close(fetch.pcb) != ERR_OK) {
            tcp_abort(fetch.pcb);
        }
        fetch.pcb = NULL;
    }
}

/* "12 of 34 bytes", as far as it is known. */
static const char *
amount(char *text, size_t size)
{
    const struct http_answer *answer = &fetch.answer;

    if (answer->has_length) {
        (void)format_text(text, size, "%llu of %llu bytes", (unsigned long long)answer->body_bytes,
                          (unsigned long long)answer->length);
    } else {
        (void)format_text(text, size, "%llu bytes", (unsigned long long)answer->body_bytes);
    }
    return text;
}

/* `how` it ended too early: before, within or after the headers. */
static int
fail_early(const struct shell_call *call, const char *how)
{
    char text[64];

    if (!fetch.is_connected) {
        return shell_fail(call, "fetch: no connection: %s", how);
    }
    if (fetch.answer.header_bytes == 0 && fetch.answer.status == 0) {
        return shell_fail(call, "fetch: no answer from the server: %s", how);
    }
    return shell_fail(call, "fetch: only %s came: %s", amount(text, sizeof(text)), how);
}

static int
fail_connection(const struct shell_call *call)
{
    switch (fetch.err) {
    case ERR_RST: return fail_early(call, fetch.is_connected ? "it was reset" : "refused");
    case ERR_ABRT: return fail_early(call, "nobody answers");
    case ERR_MEM: return fail_early(call, "out of memory");
    default: return fail_early(call, "there is no way to the server");
    }
}

/* What became of it when it is not a page that came whole. */
static int
fail_answer(const struct shell_call *call)
{
    if (fetch.is_too_long) {
        return shell_fail(call, "fetch: given up after %llu MiB without an end", BODY_MIB_MAX);
    }
    if (fetch.answer.result == HTTP_BROKEN) {
        return shell_fail(call, "fetch: the server's answer is no HTTP: %s", fetch.answer.fault);
    }
    return fail_early(call, "the server closed the connection");
}

static int
report(const struct shell_call *call)
{
    uint64_t us = (fetch.end_ns - fetch.start_ns) / NS_PER_US;
    uint32_t status = fetch.answer.status;

    console_print("status %u, %llu bytes, fnv1a %08x, %llu.%03llu ms\n", status,
                  (unsigned long long)fetch.answer.body_bytes, fetch.checksum,
                  (unsigned long long)(us / 1000), (unsigned long long)(us % 1000));
    return status >= 200 && status < 300
               ? 0
               : shell_fail(call, "fetch: status %u is no success", status);
}

/* @result  of the waiting. */
static int
conclude(const struct shell_call *call, int result)
{
    char how[64];

    if (fetch.is_line_open) {
        console_print("\n");
    }
    if (!fetch.is_quiet && fetch.answer.body_bytes > PRINT_BYTES_MAX) {
        console_print("(only the first %d bytes are shown)\n", PRINT_BYTES_MAX);
    }
    if (result == -E_TIMEDOUT) {
        (void)format_text(how, sizeof(how), "given up after %u s", FETCH_TIMEOUT_S);
        return fail_early(call, how);
    }
    if (result != 0) {
        return fail_early(call, errno_text(result));
    }
    if (fetch.err != ERR_OK) {
        return fail_connection(call);
    }
    return fetch.answer.result == HTTP_COMPLETE ? report(call) : fail_answer(call);
}

/* What a URL is made of. */
struct url {
    char host[HOST_BYTES]; /* with ":PORT" at first */
    const char *path;      /* within the text given; "/" before */
};

/* A URL with a blank or a control character in it would be another request. */
static bool
is_clean(const char *text)
{
    while (*text > ' ' && *text < 0x7f) {
        text++;
    }
    return *text == '\0';
}

/* Returns: 0; SHELL_FAILED after saying what is wrong. */
static int
split_url(const struct shell_call *call, const char *text, struct url *url)
{
    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0 || !is_clean(text)) {
        return shell_fail(call, "fetch: the address does not begin with " SCHEME
                                " or has blanks or the like");
    }
    text += strlen(SCHEME);
    const char *path = strchr(text, '/');
    size_t length = path != NULL ? (size_t)(path - text) : strlen(text);
    if (length == 0 || length >= sizeof(url->host)) {
        return shell_fail(call, "fetch: a host of %zu characters", length);
    }
    memcpy(url->host, text, length);
    url->host[length] = '\0';
    if (path != NULL) {
        url->path = path;
    }
    return 0;
}

/* HTTP/1.0, so that the body's end is the connection's, or announced: RFC 9112 §6.1 forbids chunks then. */
static void
make_request(const struct url *url)
{
    (void)format_text(fetch.request, sizeof(fetch.request),
                      "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: vitrine\r\nAccept: */*\r\n"
                      "Connection: close\r\n\r\n",
                      url->path, url->host);
}

static int
run(const struct shell_call *call, struct url *url)
{
    uint16_t port = PORT_DEFAULT;
    ip_addr_t address;

    if (split_host_port(call, url->host, &port) != 0 || need_up(call) != 0 ||
        need_address(call, url->host, &address) != 0) {
        return SHELL_FAILED;
    }
    fetch.start_ns = time_now_ns();
    fetch.err = connect(&address, port);
    int result = 0;
    if (fetch.err == ERR_OK) {
        result = net_wait_for(is_over, NULL, time_deadline_ns(FETCH_TIMEOUT_S * NS_PER_S));
    }
    disconnect();
    return conclude(call, result);
}

int
cmd_net_fetch(const struct shell_call *call)
{
    bool is_quiet = call->argc > 2;
    struct url url = { .path = "/" };

    if (is_quiet && strcmp(call->argv[1], "-q") != 0) {
        return shell_fail(call, "fetch: \"%s\" is no option; -q is the one", call->argv[1]);
    }
    if (split_url(call, call->argv[call->argc - 1], &url) != 0) {
        return SHELL_FAILED;
    }
    memset(&fetch, 0, sizeof(fetch));
    http_begin(&fetch.answer, on_body, NULL);
    fetch.is_quiet = is_quiet;
    fetch.checksum = FNV_START;
    make_request(&url);
    return run(call, &url);
}
