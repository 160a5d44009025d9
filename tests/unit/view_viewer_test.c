/*
 * The viewer's messages: what a device may say, and what ends it with a sentence instead of a crash.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "device/packet.h"
#include "tests/unit/utest.h"
#include "tools/view/viewer.h"

/* A way to show that notes what it was told, and that a person closes after a while. */
static struct {
    int device; /* the device's end */
    int viewer;
    unsigned wait_count; /* left, until it is closed */
    unsigned picture_count;
    unsigned damage_count;
    uint32_t last_pixel; /* the first of the last damage */
    const struct canvas *canvas;
    struct show_config config;
    bool is_refused;
} rig;

static struct show *
open_rig(const struct show_config *config, char *reason, size_t reason_bytes)
{
    rig.config = *config;
    (void)snprintf(reason, reason_bytes, "no screen");
    return rig.is_refused ? NULL : (struct show *)&rig;
}

static void
close_rig(struct show *show)
{
    (void)show;
}

static void
picture_rig(struct show *show, unsigned scanout_idx, const struct canvas *canvas)
{
    (void)show;
    (void)scanout_idx;
    rig.picture_count++;
    rig.canvas = canvas;
}

static void
damage_rig(struct show *show, unsigned scanout_idx, const struct canvas_rect *rect)
{
    (void)show;
    (void)scanout_idx;
    rig.damage_count++;
    rig.last_pixel = rig.canvas->shown[(size_t)rect->y * rig.canvas->width_px + rect->x];
}

static bool
wait_rig(struct show *show, int fd, int timeout_ms)
{
    (void)show;
    (void)fd;
    if (timeout_ms > 0) {
        (void)usleep((unsigned)timeout_ms * 1000);
    }
    return rig.wait_count-- > 0;
}

static void
begin(void)
{
    int fds[2];
    memset(&rig, 0, sizeof(rig));
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    EXPECT_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    rig.device = fds[0];
    rig.viewer = fds[1];
    rig.wait_count = 5;
}

static int
run(void)
{
    static const struct show_way way = { open_rig, close_rig, picture_rig, damage_rig, wait_rig };
    return viewer_run(&(struct viewer_config){
        .program = "viewer", .socket = rig.viewer, .title = "guest", .way = &way });
}

static void
say(struct view_message message, size_t size_bytes, int fd)
{
    static uint8_t bytes[sizeof(struct view_message) + VIEW_CURSOR_BYTES + 1];
    memcpy(bytes, &message, sizeof(message));
    EXPECT_EQ(packet_send(rig.device, bytes, size_bytes, fd), 0);
}

/* The kinds that the viewer has said, in order, as digits. */
static const char *
heard(void)
{
    static char kinds[64];
    struct view_message message;
    struct packet packet;
    size_t count = 0;
    while (count + 1 < sizeof(kinds) &&
           packet_receive(rig.device, &message, sizeof(message), &packet) == PACKET_GOT) {
        kinds[count++] = (char)('0' + message.kind);
    }
    kinds[count] = '\0';
    return kinds;
}

enum { WHOLE = sizeof(struct view_message) };

UTEST(a_picture_is_shown_and_its_damage_taken)
{
    struct picture picture;
    begin();
    EXPECT_TRUE(picture_init(&picture, 8, 8));
    picture.pixels[4] = 0x77;
    say((struct view_message){ .kind = VIEW_PICTURE, .width_px = 8, .height_px = 8 }, WHOLE,
        picture.fd);
    say((struct view_message){ .kind = VIEW_DAMAGE, .x = 1, .width_px = 7, .height_px = 8 }, WHOLE,
        -1);
    EXPECT_EQ(run(), 0);
    EXPECT_EQ(rig.picture_count, 1);
    EXPECT_EQ(rig.damage_count, 1);
    EXPECT_EQ(rig.last_pixel, 0x77);
    EXPECT_STREQ(heard(), "15"); /* READY, TAKEN */
    picture_finish(&picture);
    (void)close(rig.device);
}

UTEST(a_way_that_cannot_be_opened_is_told_the_device)
{
    struct view_message message[4];
    struct packet packet;
    begin();
    rig.is_refused = true;
    EXPECT_EQ(run(), 1);
    EXPECT_EQ(packet_receive(rig.device, message, sizeof(message), &packet), PACKET_GOT);
    EXPECT_EQ(message[0].kind, VIEW_FAILED);
    EXPECT_EQ(packet.size_bytes, WHOLE + strlen("no screen"));
    EXPECT_MEMEQ(&message[1], "no screen", strlen("no screen"));
    (void)close(rig.device);
}

UTEST(the_end_of_the_device_is_the_viewers)
{
    begin();
    (void)close(rig.device);
    rig.wait_count = 1000;
    EXPECT_EQ(run(), 0); /* it could not even say that it is ready */
    EXPECT_EQ(rig.wait_count, 1000);
}

UTEST(what_cannot_be_ends_the_viewer)
{
    static const struct {
        uint32_t kind;
        uint32_t scanout_idx;
        int32_t x;
        uint32_t width_px;
        size_t size_bytes;
    } wrong[] = {
        {0,             0,                      0,  0,     WHOLE                        },
        { VIEW_READY,   0,                      0,  0,     WHOLE                        },
        { VIEW_DAMAGE,  0,                      0,  0,     WHOLE - 1                    },
        { VIEW_DAMAGE,  0,                      0,  0,     WHOLE + 1                    },
        { VIEW_DAMAGE,  0,                      0,  0,     WHOLE + VIEW_CURSOR_BYTES    },
        { VIEW_CURSOR,  0,                      0,  0,     WHOLE + VIEW_CURSOR_BYTES - 1},
        { VIEW_CURSOR,  0,                      0,  0,     WHOLE + VIEW_CURSOR_BYTES + 1},
        { VIEW_CURSOR,  VIEW_SCANOUT_COUNT_MAX, 0,  0,     WHOLE                        },
        { VIEW_PICTURE, UINT32_MAX,             0,  0,     WHOLE                        },
        { VIEW_PICTURE, 0,                      0,  1,     WHOLE                        },
        { VIEW_DAMAGE,  0,                      -1, 1,     WHOLE                        },
        { VIEW_DAMAGE,  15,                     0,  16384, WHOLE                        },
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin();
        say((struct view_message){ .kind = wrong[i].kind,
                                   .scanout_idx = wrong[i].scanout_idx,
                                   .x = wrong[i].x,
                                   .width_px = wrong[i].width_px },
            wrong[i].size_bytes, -1);
        if (!EXPECT_EQ(run(), 1)) {
            printf("        row %u\n", i);
        }
        EXPECT_EQ(rig.damage_count, 0);
        (void)close(rig.device);
    }
}

UTEST(a_cursor_without_a_picture_is_no_matter)
{
    begin();
    say((struct view_message){ .kind = VIEW_CURSOR, .scanout_idx = 3, .x = 5, .is_shown = 1 },
        WHOLE + VIEW_CURSOR_BYTES, -1);
    say((struct view_message){ .kind = VIEW_PICTURE, .scanout_idx = 3 }, WHOLE, -1);
    EXPECT_EQ(run(), 0);
    EXPECT_STREQ(heard(), "15"); /* READY, TAKEN: only now does the device send another */
    EXPECT_EQ(rig.damage_count, 0);
    (void)close(rig.device);
}
