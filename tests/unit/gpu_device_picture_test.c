/*
 * What our GPU device shows: scanouts, formats, flushes, cursors and blobs of the guest's memory.
 */
#include "tests/loop/loop_guest.h"
#include "tests/unit/gpu_device_answers.h"
#include "tests/unit/utest.h"

enum { BGRX = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, BGRA = VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM };

static struct loop_guest guest;

static void
begin(void)
{
    EXPECT_TRUE(loop_guest_begin(&guest, &(struct loop_guest_wish){ .scanout_count = 2 }));
}

static uint32_t
pixel(unsigned scanout, uint32_t x, uint32_t y)
{
    const struct gpu_rect one = { x, y, 1, 1 };
    uint32_t value = 0xdeadbeef;
    EXPECT_TRUE(gpu_read_pixels(guest.host.gpu, scanout, &one, &value, 4));
    return value & 0xffffff;
}

static const struct {
    uint32_t format;
    uint8_t bytes[4]; /* of 0x112233, X or A 0x99 */
} formats[] = {
    {1,    { 0x33, 0x22, 0x11, 0x99 }},
    { 2,   { 0x33, 0x22, 0x11, 0x99 }},
    { 3,   { 0x99, 0x11, 0x22, 0x33 }},
    { 4,   { 0x99, 0x11, 0x22, 0x33 }},
    { 67,  { 0x11, 0x22, 0x33, 0x99 }},
    { 68,  { 0x99, 0x33, 0x22, 0x11 }},
    { 121, { 0x99, 0x33, 0x22, 0x11 }},
    { 134, { 0x11, 0x22, 0x33, 0x99 }},
};

UTEST(all_eight_formats_are_read_as_they_lie)
{
    begin();
    for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        memcpy(guest.memory, formats[i].bytes, 4);
        EXPECT_EQ(loop_create_2d(&guest, 20 + i, formats[i].format, 1, 1), OK);
        EXPECT_EQ(loop_attach_memory(&guest, 20 + i, 0, 4), OK);
        EXPECT_EQ(loop_set_scanout(&guest, 0, 20 + i, loop_rect(0, 0, 1, 1)), OK);
        EXPECT_EQ(loop_transfer(&guest, 20 + i, loop_rect(0, 0, 1, 1), 0), OK);
        EXPECT_EQ(pixel(0, 0, 0), 0x112233);
    }
    EXPECT_EQ(loop_create_2d(&guest, 1, 5, 1, 1), BAD_VALUE);
    EXPECT_EQ(loop_create_2d(&guest, 1, 0, 1, 1), BAD_VALUE);
    loop_guest_end(&guest);
}

static struct {
    unsigned changed_count;
    unsigned flush_count;
    struct gpu_rect rects[2];
    unsigned cursor_count;
    unsigned moved_count;
} seen;

static void
on_changed(void *user, unsigned scanout_idx)
{
    (void)user;
    (void)scanout_idx;
    seen.changed_count++;
}

static void
on_flushed(void *user, unsigned scanout_idx, const struct gpu_rect *rect)
{
    (void)user;
    seen.flush_count++;
    seen.rects[scanout_idx] = *rect;
}

static void
on_cursor(void *user, unsigned scanout_idx)
{
    (void)user;
    (void)scanout_idx;
    seen.cursor_count++;
}

static void
on_moved(void *user, unsigned scanout_idx)
{
    (void)user;
    (void)scanout_idx;
    seen.moved_count++;
}

static const struct gpu_watcher watcher = { .scanout_changed = on_changed,
                                            .flushed = on_flushed,
                                            .cursor_changed = on_cursor,
                                            .cursor_moved = on_moved };

static const struct gpu_watcher nobody;

