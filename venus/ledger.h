/*
 * What a context holds of the machine's memory: bytes by kind, the peak, the limit.
 *
 * Charged before memory is asked for, so that a context which is over its limit gets an honest Vulkan error and the machine is
 * left in peace.  Every function may be called from any thread, without a lock.
 */
#ifndef VENUS_LEDGER_H
#define VENUS_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "venus/text.h"
#include "venus/venus.h"

enum vn_ledger_kind {
    VN_LEDGER_DEVICE, /* VkDeviceMemory that clients cannot map */
    VN_LEDGER_MAPPED, /* VkDeviceMemory that they can */
    VN_LEDGER_SHM,    /* rings, replies and command streams */
    VN_LEDGER_KIND_COUNT,
};

struct vn_ledger_line {
    _Atomic uint64_t live_bytes;
    _Atomic uint64_t live_count;
    _Atomic uint64_t made_count; /* ever */
};

struct vn_ledger {
    uint64_t limit_bytes;              /* of all kinds together */
    const struct venus_config *config; /* whose on_take is asked, too; NULL: nobody is */
    _Atomic uint64_t live_bytes;
    _Atomic uint64_t peak_bytes;
    _Atomic uint64_t refused_count; /* how often the limit was met */
    struct vn_ledger_line lines[VN_LEDGER_KIND_COUNT];
};

void vn_ledger_init(struct vn_ledger *ledger, uint64_t limit_bytes);

/*
 * Charges `bytes`.
 * Returns: VENUS_OK; VENUS_NO_MEMORY when the limit would be passed, or one that is shared with others (nothing changed but the
 * count of refusals).
 */
enum venus_status
vn_ledger_take(struct vn_ledger *ledger, enum vn_ledger_kind kind, uint64_t bytes);

/* Gives back what one vn_ledger_take charged. */
void vn_ledger_give_back(struct vn_ledger *ledger, enum vn_ledger_kind kind, uint64_t bytes);

/*
 * A charge that lasts as long as anybody has the memory: a VkDeviceMemory and the resources of it are one memory, which is
 * charged once, until the last of them is gone.
 */
struct vn_charge {
    struct vn_ledger *ledger;
    enum vn_ledger_kind kind;
    uint64_t bytes;
    atomic_uint use_count;
};

/* Charges, held for the caller.  Returns: NULL when a limit would be passed, or the host is short. */
struct vn_charge *
vn_charge_take(struct vn_ledger *ledger, enum vn_ledger_kind kind, uint64_t bytes);

/* One more holder.  charge: NULL is allowed, and given back. */
struct vn_charge *vn_charge_hold(struct vn_charge *charge);

/* Lets go, once the memory is: the last one gives it back to the ledger.  charge: NULL is allowed. */
void vn_charge_put(struct vn_charge *charge);

/* How much may still be charged. */
uint64_t vn_ledger_left_bytes(const struct vn_ledger *ledger);

/* Adds one line of text per kind and one for the whole, or one JSON object. */
void vn_ledger_print(const struct vn_ledger *ledger, bool as_json, struct vn_text *to);

#endif
