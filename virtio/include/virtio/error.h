/*
 * What a function of the library can answer. 0 is success; every function lists the ones that it returns.
 *
 * Three kinds of wrong: the caller's (a failed VIRTIO_CHECK, which traps), the device's (BROKEN, NEEDS_RESET, LOST:
 * sticky until a reset, with a rule and a value to print) and the world's (BUSY, NO_MEMORY: nothing changed; TIMEOUT: what was
 * asked for may still happen).
 */
#ifndef VIRTIO_ERROR_H
#define VIRTIO_ERROR_H

enum virtio_err {
    VIRTIO_OK = 0,
    VIRTIO_EMPTY,                /* nothing to take now; not a failure */
    VIRTIO_ERR_INVALID,          /* an argument is outside its documented range */
    VIRTIO_ERR_STATE,            /* not allowed in the present state */
    VIRTIO_ERR_NOT_INITIALIZED,  /* init has not succeeded, or finish came before */
    VIRTIO_ERR_BUSY,             /* queue or table full: try again after completions (DeviceBusy) */
    VIRTIO_ERR_NO_MEMORY,        /* the arena given at init is too small */
    VIRTIO_ERR_BUFFER_TOO_SMALL, /* the caller's buffer cannot hold the answer */
    VIRTIO_ERR_TIMEOUT,          /* the deadline passed; the command is still in flight */
    VIRTIO_ERR_TRANSMIT_FAILED,  /* the device took the frame back without sending it */
    VIRTIO_ERR_IO,               /* the device reports that this request failed */
    VIRTIO_ERR_REFUSED,          /* the device answered with an error response */
    VIRTIO_ERR_UNSUPPORTED,      /* the device does not offer what this needs */
    VIRTIO_ERR_NO_DEVICE,        /* nothing there, or another kind of device */
    VIRTIO_ERR_OWNED,            /* somebody else has claimed the device */
    VIRTIO_ERR_BROKEN,           /* the device broke a rule; see broken_rule, broken_value */
    VIRTIO_ERR_NEEDS_RESET,      /* the device set DEVICE_NEEDS_RESET */
    VIRTIO_ERR_LOST, /* DRIVER_OK vanished: somebody reset the device beneath its driver */
    VIRTIO_ERR_COUNT
};

/* The constant's name without its prefix in lower case ("queue full" style text is in virtio_err_text). Never NULL. */
const char *virtio_err_name(enum virtio_err err);

/* One sentence for a person, without a full stop. Never NULL, also for values out of range. */
const char *virtio_err_text(enum virtio_err err);

#endif
