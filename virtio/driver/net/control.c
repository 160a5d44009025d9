/*
 * The control queue: one command at a time. VirtIO 1.3 §5.1.6.5.
 *
 *   | class command | data (the MAC tables: two pieces) | ack |       descriptors as §5.1.6.6 wants them even of legacy drivers
 */
#include "virtio/core/memory.h"
#include "virtio/driver/net/net_private.h"

enum {
    CONTROL_QUEUE_SIZE = 8,
    CONTROL_MEMORY_BYTES = 256,
    DATA_OFFSET = 8,
    ACK_OFFSET = 248,
    ACK_UNWRITTEN = 0xff,
};

_Static_assert(DATA_OFFSET + 2 * sizeof(struct virtio_net_ctrl_mac) +
                       (size_t)VNET_FILTER_MACS_MAX * VIRTIO_NET_MAC_BYTES <=
                   ACK_OFFSET,
               "the largest command fits");

static const struct virtq_config control_queue_config = { .size_max = CONTROL_QUEUE_SIZE };

const struct vnet_control_kind vnet_control_kinds[VNET_CONTROL_COUNT] = {
    [VNET_CONTROL_PROMISC] = {VIRTIO_NET_CTRL_RX,   VIRTIO_NET_CTRL_RX_PROMISC,    VNET_DATA_SWITCH,
                              "RX_PROMISC"                                                                          },
    [VNET_CONTROL_ALLMULTI] = { VIRTIO_NET_CTRL_RX,  VIRTIO_NET_CTRL_RX_ALLMULTI,   VNET_DATA_SWITCH,
                              "RX_ALLMULTI"                                                                         },
    [VNET_CONTROL_MAC_TABLE] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
                              VNET_DATA_TABLES,                                                      "MAC_TABLE_SET"},
    [VNET_CONTROL_MAC_ADDR] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,  VNET_DATA_MAC,
                              "MAC_ADDR_SET"                                                                        },
};

/* A command, its data already in control_memory; data_bytes[1] is 0 but for the second MAC table. */
struct command {
    enum vnet_control kind;
    uint32_t data_bytes[2];
};

size_t
vnet_control_arena_bytes(void)
{
    return virtq_arena_bytes(&control_queue_config) + CONTROL_MEMORY_BYTES + 64;
}

