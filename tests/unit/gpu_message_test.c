/*
 * Every command byte for byte as VirtIO 1.3 §5.7.6 lays it out, every response parsed, right and
 * wrong, and both as text. conformance: S0-10 S0-17 S0-18 S0-20
 */
#include "virtio/gpu_protocol.h"

#include "tests/unit/utest.h"

/* Bytes written as hex digits; anything else is for the reader. */
static size_t
from_hex(const char *hex, uint8_t *bytes, size_t room)
{
    size_t count = 0;
    unsigned value = 0;
    unsigned digits = 0;
    for (const char *c = hex; *c != '\0'; c++) {
        const char *all = "0123456789abcdef";
        const char *at = strchr(all, *c);
        if (at == NULL) {
            continue;
        }
        value = value << 4 | (unsigned)(at - all);
        if (++digits == 2 && count < room) {
            bytes[count++] = (uint8_t)value;
            value = 0;
            digits = 0;
        }
    }
    return count;
}

static void
expect_bytes(const void *command, size_t bytes, const char *hex)
{
    uint8_t wanted[256];
    size_t count = from_hex(hex, wanted, sizeof(wanted));
    if (EXPECT_EQ(bytes, count)) {
        EXPECT_MEMEQ(command, wanted, count);
    }
}

/* type, then flags, fence_id, ctx_id, ring_idx and padding: all zero as encoded. */
#define HEADER(type) type " 00000000 00000000 00000000 00000000 00000000 "

static const struct vgpu_rect rect = { 0x11, 0x22, 0x500, 0x320 };
#define RECT "11000000 22000000 00050000 20030000 "

UTEST(display_commands_are_laid_out_as_specified)
{
    struct virtio_gpu_ctrl_hdr info = vgpu_encode_get_display_info();
    expect_bytes(&info, sizeof(info), HEADER("00010000"));
    struct virtio_gpu_get_edid edid = vgpu_encode_get_edid(15);
    expect_bytes(&edid, sizeof(edid), HEADER("0a010000") "0f000000 00000000");
}

UTEST(resource_commands_are_laid_out_as_specified)
{
    struct virtio_gpu_resource_create_2d create =
        vgpu_encode_resource_create_2d(7, VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, 1280, 800);
    expect_bytes(&create, sizeof(create), HEADER("01010000") "07000000 44000000 00050000 20030000");
    struct virtio_gpu_resource_unref unref = vgpu_encode_resource_unref(0xfffffffe);
    expect_bytes(&unref, sizeof(unref), HEADER("02010000") "feffffff 00000000");
    struct virtio_gpu_resource_assign_uuid uuid = vgpu_encode_assign_uuid(9);
    expect_bytes(&uuid, sizeof(uuid), HEADER("0b010000") "09000000 00000000");
}

UTEST(set_scanout_is_laid_out_as_specified)
{
    struct virtio_gpu_set_scanout command = vgpu_encode_set_scanout(2, 7, &rect);
    expect_bytes(&command, sizeof(command), HEADER("03010000") RECT "02000000 07000000");
}

UTEST(pixel_commands_are_laid_out_as_specified)
{
    struct virtio_gpu_transfer_to_host_2d transfer =
        vgpu_encode_transfer_to_host_2d(7, &rect, UINT64_C(0x123456789a));
    expect_bytes(&transfer, sizeof(transfer),
                 HEADER("05010000") RECT "9a78563412000000 07000000 00000000");
    struct virtio_gpu_resource_flush flush = vgpu_encode_resource_flush(7, &rect);
    expect_bytes(&flush, sizeof(flush), HEADER("04010000") RECT "07000000 00000000");
}

UTEST(backing_commands_are_laid_out_as_specified)
{
    struct virtio_gpu_resource_attach_backing attach = vgpu_encode_attach_backing(7, 3);
    expect_bytes(&attach, sizeof(attach), HEADER("06010000") "07000000 03000000");
    struct virtio_gpu_mem_entry entry = vgpu_encode_mem_entry(UINT64_C(0x8000001000), 0x3e8000);
    expect_bytes(&entry, sizeof(entry), "0010000080000000 00803e00 00000000");
    struct virtio_gpu_resource_detach_backing detach = vgpu_encode_detach_backing(7);
    expect_bytes(&detach, sizeof(detach), HEADER("07010000") "07000000 00000000");
}

