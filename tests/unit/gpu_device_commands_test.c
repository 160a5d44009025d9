/*
 * Every 2D, cursor, EDID, UUID and guest-blob command of our GPU device: what a right one does, what a wrong one gets.
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

UTEST(display_info_and_configuration_tell_of_the_displays)
{
    const struct virtio_gpu_ctrl_hdr command = loop_header(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    struct virtio_gpu_config config;
    begin();
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    EXPECT_EQ(guest.answer_bytes, sizeof(struct virtio_gpu_resp_display_info));
    const struct virtio_gpu_display_one *modes = guest.answer.display_info.pmodes;
    EXPECT_EQ(le32_get(modes[0].r.width), 640);
    EXPECT_EQ(le32_get(modes[1].r.width), 641);
    EXPECT_EQ(le32_get(modes[1].r.x), 640);
    EXPECT_EQ(le32_get(modes[1].enabled), 1);
    EXPECT_EQ(le32_get(modes[2].enabled), 0);
    gpu_config_read(guest.host.gpu, 0, &config, sizeof(config));
    EXPECT_EQ(le32_get(config.num_scanouts), 2);
    EXPECT_EQ(le32_get(config.num_capsets), 0);
    EXPECT_EQ(le32_get(config.events_read), 0);
    loop_guest_end(&guest);
}

UTEST(a_display_change_is_an_event_until_it_is_cleared)
{
    le32 events;
    const le32 clear = le32_from(VIRTIO_GPU_EVENT_DISPLAY);
    const struct gpu_scanout_config off = { 800, 600, false };
    const struct virtio_gpu_ctrl_hdr command = loop_header(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    begin();
    EXPECT_STREQ(gpu_set_display(guest.host.gpu, 2, &off), "there is no such scanout");
    EXPECT_TRUE(gpu_set_display(guest.host.gpu, 0, &(struct gpu_scanout_config){ 0, 1, true }) !=
                NULL);
    EXPECT_TRUE(
        gpu_set_display(guest.host.gpu, 0, &(struct gpu_scanout_config){ 16385, 1, true }) != NULL);
    EXPECT_EQ(guest.host.generation, 0);
    EXPECT_TRUE(gpu_set_display(guest.host.gpu, 1, &off) == NULL);
    EXPECT_EQ(guest.host.generation, 1);
    gpu_config_read(guest.host.gpu, 0, &events, 4);
    EXPECT_EQ(le32_get(events), VIRTIO_GPU_EVENT_DISPLAY);
    gpu_config_write(guest.host.gpu, 0, &clear, 4); /* events_read is not for writing */
    gpu_config_write(guest.host.gpu, 4, &clear, 1);
    gpu_config_read(guest.host.gpu, 0, &events, 4);
    EXPECT_EQ(le32_get(events), VIRTIO_GPU_EVENT_DISPLAY);
    gpu_config_write(guest.host.gpu, 4, &clear, 4);
    gpu_config_read(guest.host.gpu, 0, &events, 4);
    EXPECT_EQ(le32_get(events), 0);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    EXPECT_EQ(le32_get(guest.answer.display_info.pmodes[1].enabled), 0);
    loop_guest_end(&guest);
}

UTEST(configuration_beyond_its_end_reads_zero)
{
    uint8_t bytes[8];
    begin();
    memset(bytes, 1, sizeof(bytes));
    gpu_config_read(guest.host.gpu, 12, bytes, 8);
    EXPECT_EQ(bytes[0] + bytes[4] + bytes[7], 0);
    memset(bytes, 1, sizeof(bytes));
    gpu_config_read(guest.host.gpu, UINT32_MAX - 3, bytes, 8);
    EXPECT_EQ(bytes[0] + bytes[7], 0);
    gpu_config_read(guest.host.gpu, 8, bytes, 1);
    EXPECT_EQ(bytes[0], 2);
    loop_guest_end(&guest);
}

