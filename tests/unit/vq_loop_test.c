/*
 * The real driver against the real device's queues in one process: both formats, indirect, event index, any order.
 * conformance: S0-06 S0-08
 */
#include "tests/unit/vq_rig.h"

enum { BYTES_PER_SEG = 16, LAPS_TURNS = 6000 };

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

struct play {
    struct rig *rig;
    uint32_t random;
    bool is_notified;    /* the device has been told and has not looked yet */
    bool is_interrupted; /* the driver likewise */
    unsigned next_slot;
    uint64_t taken_count;
    uint64_t added_count;
    unsigned shape_of
        [RIG_SLOT_COUNT]; /* readable and writable segments of the slot in flight: 16 * r + w; 0: free */
    struct vq_chain *held[1024];
    unsigned held_count;
};

/* The driver: one buffer more, its readable bytes filled. */
static bool
offer(struct play *play)
{
    unsigned slot = play->next_slot;
    unsigned readable_count = next_random(&play->random) % 4;
    unsigned writable_count = next_random(&play->random) % 3 + (readable_count == 0);
    struct virtq_seg segs[8];
    if (play->shape_of[slot] != 0) {
        return false;
    }
    for (unsigned i = 0; i < readable_count + writable_count; i++) {
        segs[i] =
            (struct virtq_seg){ rig_slot_addr(slot) + (uint64_t)i * BYTES_PER_SEG, BYTES_PER_SEG };
    }
    for (unsigned i = 0; i < readable_count * BYTES_PER_SEG; i++) {
        *rig_byte(play->rig, rig_slot_addr(slot) + i) = rig_pattern(slot, i, false);
    }
    struct virtq_chain chain = { .segs = segs,
                                 .readable_count = (uint16_t)readable_count,
                                 .writable_count = (uint16_t)writable_count,
                                 .token = (void *)(uintptr_t)(slot + 1) };
    if (virtq_add(&play->rig->hand->q, &chain) != VIRTIO_OK) {
        return false;
    }
    play->shape_of[slot] = readable_count * 16 + writable_count;
    play->next_slot = (slot + 1) % RIG_SLOT_COUNT;
    play->added_count++;
    return true;
}

/* The device: the slot's number is in its first address. */
static unsigned
slot_of(const struct vq_chain *chain)
{
    return (unsigned)((chain->pieces[0].guest_addr - RIG_BUFFERS_ADDR) / RIG_SLOT_BYTES);
}

static void
check_chain(struct play *play, const struct vq_chain *chain)
{
    uint8_t bytes[64] = { 0 };
    unsigned slot = slot_of(chain);
    EXPECT_EQ(chain->readable_count * 16 + chain->writable_count, play->shape_of[slot]);
    EXPECT_EQ(vq_read(chain, 0, bytes, sizeof(bytes)), chain->readable_count * BYTES_PER_SEG);
    for (unsigned i = 0; i < chain->readable_bytes; i++) {
        EXPECT_EQ(bytes[i], rig_pattern(slot, i, false));
    }
}

/* Gives back one of those held, not always the oldest, with as many bytes as its number says. */
static void
give_back(struct play *play, bool is_in_order)
{
    unsigned at = is_in_order ? 0 : next_random(&play->random) % play->held_count;
    struct vq_chain *chain = play->held[at];
    play->held_count--;
    for (unsigned i = at; i < play->held_count; i++) {
        play->held[i] = play->held[i + 1];
    }
    uint8_t answer[64];
    unsigned slot = slot_of(chain);
    for (unsigned i = 0; i < sizeof(answer); i++) {
        answer[i] = rig_pattern(slot, i, true);
    }
    size_t written_bytes = vq_write(chain, 0, answer, sizeof(answer));
    EXPECT_EQ(written_bytes, chain->writable_bytes);
    vq_push(&play->rig->vq, chain, (uint32_t)written_bytes);
}

static void
device_turn(struct play *play)
{
    struct vq *vq = &play->rig->vq;
    struct vq_chain *chain = NULL;
    enum vq_result result = VQ_EMPTY;
    if (play->is_notified) {
        play->is_notified = false;
        while ((result = vq_pop(vq, &chain)) == VQ_OK) {
            check_chain(play, chain);
            play->held[play->held_count++] = chain;
        }
        EXPECT_EQ(result, VQ_EMPTY);
    }
    for (unsigned left = next_random(&play->random) % 8; left > 0 && play->held_count > 0; left--) {
        give_back(play, vq->layout.is_in_order);
    }
    if (vq_wants_interrupt(vq)) {
        play->is_interrupted = true;
    }
}

static void
driver_turn(struct play *play)
{
    struct virtq *q = &play->rig->hand->q;
    struct virtq_done done;
    if (play->is_interrupted) {
        play->is_interrupted = false;
        while (virtq_take_used(q, &done) == VIRTIO_OK) {
            unsigned slot = (unsigned)(uintptr_t)done.token - 1;
            unsigned readable_bytes = play->shape_of[slot] / 16 * BYTES_PER_SEG;
            unsigned writable_bytes = play->shape_of[slot] % 16 * BYTES_PER_SEG;
            EXPECT_EQ(done.written_bytes, writable_bytes);
            for (unsigned i = 0; i < writable_bytes; i++) {
                EXPECT_EQ(*rig_byte(play->rig, rig_slot_addr(slot) + readable_bytes + i),
                          rig_pattern(slot, i, true));
            }
            play->shape_of[slot] = 0;
            play->taken_count++;
        }
    }
    for (unsigned left = next_random(&play->random) % 8; left > 0 && offer(play); left--) {
    }
    if (virtq_notify(q)) {
        play->is_notified = true;
    }
}

/* Nobody looks without having been told: a lost notification or interrupt ends it all with buffers left. */
static void
run_loop(const struct rig_shape *shape)
{
    struct play *play = calloc(1, sizeof(*play));
    play->rig = rig_new(shape);
    play->random = shape->size;
    for (unsigned turn = 0; turn < LAPS_TURNS; turn++) {
        driver_turn(play);
        device_turn(play);
    }
    EXPECT_FALSE(play->rig->hand->q.fault.rule != NULL);
    EXPECT_EQ(play->rig->vq.fault.rule, NULL);
    if (!EXPECT_TRUE(play->taken_count > LAPS_TURNS / 10)) {
        printf("        %d packed, %d indirect, %d event index, %d in order, size %u: %" PRIu64
               " of %" PRIu64 " came back\n",
               shape->is_packed, shape->is_indirect, shape->has_event_idx, shape->is_in_order,
               shape->size, play->taken_count, play->added_count);
    }
    EXPECT_TRUE(play->added_count - play->taken_count <= shape->size);
    while (play->held_count > 0) {
        vq_chain_forget(play->held[--play->held_count]);
    }
    rig_free(play->rig);
    free(play);
}

/* User's view: a frame, a key, a command is lost, and the screen stands still. */
UTEST(every_buffer_comes_back_with_its_bytes_whatever_was_agreed)
{
    static const uint16_t sizes[] = { 1, 2, 4, 8, 64, 256, 1024 };
    for (unsigned bits = 0; bits < 16; bits++) {
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct rig_shape shape = { .is_packed = (bits & 1) != 0,
                                       .is_indirect = (bits & 2) != 0,
                                       .has_event_idx = (bits & 4) != 0,
                                       .is_in_order = (bits & 8) != 0,
                                       .size = sizes[i] };
            if (sizes[i] >= 8 || shape.is_indirect) {
                run_loop(&shape);
            }
        }
    }
}
