/*
 * vtest_sync.c - one lock over all: these messages are rare (Mesa's Venus client sends none of them today).
 */
#include "device/vtest_sync.h"

#include <stdlib.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "device/clock.h"

enum {
    SYNC_COUNT_MAX = 65536,
    WAIT_COUNT_MAX = 1024,
    WAIT_SYNC_COUNT_MAX = 4096,
    FENCE_COUNT_MAX = 65536,
};

struct sync {
    uint64_t value;
    uint32_t reference_count; /* the client's, and one of each wait and fence */
};

struct point {
    struct sync *sync;
    uint64_t value;
};

struct wait {
    struct wait *next;
    uint64_t deadline_ns; /* UINT64_MAX: never */
    int fd;               /* our end of a pipe */
    bool is_any;
    uint32_t point_count;
    struct point points[];
};

struct fence {
    struct fence *next;
    uint64_t id;
    uint32_t ring_idx;
    uint32_t point_count;
    struct point points[];
};

struct vtest_syncs {
    pthread_mutex_t lock;
    struct sync **syncs; /* by id - 1; NULL: gone */
    uint32_t slot_count;
    uint32_t sync_count;
    uint32_t wait_count;
    uint32_t fence_count;
    uint64_t last_fence_id;
    struct wait *waits;
    struct fence *fences; /* the oldest first */
    struct fence **fences_end;
};

static void
release(struct sync *sync)
{
    sync->reference_count--;
    if (sync->reference_count == 0) {
        free(sync);
    }
}

static void
release_points(const struct point *points, uint32_t point_count)
{
    for (uint32_t i = 0; i < point_count; i++) {
        release(points[i].sync);
    }
}

static struct sync *
find(const struct vtest_syncs *syncs, uint32_t id, struct fault *fault)
{
    struct sync *sync = id > 0 && id <= syncs->slot_count ? syncs->syncs[id - 1] : NULL;
    if (sync == NULL) {
        (void)refuse(fault, "there is no sync %u", id);
    }
    return sync;
}

/* Takes references of all the syncs, or of none. */
static bool
find_points(const struct vtest_syncs *syncs, const uint32_t *words, struct point *points,
            uint32_t point_count, struct fault *fault)
{
    for (uint32_t i = 0; i < point_count; i++) {
        const uint32_t *word = words + (size_t)i * VTEST_SYNC_DWORDS;
        struct sync *sync = find(syncs, word[0], fault);
        if (sync == NULL) {
            release_points(points, i);
            return false;
        }
        sync->reference_count++;
        points[i] = (struct point){ sync, vtest_u64(word + 1) };
    }
    return true;
}

static bool
is_fulfilled(const struct wait *wait)
{
    uint32_t reached_count = 0;
    for (uint32_t i = 0; i < wait->point_count; i++) {
        reached_count += wait->points[i].sync->value >= wait->points[i].value;
    }
    return reached_count == wait->point_count || (wait->is_any && reached_count > 0);
}

static void
finish_wait(struct wait *wait)
{
    (void)close(wait->fd);
    release_points(wait->points, wait->point_count);
    free(wait);
}

/*
 * Our end has flags of its own, so that no client can make us wait.  A byte, and not its closing alone: Mesa's client takes an
 * end that is hung up and not readable for a lost device.
 */
static void
wake(const struct wait *wait)
{
    static const char byte = 1;
    (void)!write(wait->fd, &byte, 1);
}

/* Until then our end stays open, as its closing would wake who still waits. */
static bool
has_left(const struct wait *wait)
{
    struct pollfd end = { .fd = wait->fd };
    return poll(&end, 1, 0) == 1 && (end.revents & POLLERR) != 0;
}

/* After values have changed: wakes whom it concerns, drops whose time is over. */
static void
review_waits(struct vtest_syncs *syncs)
{
    uint64_t now = clock_now_ns();
    struct wait **link = &syncs->waits;
    while (*link != NULL) {
        struct wait *wait = *link;
        bool is_done = is_fulfilled(wait);
        if (is_done) {
            wake(wait);
        }
        if (is_done || (wait->deadline_ns <= now && has_left(wait))) {
            *link = wait->next;
            syncs->wait_count--;
            finish_wait(wait);
        } else {
            link = &wait->next;
        }
    }
}

