/*
 * gpu_breaks.h - a guest for each rule of VirtIO 1.3 §5.7 that a driver can break (gpu_driver_rules.def): it gets what stands
 * there, nothing else changes, and afterwards it and its other context are served as before.
 */
#ifndef TESTS_LOOP_GPU_BREAKS_H
#define TESTS_LOOP_GPU_BREAKS_H

#include "tests/loop/gpu_hostile.h"

/* --- one for each rule --- */

static void
break_control_command(void)
{
    static const uint32_t types[] = { 0,     0xff,   0x10e,  0x1ff,     0x20a,
                                      0x302, 0x1100, 0x1200, 0xffffffff };
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct virtio_gpu_ctrl_hdr header = loop_header(types[i]);
        EXPECT_EQ(ask(&header, sizeof(header)), REFUSED);
    }
}

static void
break_cursor_queue(void)
{
    const struct virtio_gpu_update_cursor command = { .hdr =
                                                          loop_header(VIRTIO_GPU_CMD_UPDATE_CURSOR),
                                                      .pos.x = le32_from(77) };
    EXPECT_EQ(ask(&command, sizeof(command)), REFUSED);
    EXPECT_NE(seen_cursor_x(), 77);
}

static void
break_control_queue(void)
{
    const struct virtio_gpu_resource_unref command = { loop_header(VIRTIO_GPU_CMD_RESOURCE_UNREF),
                                                       le32_from(PICTURE),
                                                       { 0 } };
    guest.room = 0;
    (void)loop_guest_ask_cursor(&guest, &command, sizeof(command));
    EXPECT_EQ(guest.answer_bytes, 0);
    guest.room = LOOP_GUEST_RESPONSE_BYTES;
    EXPECT_EQ(seen_resource(0), PICTURE);
}

static void
break_header(void)
{
    const struct virtio_gpu_ctrl_hdr header = loop_header(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    for (size_t bytes = 0; bytes < sizeof(header); bytes += 23) {
        EXPECT_EQ(ask(&header, bytes), BAD_VALUE);
    }
}

static void
break_request_length(void)
{
    for (uint32_t type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO + 1;
         type <= VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB; type++) {
        const struct virtio_gpu_ctrl_hdr header = loop_header_of(type, MINE);
        bool is_whole = type == VIRTIO_GPU_CMD_CTX_DESTROY;
        bool is_none = type > VIRTIO_GPU_CMD_SET_SCANOUT_BLOB && type < VIRTIO_GPU_CMD_CTX_CREATE;
        if (!is_whole && !is_none) {
            EXPECT_EQ(ask(&header, sizeof(header)), BAD_VALUE);
        }
    }
}

static void
break_no_response(void)
{
    guest.room = 0;
    (void)loop_create_2d(&guest, 7, FORMAT, 4, 4);
    EXPECT_EQ(guest.answer_bytes, 0);
    guest.room = LOOP_GUEST_RESPONSE_BYTES;
    EXPECT_EQ(unref(7), OK);
}

static void
break_short_response(void)
{
    const struct virtio_gpu_ctrl_hdr header = loop_header(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    for (size_t room = 1; room < sizeof(struct virtio_gpu_resp_display_info); room += 31) {
        guest.room = room;
        (void)ask(&header, sizeof(header));
        EXPECT_EQ(guest.answer_bytes, room);
        EXPECT_EQ(guest.answer.bytes[room], 0xee);
    }
    guest.room = LOOP_GUEST_RESPONSE_BYTES;
}

static void
break_edid_feature(void)
{
    const struct virtio_gpu_get_edid command = { .hdr = loop_header(VIRTIO_GPU_CMD_GET_EDID) };
    without(VIRTIO_FEATURE(VIRTIO_GPU_F_EDID));
    EXPECT_EQ(ask(&command, sizeof(command)), REFUSED);
}

static void
break_uuid_feature(void)
{
    without(VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_UUID));
    EXPECT_EQ(loop_create_2d(&guest, 7, FORMAT, 4, 4), OK);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 0, 7), REFUSED);
}

