/*
 * The table of objects: many, chosen by an enemy, and on several rings at once.
 *
 * conformance: S3-01 S3-02 S3-12 S3-13
 */
#include <pthread.h>

#include "tests/unit/venus_hostile.h"

#define OBJECT_COUNT 20000u
#define ROUNDS       2000
#define RING_COUNT   4

static struct vn_object *
add(struct venus *venus, struct vn_object *parent, uint64_t id)
{
    const struct vn_object like = {
        .id = id,
        .host = id,
        .type = VN_HANDLE_VkFence,
        .parent = parent,
    };
    const char *why = NULL;
    return vn_objects_add(venus, &like, &why);
}

static bool
claim(struct venus *venus, struct vn_object *object)
{
    return vn_objects_claim(&venus->objects, object, VN_HANDLE_VkFence, object->host);
}

static struct venus *
begin(void)
{
    const struct venus_config config = { .name = "objects" };
    struct venus *venus = NULL;
    EXPECT_EQ(venus_create(&config, &venus), VENUS_OK);
    return venus;
}

UTEST(objects_are_found_until_they_go)
{
    struct venus *venus = begin();
    for (uint64_t id = 1; id <= OBJECT_COUNT; id++) {
        EXPECT_TRUE(add(venus, NULL, id) != NULL);
    }
    for (uint64_t id = 1; id <= OBJECT_COUNT; id += 2) {
        vn_objects_remove(venus, vn_objects_find(&venus->objects, id));
    }
    uint32_t wrong_count = 0;
    for (uint64_t id = 1; id <= OBJECT_COUNT; id++) {
        wrong_count += (vn_objects_find(&venus->objects, id) != NULL) != (id % 2 == 0);
    }
    EXPECT_EQ(wrong_count, 0);
    EXPECT_EQ(venus->objects.live_count, OBJECT_COUNT / 2);
    venus_destroy(venus);
}

/* The inverse of an odd number, of 64 bits. */
static uint64_t
inverse_of(uint64_t number)
{
    uint64_t inverse = number;
    for (int i = 0; i < 6; i++) {
        inverse *= 2 - number * inverse;
    }
    return inverse;
}

/* Ids that fell into one slot of a table whose hash a client can compute. */
UTEST(no_client_can_crowd_one_slot)
{
    struct venus *venus = begin();
    const uint64_t inverse = inverse_of(0x9e3779b97f4a7c15u);
    uint64_t start_ns = vn_os_now_ns();
    for (uint64_t i = 1; i <= OBJECT_COUNT; i++) {
        EXPECT_TRUE(add(venus, NULL, ((i << 52) | (i >> 12)) * inverse) != NULL);
    }
    for (uint64_t i = 1; i <= OBJECT_COUNT; i++) {
        uint64_t id = ((i << 52) | (i >> 12)) * inverse;
        vn_objects_remove(venus, vn_objects_find(&venus->objects, id));
    }
    EXPECT_TRUE(vn_os_now_ns() - start_ns < 500000000u);
    EXPECT_EQ(venus->objects.live_count, 0);
    venus_destroy(venus);
}

UTEST(what_is_being_destroyed_gets_no_children)
{
    struct venus *venus = begin();
    struct vn_object *top = add(venus, NULL, 1);
    struct vn_object *middle = add(venus, top, 2);
    EXPECT_TRUE(claim(venus, top));
    EXPECT_FALSE(claim(venus, top));
    EXPECT_TRUE(add(venus, top, 3) == NULL);
    EXPECT_TRUE(add(venus, middle, 4) == NULL);
    vn_objects_remove(venus, top);
    EXPECT_TRUE(add(venus, middle, 5) == NULL); /* gone */
    EXPECT_FALSE(claim(venus, middle));
    EXPECT_EQ(venus->objects.live_count, 0);
    venus_destroy(venus);
}

/* One ring looked it up; another destroyed it, and made one that has its memory now. */
UTEST(an_object_that_took_anothers_place_is_not_destroyed_for_it)
{
    struct venus *venus = begin();
    struct vn_object *old = add(venus, NULL, 1);
    vn_objects_remove(venus, old);
    struct vn_object *young = add(venus, NULL, 2);
    EXPECT_TRUE(young == old);
    EXPECT_FALSE(vn_objects_claim(&venus->objects, old, VN_HANDLE_VkFence, 1));
    EXPECT_FALSE(vn_objects_claim(&venus->objects, old, VN_HANDLE_VkEvent, 2));
    EXPECT_FALSE(vn_objects_remove_lone(venus, old, VN_HANDLE_VkFence, 1));
    EXPECT_TRUE(vn_objects_find(&venus->objects, 2) == young);
    EXPECT_TRUE(claim(venus, young));
    venus_destroy(venus);
}

struct end_of_parent {
    struct venus *venus;
    struct vn_object *parent;
};

static void *
end_parent(void *argument)
{
    const struct end_of_parent *end = argument;
    EXPECT_TRUE(claim(end->venus, end->parent));
    vn_objects_remove(end->venus, end->parent);
    return NULL;
}

