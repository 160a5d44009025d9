/*
 * The kernel's error numbers (Linux's values, so that a later system-call layer passes them on) and the only place where
 * the driver library's errors become numbers. Functions return 0 or a negative one: `return -E_NOMEM;`.
 */
#ifndef KERNEL_CORE_ERRNO_H
#define KERNEL_CORE_ERRNO_H

#include "virtio/error.h"

enum {
    E_NOENT = 2,
    E_INTR = 4,
    E_IO = 5,
    E_AGAIN = 11,
    E_NOMEM = 12,
    E_FAULT = 14,
    E_BUSY = 16,
    E_EXIST = 17,
    E_NODEV = 19,
    E_INVAL = 22,
    E_NOSPC = 28,
    E_RANGE = 34,
    E_NOSYS = 38,
    E_PROTO = 71,
    E_OVERFLOW = 75,
    E_OPNOTSUPP = 95,
    E_CONNRESET = 104,
    E_TIMEDOUT = 110,
};

/*
 * The error number for what the driver library answered.
 * Context: any.
 * Returns: 0 for VIRTIO_OK and VIRTIO_EMPTY, else a negative number; -E_PROTO for values out of range.
 */
int errno_from_virtio(enum virtio_err err);

/*
 * A sentence for a person.
 * @error  0 or a number of either sign.
 * Context: any. Returns: never NULL; "error" for numbers that the kernel does not use.
 */
const char *errno_text(int error);

#endif