static void
break_blob_feature(void)
{
    without(VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_BLOB));
    EXPECT_EQ(loop_create_blob(&guest, 7, 0, GUEST, 0, 4096), REFUSED);
    EXPECT_EQ(show_blob(7, FORMAT, 64, 0), REFUSED);
    EXPECT_EQ(loop_map(&guest, 7, 0), REFUSED);
}

static void
break_virgl_feature(void)
{
    without(VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL));
    EXPECT_EQ(loop_create_context(&guest, 5, 4), REFUSED);
    EXPECT_EQ(stream(loop_header_of(0, 5), FAKE_NOTHING), REFUSED);
}

static void
break_ring_idx(void)
{
    EXPECT_EQ(stream(loop_fenced(MINE, 64, 1), FAKE_DIE), BAD_VALUE);
    EXPECT_EQ(stream(loop_fenced(MINE, 255, 1), FAKE_DIE), BAD_VALUE);
    EXPECT_EQ(stream(loop_fenced(MINE, 0, 1), FAKE_NOTHING), OK);
}

static void
break_ring_idx_feature(void)
{
    without(VIRTIO_FEATURE(VIRTIO_GPU_F_CONTEXT_INIT));
    EXPECT_EQ(loop_create_context(&guest, 5, 0), OK);
    EXPECT_EQ(stream(loop_fenced(5, 0, 1), FAKE_NOTHING), BAD_VALUE);
}

static void
break_ring_idx_context(void)
{
    EXPECT_EQ(stream(loop_fenced(0, 0, 1), FAKE_NOTHING), NO_CONTEXT);
    EXPECT_EQ(stream(loop_fenced(UINT32_MAX, 0, 1), FAKE_NOTHING), NO_CONTEXT);
}

static void
break_resource_id_none(void)
{
    EXPECT_EQ(loop_create_2d(&guest, 0, FORMAT, 4, 4), NO_RESOURCE);
    EXPECT_EQ(loop_create_blob(&guest, 0, 0, GUEST, 0, 4096), NO_RESOURCE);
}

static void
break_resource_id_taken(void)
{
    EXPECT_EQ(loop_create_2d(&guest, PICTURE, FORMAT, 4, 4), NO_RESOURCE);
    EXPECT_EQ(loop_create_blob(&guest, PICTURE, 0, GUEST, 0, 4096), NO_RESOURCE);
    EXPECT_EQ(loop_create_blob(&guest, PICTURE, MINE, HOST3D, 0, 4096), NO_RESOURCE);
}

static void
break_resource_id_unknown(void)
{
    EXPECT_EQ(unref(999), NO_RESOURCE);
    EXPECT_EQ(loop_flush(&guest, 999, loop_rect(0, 0, 1, 1)), NO_RESOURCE);
    EXPECT_EQ(loop_transfer(&guest, 999, loop_rect(0, 0, 1, 1), 0), NO_RESOURCE);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 999, loop_rect(0, 0, 1, 1)), NO_RESOURCE);
    EXPECT_EQ(loop_attach_memory(&guest, 999, 0, 64), NO_RESOURCE);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, MINE, 999), NO_RESOURCE);
    EXPECT_EQ(loop_map(&guest, 999, 0), NO_RESOURCE);
}

static void
break_resource_format(void)
{
    static const uint32_t wrong[] = { 0, 5, 66, 69, 120, 135, UINT32_MAX };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        EXPECT_EQ(loop_create_2d(&guest, 7, wrong[i], 4, 4), BAD_VALUE);
    }
}

static void
break_resource_shown(void)
{
    EXPECT_EQ(loop_create_2d(&guest, 7, FORMAT, 4, 4), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 1, 7, loop_rect(0, 0, 4, 4)), OK);
    EXPECT_EQ(unref(7), OK);
    EXPECT_EQ(seen_resource(1), 0);
    EXPECT_EQ(seen_pixel(1, 0, 0), NOT_SHOWN);
}

static void
break_scanout_id(void)
{
    EXPECT_EQ(loop_set_scanout(&guest, 2, PICTURE, loop_rect(0, 0, 1, 1)), NO_SCANOUT);
    EXPECT_EQ(loop_set_scanout(&guest, 16, PICTURE, loop_rect(0, 0, 1, 1)), NO_SCANOUT);
    EXPECT_EQ(loop_set_scanout(&guest, UINT32_MAX, PICTURE, loop_rect(0, 0, 1, 1)), NO_SCANOUT);
}

