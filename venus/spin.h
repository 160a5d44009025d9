/*
 * A lock for sections of some tens of instructions that hardly ever meet: half the price of a mutex, since giving it back is a
 * plain store.  Who meets another looks on, leaves him the processor, which he may need, and soon sleeps: a table that grows
 * takes milliseconds.
 */
#ifndef VENUS_SPIN_H
#define VENUS_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>

#include "venus/os.h"

#define VN_SPIN_PAUSES 100u
#define VN_SPIN_YIELDS 10u
#define VN_SPIN_NAP_NS 50000u

struct vn_spin {
    _Atomic bool is_held;
};

static inline void
vn_spin_lock(struct vn_spin *spin)
{
    unsigned count = 0;
    while (atomic_exchange_explicit(&spin->is_held, true, memory_order_acquire)) {
        count++;
        if (count < VN_SPIN_PAUSES) {
            vn_os_pause();
        } else if (count < VN_SPIN_PAUSES + VN_SPIN_YIELDS) {
            vn_os_yield();
        } else {
            vn_os_sleep_ns(VN_SPIN_NAP_NS);
        }
    }
}

static inline void
vn_spin_unlock(struct vn_spin *spin)
{
    atomic_store_explicit(&spin->is_held, false, memory_order_release);
}

#endif
