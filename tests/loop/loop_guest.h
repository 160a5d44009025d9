/*
 * loop_guest.h - a guest that says to the GPU whatever a test wants, right or wrong: commands as bytes over real virtqueues.
 *
 *   struct loop_guest guest;
 *   loop_guest_begin(&guest, &(struct loop_guest_wish){ .has_vulkan = true });
 *   EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), VIRTIO_GPU_RESP_OK_NODATA);
 *   loop_guest_end(&guest);
 */
#ifndef TESTS_LOOP_LOOP_GUEST_H
#define TESTS_LOOP_LOOP_GUEST_H

#include <stdlib.h>
#include <string.h>

#include "venus/venus.h"
#include "virtio/queue.h"

#include "tests/loop/loop_device.h"
#include "tests/loop/loop_server.h"

enum {
    LOOP_GUEST_IN_FLIGHT = 16,
    LOOP_GUEST_REQUEST_BYTES = 1 << 20,
    LOOP_GUEST_RESPONSE_BYTES = 2048,
    LOOP_GUEST_WAIT_MS = 8000,
    LOOP_GUEST_NO_ANSWER = 1,
};

struct loop_guest_wish {
    bool has_vulkan;
    enum loop_server_mood mood;
    uint64_t ring_features;
    uint64_t refused_features; /* that the driver does not accept */
    unsigned scanout_count;    /* 0: 1 */
    uint64_t window_bytes;
    struct gpu_limits limits;
    bool is_map_deaf;
    bool is_map_failing;
    void (*on_record)(void *user, const void *record);
};

struct loop_guest_slot {
    uint8_t *request; /* shared with the device */
    uint8_t *response;
    bool is_busy;
};

struct loop_guest {
    struct loop_device host;
    struct loop_server server;
    bool has_server;
    struct virtio_bus bus;
    struct virtio_device *device;
    struct virtq queues[VIRTIO_GPU_QUEUE_COUNT];
    struct virtio_arena arena;
    struct loop_guest_slot slots[LOOP_GUEST_IN_FLIGHT];
    uint8_t *memory; /* 1 MiB for backing */
    /* Of the last command that came back. */
    union {
        struct virtio_gpu_ctrl_hdr header;
        uint8_t bytes[LOOP_GUEST_RESPONSE_BYTES];
        struct virtio_gpu_resp_display_info display_info;
        struct virtio_gpu_resp_edid edid;
        struct virtio_gpu_resp_capset_info capset_info;
        struct virtio_gpu_resp_resource_uuid uuid;
        struct virtio_gpu_resp_map_info map_info;
    } answer;
    uint32_t answer_bytes;
    unsigned answer_slot;
    size_t room; /* for the next responses; LOOP_GUEST_RESPONSE_BYTES at first */
};

static inline bool
loop_guest_start_device(struct loop_guest *guest, const struct loop_guest_wish *wish)
{
    struct virtio_feature_request features = { .wanted = UINT64_MAX & ~wish->refused_features &
                                                         ~VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) };
    const struct virtq_config config = {
        .is_interrupting = true,
        .size_max = 64,
        .indirect_max = wish->ring_features & 1u << VIRTIO_F_INDIRECT_DESC ? 4 : 0
    };
    bool is_up = virtio_device_negotiate(guest->device, &features) == VIRTIO_OK;
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        is_up = is_up && virtq_setup(&guest->queues[i], guest->device, (uint16_t)i, &config,
                                     &guest->arena) == VIRTIO_OK;
    }
    return is_up && virtio_device_start(guest->device) == VIRTIO_OK;
}