enum virtio_err
vnet_control_init(struct vnet *net, struct virtio_arena *arena)
{
    net->control_memory =
        virtio_driver_take_shared(net->device, arena, CONTROL_MEMORY_BYTES, &net->control_addr);
    if (net->control_memory == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    return virtq_setup(&net->control, net->device, VIRTIO_NET_CONTROLQ, &control_queue_config,
                       arena);
}

/* The device has done it: so it is. */
static void
apply(struct vnet *net)
{
    const uint8_t *data = net->control_sent;

    switch (net->control_kind) {
    case VNET_CONTROL_PROMISC: net->is_promiscuous = data[0] != 0; break;
    case VNET_CONTROL_ALLMULTI: net->is_allmulti = data[0] != 0; break;
    case VNET_CONTROL_MAC_ADDR: memcpy(net->mac, data, sizeof(net->mac)); break;
    default: break;
    }
}

static void
trace_control(const struct vnet *net, enum virtio_trace_event event, uint64_t b)
{
    const struct vnet_control_kind *kind = &vnet_control_kinds[net->control_kind];

    driver_trace(net->device, event, net->control_cookie, VIRTIO_NET_CONTROLQ,
                 kind->class | (uint64_t)kind->command << 32, b);
}

static void
trace_command(const struct vnet *net, const struct command *command)
{
    uint32_t bytes = command->data_bytes[0] + command->data_bytes[1];

    trace_control(net, TRACE_NET_COMMAND, bytes);
    if (net->control_cookie != 0) {
        virtio_trace_payload(net->device->bus->trace, net->control_cookie,
                             driver_origin(net->device, VIRTIO_NET_CONTROLQ),
                             net->control_memory + DATA_OFFSET, bytes);
    }
}

static void
count_ack(struct vnet *net, uint64_t latency_ns, uint8_t ack)
{
    uint64_t traced_ns = latency_ns < UINT32_MAX ? latency_ns : UINT32_MAX;

    virtio_histogram_add(&net->control_latency[net->control_kind], latency_ns);
    trace_control(net, TRACE_NET_CONTROL, ack | traced_ns << 32);
}

/* Look for the answer. Returns: VIRTIO_OK: accepted; VIRTIO_ERR_REFUSED; VIRTIO_EMPTY: none yet; VIRTIO_ERR_BROKEN. */
static enum virtio_err
take_ack(struct vnet *net)
{
    struct virtq_done done;
    enum virtio_err err = virtq_take_used(&net->control, &done);
    uint8_t ack;

    if (err != VIRTIO_OK) {
        return err;
    }
    net->is_control_awaited = false;
    ack = *(const volatile uint8_t *)(net->control_memory + ACK_OFFSET);
    count_ack(net, done.latency_ns, ack);
    /* Legacy devices count otherwise, §5.1.6.5. */
    if ((done.written_bytes != 1 && !net->device->ops->is_legacy) || ack > VIRTIO_NET_ERR) {
        return virtio_driver_broken(net->device, "ack is neither OK nor ERR (VirtIO 1.3 §5.1.6.5)",
                                    ack);
    }
    if (ack == VIRTIO_NET_ERR) {
        net->stats.control_refused++;
        return VIRTIO_ERR_REFUSED;
    }
    apply(net);
    return VIRTIO_OK;
}

/* May a command be prepared now? One that timed out may have been answered since. */
static enum virtio_err
control_usable(struct vnet *net, unsigned feature_bit)
{
    enum virtio_err err = net_usable(net);

    if (err != VIRTIO_OK) {
        return err;
    }
    if (!net->has_control || !virtio_device_has(net->device, feature_bit)) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    if (net->is_control_awaited) {
        err = take_ack(net);
        if (err == VIRTIO_ERR_BROKEN) {
            return err;
        }
    }
    return net->is_control_awaited ? VIRTIO_ERR_BUSY : VIRTIO_OK;
}

static enum virtio_err
add_command(struct vnet *net, const struct command *command)
{
    const struct vnet_control_kind *kind = &vnet_control_kinds[command->kind];
    struct virtq_seg segs[4] = {
        {net->control_addr, sizeof(struct virtio_net_ctrl)}
    };
    struct virtq_chain chain = { .segs = segs, .readable_count = 1, .writable_count = 1 };
    uint64_t addr = net->control_addr + DATA_OFFSET;

    net->control_memory[0] = kind->class;
    net->control_memory[1] = kind->command;
    net->control_memory[ACK_OFFSET] = ACK_UNWRITTEN;
    net->control_kind = command->kind;
    memcpy(net->control_sent, net->control_memory + DATA_OFFSET, sizeof(net->control_sent));
    for (size_t i = 0; i < 2 && command->data_bytes[i] != 0; i++) {
        segs[chain.readable_count++] = (struct virtq_seg){ addr, command->data_bytes[i] };
        addr += command->data_bytes[i];
    }
    segs[chain.readable_count] = (struct virtq_seg){ net->control_addr + ACK_OFFSET, 1 };
    net->control_cookie = driver_cookie(net->device);
    chain.cookie = net->control_cookie;
    trace_command(net, command);
    return virtq_add(&net->control, &chain);
}

static enum virtio_err
run(struct vnet *net, const struct command *command)
{
    uint64_t deadline_ns = virtio_driver_deadline_ns(net->device, VNET_CONTROL_TIMEOUT_MS);
    enum virtio_err err = add_command(net, command);

    if (err != VIRTIO_OK) {
        return err;
    }
    net->is_control_awaited = true;
    net->stats.control_commands++;
    (void)virtq_notify(&net->control);
    while ((err = take_ack(net)) == VIRTIO_EMPTY) {
        err = virtio_driver_wait_turn(net->device, &net->watch, deadline_ns);
        if (err == VIRTIO_ERR_TIMEOUT) {
            trace_control(net, TRACE_NET_COMMAND_TIMEOUT,
                          VNET_CONTROL_TIMEOUT_MS * UINT64_C(1000000));
        }
        if (err != VIRTIO_OK) {
            return err;
        }
    }
    return err;
}

static enum virtio_err
set_receive_mode(struct vnet *net, enum vnet_control kind, bool on)
{
    struct command command = { kind, { 1 } };
    enum virtio_err err = control_usable(net, VIRTIO_NET_F_CTRL_RX);

    if (err != VIRTIO_OK) {
        return err;
    }
    net->control_memory[DATA_OFFSET] = on;
    return run(net, &command);
}

enum virtio_err
vnet_set_promiscuous(struct vnet *net, bool on)
{
    return set_receive_mode(net, VNET_CONTROL_PROMISC, on);
}

enum virtio_err
vnet_set_allmulti(struct vnet *net, bool on)
{
    return set_receive_mode(net, VNET_CONTROL_ALLMULTI, on);
}

/* Write one table at `to`. Returns: its bytes. */
static uint32_t
write_table(uint8_t *to, const uint8_t (*macs)[VIRTIO_NET_MAC_BYTES], uint16_t count)
{
    le32 entries = le32_from(count);
    size_t macs_bytes = (size_t)count * VIRTIO_NET_MAC_BYTES;

    memcpy(to, &entries, sizeof(entries));
    if (count != 0) {
        memcpy(to + sizeof(entries), macs, macs_bytes);
    }
    return (uint32_t)(sizeof(entries) + macs_bytes);
}

enum virtio_err
vnet_set_mac_filter(struct vnet *net, const struct vnet_mac_filter *filter)
{
    struct command command = { VNET_CONTROL_MAC_TABLE, { 0 } };
    uint16_t unicast_count = filter->unicast != NULL ? filter->unicast_count : 0;
    uint16_t multicast_count = filter->multicast != NULL ? filter->multicast_count : 0;
    enum virtio_err err;

    if ((uint32_t)unicast_count + multicast_count > VNET_FILTER_MACS_MAX) {
        return VIRTIO_ERR_INVALID;
    }
    err = control_usable(net, VIRTIO_NET_F_CTRL_RX);
    if (err != VIRTIO_OK) {
        return err;
    }
    command.data_bytes[0] =
        write_table(net->control_memory + DATA_OFFSET, filter->unicast, unicast_count);
    command.data_bytes[1] = write_table(net->control_memory + DATA_OFFSET + command.data_bytes[0],
                                        filter->multicast, multicast_count);
    return run(net, &command);
}

/* §5.1.6.5.2.3: before CTRL_MAC_ADDR the address was changed in place, not atomically. */
static enum virtio_err
set_mac_in_config(struct vnet *net, const uint8_t mac[VIRTIO_NET_MAC_BYTES])
{
    enum virtio_err err = net_usable(net);

    if (err != VIRTIO_OK) {
        return err;
    }
    for (size_t i = 0; i < VIRTIO_NET_MAC_BYTES; i++) {
        virtio_config_write(net->device, offsetof(struct virtio_net_config, mac) + i, 1, mac[i]);
    }
    memcpy(net->mac, mac, sizeof(net->mac));
    return VIRTIO_OK;
}

static bool
has_mac_in_config(const struct vnet *net)
{
    return net->device != NULL && net->device->ops->is_legacy &&
           virtio_device_has(net->device, VIRTIO_NET_F_MAC) &&
           !virtio_device_has(net->device, VIRTIO_NET_F_CTRL_MAC_ADDR);
}

enum virtio_err
vnet_set_mac(struct vnet *net, const uint8_t mac[VIRTIO_NET_MAC_BYTES])
{
    struct command command = { VNET_CONTROL_MAC_ADDR, { VIRTIO_NET_MAC_BYTES } };
    enum virtio_err err;

    if ((mac[0] & 1) != 0) {
        return VIRTIO_ERR_INVALID;
    }
    if (has_mac_in_config(net)) {
        return set_mac_in_config(net, mac);
    }
    err = control_usable(net, VIRTIO_NET_F_CTRL_MAC_ADDR);
    if (err != VIRTIO_OK) {
        return err;
    }
    memcpy(net->control_memory + DATA_OFFSET, mac, VIRTIO_NET_MAC_BYTES);
    return run(net, &command);
}
