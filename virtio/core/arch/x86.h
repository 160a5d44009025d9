/*
 * x86: stores are seen in order and loads are done in order; only a store followed by a load needs an instruction.
 */
#ifndef VIRTIO_CORE_ARCH_X86_H
#define VIRTIO_CORE_ARCH_X86_H

#include "virtio/core/arch/plain_atomics.h"
#include "virtio/core/arch/plain_registers.h"

static inline void
virtio_store_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

static inline void
virtio_load_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

static inline void
virtio_release_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

/* MFENCE, or a locked operation where the compiler knows that to be cheaper. */
static inline void
virtio_full_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
