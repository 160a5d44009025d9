/*
 * What the device refuses, and with which answer: transfers and flushes over a sweep of rectangles, and the lives of resources
 * gone wrong: ids taken, unknown, 0, sizes beyond all memory, backing twice or never. In every combination.
 *
 * As in gpu_scanout_sweep_test.c the expectation comes from VirtIO 1.3 §5.7.6.8, and where QEMU does another thing, or the text
 * leaves it open, the row says so with the reason.
 */
#include <string.h>

#include "tests/qtest/gpu_rig.h"
#include "tests/unit/utest.h"

enum {
    RESOURCE = 7,
    BARE = 8, /* a resource without backing */
    WIDTH = 640,
    HEIGHT = 480,
    OPEN = 0,
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    UNSPECIFIED = VIRTIO_GPU_RESP_ERR_UNSPEC,
    NO_MEMORY = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
    BAD_RESOURCE = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
    BAD_PARAMETER = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
};

#define MAX    UINT32_MAX
#define STRIDE (UINT64_C(4) * WIDTH) /* bytes of a row */

static const struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDTH, HEIGHT };

static struct gpu_rig gpu;

static void
in_every_combination(void (*body)(void))
{
    for (size_t i = 0; i < GPU_COMBINATION_COUNT; i++) {
        bool had_failed = utest.has_failed;
        gpu_rig_start(&gpu, &gpu_combinations[i]);
        body();
        EXPECT_EQ(virtio_device_health(gpu.vgpu.device), VIRTIO_OK);
        gpu_rig_stop(&gpu);
        if (utest.has_failed && !had_failed) {
            printf("        first with %s\n", gpu_combinations[i].name);
        }
    }
}

struct rect_row {
    const char *name;
    uint32_t resource_id;
    struct vgpu_rect rect;
    uint64_t offset_bytes; /* transfers only */
    uint32_t by_text;
    uint32_t by_qemu; /* where that is another thing; else 0 */
    const char *why;
};

static uint32_t
expected(const struct rect_row *row)
{
    return row->by_qemu != 0 ? row->by_qemu : row->by_text;
}

static const char empty[] = "an empty rectangle lies inside anything; QEMU takes it";
static const char beyond[] = "QEMU copies as much as there is, and says nothing";
static const char bare[] = "QEMU calls a resource without backing an unspecified error";

/*
 * Not in the table, for it would end the test: an offset beyond the backing makes QEMU 7.2 abort (an assertion in iov_to_buf),
 * by the command of any guest. One that ends exactly at the backing's end does not.
 */
