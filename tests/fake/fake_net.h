/*
 * The network device behind the fake device: it keeps what is sent and hands in what the test receives. VirtIO 1.3 §5.1.
 * Queues: 0 receive, 1 transmit, 2 control.
 */
#ifndef FAKE_NET_H
#define FAKE_NET_H

#include "abi/virtio_net.h"

#include "tests/fake/fake_device.h"

enum {
    FAKE_NET_FRAMES_KEPT = 64,
    FAKE_NET_FRAME_BYTES_MAX = 65562,
    FAKE_NET_MACS_MAX = 64,
};

struct fake_net_frame {
    uint8_t *data; /* without the header */
    uint32_t bytes;
    struct virtio_net_hdr hdr;
};

struct fake_net {
    struct fake_device *device;                       /* set with the first buffer */
    struct fake_net_frame sent[FAKE_NET_FRAMES_KEPT]; /* the last ones, by sent_count % KEPT */
    uint64_t sent_count;
    uint64_t received_count;
    uint64_t dropped_count; /* handed in while there was no room */
    bool is_promiscuous;
    bool is_all_multicast;
    uint8_t unicast[FAKE_NET_MACS_MAX][VIRTIO_NET_MAC_BYTES];
    uint8_t multicast[FAKE_NET_MACS_MAX][VIRTIO_NET_MAC_BYTES];
    uint32_t unicast_count;
    uint32_t multicast_count;
    uint32_t control_count;
    uint8_t last_class;
    uint8_t last_command;
};

extern const struct fake_model fake_net_model;

/* MAC 52:54:00:12:34:56, link up, MTU 1500 in `device`'s configuration space; call after fake_device_init. */
void fake_net_init(struct fake_net *net, struct fake_device *device);
void fake_net_finish(struct fake_net *net);

/* A frame arrives. Returns: false when the driver has not given enough room; the frame is lost then. */
bool fake_net_receive(struct fake_device *device, const void *frame, uint32_t bytes);

/* Link up or down, with an interrupt. */
void fake_net_set_link(struct fake_device *device, bool is_up);

/* The newest frame that was sent; NULL: none. */
const struct fake_net_frame *fake_net_last_sent(const struct fake_net *net);

#endif
