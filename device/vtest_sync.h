/*
 * vtest_sync.h - vtest's sync objects: 64-bit values that fences raise and clients wait for.
 *
 *      SYNC_CREATE ─▶ sync ◀─ value ── fence of a batch, SYNC_WRITE
 *                      ▲
 *      SYNC_WAIT ── wait { any of, all of } ─▶ pipe that becomes readable
 *
 * A wait whose time ran out is dropped without a word when the client has closed its end: its own poll has the same limit.
 */
#ifndef DEVICE_VTEST_SYNC_H
#define DEVICE_VTEST_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "device/vtest_message.h"

struct vtest_syncs;

/* Returns: NULL when memory is short. */
struct vtest_syncs *vtest_syncs_create(void);

/* syncs: NULL is allowed. */
void vtest_syncs_destroy(struct vtest_syncs *syncs);

/* All of these: context: any thread.  Returns: true; false and *fault (no such sync, too many, memory is short). */
bool
vtest_sync_create(struct vtest_syncs *syncs, uint64_t value, uint32_t *id, struct fault *fault);
bool vtest_sync_unref(struct vtest_syncs *syncs, uint32_t id, struct fault *fault);
bool vtest_sync_read(struct vtest_syncs *syncs, uint32_t id, uint64_t *value, struct fault *fault);
bool vtest_sync_write(struct vtest_syncs *syncs, uint32_t id, uint64_t value, struct fault *fault);

/*
 * Begins a wait.  message: an accepted SYNC_WAIT.  Whoever made the syncs ignores SIGPIPE.
 * Returns: true and *fd (the caller's), readable as soon as the wait is fulfilled; false and *fault.
 */
bool vtest_sync_wait(struct vtest_syncs *syncs, const struct vtest_message *message, int *fd,
                     struct fault *fault);

/*
 * Keeps the syncs of a batch until its fence retires.
 * Returns: true and *fence_id; false and *fault.
 */
bool vtest_fence_add(struct vtest_syncs *syncs, const struct vtest_batch *batch, uint64_t *fence_id,
                     struct fault *fault);

/* Raises the syncs of this fence and of all earlier ones of its timeline. */
void vtest_fence_retire(struct vtest_syncs *syncs, uint32_t ring_idx, uint64_t fence_id);

#endif