static const struct rect_row transfers[] = {
    {"whole",                              RESOURCE, { 0, 0, WIDTH, HEIGHT },     0,                                OK,            0,           NULL },
    { "inside",                            RESOURCE, { 100, 50, 64, 64 },         50 * STRIDE + 400,                OK,            0,           NULL },
    { "one pixel",                         RESOURCE, { 639, 479, 1, 1 },          479 * STRIDE + UINT64_C(639) * 4, OK,            0,           NULL },
    { "one row",                           RESOURCE, { 0, 200, WIDTH, 1 },        200 * STRIDE,                     OK,            0,           NULL },
    { "one column",                        RESOURCE, { 639, 0, 1, HEIGHT },       UINT64_C(639) * 4,                OK,            0,           NULL },
    { "rectangle there, memory elsewhere", RESOURCE, { 100, 50, 64, 64 },         0,                                OK,            0,           NULL },
    { "empty",                             RESOURCE, { 0, 0, 0, 0 },              0,                                OPEN,          OK,          empty},
    { "empty at the corner",               RESOURCE, { WIDTH, HEIGHT, 0, 0 },     0,                                OPEN,          OK,          empty},
    { "last rows beyond the backing",
     RESOURCE,                                       { 0, 0, WIDTH, 2 },
     479 * STRIDE,
     OPEN,                                                                                                                         OK,
     beyond                                                                                                                                          },
    { "one column too wide",               RESOURCE, { 0, 0, WIDTH + 1, HEIGHT }, 0,                                BAD_PARAMETER, 0,           NULL },
    { "one row too high",                  RESOURCE, { 0, 0, WIDTH, HEIGHT + 1 }, 0,                                BAD_PARAMETER, 0,           NULL },
    { "half outside",                      RESOURCE, { 320, 240, WIDTH, HEIGHT }, 0,                                BAD_PARAMETER, 0,           NULL },
    { "just outside",                      RESOURCE, { WIDTH, 0, 1, 1 },          0,                                BAD_PARAMETER, 0,           NULL },
    { "x + width wraps to 0",              RESOURCE, { 1, 0, MAX, 1 },            0,                                BAD_PARAMETER, 0,           NULL },
    { "y + height wraps to 0",             RESOURCE, { 0, 1, 1, MAX },            0,                                BAD_PARAMETER, 0,           NULL },
    { "x + width wraps inside",            RESOURCE, { MAX - 15, 0, 32, 1 },      0,                                BAD_PARAMETER, 0,           NULL },
    { "y + height wraps inside",           RESOURCE, { 0, MAX - 15, 1, 32 },      0,                                BAD_PARAMETER, 0,           NULL },
    { "all ones",                          RESOURCE, { MAX, MAX, MAX, MAX },      UINT64_MAX,                       BAD_PARAMETER, 0,           NULL },
    { "unknown resource",                  99,       { 0, 0, 1, 1 },              0,                                BAD_RESOURCE,  0,           NULL },
    { "resource 0",                        0,        { 0, 0, 1, 1 },              0,                                BAD_RESOURCE,  0,           NULL },
    { "resource without backing",          BARE,     { 0, 0, 1, 1 },              0,                                OPEN,          UNSPECIFIED, bare },
};

static const struct rect_row flushes[] = {
    {"whole",                     RESOURCE, { 0, 0, WIDTH, HEIGHT },     0, OK,            0,  NULL },
    { "inside",                   RESOURCE, { 100, 50, 64, 64 },         0, OK,            0,  NULL },
    { "one pixel",                RESOURCE, { 639, 479, 1, 1 },          0, OK,            0,  NULL },
    { "empty",                    RESOURCE, { 0, 0, 0, 0 },              0, OPEN,          OK, empty},
    { "empty at the corner",      RESOURCE, { WIDTH, HEIGHT, 0, 0 },     0, OPEN,          OK, empty},
    { "resource without backing", BARE,     { 0, 0, WIDTH, HEIGHT },     0, OK,            0,  NULL },
    { "one column too wide",      RESOURCE, { 0, 0, WIDTH + 1, HEIGHT }, 0, BAD_PARAMETER, 0,  NULL },
    { "one row too high",         RESOURCE, { 0, 0, WIDTH, HEIGHT + 1 }, 0, BAD_PARAMETER, 0,  NULL },
    { "half outside",             RESOURCE, { 320, 240, WIDTH, HEIGHT }, 0, BAD_PARAMETER, 0,  NULL },
    { "just outside",             RESOURCE, { WIDTH, 0, 1, 1 },          0, BAD_PARAMETER, 0,  NULL },
    { "x + width wraps to 0",     RESOURCE, { 1, 0, MAX, 1 },            0, BAD_PARAMETER, 0,  NULL },
    { "y + height wraps inside",  RESOURCE, { 0, MAX - 15, 1, 32 },      0, BAD_PARAMETER, 0,  NULL },
    { "all ones",                 RESOURCE, { MAX, MAX, MAX, MAX },      0, BAD_PARAMETER, 0,  NULL },
    { "unknown resource",         99,       { 0, 0, 1, 1 },              0, BAD_RESOURCE,  0,  NULL },
    { "resource 0",               0,        { 0, 0, 1, 1 },              0, BAD_RESOURCE,  0,  NULL },
};

