/*
 * A guest for each rule of VirtIO 1.3 §5.7 that a driver can break (tests/loop/gpu_breaks.h): it gets what stands
 * there and a sentence is told, nothing else changes, and afterwards it and its other context are served as before.
 */
#include "tests/loop/gpu_breaks.h"
#include "tests/unit/gpu_device_hostile.h"

UTEST(each_rule_broken_gets_what_its_line_says)
{
    const struct loop_guest_wish wish = { .has_vulkan = true,
                                          .window_bytes = WINDOW,
                                          .scanout_count = 2 };
    for (unsigned i = 0; i < RULE_COUNT; i++) {
        EXPECT_TRUE(loop_guest_begin(&guest, &wish));
        prepare();
        break_rule(i);
        loop_guest_end(&guest);
    }
}

/* A queue that is broken stays so until the driver begins anew; the other one is served meanwhile. */
UTEST(a_broken_queue_is_told_once)
{
    const struct loop_guest_wish wish = { .has_vulkan = true, .scanout_count = 2 };
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    prepare();
    const struct virtq_seg nowhere = { 0x10, 64 };
    const struct virtq_chain chain = { .segs = &nowhere, .readable_count = 1, .token = &guest };
    EXPECT_EQ(virtq_add(&guest.queues[0], &chain), VIRTIO_OK);
    (void)virtq_notify(&guest.queues[0]);
    loop_device_turn(&guest.host, 5);
    EXPECT_EQ(guest.host.problem_count, 1);
    EXPECT_TRUE(loop_device_logged(&guest.host, "the guest broke queue 0: "));
    EXPECT_EQ(cursor(0), OK);
    EXPECT_TRUE(loop_guest_reset(&guest, &wish));
    prepare();
    check_served();
    EXPECT_EQ(virtq_add(&guest.queues[0], &chain), VIRTIO_OK);
    (void)virtq_notify(&guest.queues[0]);
    loop_device_turn(&guest.host, 5);
    EXPECT_EQ(guest.host.problem_count, 1); /* within the same second */
    loop_guest_end(&guest);
}