/* Rectangles that are not within 16x16, some only by overflow. */
static const uint32_t outside[][4] = {
    {0,           0,          17, 16        },
    { 1,          0,          16, 16        },
    { 0,          16,         16, 1         },
    { 0,          0,          0,  16        },
    { 0,          0,          16, 0         },
    { 0xffffffff, 0,          1,  1         },
    { 0xfffffff0, 0,          17, 1         },
    { 0,          0x80000000, 1,  0x80000000},
};
enum { OUTSIDE_COUNT = sizeof(outside) / sizeof(outside[0]) };

static struct virtio_gpu_rect
rect_outside(unsigned i)
{
    return loop_rect(outside[i][0], outside[i][1], outside[i][2], outside[i][3]);
}

static void
break_scanout_covered(void)
{
    for (unsigned i = 0; i < OUTSIDE_COUNT; i++) {
        EXPECT_EQ(loop_set_scanout(&guest, 0, PICTURE, rect_outside(i)), BAD_VALUE);
    }
}

static void
break_transfer_rect(void)
{
    for (unsigned i = 0; i < OUTSIDE_COUNT; i++) {
        EXPECT_EQ(loop_transfer(&guest, PICTURE, rect_outside(i), 0), BAD_VALUE);
    }
}

static void
break_transfer_backing(void)
{
    static const uint64_t offsets[] = { 1, 1024, UINT64_MAX, UINT64_MAX - 1023, UINT64_C(1) << 63 };
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        EXPECT_EQ(loop_transfer(&guest, PICTURE, loop_rect(0, 0, 16, 16), offsets[i]), BAD_VALUE);
    }
    EXPECT_EQ(loop_create_2d(&guest, 7, FORMAT, 4, 4), OK);
    EXPECT_EQ(loop_transfer(&guest, 7, loop_rect(0, 0, 4, 4), 0), REFUSED);
    EXPECT_EQ(unref(7), OK);
}

static void
break_flush_rect(void)
{
    uint64_t count = seen_flush_count();
    for (unsigned i = 0; i < OUTSIDE_COUNT; i++) {
        EXPECT_EQ(loop_flush(&guest, PICTURE, rect_outside(i)), BAD_VALUE);
    }
    EXPECT_EQ(seen_flush_count(), count);
}

static void
break_backing_memory(void)
{
    const struct vq_span foreign[] = {
        {0,                                        64},
        { LOOP_GUEST_ADDR - 1,                     2 },
        { LOOP_GUEST_ADDR + LOOP_GUEST_BYTES - 63, 64},
        { UINT64_MAX - 62,                         64},
        { LOOP_GUEST_WINDOW,                       64},
    };
    EXPECT_EQ(loop_create_2d(&guest, 7, FORMAT, 4, 4), OK);
    for (unsigned i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        EXPECT_EQ(loop_attach(&guest, 7, &foreign[i], 1, 1), REFUSED);
    }
    EXPECT_EQ(loop_transfer(&guest, 7, loop_rect(0, 0, 4, 4), 0), REFUSED);
    EXPECT_EQ(unref(7), OK);
}

static void
break_backing_entries(void)
{
    const struct vq_span good = { LOOP_GUEST_ADDR, 64 };
    EXPECT_EQ(loop_create_2d(&guest, 7, FORMAT, 4, 4), OK);
    EXPECT_EQ(loop_attach(&guest, 7, &good, 1, 0), BAD_VALUE);
    EXPECT_EQ(loop_attach(&guest, 7, &good, 1, 2), BAD_VALUE);
    EXPECT_EQ(loop_attach(&guest, 7, &good, 1, 0x10000001), BAD_VALUE); /* 16 times that wraps */
    EXPECT_EQ(loop_attach(&guest, 7, &good, 1, UINT32_MAX), BAD_VALUE);
    EXPECT_EQ(unref(7), OK);
}

