/*
 * A front-end that has displays of its own: the guest gets their sizes and their EDID, and ours when it is silent.
 * A user sees the monitor of the window that he looks at; without an answer, the guest starts some seconds later.
 */
#include "tests/loop/loop_guest.h"
#include "tests/unit/utest.h"

enum {
    EDID = VIRTIO_GPU_RESP_OK_EDID,
    INFO = VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
    CONTROL = VIRTIO_GPU_CONTROLQ,
    EDID_BYTES = 128,
};

static const uint8_t theirs[EDID_BYTES] = { 0, 0xff, 0xff, 1, 2, 3 };
static struct loop_guest guest;

static void
begin(bool is_deaf)
{
    EXPECT_TRUE(loop_guest_begin(
        &guest,
        &(struct loop_guest_wish){ .scanout_count = 2, .edid = theirs, .is_map_deaf = is_deaf }));
}

static struct virtio_gpu_get_edid
get_edid(uint32_t scanout)
{
    return (struct virtio_gpu_get_edid){ .hdr = loop_header(VIRTIO_GPU_CMD_GET_EDID),
                                         .scanout = le32_from(scanout) };
}

static uint32_t
ask_edid(uint32_t scanout)
{
    const struct virtio_gpu_get_edid command = get_edid(scanout);
    return loop_guest_ask(&guest, &command, sizeof(command));
}

static bool
is_ours(unsigned scanout)
{
    uint8_t bytes[VIRTIO_GPU_EDID_BYTES_MAX];
    (void)gpu_edid(guest.host.gpu, scanout, bytes);
    return le32_get(guest.answer.edid.size) == EDID_BYTES &&
           memcmp(guest.answer.edid.edid, bytes, EDID_BYTES) == 0;
}

UTEST(the_front_ends_displays_are_the_guests)
{
    const struct virtio_gpu_ctrl_hdr get_info = loop_header(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    begin(false);
    EXPECT_EQ(loop_guest_ask(&guest, &get_info, sizeof(get_info)), INFO);
    EXPECT_EQ(le32_get(guest.answer.display_info.pmodes[0].r.width), 800);
    EXPECT_EQ(ask_edid(0), EDID);
    EXPECT_EQ(le32_get(guest.answer.edid.size), EDID_BYTES);
    EXPECT_MEMEQ(guest.answer.edid.edid, theirs, EDID_BYTES);
    EXPECT_EQ(ask_edid(1), EDID); /* of which the front-end has none */
    EXPECT_TRUE(is_ours(1));
    EXPECT_EQ(ask_edid(2), VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
    loop_guest_end(&guest);
}

UTEST(a_silent_front_end_leaves_the_guest_ours)
{
    begin(true);
    EXPECT_EQ(ask_edid(0), EDID);
    EXPECT_TRUE(is_ours(0));
    EXPECT_TRUE(loop_device_logged(&guest.host, "the front-end did not answer GET_EDID"));
    loop_guest_end(&guest);
}

UTEST(a_question_ends_with_the_driver_that_asked)
{
    const struct loop_guest_wish wish = { .scanout_count = 2, .edid = theirs };
    const struct virtio_gpu_get_edid command = get_edid(0);
    begin(true);
    (void)loop_guest_send(&guest, &command, sizeof(command));
    loop_device_turn(&guest.host, 5);
    uint64_t token = guest.host.display_token;
    EXPECT_TRUE(loop_guest_reset(&guest, &wish));
    gpu_display_told(guest.host.gpu, token, theirs, EDID_BYTES); /* too late for anybody */
    guest.host.config.is_map_deaf = false;
    EXPECT_EQ(ask_edid(0), EDID);
    EXPECT_MEMEQ(guest.answer.edid.edid, theirs, EDID_BYTES);
    loop_guest_end(&guest);
}

UTEST(an_answer_in_a_pause_is_kept)
{
    const struct virtio_gpu_get_edid command = get_edid(0);
    begin(true);
    (void)loop_guest_send(&guest, &command, sizeof(command));
    loop_device_turn(&guest.host, 5);
    gpu_queue_pause(guest.host.gpu, CONTROL);
    gpu_display_told(guest.host.gpu, guest.host.display_token, NULL, 0);
    gpu_queue_resume(guest.host.gpu, CONTROL);
    EXPECT_EQ(loop_guest_take(&guest, CONTROL, 1000), EDID);
    EXPECT_TRUE(is_ours(0));
    loop_guest_end(&guest);
}
