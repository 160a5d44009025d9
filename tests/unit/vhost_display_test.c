/*
 * QEMU's display of a vhost-user-gpu, played by hand: what it is told of pictures and cursors, and what it is asked.
 * A user sees both displays' pictures, the pointer where it is, and QEMU's own monitors in the guest.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "device/loop.h"
#include "device/vhost/display.h"
#include "device/vhost/wire.h"
#include "tests/unit/utest.h"
#include "tests/view/gpu_fake.h"

enum { TURN_NS = 2000000, PAYLOAD_BYTES_MAX = 20000, EDID_BYTES = 128 };

static struct {
    struct loop *loop;
    struct gpu *gpu;
    struct vhost_display *display;
    int qemu;
    uint32_t patience_ms; /* 0: GPU_WAIT_MS_MAX */
    unsigned said_count;
    char said[200];
    uint8_t payload[PAYLOAD_BYTES_MAX]; /* of the last message */
} rig;

static void
stop(void *user)
{
    (void)user;
    loop_stop(rig.loop);
}

static void
turn(void)
{
    struct loop_timer timer = { .on_late = stop };
    loop_timer_set(rig.loop, &timer, TURN_NS);
    EXPECT_EQ(loop_run(rig.loop), 0);
}

static void
on_say(void *user, const char *sentence)
{
    (void)user;
    rig.said_count++;
    (void)snprintf(rig.said, sizeof(rig.said), "%s", sentence);
}

static void
begin(void)
{
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    rig.said[0] = '\0';
    rig.said_count = 0;
    rig.loop = loop_create();
    rig.gpu = gpu_fake_create(2);
    rig.qemu = pair[0];
    rig.display = vhost_display_create(&(struct vhost_display_config){
        .loop = rig.loop,
        .gpu = rig.gpu,
        .fd = pair[1],
        .patience_ms = rig.patience_ms != 0 ? rig.patience_ms : GPU_WAIT_MS_MAX,
        .say = on_say });
    EXPECT_TRUE(rig.display != NULL);
}

static void
finish(void)
{
    vhost_display_destroy(rig.display);
    gpu_fake_destroy(rig.gpu);
    loop_destroy(rig.loop);
    (void)close(rig.qemu);
}

/* The next message, its payload in the rig.  Returns: its request; 0: there is none. */
static uint32_t
next(void)
{
    struct vhost_display_header header = { 0 };
    turn();
    if (recv(rig.qemu, &header, sizeof(header), MSG_DONTWAIT) != (ssize_t)sizeof(header)) {
        return 0;
    }
    EXPECT_TRUE(header.size_bytes <= sizeof(rig.payload));
    if (header.size_bytes != 0) {
        EXPECT_EQ(recv(rig.qemu, rig.payload, header.size_bytes, MSG_DONTWAIT), header.size_bytes);
    }
    return header.request;
}

static uint32_t
number(unsigned idx)
{
    uint32_t value;
    memcpy(&value, rig.payload + idx * sizeof(value), sizeof(value));
    return value;
}

static void
answer(uint32_t request, const void *payload, size_t size_bytes)
{
    const struct vhost_display_header header = { request, VHOST_REPLY, (uint32_t)size_bytes };
    EXPECT_EQ(send(rig.qemu, &header, sizeof(header), 0), sizeof(header));
    EXPECT_EQ(send(rig.qemu, payload, size_bytes, 0), size_bytes);
    turn();
}

static void
answer_sizes(unsigned plugged_count)
{
    struct virtio_gpu_resp_display_info info = { 0 };
    for (unsigned i = 0; i < plugged_count; i++) {
        info.pmodes[i].enabled = le32_from(1);
        info.pmodes[i].r.width = le32_from(800 + i);
        info.pmodes[i].r.height = le32_from(600);
    }
    answer(VHOST_DISPLAY_GET_DISPLAY_INFO, &info, sizeof(info));
}