static void
break_backing_twice(void)
{
    EXPECT_EQ(loop_attach_memory(&guest, PICTURE, 8192, 1024), REFUSED);
}

static void
break_cursor_size(void)
{
    EXPECT_EQ(loop_create_2d(&guest, 7, FORMAT, 63, 65), OK);
    EXPECT_EQ(cursor(7), BAD_VALUE);
    EXPECT_EQ(cursor(PICTURE), BAD_VALUE);
    EXPECT_FALSE(seen_cursor_is_shown());
    EXPECT_EQ(unref(7), OK);
}

static void
break_cursor_resource(void)
{
    EXPECT_EQ(cursor(999), NO_RESOURCE);
}

static void
break_capset_index(void)
{
    struct virtio_gpu_get_capset_info command = { loop_header(VIRTIO_GPU_CMD_GET_CAPSET_INFO),
                                                  le32_from(1),
                                                  { 0 } };
    EXPECT_EQ(ask(&command, sizeof(command)), BAD_VALUE);
    command.capset_index = le32_from(UINT32_MAX);
    EXPECT_EQ(ask(&command, sizeof(command)), BAD_VALUE);
}

static void
break_capset_id(void)
{
    for (uint32_t id = 0; id < 256; id++) {
        const struct virtio_gpu_get_capset command = { loop_header(VIRTIO_GPU_CMD_GET_CAPSET),
                                                       le32_from(id), le32_from(id == 4) };
        EXPECT_EQ(ask(&command, sizeof(command)), BAD_VALUE);
    }
}

static void
break_blob_mem(void)
{
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, 0, 0, 4096), BAD_VALUE);
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, 4, 0, 4096), BAD_VALUE);
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, UINT32_MAX, 0, 4096), BAD_VALUE);
}

static void
break_blob_virgl(void)
{
    without(VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL));
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, HOST3D, 0, 4096), REFUSED);
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST, 0, 4096),
              REFUSED);
    EXPECT_EQ(loop_create_blob(&guest, 7, 0, GUEST, 0, 4096), OK);
}

static void
break_blob_object(void)
{
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, HOST3D, FAKE_BLOB_NONE, 4096), REFUSED);
    EXPECT_EQ(loop_create_2d(&guest, 7, FORMAT, 4, 4), OK);
    EXPECT_EQ(unref(7), OK);
}

static void
break_blob_flags(void)
{
    struct virtio_gpu_resource_create_blob command = loop_blob(7, MINE, HOST3D, 0, 4096);
    command.blob_flags = le32_from(VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE);
    EXPECT_EQ(ask(&command, sizeof(command)), OK);
    EXPECT_EQ(loop_map(&guest, 7, 0), BAD_VALUE);
    EXPECT_EQ(unref(7), OK);
}

static void
break_blob_format(void)
{
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, HOST3D, 0, 4096), OK);
    EXPECT_EQ(show_blob(7, 0, 64, 0), BAD_VALUE);
    EXPECT_EQ(show_blob(7, 66, 64, 0), BAD_VALUE);
    EXPECT_EQ(unref(7), OK);
}

static void
break_blob_rows(void)
{
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, HOST3D, 0, 1024), OK);
    EXPECT_EQ(show_blob(7, FORMAT, 63, 0), BAD_VALUE);
    EXPECT_EQ(show_blob(7, FORMAT, 64, 1), BAD_VALUE);
    EXPECT_EQ(show_blob(7, FORMAT, 65, 0), BAD_VALUE);
    EXPECT_EQ(show_blob(7, FORMAT, UINT32_MAX, UINT32_MAX), BAD_VALUE);
    EXPECT_EQ(seen_resource(0), PICTURE);
    EXPECT_EQ(unref(7), OK);
}

static void
break_map_twice(void)
{
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, HOST3D, 0, 4096), OK);
    EXPECT_EQ(loop_map(&guest, 7, 0), MAPPED);
    EXPECT_EQ(loop_map(&guest, 7, 0), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 7, 8192), BAD_VALUE);
    write_window();
    EXPECT_EQ(unref(7), OK);
}