enum {
    TRANSFER_COUNT = sizeof(transfers) / sizeof(transfers[0]),
    FLUSH_COUNT = sizeof(flushes) / sizeof(flushes[0]),
};

/* A resource with backing on scanout 0, and one without. */
static void
make_resources(void)
{
    const struct vgpu_rect all = { 0, 0, WIDTH, HEIGHT };
    (void)gpu_resource(&gpu, RESOURCE, &image);
    EXPECT_EQ(gpu_set_scanout(&gpu, 0, RESOURCE, &all), OK);
    EXPECT_EQ(
        gpu_answer(&gpu, vgpu_cmd_resource_create_2d(&gpu.vgpu, BARE, &image, gpu_then(&gpu))), OK);
}

static void
sweep_transfers(void)
{
    make_resources();
    for (size_t i = 0; i < TRANSFER_COUNT; i++) {
        const struct rect_row *row = &transfers[i];
        uint32_t type =
            gpu_answer(&gpu, vgpu_cmd_transfer_to_host_2d(&gpu.vgpu, row->resource_id, &row->rect,
                                                          row->offset_bytes, gpu_then(&gpu)));
        if (!EXPECT_EQ(type, expected(row))) {
            printf("        row \"%s\": %s\n", row->name, vgpu_type_name(type));
        }
    }
}

UTEST(every_transfer_is_answered_as_expected)
{
    in_every_combination(sweep_transfers);
}

static void
sweep_flushes(void)
{
    make_resources();
    for (size_t i = 0; i < FLUSH_COUNT; i++) {
        const struct rect_row *row = &flushes[i];
        uint32_t type = gpu_answer(
            &gpu, vgpu_cmd_resource_flush(&gpu.vgpu, row->resource_id, &row->rect, gpu_then(&gpu)));
        if (!EXPECT_EQ(type, expected(row))) {
            printf("        row \"%s\": %s\n", row->name, vgpu_type_name(type));
        }
    }
}

UTEST(every_flush_is_answered_as_expected)
{
    in_every_combination(sweep_flushes);
}

struct create_row {
    const char *name;
    uint32_t resource_id;
    struct vgpu_image image;
    uint32_t by_text;
    uint32_t by_qemu;
    uint32_t by_qemu_11; /* where that is another thing again; else 0 */
    const char *why;
};

enum { FORMAT = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM };

static const char nothing[] =
    "the text names no smallest size; QEMU's image library made it in 7.2, and no more in 11.1";

/*
 * Not in the table, for what follows depends on the host's memory: 65536x65536. QEMU 7.2 reckons its size in 32 bits, where it
 * is 0, so that its own limit does not hold, and answers OK_NODATA.
 */
static const struct create_row creations[] = {
    {"an id",                    1,   { FORMAT, 64, 64 },       OK,            0,  0,         NULL   },
    { "the same id again",       1,   { FORMAT, 64, 64 },       BAD_RESOURCE,  0,  0,         NULL   },
    { "the largest id",          MAX, { FORMAT, 64, 64 },       OK,            0,  0,         NULL   },
    { "id 0",                    0,   { FORMAT, 64, 64 },       BAD_RESOURCE,  0,  0,         NULL   },
    { "one pixel",               2,   { FORMAT, 1, 1 },         OK,            0,  0,         NULL   },
    { "nothing at all",          3,   { FORMAT, 0, 0 },         OPEN,          OK, NO_MEMORY, nothing},
    { "no width",                4,   { FORMAT, 0, 64 },        OPEN,          OK, NO_MEMORY, nothing},
    { "format 0",                5,   { 0, 64, 64 },            BAD_PARAMETER, 0,  0,         NULL   },
    { "format between",          5,   { 5, 64, 64 },            BAD_PARAMETER, 0,  0,         NULL   },
    { "format of all ones",      5,   { MAX, 64, 64 },          BAD_PARAMETER, 0,  0,         NULL   },
    { "1 GiB",                   6,   { FORMAT, 16384, 16384 }, NO_MEMORY,     0,  0,         NULL   },
    { "16 GiB",                  6,   { FORMAT, 65535, 65535 }, NO_MEMORY,     0,  0,         NULL   },
    { "all ones",                6,   { FORMAT, MAX, MAX },     NO_MEMORY,     0,  0,         NULL   },
    { "one row too long",        6,   { FORMAT, MAX, 1 },       NO_MEMORY,     0,  0,         NULL   },
    { "the id of a refused one", 6,   { FORMAT, 64, 64 },       OK,            0,  0,         NULL   },
};