static struct virtio_gpu_resp_edid
edid_response(void)
{
    struct virtio_gpu_resp_edid response = { .hdr.type = le32_from(VIRTIO_GPU_RESP_OK_EDID),
                                             .size = le32_from(EDID_BYTES) };
    memset(response.edid + 1, 0xff, 6);
    response.edid[20] = 0x42;
    response.edid[EDID_BYTES - 1] = (uint8_t) - (6 * 0xff + 0x42);
    return response;
}

/* From the first word to the sizes. */
static void
introduce(uint64_t features, unsigned plugged_count)
{
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_PROTOCOL_FEATURES);
    EXPECT_EQ(next(), 0);
    answer(VHOST_DISPLAY_GET_PROTOCOL_FEATURES, &features, sizeof(features));
    EXPECT_EQ(next(), VHOST_DISPLAY_SET_PROTOCOL_FEATURES);
    EXPECT_EQ(number(0), features & 1); /* of what is offered, what we use */
    EXPECT_EQ(number(1), 0);
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_DISPLAY_INFO);
    answer_sizes(plugged_count);
}

static bool
is_told(uint64_t token, bool has_edid)
{
    struct gpu_fake_told told = gpu_fake_told(rig.gpu);
    return told.token == token && told.has_edid == has_edid;
}

UTEST(qemus_features_and_sizes_are_asked_first)
{
    begin();
    introduce(3, 1);
    EXPECT_EQ(gpu_scanout(rig.gpu, 0)->display.width_px, 800);
    EXPECT_FALSE(gpu_scanout(rig.gpu, 1)->display.is_enabled);
    EXPECT_EQ(gpu_fake_display_count(rig.gpu), 1);
    EXPECT_TRUE(vhost_display_ask_sizes(rig.display, 7));
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_DISPLAY_INFO);
    EXPECT_TRUE(is_told(0, false));
    answer_sizes(2);
    EXPECT_EQ(gpu_scanout(rig.gpu, 1)->display.width_px, 801);
    EXPECT_TRUE(is_told(7, false));
    finish();
}

UTEST(qemus_edid_is_the_guests)
{
    struct virtio_gpu_resp_edid response = edid_response();
    begin();
    introduce(1, 1);
    EXPECT_FALSE(
        vhost_display_ask_edid(rig.display, 7, 1)); /* no such display: QEMU would be silent */
    EXPECT_TRUE(vhost_display_ask_edid(rig.display, 8, 0));
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_EDID);
    EXPECT_EQ(number(0), 0);
    answer(VHOST_DISPLAY_GET_EDID, &response, sizeof(response));
    struct gpu_fake_told told = gpu_fake_told(rig.gpu);
    EXPECT_EQ(told.token, 8);
    EXPECT_EQ(told.edid_bytes, EDID_BYTES);
    EXPECT_MEMEQ(told.edid, response.edid, EDID_BYTES);
    finish();
}

UTEST(a_guest_that_asks_before_qemu_has_said_anything_is_answered)
{
    static const struct {
        uint64_t features;
        unsigned plugged_count;
        bool is_qemus;
    } cases[] = {
        {1,  2, true },
        { 1, 1, false},
        { 0, 2, false}
    };
    struct virtio_gpu_resp_edid response = edid_response();
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin();
        EXPECT_TRUE(vhost_display_ask_edid(rig.display, 9, 1));
        introduce(cases[i].features, cases[i].plugged_count);
        EXPECT_TRUE(is_told(cases[i].is_qemus ? 0 : 9, false));
        EXPECT_EQ(next(), cases[i].is_qemus ? VHOST_DISPLAY_GET_EDID : 0);
        if (cases[i].is_qemus) {
            answer(VHOST_DISPLAY_GET_EDID, &response, sizeof(response));
            EXPECT_TRUE(is_told(9, true));
        }
        finish();
    }
}

