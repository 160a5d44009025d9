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

#include "tests/loop/loop_commands.h"
#include "tests/loop/loop_device.h"
#include "tests/loop/loop_server.h"

enum {
    LOOP_GUEST_IN_FLIGHT = 16,
    LOOP_GUEST_REQUEST_BYTES = 1 << 20,
    LOOP_GUEST_RESPONSE_BYTES = 2048,
    LOOP_GUEST_WAIT_MS = 8000,
    LOOP_GUEST_NO_ANSWER = 1,
};

/* Where the guest sees its memory and the window. */
#define LOOP_GUEST_ADDR   LOOP_MEMORY_ADDR
#define LOOP_GUEST_BYTES  LOOP_MEMORY_BYTES
#define LOOP_GUEST_WINDOW LOOP_WINDOW_ADDR

struct loop_guest_wish {
    bool has_vulkan;
    enum loop_server_mood mood;
    uint64_t ring_features;
    uint64_t refused_features; /* that the driver does not accept */
    unsigned scanout_count;    /* 0: 1 */
    uint64_t window_bytes;
    struct gpu_limits limits;
    const struct quota *quota;
    bool is_map_deaf;
    bool is_map_failing;
    const uint8_t *edid; /* of the front-end's own display */
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
                .quota = wish->quota,
                .on_record = wish->on_record},
        .ring_features = wish->ring_features,
        .is_map_deaf = wish->is_map_deaf,
        .edid = wish->edid,
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

/* Offers a command.  Returns: its slot. */
static inline unsigned
loop_guest_offer(struct loop_guest *guest, unsigned queue_idx, const void *bytes, size_t size)
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
    return slot;
}

/* The same, and notifies. */
static inline unsigned
loop_guest_send_to(struct loop_guest *guest, unsigned queue_idx, const void *bytes, size_t size)
{
    unsigned slot = loop_guest_offer(guest, queue_idx, bytes, size);
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

static inline uint64_t
loop_guest_memory_addr(const struct loop_guest *guest)
{
    return loop_device_addr(&guest->host, guest->memory);
}

#endif