enum { CREATION_COUNT = sizeof(creations) / sizeof(creations[0]) };

static uint32_t
expected_creation(const struct create_row *row)
{
    if (row->by_qemu_11 != 0 && gpu.rig.qemu.version >= 11) {
        return row->by_qemu_11;
    }
    return row->by_qemu != 0 ? row->by_qemu : row->by_text;
}

static void
sweep_creations(void)
{
    for (size_t i = 0; i < CREATION_COUNT; i++) {
        const struct create_row *row = &creations[i];
        uint32_t type = gpu_answer(&gpu, vgpu_cmd_resource_create_2d(&gpu.vgpu, row->resource_id,
                                                                     &row->image, gpu_then(&gpu)));
        if (!EXPECT_EQ(type, expected_creation(row))) {
            printf("        row \"%s\": %s\n", row->name, vgpu_type_name(type));
        }
    }
}

UTEST(every_creation_is_answered_as_expected)
{
    in_every_combination(sweep_creations);
}

static uint32_t
unref(uint32_t resource_id)
{
    return gpu_answer(&gpu, vgpu_cmd_resource_unref(&gpu.vgpu, resource_id, gpu_then(&gpu)));
}

static uint32_t
detach(uint32_t resource_id)
{
    return gpu_answer(&gpu, vgpu_cmd_detach_backing(&gpu.vgpu, resource_id, gpu_then(&gpu)));
}

static uint32_t
attach(uint32_t resource_id, const struct vgpu_backing *backing)
{
    return gpu_answer(&gpu,
                      vgpu_cmd_attach_backing(&gpu.vgpu, resource_id, backing, gpu_then(&gpu)));
}

static void
live_and_die(void)
{
    struct vgpu_backing backing = { .memory = rig_memory(&gpu.rig, 4096), .bytes = 4096 };
    make_resources();
    EXPECT_EQ(unref(99), BAD_RESOURCE);
    EXPECT_EQ(unref(0), BAD_RESOURCE);
    EXPECT_EQ(unref(BARE), OK);
    EXPECT_EQ(unref(BARE), BAD_RESOURCE);
    EXPECT_EQ(attach(99, &backing), BAD_RESOURCE);
    EXPECT_EQ(attach(0, &backing), BAD_RESOURCE);
    EXPECT_EQ(attach(RESOURCE, &backing), UNSPECIFIED); /* it has one */
    EXPECT_EQ(detach(99), BAD_RESOURCE);
    EXPECT_EQ(detach(0), BAD_RESOURCE);
    EXPECT_EQ(detach(RESOURCE), OK);
    EXPECT_EQ(detach(RESOURCE), UNSPECIFIED); /* the text is open; so is QEMU's answer */
    EXPECT_EQ(attach(RESOURCE, &backing), OK);
    EXPECT_EQ(unref(RESOURCE), OK); /* while it is shown and backed */
    EXPECT_EQ(detach(RESOURCE), BAD_RESOURCE);
}

UTEST(lives_of_resources_gone_wrong)
{
    in_every_combination(live_and_die);
}

