/*
 * Spinlocks. The irqsave pair is for data that interrupt handlers touch too, which is most of the kernel's.
 */
#ifndef KERNEL_CORE_LOCK_H
#define KERNEL_CORE_LOCK_H

#include "kernel/core/base.h"

struct spinlock {
    uint32_t is_held;
};

/*
 * Mask interrupts and take the lock. Locks are not recursive.
 * Context: any. Returns: what spin_unlock_irq needs to put the interrupt mask back.
 */
uint64_t spin_lock_irq(struct spinlock *lock);

/* Release the lock and restore the interrupt mask. CHECKs that the lock is held. */
void spin_unlock_irq(struct spinlock *lock, uint64_t irq_state);

#endif
