/*
 * Memory ordering between driver and device; the only place where it is spelt out. One file for each architecture:
 *
 *   virtio_store_barrier   stores before it are seen by the device before stores after it, writes to registers included
 *   virtio_load_barrier    loads before it, from registers too, are done before loads after it
 *   virtio_release_barrier a store barrier, and loads before it, from memory, are done before stores after it: what was read
 *                          of a buffer is out of it before the buffer is given away again
 *   virtio_full_barrier    all of these, and stores before it are seen before loads after it are done
 *
 *   virtio_reg_read32 ...  one access to a device register, not merged, repeated or widened, in CPU order
 *
 *   virtio_fetch_add       add to a word as wide as a pointer, return what was there; no order implied
 *   virtio_exchange        put a value, return what was there; nothing after it is done before
 *   virtio_set_if_null     true for the one that found NULL there and replaced it
 *
 * The barriers are those for a real device on the bus (ORDER_PLATFORM, VirtIO 1.3 §6.1), never only those for another CPU:
 * correct whatever was negotiated. Each use names what it pairs with on the device's side. tests/proof/barriers.py takes each of
 * them out in turn: one without which tests/unit/barrier_order_test.c passes is not allowed.
 */
#ifndef VIRTIO_CORE_BARRIER_H
#define VIRTIO_CORE_BARRIER_H

#if defined(__aarch64__)
# include "virtio/core/arch/aarch64.h"
#elif defined(__x86_64__) || defined(__i386__)
# include "virtio/core/arch/x86.h"
#elif defined(__riscv)
# include "virtio/core/arch/riscv.h"
#else
# include "virtio/core/arch/generic.h"
#endif

#endif
