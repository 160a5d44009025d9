/*
 * gpu_far_guest.h - the guest of tests/loop/loop_guest.h, but behind QEMU: its GPU is our device process, by vhost-user, or
 * QEMU's own.
 */
#ifndef TESTS_QTEST_GPU_FAR_GUEST_H
#define TESTS_QTEST_GPU_FAR_GUEST_H

#include "venus/venus.h"
#include "virtio/queue.h"
#include "virtio/transport.h"

#include "tests/loop/loop_commands.h"
#include "tests/qtest/our_gpu.h"
#include "tests/qtest/rig.h"

enum {
    LOOP_GUEST_IN_FLIGHT = 64,
    LOOP_GUEST_REQUEST_BYTES = 1 << 16,
    LOOP_GUEST_RESPONSE_BYTES = 2048,
    LOOP_GUEST_WAIT_MS = 8000,
    LOOP_GUEST_NO_ANSWER = 1,
    LOOP_GUEST_OPTIONS_MAX = 24,
};

#define LOOP_GUEST_ADDR   QEMU_RAM_BASE
#define LOOP_GUEST_BYTES  QEMU_RAM_BYTES
#define LOOP_GUEST_WINDOW guest.window_addr

struct loop_guest_slot {
    uint8_t *request; /* shared with the device */
    uint8_t *response;
    bool is_busy;
};

struct loop_guest {
    struct our_gpu host; /* zeroed: the GPU is QEMU's own */
    struct rig rig;
    struct virtio_device *device;
    struct virtq queues[VIRTIO_GPU_QUEUE_COUNT];
    struct virtio_arena arena; /* of what the queues take, at each new beginning */
    struct loop_guest_slot slots[LOOP_GUEST_IN_FLIGHT];
    uint8_t *memory;      /* 1 MiB for backing */
    uint64_t window_addr; /* 0: there is none */
    unsigned wait_ms;
    /* Of the last command that came back. */
    union {
        struct virtio_gpu_ctrl_hdr header;
        uint8_t bytes[LOOP_GUEST_RESPONSE_BYTES];
        struct virtio_gpu_resp_map_info map_info;
    } answer;
    uint32_t answer_bytes;
    size_t room; /* for the next responses; LOOP_GUEST_RESPONSE_BYTES at first */
    void (*on_answer)(uint32_t type); /* NULL: nobody keeps them */
};

static inline uint64_t
far_addr(const struct loop_guest *guest, const volatile void *memory)
{
    return QEMU_RAM_BASE + (uint64_t)((const volatile uint8_t *)memory - guest->rig.qemu.ram);
}

static inline uint64_t
loop_guest_memory_addr(const struct loop_guest *guest)
{
    return far_addr(guest, guest->memory);
}

static inline bool
loop_guest_start_device(struct loop_guest *guest, uint64_t refused_features)
{
    struct virtio_feature_request features = { .wanted = UINT64_MAX & ~refused_features &
                                                         ~VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) };
    const struct virtq_config config = { .size_max = 64 };
    struct virtio_arena arena = guest->arena;
    bool is_up = virtio_device_negotiate(guest->device, &features) == VIRTIO_OK;
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        is_up = is_up && virtq_setup(&guest->queues[i], guest->device, (uint16_t)i, &config,
                                     &arena) == VIRTIO_OK;
    }
    return is_up && virtio_device_start(guest->device) == VIRTIO_OK;
}

static inline void
far_take_memory(struct loop_guest *guest)
{
    for (unsigned i = 0; i < LOOP_GUEST_IN_FLIGHT; i++) {
        guest->slots[i].request = rig_memory(&guest->rig, LOOP_GUEST_REQUEST_BYTES);
        guest->slots[i].response = rig_memory(&guest->rig, LOOP_GUEST_RESPONSE_BYTES);
    }
    guest->memory = rig_memory(&guest->rig, 1 << 20);
    guest->arena = guest->rig.arena;
}

/* With QEMU's words for its devices.  Returns: false: the driver did not come up. */
static inline bool
loop_guest_begin(struct loop_guest *guest, const char *const *words)
{
    uint64_t window_bytes;
    struct our_gpu host = guest->host;
    memset(guest, 0, sizeof(*guest));
    guest->host = host;
    guest->room = LOOP_GUEST_RESPONSE_BYTES;
    guest->wait_ms = LOOP_GUEST_WAIT_MS;
    rig_start(&guest->rig, RIG_PCI, words);
    guest->device = rig_device(&guest->rig, VIRTIO_ID_GPU);
    far_take_memory(guest);
    if (guest->device == NULL || virtio_device_claim(guest->device, "test") != VIRTIO_OK) {
        return false;
    }
    (void)virtio_device_shm(guest->device, VIRTIO_GPU_SHM_ID_HOST_VISIBLE, &guest->window_addr,
                            &window_bytes);
    return loop_guest_start_device(guest, 0);
}

static inline void
loop_guest_end(struct loop_guest *guest)
{
    rig_stop(&guest->rig);
}

/* Everything as after the guest's kernel began anew. */
static inline bool
loop_guest_reset(struct loop_guest *guest, uint64_t refused_features)
{
    for (unsigned i = 0; i < LOOP_GUEST_IN_FLIGHT; i++) {
        guest->slots[i].is_busy = false;
    }
    (void)virtio_device_release(guest->device, "test");
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        virtq_finish(&guest->queues[i], NULL, NULL);
    }
    return virtio_device_claim(guest->device, "test") == VIRTIO_OK &&
           loop_guest_start_device(guest, refused_features);
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
        {far_addr(guest,  taken->request),  (uint32_t)size       },
        { far_addr(guest, taken->response), (uint32_t)guest->room}
    };
    const struct virtq_chain chain = { .segs = segs + (size == 0),
                                       .readable_count = size != 0,
                                       .writable_count = guest->room != 0,
                                       .token = taken };
    if (size > LOOP_GUEST_REQUEST_BYTES) {
        qemu_die("a command is longer than there is room for");
    }
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
    const struct virtio_platform *plat = &guest->rig.platform.table;
    struct virtq_done done;
    uint64_t until_ns =
        plat->now_ns(plat->ctx) + (ms < guest->wait_ms ? ms : guest->wait_ms) * UINT64_C(1000000);
    while (virtq_take_used(&guest->queues[queue_idx], &done) != VIRTIO_OK) {
        if (plat->now_ns(plat->ctx) > until_ns) {
            return LOOP_GUEST_NO_ANSWER;
        }
        plat->relax(plat->ctx, until_ns);
    }
    struct loop_guest_slot *slot = done.token;
    guest->answer_bytes = done.written_bytes;
    memcpy(guest->answer.bytes, slot->response, LOOP_GUEST_RESPONSE_BYTES);
    slot->is_busy = false;
    if (guest->on_answer != NULL) {
        guest->on_answer(le32_get(guest->answer.header.type));
    }
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

#endif