static inline bool
loop_guest_begin(struct loop_guest *guest, const struct loop_guest_wish *wish)
{
    static uint8_t capset[VENUS_CAPSET_BYTES];
    struct loop_device_config config = {
        .gpu = {.scanout_count = wish->scanout_count != 0 ? wish->scanout_count : 1,
                .window_bytes = wish->window_bytes,
                .render_server = -1,
                .limits = wish->limits,
                .on_record = wish->on_record},
        .ring_features = wish->ring_features,
        .is_map_deaf = wish->is_map_deaf,
        .is_map_failing = wish->is_map_failing,
    };
    memset(guest, 0, sizeof(*guest));
    venus_capset(capset);
    for (unsigned i = 0; i < config.gpu.scanout_count; i++) {
        config.gpu.scanouts[i] = (struct gpu_scanout_config){ 640 + i, 480, true };
    }
    if (wish->has_vulkan) {
        guest->has_server = loop_server_start(&guest->server, wish->mood);
        config.gpu.render_server = guest->server.fd;
        config.gpu.capset = capset;
        config.gpu.capset_bytes = sizeof(capset);
    }
    if (!loop_device_init(&guest->host, &config) ||
        virtio_bus_init(&guest->bus, &guest->host.plat, NULL) != VIRTIO_OK) {
        return false;
    }
    guest->arena = guest->host.arena;
    guest->device = loop_device_probe(&guest->host, &guest->bus);
    guest->room = LOOP_GUEST_RESPONSE_BYTES;
    for (unsigned i = 0; i < LOOP_GUEST_IN_FLIGHT; i++) {
        guest->slots[i].request = virtio_arena_take(&guest->arena, LOOP_GUEST_REQUEST_BYTES, 4096);
        guest->slots[i].response =
            virtio_arena_take(&guest->arena, LOOP_GUEST_RESPONSE_BYTES, 4096);
    }
    guest->memory = virtio_arena_take(&guest->arena, 1 << 20, 4096);
    return virtio_device_claim(guest->device, "test") == VIRTIO_OK &&
           loop_guest_start_device(guest, wish);
}

static inline void
loop_guest_end(struct loop_guest *guest)
{
    (void)virtio_device_release(guest->device, "test");
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        virtq_finish(&guest->queues[i], NULL, NULL);
    }
    loop_device_finish(&guest->host);
    if (guest->has_server) {
        loop_server_finish(&guest->server);
    }
}

/* Everything as after the guest's kernel began anew. */
static inline bool
loop_guest_reset(struct loop_guest *guest, const struct loop_guest_wish *wish)
{
    for (unsigned i = 0; i < LOOP_GUEST_IN_FLIGHT; i++) {
        guest->slots[i].is_busy = false;
    }
    (void)virtio_device_release(guest->device, "test");
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        virtq_finish(&guest->queues[i], NULL, NULL);
    }
    return virtio_device_claim(guest->device, "test") == VIRTIO_OK &&
           loop_guest_start_device(guest, wish);
}

/* Offers a command and notifies.  Returns: its slot. */
static inline unsigned
loop_guest_send_to(struct loop_guest *guest, unsigned queue_idx, const void *bytes, size_t size)
{
    unsigned slot = 0;
    while (slot < LOOP_GUEST_IN_FLIGHT - 1 && guest->slots[slot].is_busy) {
        slot++;
    }
    struct loop_guest_slot *taken = &guest->slots[slot];
    const struct virtq_seg segs[] = {
        {loop_device_addr(&guest->host,  taken->request),  (uint32_t)size       },
        { loop_device_addr(&guest->host, taken->response), (uint32_t)guest->room}
    };
    const struct virtq_chain chain = { .segs = segs + (size == 0),
                                       .readable_count = size != 0,
                                       .writable_count = guest->room != 0,
                                       .token = taken };
    memcpy(taken->request, bytes, size);
    memset(taken->response, 0xee, LOOP_GUEST_RESPONSE_BYTES);
    taken->is_busy = true;
    (void)virtq_add(&guest->queues[queue_idx], &chain);
    (void)virtq_notify(&guest->queues[queue_idx]);
    return slot;
}

static inline unsigned
loop_guest_send(struct loop_guest *guest, const void *bytes, size_t size)
{
    return loop_guest_send_to(guest, VIRTIO_GPU_CONTROLQ, bytes, size);
}