UTEST(capset_commands_are_laid_out_as_specified)
{
    struct virtio_gpu_get_capset_info info = vgpu_encode_get_capset_info(1);
    expect_bytes(&info, sizeof(info), HEADER("08010000") "01000000 00000000");
    struct virtio_gpu_get_capset capset = vgpu_encode_get_capset(VIRTIO_GPU_CAPSET_VENUS, 2);
    expect_bytes(&capset, sizeof(capset), HEADER("09010000") "04000000 02000000");
}

UTEST(cursor_commands_are_laid_out_as_specified)
{
    struct vgpu_cursor cursor = {
        .scanout_id = 1, .x_px = 100, .y_px = 200, .resource_id = 5, .hot_x_px = 3, .hot_y_px = 4
    };
    struct virtio_gpu_update_cursor update = vgpu_encode_update_cursor(&cursor);
    expect_bytes(&update, sizeof(update),
                 HEADER("00030000") "01000000 64000000 c8000000 00000000 "
                                    "05000000 03000000 04000000 00000000");
    struct virtio_gpu_update_cursor move = vgpu_encode_move_cursor(&cursor);
    expect_bytes(&move, sizeof(move),
                 HEADER("01030000") "01000000 64000000 c8000000 00000000 "
                                    "05000000 03000000 04000000 00000000");
}

UTEST(blob_commands_are_laid_out_as_specified)
{
    const struct vgpu_blob_wish wish = {
        .mem = VIRTIO_GPU_BLOB_MEM_HOST3D, .flags = 3, .blob_id = 0x123456789a, .bytes = 0x10000
    };
    const struct vgpu_blob_image image = { rect, 1280, 800, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                           5120, 64 };
    struct virtio_gpu_resource_create_blob create = vgpu_encode_create_blob(7, 2, &wish);
    expect_bytes(&create, sizeof(create),
                 "0c010000 00000000 00000000 00000000 02000000 00000000 "
                 "07000000 02000000 03000000 00000000 9a78563412000000 0000010000000000");
    struct virtio_gpu_set_scanout_blob scanout = vgpu_encode_set_scanout_blob(1, 7, &image);
    expect_bytes(&scanout, sizeof(scanout),
                 HEADER("0d010000") RECT "01000000 07000000 00050000 20030000 02000000 00000000 "
                                         "00140000 00000000 00000000 00000000 "
                                         "40000000 00000000 00000000 00000000");
    struct virtio_gpu_resource_map_blob map = vgpu_encode_map_blob(7, 0x123456000);
    expect_bytes(&map, sizeof(map), HEADER("08020000") "07000000 00000000 0060452301000000");
    struct virtio_gpu_resource_unmap_blob unmap = vgpu_encode_unmap_blob(7);
    expect_bytes(&unmap, sizeof(unmap), HEADER("09020000") "07000000 00000000");
}

UTEST(context_commands_are_laid_out_as_specified)
{
    struct virtio_gpu_ctx_create create = vgpu_encode_ctx_create(3, VIRTIO_GPU_CAPSET_VENUS, "us");
    expect_bytes(&create, 40,
                 "00020000 00000000 00000000 00000000 03000000 00000000 "
                 "02000000 04000000 75730000 00000000");
    EXPECT_EQ(sizeof(create), 96);
    struct virtio_gpu_ctx_destroy destroy = vgpu_encode_ctx_destroy(3);
    expect_bytes(&destroy, sizeof(destroy),
                 "01020000 00000000 00000000 00000000 03000000 00000000");
    struct virtio_gpu_ctx_resource attach = vgpu_encode_ctx_attach_resource(3, 7);
    expect_bytes(&attach, sizeof(attach),
                 "02020000 00000000 00000000 00000000 03000000 00000000 07000000 00000000");
    struct virtio_gpu_ctx_resource detach = vgpu_encode_ctx_detach_resource(3, 7);
    expect_bytes(&detach, sizeof(detach),
                 "03020000 00000000 00000000 00000000 03000000 00000000 07000000 00000000");
    struct virtio_gpu_cmd_submit submit = vgpu_encode_submit_3d(3, 0x120);
    vgpu_encode_ring_idx(&submit.hdr, 5);
    expect_bytes(&submit, sizeof(submit),
                 "07020000 02000000 00000000 00000000 03000000 05000000 20010000 00000000");
}

