/*
 * SET_SCANOUT over a sweep of rectangles, scanouts and resources; each answer parsed and expected, and the host's picture looked at
 * afterwards (conformance: S0-20 S0-22). In every combination of transport, ring and driver.
 *
 * The expectation comes from VirtIO 1.3 §5.7.6.8: "scanout rectangles must be completely covered by the underlying resource",
 * resource_id 0 disables a scanout, and the error types by their names. Where the text leaves it open, or QEMU answers
 * otherwise, the row says what QEMU does and why.
 */
#include "tests/qtest/gpu_rig.h"
#include "tests/qtest/screen.h"
#include "tests/unit/utest.h"

enum {
    RESOURCE = 7,
    WIDTH = 640,
    HEIGHT = 480,
    OPEN = 0, /* the text does not say */
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    BAD_SCANOUT = VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
    BAD_RESOURCE = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
    BAD_PARAMETER = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
};

#define MAX UINT32_MAX

struct sweep_row {
    const char *name;
    uint32_t scanout_id;
    uint32_t resource_id;
    struct vgpu_rect rect;
    uint32_t by_text; /* what VirtIO 1.3 asks for; OPEN */
    uint32_t
        by_qemu; /* what QEMU answers where that is another thing, or the text is open; else 0 */
    const char *why;
};

static const char small[] = "QEMU refuses scanouts of less than 16 pixels either way";
static const char empty[] =
    "an empty rectangle is covered by anything; QEMU refuses it as too small";
static const char order[] = "two things are wrong, and the text does not say which to tell";

