/* net fetch: a page by HTTP, with lwIP's client. */
#include <string.h>

#include <lwip/apps/http_client.h>
#include <lwip/tcp.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/time.h"
#include "kernel/net/cmd_net.h"
#include "kernel/net/net.h"

#define FETCH_TIMEOUT_NS (60 * NS_PER_S)

enum {
    PRINT_BYTES_MAX = 4096, /* of a body to the console */
    HOST_BYTES = 256,
    PIECE_BYTES = 128,
    FNV_PRIME = 16777619,
};

#define FNV_START UINT32_C(2166136261)
#define SCHEME    "http://"

/* One fetch. Static: lwIP may call back after the command has given up. */
static struct {
    bool is_running; /* from httpc_get_file until on_result */
    bool is_quiet;
    bool is_abandoned;
    bool is_line_open; /* the body printed so far does not end a line */
    httpc_result_t result;
    uint32_t status;
    uint32_t bytes;
    uint32_t checksum; /* FNV-1a of the body */
    uint32_t printed_bytes;
    uint64_t start_ns;
    uint64_t end_ns;
} fetch;

static const char *
result_text(httpc_result_t result)
{
    static const char *const texts[] = {
        [HTTPC_RESULT_OK] = "complete",
        [HTTPC_RESULT_ERR_UNKNOWN] = "unknown error",
        [HTTPC_RESULT_ERR_CONNECT] = "cannot connect",
        [HTTPC_RESULT_ERR_HOSTNAME] = "no such host",
        [HTTPC_RESULT_ERR_CLOSED] = "connection refused or closed by the server",
        [HTTPC_RESULT_ERR_TIMEOUT] = "the server does not answer",
        [HTTPC_RESULT_ERR_SVR_RESP] = "the server answered with an error",
        [HTTPC_RESULT_ERR_MEM] = "out of memory",
        [HTTPC_RESULT_LOCAL_ABORT] = "ended here",
        [HTTPC_RESULT_ERR_CONTENT_LEN] = "fewer bytes than the server announced",
    };

    return (unsigned)result < ARRAY_COUNT(texts) ? texts[result] : "unknown error";
}

/* httpc_connection_t.result_fn */
static void
on_result(void *ctx, httpc_result_t result, u32_t content_bytes, u32_t status, err_t err)
{
    (void)ctx;
    (void)content_bytes;
    (void)err;
    fetch.is_running = false;
    fetch.result = result;
    fetch.status = status;
    fetch.end_ns = time_now_ns();
}

static void
print_body(const uint8_t *bytes, uint16_t count)
{
    char text[PIECE_BYTES];
    uint16_t length = 0;

    for (uint16_t i = 0; i < count && fetch.printed_bytes < PRINT_BYTES_MAX; i++) {
        bool is_plain =
            bytes[i] == '\n' || bytes[i] == '\t' || (bytes[i] >= ' ' && bytes[i] != 0x7f);

        if (bytes[i] == '\r') {
            continue;
        }
        text[length++] = is_plain ? (char)bytes[i] : '.';
        fetch.printed_bytes++;
    }
    if (length > 0) {
        console_write(text, length);
        fetch.is_line_open = text[length - 1] != '\n';
    }
}

