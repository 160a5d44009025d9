/*
 * Input device: configuration space, events. Types, codes and values are those of Linux's evdev, which §5.8 adopts.
 * Queues: 0 brings events, 1 takes status (LEDs). There are no feature bits of its own.
 * Source: VirtIO 1.3 §5.8.
 */
#ifndef ABI_VIRTIO_INPUT_H
#define ABI_VIRTIO_INPUT_H

#include <stddef.h>

#include "abi/endian.h"

enum {
    VIRTIO_INPUT_EVENTQ = 0,
    VIRTIO_INPUT_STATUSQ = 1,
};

/* Values of virtio_input_config.select, §5.8.4. */
enum {
    VIRTIO_INPUT_CFG_UNSET = 0x00,
    VIRTIO_INPUT_CFG_ID_NAME = 0x01,
    VIRTIO_INPUT_CFG_ID_SERIAL = 0x02,
    VIRTIO_INPUT_CFG_ID_DEVIDS = 0x03,
    VIRTIO_INPUT_CFG_PROP_BITS = 0x10,
    VIRTIO_INPUT_CFG_EV_BITS = 0x11,  /* subsel: type; a bitmap of codes */
    VIRTIO_INPUT_CFG_ABS_INFO = 0x12, /* subsel: axis */
};

enum { VIRTIO_INPUT_DATA_BYTES = 128 };

struct virtio_input_absinfo {
    le32 min;
    le32 max;
    le32 fuzz;
    le32 flat;
    le32 res;
};
_Static_assert(sizeof(struct virtio_input_absinfo) == 20, "VirtIO 1.3 §5.8.4");

struct virtio_input_devids {
    le16 bustype;
    le16 vendor;
    le16 product;
    le16 version;
};
_Static_assert(sizeof(struct virtio_input_devids) == 8, "VirtIO 1.3 §5.8.4");

/* Write select and subsel, then read size and that many bytes of data; size 0: there is no such thing. §5.8.4. */
struct virtio_input_config {
    uint8_t select;
    uint8_t subsel;
    uint8_t size;
    uint8_t reserved[5];
    union {
        uint8_t string[VIRTIO_INPUT_DATA_BYTES];
        uint8_t bitmap[VIRTIO_INPUT_DATA_BYTES];
        struct virtio_input_absinfo abs;
        struct virtio_input_devids ids;
    } data;
};
_Static_assert(sizeof(struct virtio_input_config) == 136, "VirtIO 1.3 §5.8.4");

/* One event, in either queue, §5.8.6. */
struct virtio_input_event {
    le16 type;
    le16 code;
    le32 value;
};
_Static_assert(sizeof(struct virtio_input_event) == 8, "VirtIO 1.3 §5.8.6");

/* The evdev types that virtio devices send. */
enum {
    VIRTIO_INPUT_EV_SYN = 0x00,
    VIRTIO_INPUT_EV_KEY = 0x01,
    VIRTIO_INPUT_EV_REL = 0x02,
    VIRTIO_INPUT_EV_ABS = 0x03,
    VIRTIO_INPUT_EV_LED = 0x11,
    VIRTIO_INPUT_EV_COUNT = 0x20,
};

/* Codes of EV_REL and EV_ABS alike, and of EV_LED. */
enum {
    VIRTIO_INPUT_AXIS_X = 0,
    VIRTIO_INPUT_AXIS_Y = 1,
    VIRTIO_INPUT_AXIS_WHEEL = 8,
    VIRTIO_INPUT_LED_NUM_LOCK = 0,
    VIRTIO_INPUT_LED_CAPS_LOCK = 1,
    VIRTIO_INPUT_LED_SCROLL_LOCK = 2,
};

/* Codes of EV_KEY that are buttons; those below are keys. */
enum {
    VIRTIO_INPUT_BTN_FIRST = 0x100,
    VIRTIO_INPUT_BTN_LEFT = 0x110,
    VIRTIO_INPUT_BTN_RIGHT = 0x111,
    VIRTIO_INPUT_BTN_MIDDLE = 0x112,
};

#endif
