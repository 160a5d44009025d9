/*
 * gpu_hostile.h - what guests that break rules have in common: two contexts, a picture that is shown, and how to see that it
 * still is.  Guests in one process with the device (tests/unit/gpu_device_hostile_test.c) and behind QEMU
 * (tests/qtest/gpu_hostile_test.c) say in GPU_HOSTILE_GUEST which they are, and define what is declared here.
 */
#ifndef TESTS_LOOP_GPU_HOSTILE_H
#define TESTS_LOOP_GPU_HOSTILE_H

#ifndef GPU_HOSTILE_GUEST
# define GPU_HOSTILE_GUEST "tests/loop/loop_guest.h"
#endif
#include GPU_HOSTILE_GUEST

#include "tests/fake/venus_fake.h"
#include "tests/unit/gpu_device_answers.h"
#include "tests/unit/utest.h"

enum {
    MS = 8000,
    NOT_SHOWN = 1 << 24, /* no pixel has this value */
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

/* --- what a person sees: of a scanout, of the cursor of scanout 0 --- */

static inline uint32_t seen_resource(unsigned scanout_idx);
static inline uint32_t seen_pixel(unsigned scanout_idx, uint32_t x, uint32_t y); /* NOT_SHOWN */
static inline uint64_t seen_flush_count(void);
static inline uint32_t seen_cursor_x(void);
static inline bool seen_cursor_is_shown(void);

/* --- the guest's other ways to the device --- */

static inline void read_config(struct virtio_gpu_config *config);
static inline void write_config(uint32_t offset, const void *bytes, uint32_t size);
static inline void write_window(void); /* its first byte */

/* A reset, and a driver that does not accept `refused_features`. */
static inline bool begin_anew(uint64_t refused_features);

/* --- what they have in common --- */

static inline uint32_t
ask(const void *command, size_t bytes)
{
    return loop_guest_ask(&guest, command, bytes);
}

static inline uint32_t
unref(uint32_t id)
{
    return loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, id);
}

static inline uint32_t
stream(struct virtio_gpu_ctrl_hdr header, uint32_t word)
{
    (void)loop_send_stream(&guest, header, &word, 1);
    return loop_guest_take(&guest, VIRTIO_GPU_CONTROLQ, MS);
}

static inline uint32_t
cursor(uint32_t resource_id)
{
    const struct virtio_gpu_update_cursor command = { .hdr =
                                                          loop_header(VIRTIO_GPU_CMD_UPDATE_CURSOR),
                                                      .resource_id = le32_from(resource_id) };
    return loop_guest_ask_cursor(&guest, &command, sizeof(command));
}

static inline uint32_t
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
static inline void
without(uint64_t features)
{
    EXPECT_TRUE(begin_anew(features));
}

/* What a good guest has before, and must still have, where the rule's guest did not begin anew. */
static inline void
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

static inline void
check_served(void)
{
    EXPECT_EQ(loop_transfer(&guest, PICTURE, loop_rect(0, 0, 16, 16), 0), OK);
    EXPECT_EQ(loop_flush(&guest, PICTURE, loop_rect(0, 0, 16, 16)), OK);
    EXPECT_EQ(seen_pixel(0, 15, 15), 0x010203 * 63);
    EXPECT_EQ(stream(loop_fenced(OTHER, 0, 5), FAKE_NOTHING), OK);
    EXPECT_EQ(cursor(0), OK);
}

#endif