UTEST(a_picture_goes_from_the_guests_memory_to_the_scanout)
{
    uint32_t *memory;
    begin();
    memory = (uint32_t *)(void *)guest.memory;
    for (unsigned i = 0; i < 64 * 32; i++) {
        memory[i] = i;
    }
    EXPECT_EQ(loop_create_2d(&guest, 7, BGRX, 64, 32), OK);
    EXPECT_EQ(loop_attach_memory(&guest, 7, 0, 64 * 32 * 4), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 7, loop_rect(0, 0, 64, 32)), OK);
    EXPECT_EQ(pixel(0, 3, 3), 0); /* not transferred yet */
    EXPECT_EQ(loop_transfer(&guest, 7, loop_rect(0, 0, 64, 32), 0), OK);
    EXPECT_EQ(pixel(0, 63, 31), 64 * 32 - 1);
    /* A part: its first pixel comes from the offset, its rows lie as far apart as the picture's. */
    EXPECT_EQ(loop_transfer(&guest, 7, loop_rect(10, 5, 2, 2), 1600), OK);
    EXPECT_EQ(pixel(0, 10, 5), 400);
    EXPECT_EQ(pixel(0, 11, 6), 465);
    EXPECT_EQ(pixel(0, 12, 5), 5 * 64 + 12);
    /* A scanout of a part of it, and the same picture twice. */
    EXPECT_EQ(loop_set_scanout(&guest, 1, 7, loop_rect(8, 4, 16, 16)), OK);
    EXPECT_EQ(pixel(1, 2, 1), 400);
    EXPECT_EQ(gpu_scanout(guest.host.gpu, 1)->width_px, 16);
    const struct gpu_rect beyond = { 15, 15, 2, 1 };
    uint32_t two[2];
    EXPECT_FALSE(gpu_read_pixels(guest.host.gpu, 1, &beyond, two, 8));
    EXPECT_FALSE(gpu_read_pixels(guest.host.gpu, 2, &beyond, two, 8));
    loop_guest_end(&guest);
}

UTEST(backing_may_lie_scattered)
{
    struct vq_span spans[64];
    begin();
    uint64_t base = loop_device_addr(&guest.host, guest.memory);
    for (uint32_t i = 0; i < 64; i++) { /* backwards, of odd lengths */
        spans[i] = (struct vq_span){ base + (63 - i) * UINT64_C(256), 252 };
        memset(guest.memory + (size_t)(63 - i) * 256, (int)(i + 1), 256);
    }
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 63, 60), OK);
    EXPECT_EQ(loop_attach(&guest, 1, spans, 64, 64), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 1, loop_rect(0, 0, 63, 60)), OK);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 63, 60), 1008), OK);
    EXPECT_EQ(pixel(0, 0, 0), 0x050505);
    EXPECT_EQ(pixel(0, 62, 59), 0x404040);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(1, 1, 1, 59), 2), OK);
    EXPECT_EQ(pixel(0, 1, 59), 0x3b3b3b);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 63, 60), 1009), BAD_VALUE);
    loop_guest_end(&guest);
}

UTEST(sizes_and_ids_of_a_resource_are_checked)
{
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 0, BGRX, 1, 1), NO_RESOURCE);
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 0, 1), BAD_VALUE);
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 1, 16385), BAD_VALUE);
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, UINT32_MAX, UINT32_MAX), BAD_VALUE);
    EXPECT_EQ(loop_create_2d(&guest, UINT32_MAX, BGRX, 1, 1), OK);
    EXPECT_EQ(loop_create_2d(&guest, UINT32_MAX, BGRX, 1, 1), NO_RESOURCE);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, UINT32_MAX), OK);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, UINT32_MAX), NO_RESOURCE);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 0), NO_RESOURCE);
    EXPECT_TRUE(loop_device_logged(&guest.host, "RESOURCE_CREATE_2D: resource id 0 is none"));
    loop_guest_end(&guest);
}

