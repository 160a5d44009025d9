/*
 * Drawing, clipping, damage, text: on plain memory.
 */
#include <stdlib.h>

#include "virtio/display.h"

#include "tests/unit/utest.h"

enum { WIDTH = 40, HEIGHT = 30, STRIDE_PX = 44, GUARD = 0x5a5a5a5a };

/* A target within guard pixels: whatever is drawn outside is seen. */
static uint32_t memory[HEIGHT + 2][STRIDE_PX];
static struct display_target target;

static void
set_up(uint32_t format)
{
    struct vgpu_image image = { format, WIDTH, HEIGHT };
    for (unsigned i = 0; i < HEIGHT + 2; i++) {
        for (unsigned j = 0; j < STRIDE_PX; j++) {
            memory[i][j] = GUARD;
        }
    }
    EXPECT_EQ(display_target_init(&target, &image, &memory[1][2], STRIDE_PX * 4), VIRTIO_OK);
    display_fill(&target, &target.clip, 0xff000000);
    target.damage.count = 0;
}

static void
expect_guards(void)
{
    bool is_whole = true;
    for (unsigned i = 0; i < HEIGHT + 2; i++) {
        for (unsigned j = 0; j < STRIDE_PX; j++) {
            bool is_guard = i == 0 || i == HEIGHT + 1 || j < 2 || j >= WIDTH + 2;
            is_whole = is_whole && (!is_guard || memory[i][j] == GUARD);
        }
    }
    EXPECT_TRUE(is_whole);
}

static unsigned
count_of(uint32_t color)
{
    unsigned count = 0;
    for (int32_t y = 0; y < HEIGHT; y++) {
        for (int32_t x = 0; x < WIDTH; x++) {
            count += display_read_pixel(&target, x, y) == color;
        }
    }
    return count;
}

UTEST(targets_that_make_no_sense_are_invalid)
{
    struct display_target other;
    struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDTH, HEIGHT };
    EXPECT_EQ(display_target_init(&other, &image, memory, WIDTH * 4 - 4), VIRTIO_ERR_INVALID);
    EXPECT_EQ(display_target_init(&other, &image, memory, WIDTH * 4 + 2), VIRTIO_ERR_INVALID);
    image.width_px = 0;
    EXPECT_EQ(display_target_init(&other, &image, memory, WIDTH * 4), VIRTIO_ERR_INVALID);
    image = (struct vgpu_image){ 5, WIDTH, HEIGHT };
    EXPECT_EQ(display_target_init(&other, &image, memory, WIDTH * 4), VIRTIO_ERR_INVALID);
    image = (struct vgpu_image){ VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, UINT32_MAX, 1 };
    EXPECT_EQ(display_target_init(&other, &image, memory, UINT32_MAX - 3), VIRTIO_ERR_INVALID);
}

UTEST(colors_lie_in_memory_as_each_format_says)
{
    static const struct {
        uint32_t format;
        uint8_t bytes[4];
        uint32_t read;
    } cases[] = {
        {VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,  { 0x33, 0x22, 0x11, 0x80 }, 0x80112233},
        { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, { 0x33, 0x22, 0x11, 0xff }, 0xff112233},
        { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, { 0x80, 0x11, 0x22, 0x33 }, 0x80112233},
        { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, { 0xff, 0x11, 0x22, 0x33 }, 0xff112233},
        { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, { 0x11, 0x22, 0x33, 0x80 }, 0x80112233},
        { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, { 0x11, 0x22, 0x33, 0xff }, 0xff112233},
        { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, { 0x80, 0x33, 0x22, 0x11 }, 0x80112233},
        { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, { 0xff, 0x33, 0x22, 0x11 }, 0xff112233},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t source = 0x80112233;
        struct display_bitmap bitmap = { &source, 1, 1, 1 };
        set_up(cases[i].format);
        display_pixel(&target, 0, 0, 0x80112233);
        display_blit(&target, 1, 0, &bitmap);
        EXPECT_MEMEQ(&memory[1][2], cases[i].bytes, 4);
        EXPECT_EQ(display_read_pixel(&target, 0, 0), cases[i].read);
        /* The X byte of a blit is as the bitmap's; the color counts. */
        EXPECT_EQ(display_read_pixel(&target, 1, 0), cases[i].read);
    }
}