struct vtest_syncs *
vtest_syncs_create(void)
{
    struct vtest_syncs *syncs = calloc(1, sizeof(*syncs));
    if (syncs != NULL) {
        (void)pthread_mutex_init(&syncs->lock, NULL);
        syncs->fences_end = &syncs->fences;
    }
    return syncs;
}

static void
finish_fence(struct fence *fence)
{
    release_points(fence->points, fence->point_count);
    free(fence);
}

void
vtest_syncs_destroy(struct vtest_syncs *syncs)
{
    if (syncs == NULL) {
        return;
    }
    for (struct wait *next, *wait = syncs->waits; wait != NULL; wait = next) {
        next = wait->next;
        finish_wait(wait);
    }
    for (struct fence *next, *fence = syncs->fences; fence != NULL; fence = next) {
        next = fence->next;
        finish_fence(fence);
    }
    for (uint32_t i = 0; i < syncs->slot_count; i++) {
        if (syncs->syncs[i] != NULL) {
            release(syncs->syncs[i]);
        }
    }
    free(syncs->syncs);
    (void)pthread_mutex_destroy(&syncs->lock);
    free(syncs);
}

/* Index of an unused slot; slot_count when there is none and none can be made. */
static uint32_t
free_slot(struct vtest_syncs *syncs)
{
    for (uint32_t i = 0; i < syncs->slot_count && syncs->sync_count < syncs->slot_count; i++) {
        if (syncs->syncs[i] == NULL) {
            return i;
        }
    }
    uint32_t slot_count = syncs->slot_count > 0 ? syncs->slot_count * 2 : 16;
    struct sync **slots = reallocarray(syncs->syncs, slot_count, sizeof(struct sync *));
    if (slots == NULL) {
        return syncs->slot_count;
    }
    uint32_t first = syncs->slot_count;
    for (uint32_t i = first; i < slot_count; i++) {
        slots[i] = NULL;
    }
    syncs->syncs = slots;
    syncs->slot_count = slot_count;
    return first;
}

static bool
create_locked(struct vtest_syncs *syncs, uint64_t value, uint32_t *id, struct fault *fault)
{
    if (syncs->sync_count >= SYNC_COUNT_MAX) {
        return refuse(fault, "there are %u syncs already, the most is %u", syncs->sync_count,
                      SYNC_COUNT_MAX);
    }
    uint32_t slot = free_slot(syncs);
    struct sync *sync = calloc(1, sizeof(*sync));
    if (slot >= syncs->slot_count || sync == NULL) {
        free(sync);
        return refuse(fault, "there is no memory for a sync");
    }
    *sync = (struct sync){ value, 1 };
    syncs->syncs[slot] = sync;
    syncs->sync_count++;
    *id = slot + 1;
    return true;
}

bool
vtest_sync_create(struct vtest_syncs *syncs, uint64_t value, uint32_t *id, struct fault *fault)
{
    (void)pthread_mutex_lock(&syncs->lock);
    bool is_made = create_locked(syncs, value, id, fault);
    (void)pthread_mutex_unlock(&syncs->lock);
    return is_made;
}

bool
vtest_sync_unref(struct vtest_syncs *syncs, uint32_t id, struct fault *fault)
{
    (void)pthread_mutex_lock(&syncs->lock);
    struct sync *sync = find(syncs, id, fault);
    if (sync != NULL) {
        syncs->syncs[id - 1] = NULL;
        syncs->sync_count--;
        release(sync);
    }
    (void)pthread_mutex_unlock(&syncs->lock);
    return sync != NULL;
}

bool
vtest_sync_read(struct vtest_syncs *syncs, uint32_t id, uint64_t *value, struct fault *fault)
{
    (void)pthread_mutex_lock(&syncs->lock);
    const struct sync *sync = find(syncs, id, fault);
    if (sync != NULL) {
        *value = sync->value;
    }
    (void)pthread_mutex_unlock(&syncs->lock);
    return sync != NULL;
}

bool
vtest_sync_write(struct vtest_syncs *syncs, uint32_t id, uint64_t value, struct fault *fault)
{
    (void)pthread_mutex_lock(&syncs->lock);
    struct sync *sync = find(syncs, id, fault);
    if (sync != NULL) {
        sync->value = value;
        review_waits(syncs);
    }
    (void)pthread_mutex_unlock(&syncs->lock);
    return sync != NULL;
}