UTEST(backing_is_checked)
{
    const struct vq_span outside = { LOOP_MEMORY_ADDR - 4, 8 };
    const struct vq_span wrapping = { UINT64_MAX - 3, 8 };
    const struct vq_span empty = { LOOP_MEMORY_ADDR, 0 };
    const struct vq_span good = { LOOP_MEMORY_ADDR, 64 };
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 4, 4), OK);
    EXPECT_EQ(loop_attach(&guest, 2, &good, 1, 1), NO_RESOURCE);
    EXPECT_EQ(loop_attach(&guest, 1, &good, 1, 0), BAD_VALUE);
    EXPECT_EQ(loop_attach(&guest, 1, &good, 1, 2),
              BAD_VALUE); /* one is announced that is not there */
    EXPECT_EQ(loop_attach(&guest, 1, &good, 1, UINT32_MAX), BAD_VALUE);
    EXPECT_EQ(loop_attach(&guest, 1, &empty, 1, 1), BAD_VALUE);
    EXPECT_EQ(loop_attach(&guest, 1, &outside, 1, 1), REFUSED);
    EXPECT_EQ(loop_attach(&guest, 1, &wrapping, 1, 1), REFUSED);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 0, 1), REFUSED);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 4, 4), 0), REFUSED);
    EXPECT_EQ(loop_attach(&guest, 1, &good, 1, 1), OK);
    EXPECT_EQ(loop_attach(&guest, 1, &good, 1, 1), REFUSED);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 4, 4), 1), BAD_VALUE);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 4, 4), UINT64_MAX), BAD_VALUE);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(1, 0, 4, 4), 0), BAD_VALUE);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(UINT32_MAX, 0, 2, 4), 0), BAD_VALUE);
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 0, 4), 0), BAD_VALUE);
    EXPECT_EQ(loop_transfer(&guest, 9, loop_rect(0, 0, 1, 1), 0), NO_RESOURCE);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 0, 1), OK);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 0, 9), NO_RESOURCE);
    loop_guest_end(&guest);
}

UTEST(memory_that_is_unplugged_is_found_at_its_next_use)
{
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 4, 4), OK);
    uint8_t extra[4096];
    const struct guest_region region = { .guest_addr = 0x1000, .size_bytes = 4096, .host = extra };
    const struct vq_span span = { 0x1000, 64 };
    EXPECT_TRUE(guest_add(&guest.host.guest, &region) == NULL);
    EXPECT_EQ(loop_attach(&guest, 1, &span, 1, 1), OK);
    EXPECT_TRUE(guest_remove(&guest.host.guest, 0x1000, 4096));
    EXPECT_EQ(loop_transfer(&guest, 1, loop_rect(0, 0, 4, 4), 0), REFUSED);
    loop_guest_end(&guest);
}

UTEST(edid_says_the_size_of_each_display)
{
    struct virtio_gpu_get_edid command = { loop_header(VIRTIO_GPU_CMD_GET_EDID), { 1 }, { 0 } };
    uint8_t sum = 0;
    begin();
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), VIRTIO_GPU_RESP_OK_EDID);
    EXPECT_EQ(guest.answer_bytes, sizeof(struct virtio_gpu_resp_edid));
    EXPECT_EQ(le32_get(guest.answer.edid.size), 128);
    const uint8_t *edid = guest.answer.edid.edid;
    for (unsigned i = 0; i < 128; i++) {
        sum = (uint8_t)(sum + edid[i]);
    }
    EXPECT_EQ(sum, 0);
    EXPECT_EQ(edid[54 + 2] | edid[54 + 4] >> 4 << 8, 641);
    EXPECT_EQ(edid[54 + 5] | edid[54 + 7] >> 4 << 8, 480);
    command.scanout = le32_from(2);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), NO_SCANOUT);
    /* What no timing can say has none, so that guests look at the display info. */
    EXPECT_TRUE(gpu_set_display(guest.host.gpu, 0,
                                &(struct gpu_scanout_config){ 16384, 16384, true }) == NULL);
    uint8_t bytes[VIRTIO_GPU_EDID_BYTES_MAX];
    EXPECT_EQ(gpu_edid(guest.host.gpu, 0, bytes), 128);
    EXPECT_EQ(bytes[54] | bytes[55], 0);
    loop_guest_end(&guest);
}

UTEST(a_uuid_is_a_resources_for_life)
{
    struct virtio_gpu_resp_resource_uuid first;
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 1, 1), OK);
    EXPECT_EQ(loop_create_2d(&guest, 2, BGRX, 1, 1), OK);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 0, 1),
              VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    first = guest.answer.uuid;
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 0, 2),
              VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    EXPECT_TRUE(memcmp(first.uuid, guest.answer.uuid.uuid, 16) != 0);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 0, 1),
              VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    EXPECT_MEMEQ(first.uuid, guest.answer.uuid.uuid, 16);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 0, 3), NO_RESOURCE);
    loop_guest_end(&guest);
}

