/* The input device behind the fake device: events by the test's hand, LEDs as the driver sets them. VirtIO 1.3 §5.8. */
#ifndef FAKE_INPUT_H
#define FAKE_INPUT_H

#include "abi/virtio_input.h"

#include "tests/fake/fake_device.h"

struct fake_input {
    bool is_tablet; /* absolute axes; else a keyboard */
    bool has_select;
    bool has_subsel;
    bool has_read_size;
    uint64_t injected_count;
    uint64_t dropped_count; /* no buffer */
    uint64_t status_count;
    struct virtio_input_event last_status;
};

extern const struct fake_model fake_input_model;

void fake_input_init(struct fake_input *input, bool is_tablet);

/* One event. Returns: false when the driver has no buffer for it; it is lost then. */
bool fake_input_event(struct fake_device *device, uint16_t type, uint16_t code, uint32_t value);

#endif
