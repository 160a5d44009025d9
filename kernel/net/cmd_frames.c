/* net send, net receive, net promisc: Ethernet frames as they are. */
#include <string.h>

#include <lwip/pbuf.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/net/cmd_net.h"
#include "kernel/net/link.h"
#include "kernel/net/net.h"

enum {
    FRAME_BYTES_MAX = 1518,
    ETHERNET_HEADER_BYTES = 14,
    DUMP_BYTES_PER_LINE = 16,
    RECEIVE_COUNT_DEFAULT = 1,
    RECEIVE_COUNT_MAX = 1000000,
    RECEIVE_SECONDS_DEFAULT = 10,
    RECEIVE_SECONDS_MAX = 3600,
};

/* Returns: 0..15, or -1. */
static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

    return c == '\0' || found == NULL ? -1 : (int)(found - digits);
}

/* Append the bytes of a word such as 52:54:00 or 0800. Returns: 0; -E_INVAL; -E_OVERFLOW. */
static int
parse_hex(const char *word, uint8_t *frame, size_t *length)
{
    while (*word != '\0') {
        if (*word == ':') {
            word++;
            continue;
        }
        int high = hex_digit(word[0]);
        int low = high < 0 ? -1 : hex_digit(word[1]);

        if (low < 0) {
            return -E_INVAL;
        }
        if (*length == FRAME_BYTES_MAX) {
            return -E_OVERFLOW;
        }
        frame[(*length)++] = (uint8_t)(high << 4 | low);
        word += 2;
    }
    return 0;
}

int
cmd_net_send(const struct shell_call *call)
{
    static uint8_t frame[FRAME_BYTES_MAX];
    struct vnet *net = need_device(call);
    size_t length = 0;

    if (net == NULL) {
        return SHELL_FAILED;
    }
    for (int i = 1; i < call->argc; i++) {
        int result = parse_hex(call->argv[i], frame, &length);

        if (result != 0) {
            return shell_fail(call, "send: \"%s\": %s", call->argv[i],
                              result == -E_INVAL ? "pairs of hexadecimal digits, please"
                                                 : "more than 1518 bytes");
        }
    }
    uint32_t bytes_max =
        net->send_bytes_max < FRAME_BYTES_MAX ? net->send_bytes_max : FRAME_BYTES_MAX;
    if (length < VNET_FRAME_BYTES_MIN || length > bytes_max) {
        return shell_fail(call, "send: %zu bytes; a frame has %d to %u", length,
                          VNET_FRAME_BYTES_MIN, bytes_max);
    }
    enum virtio_err err = vnet_send(net, frame, length);
    if (err != VIRTIO_OK) {
        return command_failed(call, err);
    }
    console_print("sent %zu bytes\n", length);
    return 0;
}

/* What `net receive` waits for. */
struct receiving {
    uint32_t wanted_count;
    uint32_t count;
};

static void
print_line(uint16_t offset, const uint8_t *bytes, uint16_t count)
{
    char text[DUMP_BYTES_PER_LINE + 1];

    console_print("  %04x ", offset);
    for (unsigned i = 0; i < DUMP_BYTES_PER_LINE; i++) {
        if (i < count) {
            console_print(" %02x", bytes[i]);
            text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '.';
        } else {
            console_print("   ");
            text[i] = ' ';
        }
    }
    text[DUMP_BYTES_PER_LINE] = '\0';
    console_print("  |%s|\n", text);
}

/* link_tap.frame */
static void
print_frame(void *ctx, const struct pbuf *frame)
{
    struct receiving *receiving = ctx;
    uint8_t line[DUMP_BYTES_PER_LINE];

    if (receiving->count == receiving->wanted_count) {
        return;
    }
    receiving->count++;
    console_print("frame %u: %u bytes\n", receiving->count, frame->tot_len);
    uint16_t offset = 0;
    uint16_t wanted = ETHERNET_HEADER_BYTES; /* a line of its own; then the payload */
    uint16_t count;

    while ((count = pbuf_copy_partial(frame, line, wanted, offset)) > 0) {
        print_line(offset, line, count);
        offset = (uint16_t)(offset + count);
        wanted = DUMP_BYTES_PER_LINE;
    }
}

static bool
has_received(void *ctx)
{
    const struct receiving *receiving = ctx;

    return receiving->count == receiving->wanted_count;
}

int
cmd_net_receive(const struct shell_call *call)
{
    struct receiving receiving = { .wanted_count = RECEIVE_COUNT_DEFAULT };
    uint32_t seconds = RECEIVE_SECONDS_DEFAULT;
    struct link_tap tap = { print_frame, &receiving };

    if (need_device(call) == NULL ||
        (call->argc > 1 &&
         command_number(call, 1, RECEIVE_COUNT_MAX, &receiving.wanted_count) != 0) ||
        (call->argc > 2 && command_number(call, 2, RECEIVE_SECONDS_MAX, &seconds) != 0)) {
        return SHELL_FAILED;
    }
    link_set_tap(&tap);
    int result = net_wait_for(has_received, &receiving, time_deadline_ns(seconds * NS_PER_S));
    link_set_tap(NULL);
    if (result == 0) {
        return 0;
    }
    return shell_fail(call, "receive: %u of %u frames: %s", receiving.count, receiving.wanted_count,
                      errno_text(result));
}

int
cmd_net_promisc(const struct shell_call *call)
{
    struct vnet *net = need_device(call);
    bool on = strcmp(call->argv[1], "on") == 0;

    if (net == NULL) {
        return SHELL_FAILED;
    }
    if (!on && strcmp(call->argv[1], "off") != 0) {
        return shell_fail(call, "promisc: \"%s\" is neither on nor off", call->argv[1]);
    }
    enum virtio_err err = vnet_set_promiscuous(net, on);
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}