UTEST(filling_stays_within_whatever_the_rectangle)
{
    static const int32_t edges[] = {
        INT32_MIN, INT32_MIN + 1, -50,           -1,       0, 1, 17, WIDTH - 1,
        WIDTH,     WIDTH + 1,     INT32_MAX - 1, INT32_MAX
    };
    enum { EDGES = sizeof(edges) / sizeof(edges[0]) };
    set_up(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
    for (unsigned i = 0; i < EDGES * EDGES; i++) {
        for (unsigned j = 0; j < EDGES * EDGES; j++) {
            struct display_rect rect = { edges[i % EDGES], edges[i / EDGES], edges[j % EDGES],
                                         edges[j / EDGES] };
            display_fill(&target, &rect, 0xff123456);
        }
    }
    expect_guards();
}

UTEST(a_fill_covers_what_it_should_at_any_alignment)
{
    for (int32_t x = 0; x < 12; x++) {
        for (int32_t width = 1; width < 28; width++) {
            struct display_rect rect = { x, 3, width, 2 };
            set_up(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
            display_fill(&target, &rect, 0xffabcdef);
            EXPECT_EQ(count_of(0xffabcdef), 2U * (unsigned)width);
            EXPECT_EQ(display_read_pixel(&target, x, 4), 0xffabcdef);
            EXPECT_EQ(display_read_pixel(&target, x + width - 1, 4), 0xffabcdef);
            expect_guards();
        }
    }
}

UTEST(the_clip_holds_for_all_operations)
{
    struct display_rect clip = { 10, 10, 5, 5 };
    uint32_t pixels[100];
    for (unsigned i = 0; i < 100; i++) {
        pixels[i] = 0xff00ff00;
    }
    struct display_bitmap bitmap = { pixels, 10, 10, 10 };
    set_up(VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM);
    display_set_clip(&target, &clip);
    display_blit(&target, 7, 7, &bitmap);
    EXPECT_EQ(count_of(0xff00ff00), 25);
    EXPECT_EQ(target.damage.count, 1);
    EXPECT_EQ(target.damage.rects[0].x, 10);
    EXPECT_EQ(target.damage.rects[0].width, 5);
    int32_t from[2] = { -100, 12 };
    int32_t to[2] = { 100, 12 };
    display_line(&target, from, to, 0xffff0000);
    EXPECT_EQ(count_of(0xffff0000), 5);
    display_pixel(&target, 9, 9, 0xff0000ff);
    EXPECT_EQ(count_of(0xff0000ff), 0);
    struct display_rect huge = { -1000, -1000, 5000, 5000 };
    display_set_clip(&target, &huge);
    EXPECT_EQ(target.clip.width, WIDTH);
    display_set_clip(&target, NULL);
    EXPECT_EQ(target.clip.height, HEIGHT);
    expect_guards();
}

UTEST(lines_have_both_ends)
{
    static const int32_t ends[][4] = {
        {0,   0,  39, 29},
        { 39, 0,  0,  29},
        { 5,  29, 5,  0 },
        { 0,  7,  39, 7 },
        { 3,  3,  3,  3 },
        { 20, 29, 22, 0 }
    };
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        set_up(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
        display_line(&target, &ends[i][0], &ends[i][2], 0xffffffff);
        EXPECT_EQ(display_read_pixel(&target, ends[i][0], ends[i][1]), 0xffffffff);
        EXPECT_EQ(display_read_pixel(&target, ends[i][2], ends[i][3]), 0xffffffff);
        int32_t dx = abs(ends[i][0] - ends[i][2]);
        int32_t dy = abs(ends[i][1] - ends[i][3]);
        EXPECT_EQ(count_of(0xffffffff), (dx > dy ? dx : dy) + 1);
        expect_guards();
    }
}

UTEST(bitmaps_are_clipped_on_every_side)
{
    uint32_t pixels[16];
    for (uint32_t i = 0; i < 16; i++) {
        pixels[i] = 0xff000000 | (i + 1);
    }
    struct display_bitmap bitmap = { pixels, 4, 4, 4 };
    set_up(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
    display_blit(&target, -2, -1, &bitmap);
    EXPECT_EQ(display_read_pixel(&target, 0, 0), 0xff000007);
    EXPECT_EQ(display_read_pixel(&target, 1, 2), 0xff000010);
    display_blit(&target, WIDTH - 1, HEIGHT - 1, &bitmap);
    EXPECT_EQ(display_read_pixel(&target, WIDTH - 1, HEIGHT - 1), 0xff000001);
    display_blit(&target, INT32_MAX, INT32_MIN, &bitmap);
    display_blit(&target, WIDTH, 0, &bitmap);
    expect_guards();
}

UTEST(moving_overlapping_areas_keeps_their_content)
{
    static const int32_t by[][2] = {
        {3,   2 },
        { -3, -2},
        { 0,  1 },
        { 1,  0 },
        { -1, 0 },
        { 0,  -1}
    };
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
        struct display_rect rect = { 10, 8, 15, 12 };
        set_up(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
        for (int32_t y = 0; y < HEIGHT; y++) {
            for (int32_t x = 0; x < WIDTH; x++) {
                display_pixel(&target, x, y, 0xff000000U | (uint32_t)(y * WIDTH + x));
            }
        }
        display_move(&target, &rect, by[i][0], by[i][1]);
        bool is_right = true;
        for (int32_t y = 0; y < rect.height; y++) {
            for (int32_t x = 0; x < rect.width; x++) {
                uint32_t wanted = 0xff000000U | (uint32_t)((rect.y + y) * WIDTH + rect.x + x);
                is_right = is_right && display_read_pixel(&target, rect.x + x + by[i][0],
                                                          rect.y + y + by[i][1]) == wanted;
            }
        }
        EXPECT_TRUE(is_right);
    }
    struct display_rect all = { 0, 0, WIDTH, HEIGHT };
    display_move(&target, &all, INT32_MIN, INT32_MAX);
    display_move(&target, &all, INT32_MAX, 0);
    display_move(&target, &all, WIDTH - 1, 1 - HEIGHT);
    expect_guards();
}

UTEST(rectangles_meet_and_join_without_overflow)
{
    struct display_rect a = { INT32_MAX - 1, 0, INT32_MAX, 10 };
    struct display_rect b = { INT32_MIN, 0, INT32_MAX, 10 };
    struct display_rect met = display_rect_intersect(&a, &b);
    EXPECT_TRUE(display_rect_is_empty(&met));
    struct display_rect joined = display_rect_union(&a, &b);
    EXPECT_EQ(joined.x, 0);
    EXPECT_EQ(joined.width, INT32_MAX);
    struct display_rect empty = { 5, 5, 0, 7 };
    joined = display_rect_union(&empty, &a);
    EXPECT_EQ(joined.x, a.x);
    met = display_rect_intersect(&a, &a);
    EXPECT_EQ(met.width, a.width);
}

UTEST(a_union_too_wide_to_tell_has_what_a_screen_can_show)
{
    struct display_rect far = { INT32_MIN, INT32_MIN, 10, 10 };
    struct display_rect near = { 0, 0, 100, 20 };
    struct display_rect joined = display_rect_union(&far, &near);
    struct display_rect shown = display_rect_intersect(&joined, &near);
    EXPECT_MEMEQ(&shown, &near, sizeof(near));
    EXPECT_EQ(joined.x, 100 - INT32_MAX);
    EXPECT_EQ(joined.y, 20 - INT32_MAX);
}

/* Whatever is added, each rectangle lies within some damage, and there are few. */
UTEST(damage_covers_everything_added)
{
    srand(7);
    for (unsigned round = 0; round < 200; round++) {
        struct display_damage damage = { .count = 0 };
        struct display_rect added[40];
        for (unsigned i = 0; i < 40; i++) {
            added[i] =
                (struct display_rect){ rand() % 1200, rand() % 700, rand() % 80, rand() % 80 };
            display_damage_add(&damage, &added[i]);
            EXPECT_TRUE(damage.count <= DISPLAY_DAMAGE_RECTS_MAX);
        }
        for (unsigned i = 0; i < 40; i++) {
            bool is_covered = display_rect_is_empty(&added[i]);
            for (unsigned j = 0; j < damage.count && !is_covered; j++) {
                struct display_rect met = display_rect_intersect(&added[i], &damage.rects[j]);
                is_covered = memcmp(&met, &added[i], sizeof(met)) == 0;
            }
            EXPECT_TRUE(is_covered);
        }
    }
}

UTEST(near_damage_is_merged_and_far_damage_is_not)
{
    struct display_damage damage = { .count = 0 };
    struct display_rect here = { 0, 0, 64, 64 };
    struct display_rect beside = { 64, 0, 64, 64 };
    struct display_rect far = { 1000, 700, 64, 64 };
    display_damage_add(&damage, &here);
    display_damage_add(&damage, &here);
    EXPECT_EQ(damage.count, 1);
    display_damage_add(&damage, &beside);
    EXPECT_EQ(damage.count, 1);
    EXPECT_EQ(damage.rects[0].width, 128);
    display_damage_add(&damage, &far);
    EXPECT_EQ(damage.count, 2);
}

/* A font of three glyphs, 9x2: a dot at the left, a dot at the right, everything. */
static const uint8_t glyphs[] = { 0x80, 0x00, 0x80, 0x00, 0x00, 0x80,
                                  0x00, 0x80, 0xff, 0x80, 0xff, 0x80 };
static const struct display_font font = { glyphs, 9, 2, 'A', 3 };

UTEST(glyphs_have_their_bits_and_their_ground)
{
    struct display_ink ink = { 0xffffffff, 0xff0000ff, false };
    set_up(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
    display_glyph(&target, 4, 5, &font, 'A', &ink);
    EXPECT_EQ(display_read_pixel(&target, 4, 5), 0xffffffff);
    EXPECT_EQ(display_read_pixel(&target, 5, 5), 0xff0000ff);
    EXPECT_EQ(count_of(0xffffffff), 2);
    EXPECT_EQ(count_of(0xff0000ff), 16);
    display_glyph(&target, 4, 5, &font, 'B', &ink);
    EXPECT_EQ(display_read_pixel(&target, 12, 6), 0xffffffff);
    ink.is_transparent = true;
    ink.color = 0xffff0000;
    display_glyph(&target, 4, 5, &font, 'A', &ink);
    EXPECT_EQ(count_of(0xffff0000), 2);
    EXPECT_EQ(count_of(0xffffffff), 2);
    display_glyph(&target, -4, -1, &font, 0x12345, &ink); /* not in the font: the last one */
    EXPECT_EQ(count_of(0xffff0000), 2 + 5);
    display_glyph(&target, INT32_MAX, INT32_MAX, &font, 0, &ink);
    expect_guards();
}

UTEST(a_line_of_text_is_one_damage)
{
    struct display_pen pen = {
        &font, {0xffffffff, 0xff000000, false},
         30, 28
    };
    set_up(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
    display_text(&target, &pen, "CCCC", 4);
    EXPECT_EQ(pen.x, 30 + 4 * 9);
    EXPECT_EQ(target.damage.count, 1);
    EXPECT_EQ(target.damage.rects[0].x, 30);
    EXPECT_EQ(target.damage.rects[0].width, WIDTH - 30);
    EXPECT_EQ(count_of(0xffffffff), 20);
    expect_guards();
}
