/*
 * net bench: frames of 64 bytes through the driver, without the stack, to tests/perf/net_peer.c on the host's end of the cable. The
 * frames are those of tests/perf/net_peer_protocol.h; the Linux peer of ./bench does the same through AF_PACKET.
 */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/samples.h"
#include "kernel/net/cmd_net.h"

enum {
    BENCH_S_MAX = 60,
    FRAME_BYTES = 64,
    ETHERTYPE = 0x88b5,
    ANSWER_TRIES = 50,
    TX_BATCH = 64,
};

#define ANSWER_NS     (100 * NS_PER_MS)
#define FULL_WAIT_NS  (100 * NS_PER_US)
#define FLOOD_REST_NS (300 * NS_PER_MS) /* of a flood must not fall into the next figure */

/* op of a frame; see the protocol header for what a and b are. */
enum {
    OP_COUNT = 1,
    OP_ECHO = 2,
    OP_FLOOD = 3,
    OP_DATA = 4,
    OP_QUERY = 5,
    OP_REPORT = 6,
    OP_ECHOED = 7,
};

/* Where things are in a frame. */
enum {
    AT_SRC = 6,
    AT_TYPE = 12,
    AT_MAGIC = 14,
    AT_OP = 18,
    AT_A = 20,
    AT_B = 24,
};

static const uint8_t magic[] = { 'V', 'T', 'R', 'N' };

static void
put_be32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static uint32_t
get_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void
make_frame(const struct vnet *net, uint8_t frame[FRAME_BYTES], uint8_t op, uint32_t a, uint32_t b)
{
    memset(frame, 0, FRAME_BYTES);
    memset(frame, 0xff, AT_SRC);
    memcpy(frame + AT_SRC, net->mac, VIRTIO_NET_MAC_BYTES);
    frame[AT_TYPE] = ETHERTYPE >> 8;
    frame[AT_TYPE + 1] = ETHERTYPE & 0xff;
    memcpy(frame + AT_MAGIC, magic, sizeof(magic));
    frame[AT_OP] = op;
    put_be32(frame + AT_A, a);
    put_be32(frame + AT_B, b);
}

/* Returns: the frame's op when it is one of the peer's; 0 otherwise. */
static uint8_t
op_of(const struct vnet_frame *frame)
{
    const uint8_t *data = frame->segs[0].data;
    bool is_peer = frame->segs[0].bytes >= FRAME_BYTES && data[AT_TYPE] == ETHERTYPE >> 8 &&
                   data[AT_TYPE + 1] == (ETHERTYPE & 0xff) &&
                   memcmp(data + AT_MAGIC, magic, sizeof(magic)) == 0;

    return is_peer ? data[AT_OP] : 0;
}

/* Take frames until one has that op; the frame is copied. Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT; as vnet_receive_frame. */
enum {
    SPIN_COUNT =
        512, /* looks at the ring for each look at the clock, which costs an emulated machine dearly */
};

/* Take a frame, looking for a while without looking at the clock. Returns: as vnet_receive_frame. */
static enum virtio_err
receive_spinning(struct vnet *net, struct vnet_frame *frame)
{
    enum virtio_err err = VIRTIO_EMPTY;

    for (unsigned i = 0; i < SPIN_COUNT && err == VIRTIO_EMPTY; i++) {
        err = vnet_receive_frame(net, frame);
    }
    return err;
}

static enum virtio_err
await(struct vnet *net, uint8_t op, uint8_t answer[FRAME_BYTES], uint64_t deadline_ns)
{
    struct vnet_frame frame;

    for (;;) {
        enum virtio_err err = receive_spinning(net, &frame);

        if (err == VIRTIO_OK) {
            uint8_t got = op_of(&frame);

            if (got == op) {
                memcpy(answer, frame.segs[0].data, FRAME_BYTES);
            }
            vnet_recycle(net, &frame);
            if (got == op) {
                return VIRTIO_OK;
            }
        } else if (err != VIRTIO_EMPTY) {
            return err;
        } else if (time_has_passed(deadline_ns)) {
            return VIRTIO_ERR_TIMEOUT;
        }
    }
}

static enum virtio_err
ask(struct vnet *net, const uint8_t request[FRAME_BYTES], uint8_t op, uint8_t answer[FRAME_BYTES])
{
    enum virtio_err err = VIRTIO_ERR_TIMEOUT;

    for (unsigned i = 0; i < ANSWER_TRIES && err == VIRTIO_ERR_TIMEOUT; i++) {
        err = vnet_send(net, request, FRAME_BYTES);
        if (err == VIRTIO_OK) {
            err = await(net, op, answer, time_deadline_ns(ANSWER_NS));
        }
    }
    return err;
}

static enum virtio_err
ask_report(struct vnet *net, uint8_t answer[FRAME_BYTES])
{
    uint8_t query[FRAME_BYTES];

    make_frame(net, query, OP_QUERY, 0, 0);
    return ask(net, query, OP_REPORT, answer);
}

/* Queue as many as there is room for, up to a batch, and notify once. Returns: how many. */
static unsigned
send_batch(struct vnet *net, const uint8_t frame[FRAME_BYTES])
{
    struct vnet_slot slot;
    unsigned count = 0;

    while (count < TX_BATCH && vnet_reserve(net, &slot) == VIRTIO_OK) {
        memcpy(slot.data, frame, FRAME_BYTES);
        if (vnet_commit(net, &slot, FRAME_BYTES) != VIRTIO_OK) {
            break;
        }
        count++;
    }
    vnet_flush(net);
    return count;
}