UTEST(a_long_name_of_a_context_is_cut)
{
    char name[100];
    memset(name, 'x', sizeof(name) - 1);
    name[99] = '\0';
    struct virtio_gpu_ctx_create create = vgpu_encode_ctx_create(3, 4, name);
    EXPECT_EQ(le32_get(create.nlen), 63);
    EXPECT_EQ(create.debug_name[62], 'x');
    EXPECT_EQ(create.debug_name[63], '\0');
}

UTEST(every_message_is_found_by_its_type)
{
    for (unsigned i = 0; i < VGPU_MSG_COUNT; i++) {
        const struct vgpu_message *message = vgpu_message_at((enum vgpu_message_idx)i);
        if (EXPECT_TRUE(message != NULL)) {
            EXPECT_EQ(message->idx, i);
            EXPECT_TRUE(vgpu_message_find(message->type) == message);
            EXPECT_STREQ(vgpu_type_name(message->type), message->name);
        }
    }
    EXPECT_TRUE(vgpu_message_find(0) == NULL);
    EXPECT_TRUE(vgpu_message_find(0xff) == NULL);
    EXPECT_TRUE(vgpu_message_find(0x10e) == NULL);
    EXPECT_TRUE(vgpu_message_find(0x1ff) == NULL);
    EXPECT_TRUE(vgpu_message_find(0x204) == NULL);
    EXPECT_TRUE(vgpu_message_find(0x206) == NULL);
    EXPECT_TRUE(vgpu_message_find(0x20a) == NULL);
    EXPECT_TRUE(vgpu_message_find(0x302) == NULL);
    EXPECT_TRUE(vgpu_message_find(UINT32_MAX) == NULL);
    EXPECT_STREQ(vgpu_type_name(0x1205), "ERR_INVALID_PARAMETER");
    EXPECT_STREQ(vgpu_type_name(0x1206), "unknown");
    EXPECT_STREQ(vgpu_type_name(0x204), "unknown");
}

static enum virtio_err
parse(uint32_t command, const char *hex, struct vgpu_response *response)
{
    uint8_t bytes[128];
    size_t count = from_hex(hex, bytes, sizeof(bytes));
    return vgpu_parse_response(vgpu_message_find(command), bytes, count, response);
}

/*
 * The regression that this project began with: the answer to SET_SCANOUT must be understood for
 * what it is.
 */
UTEST(set_scanout_response_ok_nodata_is_success)
{
    struct vgpu_response response;
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_SET_SCANOUT, HEADER("00110000"), &response), VIRTIO_OK);
    EXPECT_EQ(response.type, VIRTIO_GPU_RESP_OK_NODATA);
    EXPECT_TRUE(response.rule == NULL);
}

UTEST(set_scanout_response_errors_are_refusals_with_their_type)
{
    static const struct {
        const char *hex;
        uint32_t type;
    } errors[] = {
        {HEADER("00120000"),  VIRTIO_GPU_RESP_ERR_UNSPEC             },
        { HEADER("01120000"), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY      },
        { HEADER("02120000"), VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID },
        { HEADER("03120000"), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID},
        { HEADER("04120000"), VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID },
        { HEADER("05120000"), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER  },
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct vgpu_response response;
        EXPECT_EQ(parse(VIRTIO_GPU_CMD_SET_SCANOUT, errors[i].hex, &response), VIRTIO_ERR_REFUSED);
        EXPECT_EQ(response.type, errors[i].type);
    }
}

UTEST(set_scanout_response_of_another_kind_breaks_the_device)
{
    struct vgpu_response response;
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_SET_SCANOUT, HEADER("01110000"), &response), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(response.value, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    EXPECT_CONTAINS(response.rule, "does not belong");
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_SET_SCANOUT, HEADER("03010000"), &response), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_SET_SCANOUT, HEADER("00000000"), &response), VIRTIO_ERR_BROKEN);
}

UTEST(set_scanout_response_too_short_breaks_the_device)
{
    struct vgpu_response response;
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_SET_SCANOUT, "", &response), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_SET_SCANOUT, "00110000", &response), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(response.value, 4);
    EXPECT_CONTAINS(response.rule, "shorter than a header");
}

