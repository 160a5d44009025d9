/*
 * The viewer's copy of a picture, its cursor, and pictures from a device that is not to be trusted.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "tests/unit/utest.h"
#include "tools/view/canvas.h"

/* A picture of the device's, 16×8, each pixel its own number. */
static bool
make_picture(struct picture *picture)
{
    if (!EXPECT_TRUE(picture_init(picture, 16, 8))) {
        return false;
    }
    for (uint32_t i = 0; i < 16 * 8; i++) {
        memcpy(picture->pixels + (size_t)i * 4, &i, sizeof(i));
    }
    return true;
}

static uint32_t
shown(const struct canvas *canvas, uint32_t x, uint32_t y)
{
    return canvas->shown[y * canvas->width_px + x];
}

UTEST(only_what_was_damaged_is_taken)
{
    struct picture picture;
    struct canvas canvas;
    if (make_picture(&picture) &&
        EXPECT_TRUE(canvas_init(&canvas, dup(picture.fd), 16, 8, NULL) == NULL)) {
        EXPECT_TRUE(canvas_take(&canvas, &(struct canvas_rect){ 2, 3, 4, 2 }));
        EXPECT_EQ(shown(&canvas, 2, 3), 3 * 16 + 2);
        EXPECT_EQ(shown(&canvas, 5, 4), 4 * 16 + 5);
        EXPECT_EQ(shown(&canvas, 6, 4), 0);
        EXPECT_EQ(shown(&canvas, 2, 2), 0);
        canvas_finish(&canvas);
    }
    picture_finish(&picture);
}

UTEST(a_damage_beyond_the_picture_is_refused)
{
    static const struct canvas_rect wrong[] = {
        {0,           0, 17,         8         },
        { 1,          0, 16,         8         },
        { 0,          8, 1,          1         },
        { 17,         0, 0,          0         },
        { UINT32_MAX, 0, 2,          1         },
        { 1,          1, UINT32_MAX, UINT32_MAX},
    };
    struct picture picture;
    struct canvas canvas;
    if (make_picture(&picture) &&
        EXPECT_TRUE(canvas_init(&canvas, dup(picture.fd), 16, 8, NULL) == NULL)) {
        for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            EXPECT_FALSE(canvas_take(&canvas, &wrong[i]));
        }
        canvas_finish(&canvas);
    }
    picture_finish(&picture);
}

/* Opaque, half and not at all there; at the edges; and gone again. */
UTEST(the_cursor_lies_above_the_picture)
{
    static struct canvas_cursor cursor = { .x = -1, .y = -1, .is_shown = true };
    struct canvas_rect changed[2];
    struct picture picture;
    struct canvas canvas;
    cursor.pixels[VIEW_CURSOR_SIDE_PX + 1] = 0xff102030;     /* on (0, 0) */
    cursor.pixels[VIEW_CURSOR_SIDE_PX + 2] = 0x80400000;     /* on (1, 0) */
    cursor.pixels[2 * VIEW_CURSOR_SIDE_PX + 1] = 0x00000000; /* on (0, 1) */
    if (!make_picture(&picture) ||
        !EXPECT_TRUE(canvas_init(&canvas, dup(picture.fd), 16, 8, &cursor) == NULL)) {
        return;
    }
    EXPECT_TRUE(canvas_take(&canvas, &(struct canvas_rect){ 0, 0, 16, 8 }));
    EXPECT_EQ(shown(&canvas, 0, 0), 0x102030);
    EXPECT_EQ(shown(&canvas, 1, 0), 0x400000); /* of 1, half is 0.498 */
    EXPECT_EQ(shown(&canvas, 0, 1), 16);
    cursor.x = 14;
    canvas_set_cursor(&canvas, &cursor, changed);
    EXPECT_EQ(changed[0].width_px, 16);
    EXPECT_EQ(changed[1].x, 14);
    EXPECT_EQ(changed[1].width_px, 2);
    EXPECT_EQ(shown(&canvas, 0, 0), 0);
    EXPECT_EQ(shown(&canvas, 15, 0), 0x102030);
    cursor.is_shown = false;
    canvas_set_cursor(&canvas, &cursor, changed);
    EXPECT_EQ(changed[1].width_px, 0);
    EXPECT_EQ(shown(&canvas, 15, 0), 15);
    canvas_finish(&canvas);
    picture_finish(&picture);
}

UTEST(a_cursor_far_away_changes_nothing)
{
    static const int32_t places[] = { INT32_MIN, -64, 16, INT32_MAX };
    static struct canvas_cursor cursor = { .is_shown = true };
    struct canvas_rect changed[2];
    struct picture picture;
    struct canvas canvas;
    if (make_picture(&picture) &&
        EXPECT_TRUE(canvas_init(&canvas, dup(picture.fd), 16, 8, NULL) == NULL)) {
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            cursor.x = places[i];
            cursor.y = places[i];
            canvas_set_cursor(&canvas, &cursor, changed);
            EXPECT_EQ(changed[0].width_px, 0);
            EXPECT_EQ(changed[1].width_px, 0);
        }
        canvas_finish(&canvas);
    }
    picture_finish(&picture);
}

/* Each would end the reader with SIGBUS, sooner or later. */
UTEST(memory_that_could_shrink_or_is_too_small_is_refused)
{
    struct canvas canvas;
    struct picture picture;
    int open_fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT_EQ(ftruncate(open_fd, 4096), 0);
    EXPECT_CONTAINS(canvas_init(&canvas, open_fd, 16, 8, NULL), "could shrink");
    if (make_picture(&picture)) {
        EXPECT_CONTAINS(canvas_init(&canvas, dup(picture.fd), 16, 9, NULL), "too small");
        EXPECT_CONTAINS(canvas_init(&canvas, dup(picture.fd), 16385, 1, NULL), "range");
        EXPECT_CONTAINS(canvas_init(&canvas, dup(picture.fd), 0, 1, NULL), "range");
    }
    EXPECT_CONTAINS(canvas_init(&canvas, -1, 16, 8, NULL), "without its memory");
    EXPECT_TRUE(canvas_init(&canvas, -1, 0, 0, NULL) == NULL);
    EXPECT_TRUE(canvas.shown == NULL);
    picture_finish(&picture);
}