/* Until `id` is gone, or it is clear that it stays. */
static struct vn_object *
find_for_a_while(struct venus *venus, uint64_t id)
{
    struct vn_object *object = vn_objects_find(&venus->objects, id);
    for (int i = 0; object && i < 50; i++) {
        vn_os_sleep_ns(1000000);
        object = vn_objects_find(&venus->objects, id);
    }
    return object;
}

/* One ring is about to destroy a child; another destroys the parent meanwhile; a third adds what would take their memory. */
UTEST(what_a_ring_has_claimed_stays_until_it_takes_it_out_itself)
{
    struct venus *venus = begin();
    struct vn_object *parent = add(venus, NULL, 1);
    struct vn_object *child = add(venus, parent, 2);
    struct end_of_parent end = { venus, parent };
    pthread_t thread;
    EXPECT_TRUE(claim(venus, child));
    EXPECT_EQ(pthread_create(&thread, NULL, end_parent, &end), 0);
    EXPECT_TRUE(find_for_a_while(venus, 2) == child);
    for (uint64_t id = 3; id < 5; id++) {
        EXPECT_TRUE(add(venus, NULL, id) != NULL);
    }
    vn_objects_remove(venus, child);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    EXPECT_TRUE(vn_objects_find(&venus->objects, 1) == NULL);
    EXPECT_TRUE(vn_objects_find(&venus->objects, 2) == NULL);
    EXPECT_TRUE(vn_objects_find(&venus->objects, 3) != NULL);
    EXPECT_TRUE(vn_objects_find(&venus->objects, 4) != NULL);
    EXPECT_EQ(venus->objects.live_count, 2);
    venus_destroy(venus);
}

UTEST(what_is_cleared_stays_without_its_children)
{
    struct venus *venus = begin();
    struct vn_object *pool = add(venus, NULL, 1);
    EXPECT_TRUE(add(venus, pool, 2) != NULL && add(venus, pool, 3) != NULL);
    EXPECT_TRUE(vn_objects_clear(venus, pool, VN_HANDLE_VkFence, 1));
    EXPECT_EQ(venus->objects.live_count, 1);
    EXPECT_TRUE(add(venus, pool, 2) != NULL);
    EXPECT_TRUE(claim(venus, pool));
    EXPECT_FALSE(
        vn_objects_clear(venus, pool, VN_HANDLE_VkFence, 1)); /* another ring destroys it */
    vn_objects_remove(venus, pool);
    struct vn_object *other = add(venus, NULL, 4);
    while (other && other != pool) { /* until one has its memory */
        other = add(venus, NULL, other->id + 1);
    }
    EXPECT_TRUE(other && add(venus, other, 1000) != NULL);
    EXPECT_FALSE(vn_objects_clear(venus, pool, VN_HANDLE_VkFence, 1));
    EXPECT_TRUE(vn_objects_find(&venus->objects, 1000) != NULL);
    venus_destroy(venus);
}

struct ring {
    struct venus *venus;
    struct vn_object *parent;
    pthread_barrier_t *barrier;
    uint32_t number;
    uint32_t won_count;
};

/* All rings name the same object; then each has objects of its own under a common parent. */
static void *
run_ring(void *argument)
{
    struct ring *ring = argument;
    struct vn_objects *objects = &ring->venus->objects;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        if (ring->number == 0) {
            (void)add(ring->venus, ring->parent, 10 + round);
        }
        (void)pthread_barrier_wait(ring->barrier);
        struct vn_object *object = vn_objects_find(objects, 10 + round);
        (void)pthread_barrier_wait(ring->barrier);
        if (object && claim(ring->venus, object)) {
            vn_objects_remove(ring->venus, object);
            ring->won_count++;
        }
        (void)pthread_barrier_wait(ring->barrier);
        uint64_t own = ((uint64_t)ring->number + 1) << 32 | round;
        struct vn_object *mine = add(ring->venus, ring->parent, own);
        if (mine && round % 3) {
            vn_objects_remove(ring->venus, mine);
        }
    }
    return NULL;
}

UTEST(several_rings_destroy_one_object_once)
{
    struct venus *venus = begin();
    struct vn_object *parent = add(venus, NULL, 1);
    pthread_barrier_t barrier;
    pthread_t threads[RING_COUNT];
    struct ring rings[RING_COUNT];
    uint32_t won_count = 0;
    (void)pthread_barrier_init(&barrier, NULL, RING_COUNT);
    for (uint32_t i = 0; i < RING_COUNT; i++) {
        rings[i] = (struct ring){ venus, parent, &barrier, i, 0 };
        EXPECT_EQ(pthread_create(&threads[i], NULL, run_ring, &rings[i]), 0);
    }
    for (uint32_t i = 0; i < RING_COUNT; i++) {
        (void)pthread_join(threads[i], NULL);
        won_count += rings[i].won_count;
    }
    (void)pthread_barrier_destroy(&barrier);
    EXPECT_EQ(won_count, ROUNDS);
    vn_objects_remove(venus, parent);
    EXPECT_EQ(venus->objects.live_count, 0);
    venus_destroy(venus);
}
