/*
 * Shared by the files of the input driver.
 */
#ifndef VIRTIO_DRIVER_INPUT_INPUT_PRIVATE_H
#define VIRTIO_DRIVER_INPUT_INPUT_PRIVATE_H

#include "virtio/driver/bring_up.h"
#include "virtio/input.h"

/* Returns: VIRTIO_OK, VIRTIO_ERR_NOT_INITIALIZED or as driver_failure. */
enum virtio_err vinput_usable(struct vinput *input);

/* Offer event cell `idx` to the device. Returns: as virtq_add. */
enum virtio_err vinput_offer(struct vinput *input, uint16_t idx);

#endif