/* One that came back.  Returns: the response's type; LOOP_GUEST_NO_ANSWER after so long. */
static inline uint32_t
loop_guest_take(struct loop_guest *guest, unsigned queue_idx, unsigned ms)
{
    struct virtq_done done;
    uint64_t until_ns = loop_now_ns() + ms * UINT64_C(1000000);
    while (virtq_take_used(&guest->queues[queue_idx], &done) != VIRTIO_OK) {
        if (loop_now_ns() > until_ns) {
            return LOOP_GUEST_NO_ANSWER;
        }
        loop_device_turn(&guest->host, 1);
    }
    struct loop_guest_slot *slot = done.token;
    guest->answer_slot = (unsigned)(slot - guest->slots);
    guest->answer_bytes = done.written_bytes;
    memcpy(guest->answer.bytes, slot->response, LOOP_GUEST_RESPONSE_BYTES);
    slot->is_busy = false;
    return le32_get(guest->answer.header.type);
}

static inline uint32_t
loop_guest_ask(struct loop_guest *guest, const void *bytes, size_t size)
{
    (void)loop_guest_send(guest, bytes, size);
    return loop_guest_take(guest, VIRTIO_GPU_CONTROLQ, LOOP_GUEST_WAIT_MS);
}

static inline uint32_t
loop_guest_ask_cursor(struct loop_guest *guest, const void *bytes, size_t size)
{
    (void)loop_guest_send_to(guest, VIRTIO_GPU_CURSORQ, bytes, size);
    return loop_guest_take(guest, VIRTIO_GPU_CURSORQ, LOOP_GUEST_WAIT_MS);
}

/* --- the usual commands --- */

static inline struct virtio_gpu_ctrl_hdr
loop_header(uint32_t type)
{
    return (struct virtio_gpu_ctrl_hdr){ .type = le32_from(type) };
}

static inline struct virtio_gpu_ctrl_hdr
loop_header_of(uint32_t type, uint32_t ctx_id)
{
    return (struct virtio_gpu_ctrl_hdr){ .type = le32_from(type), .ctx_id = le32_from(ctx_id) };
}

static inline struct virtio_gpu_rect
loop_rect(uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
    return (struct virtio_gpu_rect){ le32_from(x), le32_from(y), le32_from(width),
                                     le32_from(height) };
}

static inline uint32_t
loop_create_2d(struct loop_guest *guest, uint32_t id, uint32_t format, uint32_t width,
               uint32_t height)
{
    const struct virtio_gpu_resource_create_2d command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_CREATE_2D), le32_from(id), le32_from(format),
        le32_from(width), le32_from(height)
    };
    return loop_guest_ask(guest, &command, sizeof(command));
}

/* Commands whose only field is a resource: UNREF, DETACH_BACKING, ASSIGN_UUID, UNMAP_BLOB, CTX_ATTACH_RESOURCE, ... */
static inline uint32_t
loop_of_resource(struct loop_guest *guest, uint32_t type, uint32_t ctx_id, uint32_t id)
{
    const struct virtio_gpu_ctx_resource command = { loop_header_of(type, ctx_id),
                                                     le32_from(id),
                                                     { 0 } };
    return loop_guest_ask(guest, &command, sizeof(command));
}

/* ATTACH_BACKING with `announced` entries, of which `count` follow. */
static inline uint32_t
loop_attach(struct loop_guest *guest, uint32_t id, const struct vq_span *spans, uint32_t count,
            uint32_t announced)
{
    const struct virtio_gpu_resource_attach_backing command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING), le32_from(id), le32_from(announced)
    };
    size_t size = sizeof(command) + count * sizeof(struct virtio_gpu_mem_entry);
    uint8_t *bytes = calloc(1, size);
    memcpy(bytes, &command, sizeof(command));
    for (uint32_t i = 0; i < count; i++) {
        const struct virtio_gpu_mem_entry entry = { le64_from(spans[i].guest_addr),
                                                    le32_from((uint32_t)spans[i].size_bytes),
                                                    { 0 } };
        memcpy(bytes + sizeof(command) + i * sizeof(entry), &entry, sizeof(entry));
    }
    uint32_t type = loop_guest_ask(guest, bytes, size);
    free(bytes);
    return type;
}