UTEST(watchers_hear_of_scanouts_and_flushes)
{
    begin();
    memset(&seen, 0, sizeof(seen));
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX - 1; i++) {
        EXPECT_TRUE(gpu_watch(guest.host.gpu, &nobody));
    }
    EXPECT_TRUE(gpu_watch(guest.host.gpu, &watcher));
    EXPECT_FALSE(gpu_watch(guest.host.gpu, &watcher));
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 100, 50), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 1, loop_rect(0, 0, 50, 50)), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 1, 1, loop_rect(40, 10, 60, 40)), OK);
    EXPECT_EQ(seen.changed_count, 2);
    EXPECT_EQ(loop_flush(&guest, 1, loop_rect(30, 5, 20, 20)), OK);
    EXPECT_EQ(seen.flush_count, 2);
    EXPECT_TRUE(seen.rects[0].x == 30 && seen.rects[0].y == 5 && seen.rects[0].width_px == 20);
    EXPECT_TRUE(seen.rects[1].x == 0 && seen.rects[1].y == 0 && seen.rects[1].width_px == 10 &&
                seen.rects[1].height_px == 15);
    EXPECT_EQ(loop_flush(&guest, 1, loop_rect(60, 0, 40, 50)), OK);
    EXPECT_EQ(seen.flush_count, 3);
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 1)->flush_count, 2);
    EXPECT_TRUE(gpu_scanout(guest.host.gpu, 1)->flush_ns != 0);
    EXPECT_EQ(loop_flush(&guest, 1, loop_rect(60, 0, 41, 50)), BAD_VALUE);
    EXPECT_EQ(loop_flush(&guest, 2, loop_rect(0, 0, 1, 1)), NO_RESOURCE);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 1), OK);
    EXPECT_EQ(seen.changed_count, 4); /* what a scanout shows is gone with its resource */
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 0)->resource_id, 0);
    gpu_unwatch(guest.host.gpu, &watcher);
    loop_guest_end(&guest);
}

UTEST(scanouts_are_checked_and_turned_off)
{
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 100, 50), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 2, 1, loop_rect(0, 0, 1, 1)), NO_SCANOUT);
    EXPECT_EQ(loop_set_scanout(&guest, UINT32_MAX, 0, loop_rect(0, 0, 1, 1)), NO_SCANOUT);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 2, loop_rect(0, 0, 1, 1)), NO_RESOURCE);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 1, loop_rect(0, 0, 101, 50)), BAD_VALUE);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 1, loop_rect(0, 0, 0, 50)), BAD_VALUE);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 1, loop_rect(1, 0xffffffff, 1, 1)), BAD_VALUE);
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 0)->resource_id, 0);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 1, loop_rect(0, 0, 100, 50)), OK);
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 0)->resource_id, 1);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 0, loop_rect(9, 9, 9, 9)), OK);
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 0)->resource_id, 0);
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 0)->display.width_px, 640);
    loop_guest_end(&guest);
}

static uint32_t
cursor(uint32_t type, uint32_t scanout, uint32_t id, uint32_t x)
{
    const struct virtio_gpu_update_cursor command = {
        .hdr = loop_header(type),
        .pos = {le32_from(scanout), le32_from(x), le32_from(20), { 0 }},
        .resource_id = le32_from(id),
        .hot_x = le32_from(5),
        .hot_y = le32_from(6),
    };
    return loop_guest_ask_cursor(&guest, &command, sizeof(command));
}

UTEST(a_cursor_is_copied_moved_and_hidden)
{
    begin();
    memset(&seen, 0, sizeof(seen));
    EXPECT_TRUE(gpu_watch(guest.host.gpu, &watcher));
    memset(guest.memory, 0x44, 16384);
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRA, 64, 64), OK);
    EXPECT_EQ(loop_create_2d(&guest, 2, BGRA, 64, 63), OK);
    EXPECT_EQ(loop_create_2d(&guest, 3, BGRX, 64, 64), OK);
    EXPECT_EQ(loop_attach_memory(&guest, 1, 0, 16384), OK);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 64, 64), 0), OK);
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 1, 10), OK);
    const struct gpu_cursor *shown = gpu_cursor(guest.host.gpu, 0);
    EXPECT_TRUE(shown->is_shown);
    EXPECT_EQ(shown->pixels[4095], 0x44444444);
    EXPECT_EQ(shown->x, 10);
    EXPECT_EQ(shown->hot_y, 6);
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_MOVE_CURSOR, 0, 99, 11), OK);
    EXPECT_TRUE(shown->is_shown);
    EXPECT_EQ(shown->x, 11);
    EXPECT_EQ(seen.moved_count, 1);
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 2, 12), BAD_VALUE);
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 9, 12), NO_RESOURCE);
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 2, 1, 12), NO_SCANOUT);
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_MOVE_CURSOR, 2, 1, 12), NO_SCANOUT);
    EXPECT_EQ(shown->x, 11);
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 3, 12), OK);
    EXPECT_EQ(shown->pixels[0], 0xff000000); /* without alpha: seen */
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 0, 12), OK);
    EXPECT_FALSE(shown->is_shown);
    EXPECT_EQ(seen.cursor_count, 3);
    /* As Linux sends it: without room for an answer. */
    guest.room = 0;
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_MOVE_CURSOR, 0, 0, 13), 0xeeeeeeee);
    EXPECT_EQ(guest.answer_bytes, 0);
    EXPECT_EQ(shown->x, 13);
    EXPECT_FALSE(loop_device_logged(&guest.host, "left 0 bytes"));
    gpu_unwatch(guest.host.gpu, &watcher);
    loop_guest_end(&guest);
}

