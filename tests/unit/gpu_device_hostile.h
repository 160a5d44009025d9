/*
 * What guests that break rules have in common: two contexts, a picture that is shown, and how to see that it still is.
 */
#ifndef TESTS_UNIT_GPU_DEVICE_HOSTILE_H
#define TESTS_UNIT_GPU_DEVICE_HOSTILE_H

#include "tests/fake/venus_fake.h"
#include "tests/loop/loop_guest.h"
#include "tests/unit/gpu_device_answers.h"
#include "tests/unit/utest.h"

enum {
    MS = 8000,
    FORMAT = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
    WINDOW = 1 << 20,
    HOST3D = VIRTIO_GPU_BLOB_MEM_HOST3D,
    GUEST = VIRTIO_GPU_BLOB_MEM_GUEST,
    MAPPED = VIRTIO_GPU_RESP_OK_MAP_INFO,
    PICTURE = 100, /* a resource of 16x16, shown on scanout 0, its backing at the guest's memory */
    MINE = 1,      /* the context that breaks rules */
    OTHER = 2,
};

static struct loop_guest guest;

static uint32_t
ask(const void *command, size_t bytes)
{
    return loop_guest_ask(&guest, command, bytes);
}

static uint32_t
unref(uint32_t id)
{
    return loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, id);
}

static uint32_t
stream(struct virtio_gpu_ctrl_hdr header, uint32_t word)
{
    (void)loop_send_stream(&guest, header, &word, 1);
    return loop_guest_take(&guest, VIRTIO_GPU_CONTROLQ, MS);
}

static uint32_t
cursor(uint32_t resource_id)
{
    const struct virtio_gpu_update_cursor command = { .hdr =
                                                          loop_header(VIRTIO_GPU_CMD_UPDATE_CURSOR),
                                                      .resource_id = le32_from(resource_id) };
    return loop_guest_ask_cursor(&guest, &command, sizeof(command));
}

static uint32_t
show_blob(uint32_t id, uint32_t format, uint32_t stride, uint32_t offset)
{
    const struct virtio_gpu_set_scanout_blob command = {
        .hdr = loop_header(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .r = loop_rect(0, 0, 16, 16),
        .resource_id = le32_from(id),
        .width = le32_from(16),
        .height = le32_from(16),
        .format = le32_from(format),
        .strides = {le32_from(stride),  { 0 }, { 0 }, { 0 }},
        .offsets = { le32_from(offset), { 0 }, { 0 }, { 0 }},
    };
    return ask(&command, sizeof(command));
}

/* A driver that did not accept these features, from now on. */
static void
without(uint64_t features)
{
    const struct loop_guest_wish wish = { .refused_features = features };
    EXPECT_TRUE(loop_guest_reset(&guest, &wish));
}

/* What a good guest has before, and must still have, where the rule's guest did not begin anew. */
static void
prepare(void)
{
    uint32_t *memory = (uint32_t *)(void *)guest.memory;
    for (uint32_t i = 0; i < 256; i++) {
        memory[i] = 0x010203 * (i & 63);
    }
    EXPECT_EQ(loop_create_context(&guest, MINE, 4), OK);
    EXPECT_EQ(loop_create_context(&guest, OTHER, 4), OK);
    EXPECT_EQ(loop_create_2d(&guest, PICTURE, FORMAT, 16, 16), OK);
    EXPECT_EQ(loop_attach_memory(&guest, PICTURE, 0, 1024), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 0, PICTURE, loop_rect(0, 0, 16, 16)), OK);
}

static void
check_served(void)
{
    uint32_t shown[256] = { 0 };
    const struct gpu_rect all = { 0, 0, 16, 16 };
    EXPECT_EQ(loop_transfer(&guest, PICTURE, loop_rect(0, 0, 16, 16), 0), OK);
    EXPECT_EQ(loop_flush(&guest, PICTURE, loop_rect(0, 0, 16, 16)), OK);
    EXPECT_TRUE(gpu_read_pixels(guest.host.gpu, 0, &all, shown, 64));
    EXPECT_EQ(shown[255] & 0xffffff, 0x010203 * 63);
    EXPECT_EQ(stream(loop_fenced(OTHER, 0, 5), FAKE_NOTHING), OK);
    EXPECT_EQ(cursor(0), OK);
}

#endif
