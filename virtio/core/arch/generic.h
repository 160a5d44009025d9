/*
 * Any other architecture: C11 fences, which order memory among CPUs. Where devices need more, write a file beside this one.
 */
#ifndef VIRTIO_CORE_ARCH_GENERIC_H
#define VIRTIO_CORE_ARCH_GENERIC_H

#include "virtio/core/arch/plain_atomics.h"
#include "virtio/core/arch/plain_registers.h"

static inline void
virtio_store_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void
virtio_load_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* A release fence orders loads before later stores, too. */
static inline void
virtio_release_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void
virtio_full_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
