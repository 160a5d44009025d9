/*
 * The device's end of a viewer: who is slow, silly or gone never costs the device more than a picture.
 */
#include <stdlib.h>

#include <fcntl.h>
#include <sys/socket.h>

#include "device/loop.h"
#include "device/packet.h"
#include "device/view/picture.h"
#include "device/view/view.h"
#include "device/view/view_wire.h"
#include "tests/unit/utest.h"
#include "tests/view/gpu_fake.h"

static struct {
    struct loop *loop;
    struct gpu *gpu;
    struct view *view;
    int fd; /* the viewer's end */
    unsigned problem_count;
    char problem[160];
} rig;

static void
stop(void *user)
{
    (void)user;
    loop_stop(rig.loop);
}

static void
run_loop(unsigned ms)
{
    struct loop_timer timer = { .on_late = stop };
    loop_timer_set(rig.loop, &timer, (uint64_t)ms * 1000000);
    EXPECT_EQ(loop_run(rig.loop), 0);
}

static void
on_problem(void *user, const char *sentence)
{
    (void)user;
    (void)snprintf(rig.problem, sizeof(rig.problem), "%s", sentence);
    rig.problem_count++;
}

static void
begin(unsigned scanout_count)
{
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    EXPECT_EQ(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    rig.fd = fds[1];
    rig.problem_count = 0;
    rig.problem[0] = '\0';
    rig.loop = loop_create();
    rig.gpu = gpu_fake_create(scanout_count);
    rig.view = view_create(&(struct view_config){
        .loop = rig.loop,
        .gpu = rig.gpu,
        .fd = fds[0],
        .on_problem = on_problem,
    });
    EXPECT_TRUE(rig.view != NULL);
}

static void
finish(void)
{
    view_destroy(rig.view);
    gpu_fake_destroy(rig.gpu);
    loop_destroy(rig.loop);
    (void)close(rig.fd);
}

/* The next message of a kind, kind 0 when there is none; others are skipped.  fd: of a picture. */
static struct view_message
next(uint32_t kind, int *fd)
{
    static uint8_t bytes[sizeof(struct view_message) + VIEW_CURSOR_BYTES];
    struct view_message message = { 0 };
    struct packet packet;
    *fd = -1;
    while (packet_receive(rig.fd, bytes, sizeof(bytes), &packet) == PACKET_GOT) {
        memcpy(&message, bytes, sizeof(message));
        if (message.kind == kind) {
            *fd = packet.fd_count == 1 ? packet.fds[0] : -1;
            return message;
        }
        packet_close_fds(&packet);
    }
    return (struct view_message){ 0 };
}

static void
say(uint32_t kind, uint32_t scanout_idx, uint32_t width_px, uint32_t height_px)
{
    const struct view_message message = {
        .kind = kind,
        .scanout_idx = scanout_idx,
        .width_px = width_px,
        .height_px = height_px,
    };
    EXPECT_EQ(packet_send(rig.fd, &message, sizeof(message), -1), 0);
    run_loop(3);
}

/* The picture that the viewer gets next, mapped and taken. */
static bool
take_picture(struct picture *picture)
{
    int fd;
    struct view_message message = next(VIEW_PICTURE, &fd);
    bool is_right =
        EXPECT_EQ(message.kind, VIEW_PICTURE) &&
        EXPECT_TRUE(picture_open(picture, fd, message.width_px, message.height_px) == NULL);
    say(VIEW_TAKEN, 0, 0, 0);
    return is_right;
}

static bool
is_damage(uint32_t x, uint32_t y, uint32_t width_px, uint32_t height_px)
{
    int fd;
    struct view_message message = next(VIEW_DAMAGE, &fd);
    return EXPECT_EQ(message.kind, VIEW_DAMAGE) && EXPECT_EQ(message.x, x) &&
           EXPECT_EQ(message.y, y) && EXPECT_EQ(message.width_px, width_px) &&
           EXPECT_EQ(message.height_px, height_px);
}

static bool
has_no_damage(void)
{
    int fd;
    return EXPECT_EQ(next(VIEW_DAMAGE, &fd).kind, 0);
}

UTEST(a_picture_and_its_pixels_reach_the_viewer)
{
    begin(1);
    struct picture picture;
    int fd;
    EXPECT_EQ(next(VIEW_CURSOR, &fd).kind, VIEW_CURSOR);
    gpu_fake_show(rig.gpu, 0, 64, 32);
    if (take_picture(&picture)) {
        EXPECT_TRUE(is_damage(0, 0, 64, 32));
        say(VIEW_TAKEN, 0, 0, 0);
        gpu_fake_draw(rig.gpu, 0, 5);
        EXPECT_TRUE(is_damage(0, 0, 64, 32));
        EXPECT_MEMEQ(picture.pixels, gpu_fake_pixels(rig.gpu, 0), (size_t)64 * 32 * 4);
        picture_finish(&picture);
    }
    finish();
}

UTEST(a_busy_viewers_picture_is_left_alone_and_its_news_are_merged)
{
    begin(1);
    struct picture picture;
    gpu_fake_show(rig.gpu, 0, 64, 32);
    if (!take_picture(&picture) || !is_damage(0, 0, 64, 32)) {
        return;
    }
    gpu_fake_draw(rig.gpu, 0, 1); /* not told: the viewer copies */
    EXPECT_EQ(picture.pixels[2], 0);
    EXPECT_TRUE(has_no_damage());
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_TRUE(is_damage(0, 0, 64, 32));
    gpu_fake_flush(rig.gpu, 0, &(struct gpu_rect){ 3, 4, 2, 2 });
    gpu_fake_flush(rig.gpu, 0, &(struct gpu_rect){ 10, 1, 5, 4 });
    EXPECT_TRUE(has_no_damage());
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_TRUE(is_damage(3, 1, 12, 5));
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_TRUE(has_no_damage());
    picture_finish(&picture);
    finish();
}

/* The guest shows a picture of 64 x 32, and the viewer has taken it. */
static void
show_first(void)
{
    struct picture picture = { .fd = -1 };
    gpu_fake_show(rig.gpu, 0, 64, 32);
    EXPECT_TRUE(take_picture(&picture));
    picture_finish(&picture);
    EXPECT_TRUE(is_damage(0, 0, 64, 32));
    say(VIEW_TAKEN, 0, 0, 0);
}

UTEST(only_a_new_size_is_a_new_picture)
{
    begin(1);
    struct picture picture = { .fd = -1 };
    int fd;
    show_first();
    gpu_fake_show(rig.gpu, 0, 64, 32); /* another resource, as in page flips */
    EXPECT_EQ(next(VIEW_PICTURE, &fd).kind, 0);
    say(VIEW_TAKEN, 0, 0, 0);
    gpu_fake_show(rig.gpu, 0, 65, 32);
    EXPECT_TRUE(take_picture(&picture));
    EXPECT_EQ(picture.width_px, 65);
    picture_finish(&picture);
    EXPECT_TRUE(is_damage(0, 0, 65, 32));
    say(VIEW_TAKEN, 0, 0, 0);
    gpu_fake_show(rig.gpu, 0, 0, 0);
    struct view_message message = next(VIEW_PICTURE, &fd);
    EXPECT_EQ(message.kind, VIEW_PICTURE);
    EXPECT_EQ(message.width_px, 0);
    EXPECT_EQ(fd, -1);
    finish();
}

/* What a picture counts for, with the viewer's copies. */
static uint64_t
counted(uint64_t width_px, uint64_t height_px)
{
    return width_px * height_px * 4 * VIEW_COPY_COUNT;
}

UTEST(a_guest_that_changes_sizes_costs_no_more_than_two_pictures)
{
    begin(1);
    int fd;
    show_first();
    for (uint32_t i = 0; i < 100; i++) {
        gpu_fake_show(rig.gpu, 0, 65 + i, 32); /* the viewer takes nothing */
    }
    EXPECT_EQ(gpu_memory_held(rig.gpu), counted(64, 32) + counted(65, 32));
    EXPECT_EQ(next(VIEW_PICTURE, &fd).width_px, 65);
    (void)close(fd);
    EXPECT_EQ(next(VIEW_PICTURE, &fd).kind, 0);
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_EQ(gpu_memory_held(rig.gpu), counted(65, 32) + counted(164, 32));
    EXPECT_EQ(next(VIEW_PICTURE, &fd).width_px, 164);
    (void)close(fd);
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_EQ(gpu_memory_held(rig.gpu), counted(164, 32));
    gpu_fake_show(rig.gpu, 0, 0, 0);
    EXPECT_EQ(next(VIEW_PICTURE, &fd).kind, 0); /* the viewer copies */
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_EQ(next(VIEW_PICTURE, &fd).kind, VIEW_PICTURE);
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_EQ(gpu_memory_held(rig.gpu), 0);
    finish();
}

UTEST(a_picture_is_within_the_guests_memory_or_not_shown)
{
    begin(1);
    struct picture picture;
    int fd;
    gpu_fake_limit(rig.gpu, counted(70, 32));
    gpu_fake_show(rig.gpu, 0, 64, 32);
    EXPECT_TRUE(take_picture(&picture));
    picture_finish(&picture);
    say(VIEW_TAKEN, 0, 0, 0);
    gpu_fake_show(rig.gpu, 0, 65, 32); /* there is no room for both: the old one goes first */
    EXPECT_EQ(next(VIEW_PICTURE, &fd).kind, VIEW_PICTURE);
    EXPECT_EQ(fd, -1);
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_TRUE(take_picture(&picture));
    EXPECT_EQ(picture.width_px, 65);
    picture_finish(&picture);
    EXPECT_EQ(rig.problem_count, 0);
    say(VIEW_TAKEN, 0, 0, 0);
    gpu_fake_show(rig.gpu, 0, 71, 32);
    EXPECT_EQ(next(VIEW_PICTURE, &fd).width_px, 0);
    say(VIEW_TAKEN, 0, 0, 0);
    EXPECT_CONTAINS(rig.problem, "for the viewer's picture of scanout 0: it shows none");
    for (unsigned i = 0; i < 100; i++) {
        gpu_fake_show(rig.gpu, 0, 71 + i, 32);
    }
    EXPECT_EQ(rig.problem_count, 1);
    EXPECT_EQ(gpu_memory_held(rig.gpu), 0);
    gpu_fake_limit(rig.gpu, counted(170, 32));
    gpu_fake_draw(rig.gpu, 0, 1);
    EXPECT_TRUE(take_picture(&picture));
    EXPECT_EQ(picture.width_px, 170);
    picture_finish(&picture);
    EXPECT_EQ(shutdown(rig.fd, SHUT_RDWR), 0);
    run_loop(3);
    EXPECT_EQ(gpu_memory_held(rig.gpu), 0);
    finish();
}

/* The loop serves others in between: 64 MiB at once would keep them waiting. */
UTEST(a_large_picture_is_made_and_copied_in_rounds)
{
    enum { SIDE_PX = 4096, ROUNDS = (SIDE_PX * SIDE_PX * 4) / PICTURE_WORK_BYTES };
    begin(1);
    struct picture picture;
    int fd;
    unsigned rounds = 0;
    gpu_fake_show(rig.gpu, 0, SIDE_PX, SIDE_PX);
    EXPECT_EQ(next(VIEW_PICTURE, &fd).kind, 0);
    struct view_message message = { 0 };
    for (; message.kind == 0 && rounds < 100; rounds++) {
        run_loop(0);
        message = next(VIEW_PICTURE, &fd);
    }
    EXPECT_TRUE(rounds >= ROUNDS - 1);
    EXPECT_TRUE(picture_open(&picture, fd, message.width_px, message.height_px) == NULL);
    gpu_fake_draw(rig.gpu, 0, 7);
    const struct view_message taken = { .kind = VIEW_TAKEN };
    EXPECT_EQ(packet_send(rig.fd, &taken, sizeof(taken), -1), 0);
    for (rounds = 0, message.kind = 0; message.kind == 0 && rounds < 100; rounds++) {
        run_loop(0);
        message = next(VIEW_DAMAGE, &fd);
    }
    EXPECT_TRUE(rounds >= ROUNDS - 1);
    EXPECT_EQ(message.height_px, SIDE_PX);
    EXPECT_MEMEQ(picture.pixels, gpu_fake_pixels(rig.gpu, 0),
                 picture.row_bytes * picture.height_px);
    picture_finish(&picture);
    finish();
}

UTEST(cursors_come_with_their_place_and_pixels)
{
    begin(2);
    int fd;
    struct view_message message;
    (void)next(VIEW_CURSOR, &fd);
    (void)next(VIEW_CURSOR, &fd);
    gpu_fake_cursor(rig.gpu, 1, 70, UINT32_MAX - 4, true, 0xff00ff00);
    message = next(VIEW_CURSOR, &fd);
    EXPECT_EQ(message.scanout_idx, 1);
    EXPECT_EQ(message.x, 70);
    EXPECT_EQ(message.y, -5);
    EXPECT_EQ(message.is_shown, 1);
    finish();
}

UTEST(a_person_resizes_the_display)
{
    begin(2);
    say(VIEW_RESIZE, 0, 1000, 700);
    EXPECT_EQ(gpu_scanout(rig.gpu, 0)->display.width_px, 1000);
    EXPECT_EQ(gpu_scanout(rig.gpu, 0)->display.height_px, 700);
    EXPECT_TRUE(gpu_scanout(rig.gpu, 0)->display.is_enabled);
    EXPECT_EQ(rig.problem_count, 0);
    say(VIEW_RESIZE, 0, 666, 1);
    EXPECT_CONTAINS(rig.problem, "cannot be");
    finish();
}

/* 10,000 moves, which nobody reads, and no more memory than the socket has. */
UTEST(a_viewer_that_does_not_read_is_told_the_last_state_later)
{
    begin(1);
    int fd;
    struct view_message message = { 0 };
    for (unsigned i = 1; i <= 10000; i++) {
        gpu_fake_cursor(rig.gpu, 0, i, 0, true, 0xffffffff);
    }
    for (unsigned i = 0; i < 10000 && message.x != 10000; i++) {
        message = next(VIEW_CURSOR, &fd);
        if (message.kind == 0) {
            run_loop(1);
        }
    }
    EXPECT_EQ(message.x, 10000);
    EXPECT_EQ(rig.problem_count, 0);
    finish();
}

UTEST(the_viewers_end_is_told_once_and_the_device_goes_on)
{
    begin(1);
    gpu_fake_show(rig.gpu, 0, 64, 32);
    EXPECT_EQ(shutdown(rig.fd, SHUT_RDWR), 0);
    run_loop(3);
    EXPECT_CONTAINS(rig.problem, "the device runs on");
    gpu_fake_show(rig.gpu, 0, 32, 32);
    gpu_fake_draw(rig.gpu, 0, 1);
    gpu_fake_cursor(rig.gpu, 0, 1, 1, true, 1);
    run_loop(3);
    EXPECT_EQ(rig.problem_count, 1);
    finish();
}

UTEST(a_viewer_that_says_what_cannot_be_is_not_listened_to)
{
    static const struct {
        uint32_t kind;
        uint32_t scanout_idx;
    } wrong[] = {
        {VIEW_TAKEN,   0         }, /* a byte short */
        { 0,           0         },
        { VIEW_DAMAGE, 0         },
        { VIEW_TAKEN,  1         },
        { VIEW_RESIZE, UINT32_MAX},
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(1);
        const struct view_message message = {
            wrong[i].kind, wrong[i].scanout_idx, 0, 0, 9, 9, 0, 0
        };
        EXPECT_EQ(packet_send(rig.fd, &message, sizeof(message) - (i == 0 ? 1 : 0), -1), 0);
        run_loop(3);
        EXPECT_CONTAINS(rig.problem, "what cannot be");
        EXPECT_EQ(rig.problem_count, 1);
        finish();
    }
}

UTEST(ways_to_view_have_words)
{
    struct view_choice choice;
    EXPECT_TRUE(view_choose("none", &choice));
    EXPECT_EQ(choice.way, VIEW_NONE);
    EXPECT_TRUE(view_choose("window", &choice));
    EXPECT_EQ(choice.way, VIEW_WINDOW);
    EXPECT_TRUE(view_choose("vnc", &choice));
    EXPECT_EQ(choice.port, 5900);
    EXPECT_TRUE(view_choose("vnc:5977", &choice));
    EXPECT_EQ(choice.way, VIEW_VNC);
    EXPECT_EQ(choice.port, 5977);
    static const char *const wrong[] = { "",      "vnc:",      "vnc:0", "vnc:65530",
                                         "vnc:x", "vnc:5900x", "vnc5",  "vnc:-1" };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        EXPECT_FALSE(view_choose(wrong[i], &choice));
    }
}
