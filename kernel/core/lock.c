/* Spinlocks: see lock.h. */
#include "kernel/core/lock.h"

#include "kernel/arch/arch.h"
#include "kernel/core/check.h"

uint64_t
spin_lock_irq(struct spinlock *lock)
{
    uint64_t irq_state = arch_irq_save();

    /* Pairs with the release in spin_unlock_irq: what the last holder wrote is seen. */
    while (__atomic_exchange_n(&lock->is_held, 1, __ATOMIC_ACQUIRE) != 0) {
        arch_spin_hint();
    }
    return irq_state;
}

void
spin_unlock_irq(struct spinlock *lock, uint64_t irq_state)
{
    CHECK(__atomic_load_n(&lock->is_held, __ATOMIC_RELAXED) == 1);
    /* Pairs with the acquire in spin_lock_irq. */
    __atomic_store_n(&lock->is_held, 0, __ATOMIC_RELEASE);
    arch_irq_restore(irq_state);
}