static struct wait *
make_wait(const struct vtest_syncs *syncs, const struct vtest_message *message, struct fault *fault)
{
    uint32_t point_count = (message->dword_count - 2) / VTEST_SYNC_DWORDS;
    uint32_t timeout_ms = message->payload[1];
    if (point_count > WAIT_SYNC_COUNT_MAX || syncs->wait_count >= WAIT_COUNT_MAX) {
        (void)refuse(fault, "SYNC_WAIT for %u syncs while %u waits go on, the most is %u and %u",
                     point_count, syncs->wait_count, WAIT_SYNC_COUNT_MAX, WAIT_COUNT_MAX);
        return NULL;
    }
    struct wait *wait = calloc(1, sizeof(*wait) + point_count * sizeof(struct point));
    if (wait == NULL) {
        (void)refuse(fault, "there is no memory for a wait");
        return NULL;
    }
    if (!find_points(syncs, message->payload + 2, wait->points, point_count, fault)) {
        free(wait);
        return NULL;
    }
    wait->point_count = point_count;
    wait->is_any = (message->payload[0] & VTEST_WAIT_ANY) != 0;
    wait->deadline_ns =
        timeout_ms == UINT32_MAX ? UINT64_MAX : clock_now_ns() + (uint64_t)timeout_ms * 1000000;
    return wait;
}

/* The client gets one end of a pipe and the wait the other: each has its own flags, and may close its own. */
static bool
open_wait(struct vtest_syncs *syncs, struct wait *wait, int *fd, struct fault *fault)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        release_points(wait->points, wait->point_count);
        free(wait);
        return refuse(fault, "there is no file descriptor for a wait");
    }
    *fd = ends[0];
    wait->fd = ends[1];
    wait->next = syncs->waits;
    syncs->waits = wait;
    syncs->wait_count++;
    review_waits(syncs);
    return true;
}

bool
vtest_sync_wait(struct vtest_syncs *syncs, const struct vtest_message *message, int *fd,
                struct fault *fault)
{
    (void)pthread_mutex_lock(&syncs->lock);
    review_waits(syncs);
    struct wait *wait = make_wait(syncs, message, fault);
    bool is_begun = wait != NULL && open_wait(syncs, wait, fd, fault);
    (void)pthread_mutex_unlock(&syncs->lock);
    return is_begun;
}

static bool
add_locked(struct vtest_syncs *syncs, const struct vtest_batch *batch, uint64_t *fence_id,
           struct fault *fault)
{
    if (syncs->fence_count >= FENCE_COUNT_MAX) {
        return refuse(fault, "there are %u fences in flight, the most is %u", syncs->fence_count,
                      FENCE_COUNT_MAX);
    }
    struct fence *fence =
        calloc(1, sizeof(*fence) + (size_t)batch->sync_count * sizeof(struct point));
    if (fence == NULL) {
        return refuse(fault, "there is no memory for a fence");
    }
    if (!find_points(syncs, batch->syncs, fence->points, batch->sync_count, fault)) {
        free(fence);
        return false;
    }
    fence->point_count = batch->sync_count;
    fence->ring_idx = batch->ring_idx;
    fence->id = ++syncs->last_fence_id;
    *syncs->fences_end = fence;
    syncs->fences_end = &fence->next;
    syncs->fence_count++;
    *fence_id = fence->id;
    return true;
}

bool
vtest_fence_add(struct vtest_syncs *syncs, const struct vtest_batch *batch, uint64_t *fence_id,
                struct fault *fault)
{
    (void)pthread_mutex_lock(&syncs->lock);
    bool is_added = add_locked(syncs, batch, fence_id, fault);
    (void)pthread_mutex_unlock(&syncs->lock);
    return is_added;
}

static void
raise_syncs(const struct fence *fence)
{
    for (uint32_t i = 0; i < fence->point_count; i++) {
        const struct point *point = &fence->points[i];
        if (point->sync->value < point->value) {
            point->sync->value = point->value;
        }
    }
}

void
vtest_fence_retire(struct vtest_syncs *syncs, uint32_t ring_idx, uint64_t fence_id)
{
    (void)pthread_mutex_lock(&syncs->lock);
    struct fence **link = &syncs->fences;
    while (*link != NULL) {
        struct fence *fence = *link;
        if (fence->ring_idx != ring_idx || fence->id > fence_id) {
            link = &fence->next;
            continue;
        }
        raise_syncs(fence);
        *link = fence->next;
        syncs->fence_count--;
        finish_fence(fence);
    }
    syncs->fences_end = link;
    review_waits(syncs);
    (void)pthread_mutex_unlock(&syncs->lock);
}
