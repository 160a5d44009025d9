/*
 * The GPU behind the fake device: 2D resources in real memory, scanouts whose pixels the test reads, cursor, EDID, display
 * events. Error responses are those that QEMU gives. VirtIO 1.3 §5.7.
 *
 *   struct fake_gpu gpu;
 *   fake_gpu_init(&gpu, 1);                                       one scanout of 1280x800
 *   config = (struct fake_device_config){ .model = &fake_gpu_model, .model_ctx = &gpu, .queue_count = 2, ... };
 *   ... the driver draws ...
 *   EXPECT_EQ(fake_gpu_pixel(&gpu, 0, x, y), 0xffffff);            only what was flushed is on the screen
 *   fake_gpu_finish(&gpu);
 */
#ifndef FAKE_GPU_H
#define FAKE_GPU_H

#include "abi/virtio_gpu.h"

#include "tests/fake/fake_device.h"

enum {
    FAKE_GPU_COMMANDS_KEPT = 1024,
    FAKE_GPU_SIDE_MAX_PX = 16384,
    FAKE_GPU_CAPSETS_MAX = 4,
    FAKE_GPU_CONTEXTS_MAX = 4,
    FAKE_GPU_SCANOUT_SIDE_MIN_PX = 16, /* QEMU's */
};

struct fake_gpu_entry {
    uint64_t addr;
    uint32_t bytes;
};

struct fake_gpu_resource {
    struct fake_gpu_resource *next;
    uint32_t id;
    uint32_t format;
    uint32_t width_px;
    uint32_t height_px;
    uint8_t *pixels; /* 4 bytes each, in the resource's own format */
    struct fake_gpu_entry *entries;
    uint32_t entry_count;
    bool has_backing;
    uint64_t blob_bytes; /* 0: no blob */
    uint64_t blob_id;
    uint64_t map_offset;
    uint32_t ctx_id; /* attached to; 0: none */
    bool is_mapped;
};

/* A context, with the last stream that was submitted to it. */
struct fake_gpu_context {
    uint32_t id; /* 0: none */
    uint32_t capset_id;
    char name[64];
    uint8_t stream[256]; /* its beginning */
    uint32_t stream_bytes;
    uint32_t stream_count;
    uint8_t ring_idx;
    bool has_ring_idx;
};

struct fake_gpu_rect {
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

struct fake_gpu_scanout {
    struct fake_gpu_rect display; /* what GET_DISPLAY_INFO says */
    bool is_enabled;
    uint32_t resource_id;      /* 0: off */
    uint32_t blob_resource_id; /* last shown by SET_SCANOUT_BLOB; its pixels are nobody's concern */
    struct fake_gpu_rect rect; /* of the resource */
    uint32_t *screen;          /* rect.width x rect.height, 0x00rrggbb; what a person sees */
    uint32_t flush_count;
    struct fake_gpu_rect last_flush; /* in screen coordinates */
    uint32_t cursor_resource_id;
    uint32_t cursor_x;
    uint32_t cursor_y;
    uint32_t cursor_hot_x;
    uint32_t cursor_hot_y;
    uint32_t cursor[VIRTIO_GPU_CURSOR_SIDE_PX * VIRTIO_GPU_CURSOR_SIDE_PX]; /* 0xaarrggbb */
};

struct fake_gpu_capset {
    uint32_t id;
    uint32_t version;
    uint32_t bytes;
    const void *data; /* NULL: the id in every byte */
};

/* One command as it came. */
struct fake_gpu_command {
    uint32_t type;
    uint32_t response;
    uint32_t resource_id; /* where the command has one */
    uint64_t fence_id;
    bool has_fence;
};

struct fake_gpu {
    struct fake_device *device; /* set at its reset */
    struct fake_gpu_resource *resources;
    uint32_t resource_count;
    uint64_t resource_bytes;
    uint64_t resource_bytes_max; /* beyond: OUT_OF_MEMORY */
    struct fake_gpu_scanout scanouts[VIRTIO_GPU_SCANOUTS_MAX];
    uint32_t scanout_count;
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    uint32_t edid_bytes;
    struct fake_gpu_capset capsets[FAKE_GPU_CAPSETS_MAX];
    uint32_t capset_count;
    struct fake_gpu_context contexts[FAKE_GPU_CONTEXTS_MAX];
    uint32_t map_info;      /* what mappings are said to be; cached at first */
    uint32_t fail_type;     /* commands of this type are answered with fail_response */
    uint32_t fail_response; /* 0: never */
    struct fake_gpu_command commands[FAKE_GPU_COMMANDS_KEPT];
    uint64_t command_count; /* all; the last FAKE_GPU_COMMANDS_KEPT are in commands[i % KEPT] */
};

extern const struct fake_model fake_gpu_model;

/* `scanout_count` displays of 1280x800 side by side, all enabled, a valid EDID. */
void fake_gpu_init(struct fake_gpu *gpu, uint32_t scanout_count);
void fake_gpu_finish(struct fake_gpu *gpu);

/* The user resizes (0x0: disables) a display: event and interrupt. */
void fake_gpu_resize(struct fake_device *device, uint32_t scanout, uint32_t width, uint32_t height);

/* Colour on the screen, 0x00rrggbb; UINT32_MAX outside the scanout, or when it is off. */
uint32_t fake_gpu_pixel(const struct fake_gpu *gpu, uint32_t scanout, uint32_t x, uint32_t y);

struct fake_gpu_resource *fake_gpu_find(const struct fake_gpu *gpu, uint32_t resource_id);

/* A valid 128-byte EDID whose preferred timing is width x height. */
void fake_gpu_edid(uint8_t edid[128], uint32_t width, uint32_t height);

/* Colour of one stored pixel, 0xaarrggbb. */
uint32_t fake_gpu_colour(uint32_t format, const uint8_t *pixel);

#endif