UTEST(a_response_header_is_parsed_in_full)
{
    struct vgpu_response response;
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_RESOURCE_FLUSH,
                    "00110000 01000000 8877665544332211 04030201 00 000000", &response),
              VIRTIO_OK);
    EXPECT_EQ(response.flags, VIRTIO_GPU_FLAG_FENCE);
    EXPECT_EQ(response.fence_id, INT64_C(0x1122334455667788));
    EXPECT_EQ(response.ctx_id, 0x01020304);
}

UTEST(a_data_response_must_have_the_length_of_its_type)
{
    struct vgpu_response response;
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, HEADER("01110000"), &response),
              VIRTIO_ERR_BROKEN);
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_GET_CAPSET_INFO, HEADER("02110000") "00000000", &response),
              VIRTIO_ERR_BROKEN);
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_GET_CAPSET_INFO,
                    HEADER("02110000") "04000000 01000000 00020000 00000000", &response),
              VIRTIO_OK);
    EXPECT_EQ(parse(VIRTIO_GPU_CMD_GET_EDID, HEADER("04110000") "00000000", &response),
              VIRTIO_ERR_BROKEN);
}

UTEST(display_info_is_parsed)
{
    struct virtio_gpu_resp_display_info bytes = { 0 };
    struct vgpu_display_info info;
    bytes.pmodes[3].r.x = le32_from(1280);
    bytes.pmodes[3].r.width = le32_from(640);
    bytes.pmodes[3].r.height = le32_from(480);
    bytes.pmodes[3].enabled = le32_from(1);
    bytes.pmodes[15].flags = le32_from(0xabcd);
    EXPECT_EQ(vgpu_parse_display_info(&bytes, sizeof(bytes), &info), VIRTIO_OK);
    EXPECT_FALSE(info.displays[0].is_enabled);
    EXPECT_TRUE(info.displays[3].is_enabled);
    EXPECT_EQ(info.displays[3].rect.x, 1280);
    EXPECT_EQ(info.displays[3].rect.width, 640);
    EXPECT_EQ(info.displays[3].rect.height, 480);
    EXPECT_EQ(info.displays[15].flags, 0xabcd);
    EXPECT_EQ(vgpu_parse_display_info(&bytes, sizeof(bytes) - 1, &info), VIRTIO_ERR_BROKEN);
}

UTEST(an_edid_is_copied_only_as_far_as_it_was_written)
{
    struct virtio_gpu_resp_edid bytes = { 0 };
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    size_t edid_bytes = 0;
    bytes.size = le32_from(128);
    bytes.edid[127] = 0x5a;
    EXPECT_EQ(vgpu_parse_edid(&bytes, 32 + 128, edid, &edid_bytes), VIRTIO_OK);
    EXPECT_EQ(edid_bytes, 128);
    EXPECT_EQ(edid[127], 0x5a);
    EXPECT_EQ(vgpu_parse_edid(&bytes, 32 + 127, edid, &edid_bytes), VIRTIO_ERR_BROKEN);
    bytes.size = le32_from(1025);
    EXPECT_EQ(vgpu_parse_edid(&bytes, sizeof(bytes), edid, &edid_bytes), VIRTIO_ERR_BROKEN);
    bytes.size = le32_from(UINT32_MAX);
    EXPECT_EQ(vgpu_parse_edid(&bytes, sizeof(bytes), edid, &edid_bytes), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vgpu_parse_edid(&bytes, 8, edid, &edid_bytes), VIRTIO_ERR_BROKEN);
}

UTEST(capsets_and_uuids_are_parsed)
{
    uint8_t bytes[40];
    uint8_t out[16];
    size_t count = 0;
    struct vgpu_capset_info info;
    from_hex(HEADER("02110000") "04000000 02000000 a0000000 00000000", bytes, sizeof(bytes));
    EXPECT_EQ(vgpu_parse_capset_info(bytes, 40, &info), VIRTIO_OK);
    EXPECT_EQ(info.id, VIRTIO_GPU_CAPSET_VENUS);
    EXPECT_EQ(info.max_version, 2);
    EXPECT_EQ(info.max_bytes, 160);
    EXPECT_EQ(vgpu_parse_capset_info(bytes, 39, &info), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vgpu_parse_capset(bytes, 40, out, 16, &count), VIRTIO_OK);
    EXPECT_EQ(count, 16);
    EXPECT_EQ(vgpu_parse_capset(bytes, 40, out, 15, &count), VIRTIO_ERR_BUFFER_TOO_SMALL);
    EXPECT_EQ(vgpu_parse_capset(bytes, 23, out, 16, &count), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vgpu_parse_uuid(bytes, 40, out), VIRTIO_OK);
    EXPECT_EQ(out[0], 4);
    EXPECT_EQ(vgpu_parse_uuid(bytes, 39, out), VIRTIO_ERR_BROKEN);
}

