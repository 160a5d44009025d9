/*
 * The kernel's input devices: keyboards type on the console; everything else is kept for `input`.
 */
#ifndef KERNEL_DRV_INPUT_DEV_H
#define KERNEL_DRV_INPUT_DEV_H

#include "virtio/input.h"

#include "kernel/core/base.h"

enum { INPUT_DEV_COUNT_MAX = 4 };

/* Bring an input device up. Failures are logged. Context: boot. Returns: 0; -E_NOSPC (too many); another negative error. */
int input_dev_start(struct virtio_device *device);

/* The device of that number, in order of the bus. Returns: NULL beyond the last one. */
struct vinput *input_dev_at(uint32_t idx);

/* An event as `input watch` shows it. */
struct input_dev_event {
    uint32_t device_idx;
    struct vinput_event event;
};

/*
 * Take the oldest event that came since input_dev_forget, of the last 64. Synchronisation events are left out.
 * Context: main thread. Returns: 0; -E_AGAIN when there is none.
 */
int input_dev_take(struct input_dev_event *event);
void input_dev_forget(void);

#endif
