/*
 * A machine that is paused and goes on, wherever its rings stand: nothing of the guest's may be gone.
 */
#define GPU_HOSTILE_GUEST "tests/qtest/gpu_far_guest.h"
#include "tests/qtest/gpu_far_hostile.h"

enum { ROUNDS = 66 /* so that each ring passes its first position once */ };

static const char *const words[] = { "--window", "1M", NULL };

static uint64_t
resets(void)
{
    return our_gpu_number(&guest.host, NULL, "\"reset_count\": ");
}

/* A packed ring is back where it began after as many descriptors as it has entries. */
UTEST(a_pause_is_no_reset_wherever_the_ring_stands)
{
    if (!far_can_begin() || !far_begin(words)) {
        return;
    }
    uint64_t before = resets();
    EXPECT_EQ(loop_create_2d(&guest, 5, 1, 16, 16), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 5, loop_rect(0, 0, 16, 16)), OK);
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)qemu_command(&guest.rig.qemu, "{\"execute\": \"stop\"}");
        (void)qemu_command(&guest.rig.qemu, "{\"execute\": \"cont\"}");
        EXPECT_EQ(loop_flush(&guest, 5, loop_rect(0, 0, 16, 16)), OK);
    }
    EXPECT_EQ(resets(), before);
    EXPECT_EQ(seen_resource(0), 5);
    far_end();
}
