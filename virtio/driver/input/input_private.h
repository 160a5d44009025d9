/*
 * Shared by the files of the input driver.
 */
#ifndef VIRTIO_DRIVER_INPUT_INPUT_PRIVATE_H
#define VIRTIO_DRIVER_INPUT_INPUT_PRIVATE_H

#include "virtio/driver/bring_up.h"
#include "virtio/input.h"

/* Returns: VIRTIO_OK, VIRTIO_ERR_NOT_INITIALIZED, VIRTIO_ERR_BROKEN. */
static inline enum virtio_err
input_usable(const struct vinput *input)
{
    if (input->device == NULL) {
        return VIRTIO_ERR_NOT_INITIALIZED;
    }
    return driver_is_broken(input->device) ? VIRTIO_ERR_BROKEN : VIRTIO_OK;
}

/* Offer event cell `idx` to the device. Returns: as virtq_add. */
enum virtio_err vinput_offer(struct vinput *input, uint16_t idx);

#endif