/* altcp_recv_fn: a piece of the body. */
static err_t
on_body(void *ctx, struct tcp_pcb *pcb, struct pbuf *body, err_t err)
{
    uint8_t piece[PIECE_BYTES];
    uint16_t count;

    (void)ctx;
    (void)err;
    if (fetch.is_abandoned) {
        (void)pbuf_free(body);
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    for (uint16_t offset = 0; offset < body->tot_len; offset = (uint16_t)(offset + count)) {
        count = pbuf_copy_partial(body, piece, sizeof(piece), offset);
        for (uint16_t i = 0; i < count; i++) {
            fetch.checksum = (fetch.checksum ^ piece[i]) * FNV_PRIME;
        }
        if (!fetch.is_quiet) {
            print_body(piece, count);
        }
    }
    fetch.bytes += body->tot_len;
    tcp_recved(pcb, body->tot_len);
    (void)pbuf_free(body);
    return ERR_OK;
}

static bool
is_over(void *ctx)
{
    (void)ctx;
    return !fetch.is_running;
}

/* What a URL is made of. */
struct url {
    char host[HOST_BYTES]; /* with ":PORT" at first */
    const char *path;      /* within the text given */
};

/* Returns: 0; SHELL_FAILED after saying what is wrong. */
static int
split_url(const struct shell_call *call, const char *text, struct url *url)
{
    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0) {
        return shell_fail(call, "fetch: \"%s\" does not begin with " SCHEME, text);
    }
    text += strlen(SCHEME);
    url->path = strchr(text, '/');
    size_t length = url->path != NULL ? (size_t)(url->path - text) : strlen(text);
    if (length == 0 || length >= sizeof(url->host)) {
        return shell_fail(call, "fetch: a host of %zu characters", length);
    }
    memcpy(url->host, text, length);
    url->host[length] = '\0';
    if (url->path == NULL) {
        url->path = "/";
    }
    return 0;
}

static int
report(const struct shell_call *call, int result)
{
    uint64_t us = (fetch.end_ns - fetch.start_ns) / NS_PER_US;

    if (fetch.is_line_open) {
        console_print("\n");
    }
    if (result != 0) {
        return shell_fail(call, "fetch: %s", errno_text(result));
    }
    if (!fetch.is_quiet && fetch.bytes > fetch.printed_bytes &&
        fetch.printed_bytes >= PRINT_BYTES_MAX) {
        console_print("(only the first %d bytes are shown)\n", PRINT_BYTES_MAX);
    }
    if (fetch.result != HTTPC_RESULT_OK) {
        return shell_fail(call, "fetch: %s", result_text(fetch.result));
    }
    console_print("status %u, %u bytes, fnv1a %08x, %llu.%03llu ms\n", fetch.status, fetch.bytes,
                  fetch.checksum, (unsigned long long)(us / 1000), (unsigned long long)(us % 1000));
    return fetch.status >= 200 && fetch.status < 300 ? 0 : SHELL_FAILED;
}

static int
run(const struct shell_call *call, struct url *url)
{
    static const httpc_connection_t settings = { .result_fn = on_result };
    uint16_t port = HTTP_DEFAULT_PORT;
    ip_addr_t address;

    if (split_host_port(call, url->host, &port) != 0 || need_up(call) != 0 ||
        need_address(call, url->host, &address) != 0) {
        return SHELL_FAILED;
    }
    fetch.is_running = true;
    fetch.start_ns = time_now_ns();
    if (httpc_get_file(&address, port, url->path, &settings, on_body, NULL, NULL) != ERR_OK) {
        fetch.is_running = false;
        return shell_fail(call, "fetch: %s", errno_text(-E_NOMEM));
    }
    int result = net_wait_for(is_over, NULL, time_deadline_ns(FETCH_TIMEOUT_NS));
    fetch.is_abandoned = result != 0;
    return report(call, result);
}

int
cmd_net_fetch(const struct shell_call *call)
{
    bool is_quiet = call->argc > 2;
    struct url url;

    if (is_quiet && strcmp(call->argv[1], "-q") != 0) {
        return shell_fail(call, "fetch: \"%s\" is no option; -q is the one", call->argv[1]);
    }
    if (fetch.is_running) {
        return shell_fail(call, "fetch: the one before is still ending; wait some seconds");
    }
    if (split_url(call, call->argv[call->argc - 1], &url) != 0) {
        return SHELL_FAILED;
    }
    memset(&fetch, 0, sizeof(fetch));
    fetch.is_quiet = is_quiet;
    fetch.checksum = FNV_START;
    return run(call, &url);
}
