/*
 * Driver and device in two threads that share nothing but memory, notifications and interrupts: made a second time with
 * the thread sanitizer, which finds a read or write that no barrier orders.
 * conformance: S0-06
 */
#include <errno.h>

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "tests/unit/vq_rig.h"

enum { BUFFER_COUNT = 20000, WAIT_S = 20, TEXT_BYTES = 32 };

struct two {
    struct rig *rig;
    sem_t notified;
    sem_t interrupted;
    bool is_late; /* the device waited for a notification that did not come */
};

/* Returns: false: nobody called in time. */
static bool
wait_for(sem_t *semaphore)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    int result;
    do {
        result = sem_timedwait(semaphore, &until);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* Each answer is its question, turned over. */
static void *
device_thread(void *user)
{
    struct two *two = user;
    struct vq *vq = &two->rig->vq;
    unsigned done_count = 0;
    while (done_count < BUFFER_COUNT) {
        struct vq_chain *chain = NULL;
        enum vq_result result = vq_pop(vq, &chain);
        if (result == VQ_OK) {
            uint8_t text[TEXT_BYTES] = { 0 };
            size_t bytes = vq_read(chain, 0, text, sizeof(text));
            for (size_t i = 0; i < bytes; i++) {
                text[i] = (uint8_t)~text[i];
            }
            vq_push(vq, chain, (uint32_t)vq_write(chain, 0, text, bytes));
            done_count++;
        }
        if ((result != VQ_OK || done_count % 3 == 0 || done_count == BUFFER_COUNT) &&
            vq_wants_interrupt(vq)) {
            (void)sem_post(&two->interrupted);
        }
        if (result == VQ_BROKEN || (result == VQ_EMPTY && !wait_for(&two->notified))) {
            two->is_late = true;
            break;
        }
    }
    return NULL;
}

static void
offer(struct two *two, unsigned number)
{
    unsigned slot = number % RIG_SLOT_COUNT;
    struct virtq_seg segs[2] = {
        {rig_slot_addr(slot),               TEXT_BYTES},
        { rig_slot_addr(slot) + TEXT_BYTES, TEXT_BYTES}
    };
    for (unsigned i = 0; i < TEXT_BYTES; i++) {
        *rig_byte(two->rig, segs[0].addr + i) = rig_pattern(number, i, false);
    }
    struct virtq_chain chain = { .segs = segs,
                                 .readable_count = 1,
                                 .writable_count = 1,
                                 .token = (void *)(uintptr_t)(number + 1) };
    EXPECT_EQ(virtq_add(&two->rig->hand->q, &chain), VIRTIO_OK);
}

static void
check_answer(const struct two *two, const struct virtq_done *done)
{
    unsigned number = (unsigned)(uintptr_t)done->token - 1;
    uint64_t addr = rig_slot_addr(number % RIG_SLOT_COUNT) + TEXT_BYTES;
    EXPECT_EQ(done->written_bytes, TEXT_BYTES);
    for (unsigned i = 0; i < TEXT_BYTES; i++) {
        EXPECT_EQ(*rig_byte(two->rig, addr + i), (uint8_t)~rig_pattern(number, i, false));
    }
}

static void
driver_loop(struct two *two)
{
    struct virtq *q = &two->rig->hand->q;
    unsigned added_count = 0;
    unsigned taken_count = 0;
    while (taken_count < BUFFER_COUNT) {
        struct virtq_done done;
        while (added_count < BUFFER_COUNT && virtq_free_count(q) >= 2) {
            offer(two, added_count++);
            if (added_count % 5 == 0 && virtq_notify(q)) {
                (void)sem_post(&two->notified);
            }
        }
        if (virtq_notify(q)) {
            (void)sem_post(&two->notified);
        }
        enum virtio_err result = virtq_take_used(q, &done);
        if (result == VIRTIO_EMPTY && !EXPECT_TRUE(wait_for(&two->interrupted))) {
            return;
        }
        if (result == VIRTIO_OK) {
            check_answer(two, &done);
            taken_count++;
        } else if (result != VIRTIO_EMPTY) {
            EXPECT_EQ(result, VIRTIO_OK);
            return;
        }
    }
}

static void
run_two(const struct rig_shape *shape)
{
    struct two two = { .rig = rig_new(shape) };
    pthread_t thread;
    EXPECT_EQ(sem_init(&two.notified, 0, 0), 0);
    EXPECT_EQ(sem_init(&two.interrupted, 0, 0), 0);
    EXPECT_EQ(pthread_create(&thread, NULL, device_thread, &two), 0);
    driver_loop(&two);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    EXPECT_FALSE(two.is_late);
    (void)sem_destroy(&two.notified);
    (void)sem_destroy(&two.interrupted);
    rig_free(two.rig);
}

/* User's view: a frame that stands still for ever, once in a week. */
UTEST(two_threads_lose_nothing_and_see_whole_buffers)
{
    for (unsigned bits = 0; bits < 8; bits++) {
        struct rig_shape shape = { .is_packed = (bits & 1) != 0,
                                   .is_indirect = (bits & 2) != 0,
                                   .has_event_idx = (bits & 4) != 0,
                                   .size = 16 };
        run_two(&shape);
    }
}