UTEST(an_answer_that_is_no_edid_leaves_the_guest_ours)
{
    begin();
    introduce(1, 1);
    EXPECT_TRUE(vhost_display_ask_edid(rig.display, 5, 0));
    struct virtio_gpu_resp_edid response = edid_response();
    response.edid[21] ^= 1; /* its checksum is wrong now */
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_EDID);
    answer(VHOST_DISPLAY_GET_EDID, &response, sizeof(response));
    EXPECT_TRUE(is_told(5, false));
    EXPECT_CONTAINS(rig.said, "the guest gets ours");
    EXPECT_FALSE(vhost_display_ask_edid(rig.display, 6, 0)); /* and is not asked again */
    finish();
}

UTEST(sizes_of_edids_are_checked)
{
    static const uint32_t wrong[] = { 0, 127, 129, 1152, UINT32_MAX };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct virtio_gpu_resp_edid response = edid_response();
        response.size = le32_from(wrong[i]);
        begin();
        introduce(1, 1);
        EXPECT_TRUE(vhost_display_ask_edid(rig.display, 5, 0));
        EXPECT_EQ(next(), VHOST_DISPLAY_GET_EDID);
        answer(VHOST_DISPLAY_GET_EDID, &response, sizeof(response));
        EXPECT_TRUE(is_told(5, false));
        finish();
    }
}

/* The device gave a command up, and the guest's next one waits: the old answer is not the new one's. */
UTEST(an_answer_to_an_older_question_is_dropped)
{
    struct virtio_gpu_resp_edid response = edid_response();
    begin();
    introduce(1, 2);
    EXPECT_TRUE(vhost_display_ask_edid(rig.display, 5, 0));
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_EDID);
    EXPECT_TRUE(vhost_display_ask_edid(rig.display, 6, 1));
    EXPECT_EQ(next(), 0); /* one at a time */
    answer(VHOST_DISPLAY_GET_EDID, &response, sizeof(response));
    EXPECT_TRUE(is_told(0, false));
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_EDID);
    EXPECT_EQ(number(0), 1);
    EXPECT_TRUE(vhost_display_ask_sizes(rig.display, 7));
    answer(VHOST_DISPLAY_GET_EDID, &response, sizeof(response));
    EXPECT_TRUE(is_told(0, false));
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_DISPLAY_INFO);
    answer_sizes(2);
    EXPECT_TRUE(is_told(7, false));
    finish();
}

UTEST(a_question_is_answered_though_qemu_leaves_or_lies)
{
    for (unsigned way = 0; way < 3; way++) {
        begin();
        introduce(1, 1);
        EXPECT_TRUE(vhost_display_ask_edid(rig.display, 5, 0));
        EXPECT_EQ(next(), VHOST_DISPLAY_GET_EDID);
        if (way == 0) {
            answer_sizes(1); /* not what was asked */
            EXPECT_CONTAINS(rig.said, "which was not asked");
        } else if (way == 1) {
            (void)shutdown(rig.qemu, SHUT_RDWR);
            turn();
        } else {
            vhost_display_destroy(rig.display);
            rig.display = NULL;
        }
        EXPECT_TRUE(is_told(5, false));
        EXPECT_TRUE(rig.display == NULL || !vhost_display_ask_sizes(rig.display, 6));
        finish();
    }
}