/* An attach by hand: as many entries told as `told`, one given, with that address and length. */
static uint32_t
attach_by_hand(uint32_t told, uint64_t addr, uint32_t bytes)
{
    uint8_t command[sizeof(struct virtio_gpu_resource_attach_backing) +
                    sizeof(struct virtio_gpu_mem_entry)];
    struct virtio_gpu_resource_attach_backing head = vgpu_encode_attach_backing(BARE, told);
    struct virtio_gpu_mem_entry entry = vgpu_encode_mem_entry(addr, bytes);
    struct vgpu_request request = { .command = command, .command_bytes = sizeof(command) };
    memcpy(command, &head, sizeof(head));
    memcpy(command + sizeof(head), &entry, sizeof(entry));
    request.then = gpu_then(&gpu);
    return gpu_answer(&gpu, vgpu_submit(&gpu.vgpu, &request));
}

static void
attach_nonsense(void)
{
    make_resources();
    EXPECT_EQ(attach_by_hand(2, QEMU_RAM_BASE, 4096), UNSPECIFIED);
    EXPECT_EQ(attach_by_hand(20000, QEMU_RAM_BASE, 4096), UNSPECIFIED);
    EXPECT_EQ(attach_by_hand(MAX, QEMU_RAM_BASE, 4096), UNSPECIFIED);
    /* 8192: QEMU would take one page of what is not memory, by way of a buffer of its own. */
    EXPECT_EQ(attach_by_hand(1, QEMU_RAM_BASE + QEMU_RAM_BYTES, 8192), UNSPECIFIED);
    EXPECT_EQ(attach_by_hand(1, UINT64_MAX - 8191, 8192), UNSPECIFIED);
    EXPECT_EQ(attach_by_hand(1, QEMU_RAM_BASE, MAX), UNSPECIFIED);
    EXPECT_EQ(attach_by_hand(1, QEMU_RAM_BASE + QEMU_RAM_BYTES - 4096, 4096), OK);
}

UTEST(backing_that_is_not_there_is_refused)
{
    in_every_combination(attach_nonsense);
}

/* What the library itself does not send, for it cannot be meant: never on the wire, so never a surprise from the device. */
static void
keep_from_the_wire(void)
{
    static const char half[16] = { 0x03, 0x01 }; /* half a SET_SCANOUT */
    uint64_t sent = gpu.vgpu.counters.sent;
    struct vgpu_request request = { .command = half, .command_bytes = sizeof(half) };
    struct virtio_gpu_ctrl_hdr unknown = { .type = le32_from(0x0999) };
    struct vgpu_backing elsewhere = { .memory = &gpu, .bytes = 4096 };
    EXPECT_EQ(vgpu_submit(&gpu.vgpu, &request), VIRTIO_ERR_INVALID);
    request = (struct vgpu_request){ .command = &unknown, .command_bytes = sizeof(unknown) };
    EXPECT_EQ(vgpu_submit(&gpu.vgpu, &request), VIRTIO_ERR_INVALID);
    EXPECT_EQ(vgpu_cmd_attach_backing(&gpu.vgpu, RESOURCE, &elsewhere, NULL), VIRTIO_ERR_INVALID);
    EXPECT_EQ(gpu.vgpu.counters.sent, sent);
}

UTEST(what_cannot_be_meant_is_not_sent)
{
    in_every_combination(keep_from_the_wire);
}

UTEST(every_deviation_has_its_reason)
{
    for (size_t i = 0; i < TRANSFER_COUNT; i++) {
        EXPECT_EQ(transfers[i].by_qemu != 0, transfers[i].why != NULL);
    }
    for (size_t i = 0; i < FLUSH_COUNT; i++) {
        EXPECT_EQ(flushes[i].by_qemu != 0, flushes[i].why != NULL);
    }
    for (size_t i = 0; i < CREATION_COUNT; i++) {
        EXPECT_EQ(creations[i].by_qemu != 0, creations[i].why != NULL);
    }
}