static uint32_t
guest_blob(uint32_t id, uint64_t size, uint32_t entry_bytes)
{
    uint8_t
        bytes[sizeof(struct virtio_gpu_resource_create_blob) + sizeof(struct virtio_gpu_mem_entry)];
    struct virtio_gpu_resource_create_blob command =
        loop_blob(id, 0, VIRTIO_GPU_BLOB_MEM_GUEST, 0, size);
    const struct virtio_gpu_mem_entry entry = {
        le64_from(loop_device_addr(&guest.host, guest.memory)), le32_from(entry_bytes), { 0 }
    };
    command.nr_entries = le32_from(entry_bytes != 0);
    memcpy(bytes, &command, sizeof(command));
    memcpy(bytes + sizeof(command), &entry, sizeof(entry));
    return loop_guest_ask(&guest, bytes, sizeof(bytes));
}

static uint32_t
show_blob(uint32_t id, uint32_t width, uint32_t height, uint32_t stride, uint32_t offset)
{
    struct virtio_gpu_set_scanout_blob command = {
        .hdr = loop_header(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .r = loop_rect(0, 0, width, height),
        .resource_id = le32_from(id),
        .width = le32_from(width),
        .height = le32_from(height),
        .format = le32_from(BGRX),
    };
    command.strides[0] = le32_from(stride);
    command.offsets[0] = le32_from(offset);
    return loop_guest_ask(&guest, &command, sizeof(command));
}

UTEST(a_blob_of_the_guests_is_shown_without_a_transfer)
{
    uint32_t *memory;
    begin();
    memory = (uint32_t *)(void *)guest.memory;
    EXPECT_EQ(guest_blob(1, 8192, 4096), BAD_VALUE);
    EXPECT_EQ(guest_blob(1, 0, 4096), BAD_VALUE);
    EXPECT_EQ(guest_blob(1, 8192, 8192), OK);
    EXPECT_EQ(guest_blob(1, 8192, 8192), NO_RESOURCE);
    EXPECT_EQ(show_blob(1, 32, 16, 256, 1024), OK);
    memory[(1024 + 3 * 256 + 5 * 4) / 4] = 0x123456;
    EXPECT_EQ(pixel(0, 5, 3), 0x123456);
    EXPECT_EQ(loop_flush(&guest, 1, loop_rect(0, 0, 32, 16)), OK);
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 0)->flush_count, 1);
    EXPECT_EQ(show_blob(1, 32, 16, 127, 0), BAD_VALUE); /* rows lie over each other */
    EXPECT_EQ(show_blob(1, 32, 65, 128, 0), BAD_VALUE);
    EXPECT_EQ(show_blob(1, 32, 64, 128, 1), BAD_VALUE);
    EXPECT_EQ(show_blob(1, 32, 16, UINT32_MAX, UINT32_MAX), BAD_VALUE);
    EXPECT_EQ(show_blob(1, 0, 16, 128, 0), BAD_VALUE);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 1, loop_rect(0, 0, 1, 1)), NO_RESOURCE);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 1, 1), 0), REFUSED);
    EXPECT_EQ(loop_create_2d(&guest, 2, BGRX, 32, 16), OK);
    EXPECT_EQ(show_blob(2, 32, 16, 128, 0), NO_RESOURCE);
    /* Memory that comes later, and goes. */
    EXPECT_EQ(guest_blob(3, 4096, 0), OK);
    EXPECT_EQ(show_blob(3, 32, 16, 128, 0), REFUSED);
    EXPECT_EQ(loop_attach_memory(&guest, 3, 0, 4096), OK);
    EXPECT_EQ(show_blob(3, 32, 16, 128, 0), OK);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 0, 3), OK);
    const struct gpu_rect one = { 0, 0, 1, 1 };
    uint32_t value;
    EXPECT_FALSE(gpu_read_pixels(guest.host.gpu, 0, &one, &value, 4));
    EXPECT_EQ(show_blob(0, 0, 0, 0, 0), OK);
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 0)->resource_id, 0);
    loop_guest_end(&guest);
}

UTEST(a_reset_takes_all_away)
{
    const struct loop_guest_wish wish = { .scanout_count = 2 };
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 64, 64), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 1, loop_rect(0, 0, 10, 10)), OK);
    EXPECT_EQ(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 1, 10), OK);
    EXPECT_TRUE(loop_guest_reset(&guest, &wish));
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 0)->resource_id, 0);
    EXPECT_FALSE(gpu_cursor(guest.host.gpu, 0)->is_shown);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 1), NO_RESOURCE);
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 64, 64), OK);
    loop_guest_end(&guest);
}