static const struct sweep_row rows[] = {
    {"whole",                            0,   RESOURCE,     { 0, 0, WIDTH, HEIGHT },       OK,            0,             NULL },
    { "inside",                          0,   RESOURCE,     { 100, 50, 320, 240 },         OK,            0,             NULL },
    { "at the left edge",                0,   RESOURCE,     { 0, 10, 320, 240 },           OK,            0,             NULL },
    { "at the right edge",               0,   RESOURCE,     { 320, 10, 320, 240 },         OK,            0,             NULL },
    { "at the top edge",                 0,   RESOURCE,     { 10, 0, 320, 240 },           OK,            0,             NULL },
    { "at the bottom edge",              0,   RESOURCE,     { 10, 240, 320, 240 },         OK,            0,             NULL },
    { "in the last corner",              0,   RESOURCE,     { 624, 464, 16, 16 },          OK,            0,             NULL },
    { "odd sizes",                       0,   RESOURCE,     { 3, 5, 333, 77 },             OK,            0,             NULL },
    { "smallest that QEMU takes",        0,   RESOURCE,     { 0, 0, 16, 16 },              OK,            0,             NULL },
    { "15 wide",                         0,   RESOURCE,     { 0, 0, 15, 16 },              OK,            BAD_PARAMETER, small},
    { "15 high",                         0,   RESOURCE,     { 0, 0, 16, 15 },              OK,            BAD_PARAMETER, small},
    { "one pixel",                       0,   RESOURCE,     { 7, 7, 1, 1 },                OK,            BAD_PARAMETER, small},
    { "one column",                      0,   RESOURCE,     { 639, 0, 1, HEIGHT },         OK,            BAD_PARAMETER, small},

    { "empty",                           0,   RESOURCE,     { 0, 0, 0, 0 },                OPEN,          BAD_PARAMETER, empty},
    { "no width",                        0,   RESOURCE,     { 0, 0, 0, HEIGHT },           OPEN,          BAD_PARAMETER, empty},
    { "no height",                       0,   RESOURCE,     { 0, 0, WIDTH, 0 },            OPEN,          BAD_PARAMETER, empty},
    { "empty beyond the corner",         0,   RESOURCE,     { WIDTH, HEIGHT, 0, 0 },       OPEN,          BAD_PARAMETER, empty},

    { "one column too wide",             0,   RESOURCE,     { 0, 0, WIDTH + 1, HEIGHT },   BAD_PARAMETER, 0,             NULL },
    { "one row too high",                0,   RESOURCE,     { 0, 0, WIDTH, HEIGHT + 1 },   BAD_PARAMETER, 0,             NULL },
    { "one column beyond",               0,   RESOURCE,     { 1, 0, WIDTH, HEIGHT },       BAD_PARAMETER, 0,             NULL },
    { "one row beyond",                  0,   RESOURCE,     { 0, 1, WIDTH, HEIGHT },       BAD_PARAMETER, 0,             NULL },
    { "half outside",                    0,   RESOURCE,     { 320, 240, WIDTH, HEIGHT },   BAD_PARAMETER, 0,             NULL },
    { "just outside",                    0,   RESOURCE,     { WIDTH, 0, 16, 16 },          BAD_PARAMETER, 0,             NULL },
    { "just below",                      0,   RESOURCE,     { 0, HEIGHT, 16, 16 },         BAD_PARAMETER, 0,             NULL },
    { "far outside",                     0,   RESOURCE,     { 100000, 100000, 64, 64 },    BAD_PARAMETER, 0,             NULL },
    { "x + width wraps to 0",            0,   RESOURCE,     { 1, 0, MAX, HEIGHT },         BAD_PARAMETER, 0,             NULL },
    { "y + height wraps to 0",           0,   RESOURCE,     { 0, 1, WIDTH, MAX },          BAD_PARAMETER, 0,             NULL },
    { "x + width wraps inside",          0,   RESOURCE,     { MAX - 15, 0, 64, 64 },       BAD_PARAMETER, 0,             NULL },
    { "y + height wraps inside",         0,   RESOURCE,     { 0, MAX - 15, 64, 64 },       BAD_PARAMETER, 0,             NULL },
    { "x is the sign bit",               0,   RESOURCE,     { 1U << 31, 0, 1U << 31, 64 }, BAD_PARAMETER, 0,             NULL },
    { "all ones",                        0,   RESOURCE,     { MAX, MAX, MAX, MAX },        BAD_PARAMETER, 0,             NULL },

    { "second scanout",                  1,   RESOURCE,     { 0, 0, 320, 240 },            OK,            0,             NULL },
    { "last scanout",                    3,   RESOURCE,     { 320, 240, 320, 240 },        OK,            0,             NULL },
    { "mirrored",                        2,   RESOURCE,     { 0, 0, 320, 240 },            OK,            0,             NULL },
    { "first scanout that is not there", 4,   RESOURCE,     { 0, 0, 64, 64 },              BAD_SCANOUT,   0,             NULL },
    { "last of the protocol",            15,  RESOURCE,     { 0, 0, 64, 64 },              BAD_SCANOUT,   0,             NULL },
    { "beyond the protocol",             16,  RESOURCE,     { 0, 0, 64, 64 },              BAD_SCANOUT,   0,             NULL },
    { "scanout of all ones",             MAX, RESOURCE,     { 0, 0, 64, 64 },              BAD_SCANOUT,   0,             NULL },
    { "unknown resource",                0,   RESOURCE + 1, { 0, 0, 64, 64 },              BAD_RESOURCE,  0,             NULL },
    { "resource of all ones",            0,   MAX,          { 0, 0, 64, 64 },              BAD_RESOURCE,  0,             NULL },
    { "scanout and resource wrong",      9,   9,            { 0, 0, 64, 64 },              OPEN,          BAD_SCANOUT,   order},
    { "resource and rectangle wrong",    0,   9,            { MAX, 0, 64, 64 },            OPEN,          BAD_RESOURCE,  order},
    { "scanout and rectangle wrong",     4,   RESOURCE,     { MAX, 0, 64, 64 },            OPEN,          BAD_SCANOUT,   order},

    { "disable the second",              1,   0,            { 0, 0, 0, 0 },                OK,            0,             NULL },
    { "disable what is disabled",        1,   0,            { 0, 0, 0, 0 },                OK,            0,             NULL },
    { "disable with a rectangle",        2,   0,            { 9, 9, 99, 99 },              OK,            0,             NULL },
    { "disable with nonsense",           3,   0,            { MAX, MAX, MAX, MAX },        OK,            0,             NULL },
    { "disable the first",               0,   0,            { 0, 0, 0, 0 },                OK,            0,             NULL },
    { "disable one that is not there",   4,   0,            { 0, 0, 0, 0 },                BAD_SCANOUT,   0,             NULL },
    { "the first again",                 0,   RESOURCE,     { 0, 0, WIDTH, HEIGHT },       OK,            0,             NULL },
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static const struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDTH, HEIGHT };

static struct gpu_rig gpu;

/* Each pixel tells its place, so that a picture tells its rectangle. */
static uint32_t
colour_at(uint32_t x, uint32_t y)
{
    return (x & 0xff) << 16 | (y & 0xff) << 8 | (x >> 8) << 4 | y >> 8;
}

static void
paint(uint32_t *pixels)
{
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            pixels[y * WIDTH + x] = colour_at(x, y);
        }
    }
}

