/*
 * What a driver remembers in order to notice the end of its device: see virtio_device_health. Private to the drivers of net,
 * blk and input, which look after every configuration change (a device that sets DEVICE_NEEDS_RESET announces it so, VirtIO 1.3
 * §2.1.2), after VIRTIO_SILENCE_MS in which nothing of what is in flight came back, and now and then where a device that owes
 * nothing is only listened to: in one of VIRTIO_IDLE_TURNS polls that find nothing, if VIRTIO_SILENCE_MS have passed.
 */
#ifndef VIRTIO_WATCH_H
#define VIRTIO_WATCH_H

#include <stdint.h>

#include "virtio/error.h"

enum { VIRTIO_SILENCE_MS = 100, VIRTIO_IDLE_TURNS = 64 };

struct virtio_watch {
    enum virtio_err failure; /* VIRTIO_OK, or what a look at the device found */
    uint32_t config_seen;    /* how much of device->config_change_count was looked at */
    uint64_t look_ns;        /* when silence is looked into; 0: it has not begun */
    uint32_t idle_turns;     /* polls that found nothing while nothing was in flight */
};

#endif
