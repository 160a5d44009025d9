/*
 * The cursor's queue knows no timelines: a fence of one would outlive the queue, which stops and starts by itself.
 */
#include <sys/socket.h>

#include "tests/fake/venus_fake.h"
#include "tests/loop/loop_guest.h"
#include "tests/unit/gpu_device_answers.h"
#include "tests/unit/utest.h"

static struct loop_guest guest;
static const uint32_t release_words[2] = { FAKE_RELEASE, 1 };

static void
fence_by_the_cursor_queue(void)
{
    struct virtio_gpu_update_cursor command = { .hdr = loop_fenced(1, 1, 77) };
    command.hdr.type = le32_from(VIRTIO_GPU_CMD_MOVE_CURSOR);
    (void)loop_guest_send_to(&guest, VIRTIO_GPU_CURSORQ, &command, sizeof(command));
    loop_device_turn(&guest.host, 50);
}

static void
release_the_timeline(void)
{
    (void)loop_send_stream(&guest, loop_header_of(0, 1), release_words, 2);
    (void)loop_guest_take(&guest, 0, 5000);
    loop_device_turn(&guest.host, 300);
}

UTEST(a_timeline_asked_for_by_the_cursor_queue_is_none)
{
    EXPECT_TRUE(loop_guest_begin(&guest, &(struct loop_guest_wish){ .has_vulkan = true }));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    fence_by_the_cursor_queue();
    EXPECT_EQ(guest.host.vqs[VIRTIO_GPU_CURSORQ].in_flight_count, 0); /* answered at once */
    release_the_timeline();
    loop_guest_end(&guest);
}

UTEST(a_cursor_queue_that_stops_alone_leaves_nothing_behind)
{
    EXPECT_TRUE(loop_guest_begin(&guest, &(struct loop_guest_wish){ .has_vulkan = true }));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    fence_by_the_cursor_queue();
    struct vq *vq = &guest.host.vqs[VIRTIO_GPU_CURSORQ];
    struct vq_layout layout = vq->layout;
    gpu_queue_stop(guest.host.gpu, VIRTIO_GPU_CURSORQ);
    (void)vq_stop(vq);
    EXPECT_TRUE(vq_start(vq, &guest.host.guest, &layout) == NULL);
    gpu_set_queue(guest.host.gpu, VIRTIO_GPU_CURSORQ, vq);
    release_the_timeline();
    loop_guest_end(&guest);
}