UTEST(requests_are_printed_with_every_field)
{
    char text[512];
    struct virtio_gpu_set_scanout scanout = vgpu_encode_set_scanout(2, 7, &rect);
    scanout.hdr.flags = le32_from(VIRTIO_GPU_FLAG_FENCE);
    scanout.hdr.fence_id = le64_from(12);
    vgpu_format_request(&scanout, sizeof(scanout), text, sizeof(text));
    EXPECT_STREQ(text, "SET_SCANOUT flags 0x1 fence_id 12 ctx_id 0 r (17,34 1280x800) "
                       "scanout_id 2 resource_id 7");

    struct virtio_gpu_resource_create_2d create =
        vgpu_encode_resource_create_2d(7, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 1280, 800);
    vgpu_format_request(&create, sizeof(create), text, sizeof(text));
    EXPECT_STREQ(text, "RESOURCE_CREATE_2D flags 0x0 fence_id 0 ctx_id 0 resource_id 7 "
                       "format B8G8R8X8 width 1280 height 800");

    struct {
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_mem_entry entries[2];
    } attach = {
        vgpu_encode_attach_backing(7, 2),
        {vgpu_encode_mem_entry(0x1000, 4096), vgpu_encode_mem_entry(0x8000, 8192)}
    };
    vgpu_format_request(&attach, sizeof(attach), text, sizeof(text));
    EXPECT_STREQ(text, "RESOURCE_ATTACH_BACKING flags 0x0 fence_id 0 ctx_id 0 resource_id 7 "
                       "nr_entries 2 entries [0x1000+4096 0x8000+8192]");
}

UTEST(requests_of_3d_are_printed_with_every_field)
{
    char text[512];
    const struct vgpu_blob_wish wish = {
        .mem = VIRTIO_GPU_BLOB_MEM_HOST3D, .flags = 1, .blob_id = 9, .bytes = 65536
    };
    const struct vgpu_blob_image image = { rect, 1280, 800, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                           5120, 64 };
    struct virtio_gpu_resource_create_blob create = vgpu_encode_create_blob(7, 2, &wish);
    vgpu_format_request(&create, sizeof(create), text, sizeof(text));
    EXPECT_STREQ(text,
                 "RESOURCE_CREATE_BLOB flags 0x0 fence_id 0 ctx_id 2 resource_id 7 blob_mem HOST3D "
                 "blob_flags 0x1 nr_entries 0 blob_id 9 size 65536 entries []");
    struct virtio_gpu_set_scanout_blob scanout = vgpu_encode_set_scanout_blob(1, 7, &image);
    vgpu_format_request(&scanout, sizeof(scanout), text, sizeof(text));
    EXPECT_STREQ(text,
                 "SET_SCANOUT_BLOB flags 0x0 fence_id 0 ctx_id 0 r (17,34 1280x800) scanout_id 1 "
                 "resource_id 7 width 1280 height 800 format B8G8R8X8 strides [5120 0 0 0] "
                 "offsets [64 0 0 0]");
    struct virtio_gpu_ctx_create context =
        vgpu_encode_ctx_create(3, VIRTIO_GPU_CAPSET_VENUS, "us\nflags 0x9");
    vgpu_format_request(&context, sizeof(context), text, sizeof(text));
    EXPECT_STREQ(text, "CTX_CREATE flags 0x0 fence_id 0 ctx_id 3 nlen 12 context_init venus "
                       "debug_name \"us\"");
    struct {
        struct virtio_gpu_cmd_submit submit;
        uint8_t stream[4];
    } stream = {
        vgpu_encode_submit_3d(3, 4), {1, 2, 3, 0xff}
    };
    vgpu_encode_ring_idx(&stream.submit.hdr, 5);
    vgpu_format_request(&stream, sizeof(stream.submit) + 4, text, sizeof(text));
    EXPECT_STREQ(text, "SUBMIT_3D flags 0x2 fence_id 0 ctx_id 3 ring_idx 5 size 4 stream 010203ff");
}