static void
break_map_place(void)
{
    static const uint64_t offsets[] = { 1, 4095, WINDOW, WINDOW - 4096, UINT64_MAX - 4095 };
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, HOST3D, 0, 4097), OK);
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        EXPECT_EQ(loop_map(&guest, 7, offsets[i]), BAD_VALUE);
    }
    EXPECT_EQ(unref(7), OK);
}

static void
break_map_overlap(void)
{
    EXPECT_EQ(loop_create_blob(&guest, 7, MINE, HOST3D, 0, 12288), OK);
    EXPECT_EQ(loop_create_blob(&guest, 8, MINE, HOST3D, 0, 12288), OK);
    EXPECT_EQ(loop_map(&guest, 7, 16384), MAPPED);
    EXPECT_EQ(loop_map(&guest, 8, 16384), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 8, 8192), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 8, 24576), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 8, 4096), MAPPED);
    EXPECT_EQ(unref(7), OK);
    EXPECT_EQ(unref(8), OK);
}

static void
break_unmap(void)
{
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, 0, PICTURE), BAD_VALUE);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, 0, 999), NO_RESOURCE);
}

static void
break_context_id(void)
{
    EXPECT_EQ(loop_create_context(&guest, MINE, 4), NO_CONTEXT);
    EXPECT_EQ(loop_create_context(&guest, 0, 4), NO_CONTEXT);
}

static void
break_context_capset(void)
{
    for (uint32_t capset = 1; capset < 256; capset += capset == 3 ? 2 : 1) {
        EXPECT_EQ(loop_create_context(&guest, 9, capset), BAD_VALUE);
    }
}

static void
break_context_unknown(void)
{
    EXPECT_EQ(stream(loop_header_of(0, 999), FAKE_DIE), NO_CONTEXT);
    EXPECT_EQ(loop_create_blob(&guest, 7, 999, HOST3D, 0, 4096), NO_CONTEXT);
}

static void
break_stream_length(void)
{
    static const uint32_t lengths[] = { 3, 8, 1 << 20, UINT32_MAX - 3, UINT32_MAX };
    struct {
        struct virtio_gpu_cmd_submit submit;
        uint32_t word;
    } command = { { .hdr = loop_header_of(VIRTIO_GPU_CMD_SUBMIT_3D, MINE) }, FAKE_DIE };
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        command.submit.size = le32_from(lengths[i]);
        EXPECT_EQ(ask(&command, sizeof(command.submit) + 4), BAD_VALUE);
    }
    EXPECT_EQ(stream(loop_fenced(MINE, 0, 1), FAKE_NOTHING), OK);
}

static void
break_stream_sense(void)
{
    EXPECT_EQ(stream(loop_fenced(MINE, 1, 1), 0xdeadbeef), REFUSED);
    EXPECT_EQ(stream(loop_header_of(0, MINE), FAKE_NOTHING), REFUSED);
}

static void
break_config_write(void)
{
    struct virtio_gpu_config before;
    struct virtio_gpu_config after;
    uint8_t ones[16];
    memset(ones, 0xff, sizeof(ones));
    read_config(&before);
    for (uint32_t offset = 0; offset < 24; offset++) {
        write_config(offset, ones, 1);
    }
    write_config(0, ones, 16);
    write_config(8, ones, 4);
    read_config(&after);
    EXPECT_MEMEQ(&before, &after, sizeof(before));
}

static const struct {
    const char *name;
    const char *section;
    void (*break_it)(void);
} rules[] = {
#define RULE(id, section, driver, device) { #id, section, break_##id },
#include "tests/loop/gpu_driver_rules.def"
#undef RULE
};

enum { RULE_COUNT = sizeof(rules) / sizeof(rules[0]) };

/* A guest that was made ready by prepare breaks it, and is as ready as before, or begins anew. */
static void
break_rule(unsigned i)
{
    bool had_failed = utest.has_failed;
    utest.has_failed = false;
    rules[i].break_it();
    if (seen_resource(0) == 0) {
        without(0);
        prepare();
    }
    check_served();
    if (utest.has_failed) {
        printf("    (VirtIO 1.3 §%s, %s)\n", rules[i].section, rules[i].name);
    }
    utest.has_failed = utest.has_failed || had_failed;
}

#endif