static enum virtio_err
bench_tx(struct vnet *net, uint32_t duration_s)
{
    uint8_t answer[FRAME_BYTES];
    uint8_t frame[FRAME_BYTES];
    uint64_t sent = 0;
    enum virtio_err err = ask_report(net, answer);
    uint64_t end_ns = time_deadline_ns(duration_s * NS_PER_S);

    make_frame(net, frame, OP_COUNT, 0, 0);
    while (err == VIRTIO_OK && !time_has_passed(end_ns)) {
        unsigned count = send_batch(net, frame);

        sent += count;
        if (count == 0) { /* the queue is full: leave the processor to the device for a while */
            idle_wait(time_deadline_ns(FULL_WAIT_NS));
        }
    }
    if (err == VIRTIO_OK) {
        err = vnet_drain(net, VNET_CONTROL_TIMEOUT_MS);
    }
    if (err == VIRTIO_OK) {
        err = ask_report(net, answer);
    }
    if (err == VIRTIO_OK) {
        console_print("bench net_tx packets=%u elapsed_ns=%llu sent=%llu\n",
                      get_be32(answer + AT_A), get_be32(answer + AT_B) * 1000ULL,
                      (unsigned long long)sent);
    }
    return err;
}

/* Take frames for as long as there are some, a queue full at most; counts those of the flood. */
static enum virtio_err
take_burst(struct vnet *net, uint64_t *count)
{
    struct vnet_frame frame;

    for (unsigned i = 0; i < VNET_QUEUE_SIZE_MAX; i++) {
        enum virtio_err err = receive_spinning(net, &frame);

        if (err != VIRTIO_OK) {
            return err == VIRTIO_EMPTY ? VIRTIO_OK : err;
        }
        *count += op_of(&frame) == OP_DATA;
        vnet_recycle(net, &frame);
    }
    return VIRTIO_OK;
}

static enum virtio_err
bench_rx(struct vnet *net, uint32_t duration_s)
{
    uint8_t request[FRAME_BYTES];
    uint8_t answer[FRAME_BYTES];
    uint64_t count = 1;

    make_frame(net, request, OP_FLOOD, 0, duration_s * 1000);
    enum virtio_err err = ask(net, request, OP_DATA, answer);
    uint64_t first_ns = time_now_ns();
    uint64_t last_ns = first_ns;
    uint64_t end_ns = first_ns + duration_s * NS_PER_S;

    while (err == VIRTIO_OK && last_ns < end_ns && !time_has_passed(last_ns + ANSWER_NS)) {
        uint64_t before = count;

        err = take_burst(net, &count);
        last_ns = count > before ? time_now_ns() : last_ns;
    }
    if (err == VIRTIO_OK) {
        console_print("bench net_rx packets=%llu elapsed_ns=%llu\n", (unsigned long long)count,
                      (unsigned long long)(last_ns - first_ns));
        /* Take the rest of the flood away, so that it is not in the next figure. */
        (void)await(net, OP_REPORT, answer, time_deadline_ns(FLOOD_REST_NS));
    }
    return err;
}

static enum virtio_err
bench_rtt(struct vnet *net, uint32_t duration_s)
{
    uint8_t frame[FRAME_BYTES];
    uint8_t answer[FRAME_BYTES];
    enum virtio_err err = VIRTIO_OK;
    uint64_t start_ns = time_now_ns();
    uint64_t end_ns = start_ns + duration_s * NS_PER_S;

    samples_clear(samples_shared());
    for (uint32_t i = 0; err == VIRTIO_OK && !time_has_passed(end_ns); i++) {
        uint64_t sent_ns = time_now_ns();

        make_frame(net, frame, OP_ECHO, i, 0);
        err = vnet_send(net, frame, FRAME_BYTES);
        if (err == VIRTIO_OK) {
            err = await(net, OP_ECHOED, answer, time_deadline_ns(NS_PER_S));
        }
        samples_add(samples_shared(), time_now_ns() - sent_ns);
    }
    if (err == VIRTIO_OK) {
        samples_print(samples_shared(), "net_rtt", "packets", time_now_ns() - start_ns);
    }
    return err;
}

static const struct {
    const char *name;
    enum virtio_err (*run)(struct vnet *net, uint32_t duration_s);
} benches[] = {
    {"tx",   bench_tx },
    { "rx",  bench_rx },
    { "rtt", bench_rtt},
};

int
cmd_net_bench(const struct shell_call *call)
{
    struct vnet *net = need_device(call);
    uint32_t duration_s = 1;

    if (net == NULL || (call->argc > 2 && command_number(call, 2, BENCH_S_MAX, &duration_s) != 0)) {
        return SHELL_FAILED;
    }
    for (size_t i = 0; i < ARRAY_COUNT(benches); i++) {
        if (strcmp(benches[i].name, call->argv[1]) == 0) {
            vnet_rx_interrupts_off(net);
            enum virtio_err err = benches[i].run(net, duration_s);
            (void)vnet_rx_interrupts_on(net);
            return err == VIRTIO_OK ? 0 : command_failed(call, err);
        }
    }
    return shell_fail(call, "bench \"%s\" is none; use tx, rx or rtt", call->argv[1]);
}