UTEST(every_request_prints_its_name_and_nothing_cut)
{
    uint8_t bytes[128] = { 0 };
    char text[512];
    for (unsigned i = 0; i < VGPU_MSG_COUNT; i++) {
        const struct vgpu_message *message = vgpu_message_at((enum vgpu_message_idx)i);
        struct virtio_gpu_ctrl_hdr header = vgpu_encode_header(message->type);
        memcpy(bytes, &header, sizeof(header));
        vgpu_format_request(bytes, message->bytes, text, sizeof(text));
        EXPECT_TRUE(strncmp(text, message->name, strlen(message->name)) == 0);
        EXPECT_TRUE(strstr(text, "(cut)") == NULL);
        for (const struct vgpu_field *field = message->fields;
             field != NULL && field->kind != VGPU_FIELD_END; field++) {
            EXPECT_CONTAINS(text, field->name);
        }
    }
}

UTEST(responses_are_printed_with_every_field)
{
    char text[512];
    uint8_t bytes[40];
    from_hex(HEADER("02110000") "04000000 02000000 a0000000 00000000", bytes, sizeof(bytes));
    vgpu_format_response(bytes, sizeof(bytes), text, sizeof(text));
    EXPECT_STREQ(text, "OK_CAPSET_INFO flags 0x0 fence_id 0 ctx_id 0 capset_id venus "
                       "capset_max_version 2 capset_max_size 160");
    from_hex(HEADER("02120000"), bytes, sizeof(bytes));
    vgpu_format_response(bytes, 24, text, sizeof(text));
    EXPECT_STREQ(text, "ERR_INVALID_SCANOUT_ID flags 0x0 fence_id 0 ctx_id 0");

    struct virtio_gpu_resp_display_info info = { .hdr = vgpu_encode_header(0x1101) };
    info.pmodes[0] = (struct virtio_gpu_display_one){
        .r = {le32_from(0), le32_from(0), le32_from(1280), le32_from(800)},
        .enabled = le32_from(1),
    };
    vgpu_format_response(&info, sizeof(info), text, sizeof(text));
    EXPECT_CONTAINS(text, "OK_DISPLAY_INFO");
    EXPECT_CONTAINS(text, "[0]: (0,0 1280x800) enabled 1 flags 0x0");
}

/*
 * Each length up to the full one, in a buffer of exactly that length: the sanitizer sees any step
 * outside.
 */
UTEST(cut_messages_are_printed_as_far_as_they_go)
{
    char text[256];
    struct virtio_gpu_resp_edid full = { .hdr = vgpu_encode_header(0x1104) };
    for (size_t bytes = 0; bytes <= 64; bytes++) {
        uint8_t exact[65];
        memcpy(exact + 65 - bytes, &full, bytes);
        EXPECT_TRUE(vgpu_format_response(exact + 65 - bytes, bytes, text, sizeof(text)) > 0);
        EXPECT_TRUE(vgpu_format_request(exact + 65 - bytes, bytes, text, sizeof(text)) > 0);
    }
    struct virtio_gpu_set_scanout scanout = vgpu_encode_set_scanout(2, 7, &rect);
    vgpu_format_request(&scanout, 42, text, sizeof(text));
    EXPECT_CONTAINS(text, "scanout_id (cut)");
    EXPECT_EQ(vgpu_format_request(&scanout, sizeof(scanout), text, 8), 7);
    EXPECT_STREQ(text, "SET_SCA");
}

UTEST(all_formats_have_names)
{
    static const uint32_t formats[] = { 1, 2, 3, 4, 67, 68, 121, 134 };
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        EXPECT_TRUE(vgpu_format_name(formats[i]) != NULL);
    }
    EXPECT_TRUE(vgpu_format_name(0) == NULL);
    EXPECT_TRUE(vgpu_format_name(5) == NULL);
    EXPECT_TRUE(vgpu_format_name(UINT32_MAX) == NULL);
}