/* A user whose QEMU hangs sees the guest's desktop go on, not 5 s for each question of it. */
UTEST(a_silent_display_is_waited_for_once)
{
    struct virtio_gpu_resp_edid response = edid_response();
    rig.patience_ms = 1; /* less than a turn */
    begin();
    rig.patience_ms = 0;
    introduce(1, 2);
    EXPECT_TRUE(vhost_display_ask_edid(rig.display, 5, 0)); /* nothing was owed before */
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_EDID);
    EXPECT_EQ(rig.said_count, 0);
    EXPECT_FALSE(vhost_display_ask_sizes(rig.display, 6));
    EXPECT_FALSE(vhost_display_ask_edid(rig.display, 7, 1));
    EXPECT_EQ(rig.said_count, 1);
    EXPECT_CONTAINS(rig.said, "is silent");
    EXPECT_EQ(next(), 0);
    answer(VHOST_DISPLAY_GET_EDID, &response, sizeof(response));
    EXPECT_TRUE(is_told(5, true)); /* which the device waits for no more; nothing for 6 and 7 */
    EXPECT_EQ(next(), 0);
    EXPECT_TRUE(vhost_display_ask_sizes(rig.display, 8));
    EXPECT_EQ(next(), VHOST_DISPLAY_GET_DISPLAY_INFO);
    answer_sizes(1);
    EXPECT_TRUE(is_told(8, false));
    EXPECT_FALSE(gpu_scanout(rig.gpu, 1)->display.is_enabled); /* what it says counts again */
    finish();
}

/* QEMU reads nothing either: the question is not even on its way. */
UTEST(a_display_that_reads_nothing_is_silent_too)
{
    rig.patience_ms = 1;
    begin();
    rig.patience_ms = 0;
    introduce(1, 2);
    gpu_fake_show(rig.gpu, 0, 1024, 1024); /* more than a socket holds */
    gpu_fake_draw(rig.gpu, 0, 0);
    EXPECT_TRUE(vhost_display_ask_edid(rig.display, 5, 0));
    turn();
    EXPECT_FALSE(vhost_display_ask_sizes(rig.display, 6));
    EXPECT_EQ(rig.said_count, 1);
    finish();
}

UTEST(each_display_has_its_own_picture)
{
    begin();
    introduce(1, 2);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t width_px = 8 - i;
        gpu_fake_show(rig.gpu, i, width_px, 4);
        EXPECT_EQ(next(),
                  VHOST_DISPLAY_SCANOUT); /* before its pixels: QEMU has no room for them yet */
        EXPECT_EQ(number(0), i);
        EXPECT_EQ(number(1), width_px);
        EXPECT_EQ(number(2), 4);
        EXPECT_EQ(next(), VHOST_DISPLAY_UPDATE);
        gpu_fake_draw(rig.gpu, i, i);
        EXPECT_EQ(next(), VHOST_DISPLAY_UPDATE);
        EXPECT_EQ(number(0), i);
        EXPECT_EQ(number(3), width_px);
        EXPECT_EQ(number(5 + width_px + 1), gpu_fake_pattern(i, 1, 1)); /* behind the rectangle */
    }
    gpu_fake_show(rig.gpu, 1, 0, 0);
    EXPECT_EQ(next(), VHOST_DISPLAY_SCANOUT);
    EXPECT_EQ(number(0), 1);
    EXPECT_EQ(number(1), 0);
    EXPECT_EQ(next(), 0);
    finish();
}

UTEST(the_cursor_is_told_image_place_and_end)
{
    begin();
    introduce(1, 2);
    gpu_fake_cursor(rig.gpu, 1, 30, 20, true, 0x80ff0000);
    EXPECT_EQ(next(), VHOST_DISPLAY_CURSOR_UPDATE);
    EXPECT_EQ(number(0), 1);
    EXPECT_EQ(number(1), 30);
    EXPECT_EQ(number(2), 20);
    EXPECT_EQ(number(5), 0x80ff0000); /* behind the hot spot */
    EXPECT_EQ(number(5 + 16), 0);
    gpu_fake_move_cursor(rig.gpu, 1, 31, 22);
    EXPECT_EQ(next(), VHOST_DISPLAY_CURSOR_POS);
    EXPECT_EQ(number(1), 31);
    EXPECT_EQ(number(2), 22);
    gpu_fake_cursor(rig.gpu, 1, 31, 22, false, 0);
    EXPECT_EQ(next(), VHOST_DISPLAY_CURSOR_POS_HIDE);
    EXPECT_EQ(number(0), 1);
    EXPECT_EQ(next(), 0);
    finish();
}