/* With the guest's memory from `offset` on. */
static inline uint32_t
loop_attach_memory(struct loop_guest *guest, uint32_t id, uint32_t offset, uint32_t bytes)
{
    const struct vq_span span = { loop_device_addr(&guest->host, guest->memory) + offset, bytes };
    return loop_attach(guest, id, &span, 1, 1);
}

static inline uint32_t
loop_set_scanout(struct loop_guest *guest, uint32_t scanout, uint32_t id,
                 struct virtio_gpu_rect rect)
{
    const struct virtio_gpu_set_scanout command = { loop_header(VIRTIO_GPU_CMD_SET_SCANOUT), rect,
                                                    le32_from(scanout), le32_from(id) };
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline uint32_t
loop_transfer(struct loop_guest *guest, uint32_t id, struct virtio_gpu_rect rect, uint64_t offset)
{
    const struct virtio_gpu_transfer_to_host_2d command = { loop_header(
                                                                VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D),
                                                            rect,
                                                            le64_from(offset),
                                                            le32_from(id),
                                                            { 0 } };
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline uint32_t
loop_flush(struct loop_guest *guest, uint32_t id, struct virtio_gpu_rect rect)
{
    const struct virtio_gpu_resource_flush command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_FLUSH), rect, le32_from(id), { 0 }
    };
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline uint32_t
loop_create_context(struct loop_guest *guest, uint32_t ctx_id, uint32_t capset)
{
    const struct virtio_gpu_ctx_create command = {
        .hdr = loop_header_of(VIRTIO_GPU_CMD_CTX_CREATE, ctx_id),
        .nlen = le32_from(5),
        .context_init = le32_from(capset),
        .debug_name = "guest",
    };
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline struct virtio_gpu_resource_create_blob
loop_blob(uint32_t id, uint32_t ctx_id, uint32_t kind, uint64_t blob_id, uint64_t size)
{
    return (struct virtio_gpu_resource_create_blob){
        .hdr = loop_header_of(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, ctx_id),
        .resource_id = le32_from(id),
        .blob_mem = le32_from(kind),
        .blob_flags = le32_from(VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE),
        .blob_id = le64_from(blob_id),
        .size = le64_from(size),
    };
}

static inline uint32_t
loop_create_blob(struct loop_guest *guest, uint32_t id, uint32_t ctx_id, uint32_t kind,
                 uint64_t blob_id, uint64_t size)
{
    const struct virtio_gpu_resource_create_blob command =
        loop_blob(id, ctx_id, kind, blob_id, size);
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline uint32_t
loop_map(struct loop_guest *guest, uint32_t id, uint64_t offset)
{
    const struct virtio_gpu_resource_map_blob command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB), le32_from(id), { 0 }, le64_from(offset)
    };
    return loop_guest_ask(guest, &command, sizeof(command));
}

/* A stream of dwords; flags, fence_id and ring_idx go into its header.  Returns: its slot. */
static inline unsigned
loop_send_stream(struct loop_guest *guest, struct virtio_gpu_ctrl_hdr header, const uint32_t *words,
                 uint32_t count)
{
    struct virtio_gpu_cmd_submit command = { header, le32_from(count * 4), { 0 } };
    size_t size = sizeof(command) + (size_t)count * 4;
    uint8_t *bytes = calloc(1, size);
    command.hdr.type = le32_from(VIRTIO_GPU_CMD_SUBMIT_3D);
    memcpy(bytes, &command, sizeof(command));
    memcpy(bytes + sizeof(command), words, (size_t)count * 4);
    unsigned slot = loop_guest_send(guest, bytes, size);
    free(bytes);
    return slot;
}

static inline struct virtio_gpu_ctrl_hdr
loop_fenced(uint32_t ctx_id, uint8_t ring_idx, uint64_t fence_id)
{
    struct virtio_gpu_ctrl_hdr header = loop_header_of(VIRTIO_GPU_CMD_SUBMIT_3D, ctx_id);
    header.flags = le32_from(VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
    header.fence_id = le64_from(fence_id);
    header.ring_idx = ring_idx;
    return header;
}

#endif