/* The host shows exactly that part of the resource. */
static bool
shows(const struct sweep_row *row)
{
    struct screen screen;
    bool is_taken = screen_take(&screen, &gpu.rig.qemu, GPU_QMP_ID, row->scanout_id);
    bool is_right =
        is_taken && EXPECT_EQ(screen.width_px, row->rect.width) &&
        EXPECT_EQ(screen.height_px, row->rect.height) &&
        EXPECT_EQ(screen_pixel(&screen, 0, 0), colour_at(row->rect.x, row->rect.y)) &&
        EXPECT_EQ(screen_pixel(&screen, screen.width_px - 1, screen.height_px - 1),
                  colour_at(row->rect.x + row->rect.width - 1, row->rect.y + row->rect.height - 1));
    screen_free(&screen);
    return is_taken && is_right;
}

/* One row. Returns: the number of the row whose picture scanout 0 shows afterwards. */
static size_t
check_row(size_t i, size_t shown)
{
    const struct sweep_row *row = &rows[i];
    uint32_t expected = row->by_qemu != 0 ? row->by_qemu : row->by_text;
    uint32_t type = gpu_set_scanout(&gpu, row->scanout_id, row->resource_id, &row->rect);
    bool is_good = EXPECT_EQ(type, expected);
    if (type == OK && row->resource_id != 0) {
        is_good &= shows(row);
    }
    if (row->scanout_id == 0) {
        shown = type == OK ? i : shown;
        /* A refusal changes nothing. */
        is_good &= rows[shown].resource_id == 0 || EXPECT_TRUE(shows(&rows[shown]));
    }
    if (!is_good) {
        printf("        row \"%s\": %s\n", row->name, vgpu_type_name(type));
    }
    return shown;
}

static void
sweep(const struct gpu_combination *combination)
{
    size_t shown = 0;
    gpu_rig_start(&gpu, combination);
    paint(gpu_resource(&gpu, RESOURCE, &image));
    EXPECT_EQ(gpu_show(&gpu, RESOURCE, &image), OK);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        shown = check_row(i, shown);
    }
    EXPECT_EQ(gpu.vgpu.figures[VGPU_MSG_SET_SCANOUT].counters.sent, ROW_COUNT);
    EXPECT_EQ(virtio_device_health(gpu.vgpu.device), VIRTIO_OK);
    gpu_rig_stop(&gpu);
}

UTEST(every_row_is_answered_as_expected_in_every_combination)
{
    for (size_t i = 0; i < GPU_COMBINATION_COUNT; i++) {
        bool had_failed = utest.has_failed;
        sweep(&gpu_combinations[i]);
        if (utest.has_failed && !had_failed) {
            printf("        first with %s\n", gpu_combinations[i].name);
        }
    }
}

/* The table keeps its own rule: where QEMU is not asked for what the text says, the reason stands there. */
UTEST(every_deviation_has_its_reason)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        EXPECT_EQ(rows[i].by_qemu != 0, rows[i].why != NULL);
        EXPECT_TRUE(rows[i].by_text != OPEN || rows[i].by_qemu != 0);
        EXPECT_TRUE(rows[i].by_text != rows[i].by_qemu);
    }
}

/* The response's own bytes, for the one command that was hidden in the origin: all of the header is what the text asks for. */
UTEST(the_response_to_set_scanout_is_parsed_whole)
{
    const struct vgpu_rect rect = { 0, 0, 64, 64 };
    struct vgpu_response response;
    const struct vgpu_message *message = vgpu_message_find(VIRTIO_GPU_CMD_SET_SCANOUT);
    gpu_rig_start(&gpu, &gpu_combinations[2]);
    (void)gpu_resource(&gpu, RESOURCE, &image);
    EXPECT_EQ(gpu_set_scanout(&gpu, 0, RESOURCE, &rect), OK);
    EXPECT_EQ(gpu.wait.completion.response_bytes, sizeof(struct virtio_gpu_ctrl_hdr));
    EXPECT_EQ(gpu.wait.completion.request_type, VIRTIO_GPU_CMD_SET_SCANOUT);
    EXPECT_EQ(
        vgpu_parse_response(message, gpu.response, gpu.wait.completion.response_bytes, &response),
        VIRTIO_OK);
    EXPECT_EQ(gpu_set_scanout(&gpu, 5, RESOURCE, &rect), BAD_SCANOUT);
    EXPECT_EQ(gpu.wait.completion.err, VIRTIO_ERR_REFUSED);
    EXPECT_EQ(
        vgpu_parse_response(message, gpu.response, gpu.wait.completion.response_bytes, &response),
        VIRTIO_ERR_REFUSED);
    EXPECT_EQ(response.type, BAD_SCANOUT);
    EXPECT_EQ(gpu.vgpu.last_refusal, BAD_SCANOUT);
    EXPECT_EQ(gpu.vgpu.counters.refused, 1);
    gpu_rig_stop(&gpu);
}
