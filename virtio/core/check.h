/*
 * Our own mistakes, or the embedding program's: stop at once. Never for what a device wrote; see virtio/error.h.
 */
#ifndef VIRTIO_CORE_CHECK_H
#define VIRTIO_CORE_CHECK_H

/* Traps when `condition` is false: a synchronous exception, so that a kernel's handler prints where. */
#define VIRTIO_CHECK(condition) ((condition) ? (void)0 : __builtin_trap())

#endif
