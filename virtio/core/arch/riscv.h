/*
 * RISC-V: device registers are I/O space (i, o), rings are main memory (r, w); order across both.
 */
#ifndef VIRTIO_CORE_ARCH_RISCV_H
#define VIRTIO_CORE_ARCH_RISCV_H

#include "virtio/core/arch/plain_atomics.h"
#include "virtio/core/arch/plain_registers.h"

static inline void
virtio_store_barrier(void)
{
    __asm__ volatile("fence w, ow" ::: "memory");
}

static inline void
virtio_load_barrier(void)
{
    __asm__ volatile("fence ir, ir" ::: "memory");
}

static inline void
virtio_release_barrier(void)
{
    __asm__ volatile("fence rw, ow" ::: "memory");
}

static inline void
virtio_full_barrier(void)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

#endif