UTEST(host_blobs_and_contexts_need_vulkan)
{
    begin();
    EXPECT_EQ(gpu_features(guest.host.gpu) & 0x1f, 0x0e);
    EXPECT_EQ(loop_create_blob(&guest, 1, 1, VIRTIO_GPU_BLOB_MEM_HOST3D, 0, 4096), REFUSED);
    EXPECT_EQ(loop_create_context(&guest, 1, 4), REFUSED);
    EXPECT_EQ(loop_create_blob(&guest, 1, 1, 4, 0, 4096), BAD_VALUE);
    EXPECT_EQ(loop_create_blob(&guest, 1, 1, 0, 0, 4096), BAD_VALUE);
    loop_guest_end(&guest);
}

UTEST(a_fence_is_echoed_in_good_and_bad_answers)
{
    struct virtio_gpu_resource_unref command = { loop_header_of(VIRTIO_GPU_CMD_RESOURCE_UNREF, 77),
                                                 le32_from(1),
                                                 { 0 } };
    begin();
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), NO_RESOURCE);
    EXPECT_EQ(le32_get(guest.answer.header.flags), 0);
    EXPECT_EQ(le64_get(guest.answer.header.fence_id), 0);
    command.hdr.flags = le32_from(VIRTIO_GPU_FLAG_FENCE);
    command.hdr.fence_id = le64_from(0x123456789abcdef0);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), NO_RESOURCE);
    EXPECT_EQ(le32_get(guest.answer.header.flags), VIRTIO_GPU_FLAG_FENCE);
    EXPECT_EQ(le64_get(guest.answer.header.fence_id), 0x123456789abcdef0);
    EXPECT_EQ(le32_get(guest.answer.header.ctx_id), 77);
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 1, 1), OK);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), OK);
    EXPECT_EQ(le32_get(guest.answer.header.flags), VIRTIO_GPU_FLAG_FENCE);
    loop_guest_end(&guest);
}

UTEST(status_is_json_and_tells_what_is_there)
{
    char text[16384];
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 42, BGRX, 10, 10), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 1, 42, loop_rect(0, 0, 10, 10)), OK);
    EXPECT_EQ(loop_create_2d(&guest, 42, BGRX, 10, 10), NO_RESOURCE);
    size_t length = gpu_status(guest.host.gpu, text, sizeof(text));
    EXPECT_EQ(length, strlen(text));
    EXPECT_CONTAINS(text, "{\"id\": 42, \"kind\": \"2d\", \"width_px\": 10");
    EXPECT_CONTAINS(text, "\"memory_bytes\": 400,");
    EXPECT_CONTAINS(text, "\"resource_id\": 42,");
    EXPECT_CONTAINS(text, "RESOURCE_CREATE_2D: resource id 42 is taken");
    EXPECT_CONTAINS(text, "\"error_count\": 1");
    EXPECT_EQ(text[length - 1], '}');
    char little[10];
    EXPECT_EQ(gpu_status(guest.host.gpu, little, sizeof(little)), length);
    EXPECT_EQ(strlen(little), 9);
    EXPECT_EQ(gpu_status(guest.host.gpu, NULL, 0), length);
    loop_guest_end(&guest);
}

UTEST(a_config_that_cannot_be_is_told)
{
    struct gpu_config config = { .render_server = -1 };
    const char *why = NULL;
    EXPECT_TRUE(gpu_create(&config, &why) == NULL);
    EXPECT_STREQ(why, "a GPU has 1 to 16 scanouts");
    config.scanout_count = 1;
    EXPECT_TRUE(gpu_create(&config, &why) == NULL);
    EXPECT_CONTAINS(why, "1 to 16384 pixels");
    config.scanouts[0] = (struct gpu_scanout_config){ 1, 1, true };
    EXPECT_TRUE(gpu_create(&config, &why) == NULL);
    EXPECT_CONTAINS(why, "a loop, guest memory and interrupts");
    config.capset = (const uint8_t *)"x";
    config.capset_bytes = 1;
    EXPECT_TRUE(gpu_create(&config, &why) == NULL);
    EXPECT_CONTAINS(why, "Vulkan needs a render server");
    gpu_destroy(NULL);
}
