/*
 * loop_device.h - the real GPU device behind the real driver, in one process over plain memory: no virtual machine, no
 * sockets but those to renderers.
 *
 *   struct loop_device host;
 *   loop_device_init(&host, &config);
 *   virtio_bus_init(&bus, &host.plat, NULL);
 *   loop_device_probe(&host, &bus, &device)          then vgpu_init(&vgpu, device, ...) and so on
 *   loop_device_turn(&host, 10)                      the device's loop for some milliseconds (relax does so, too)
 *   loop_device_finish(&host);
 *
 * In one thread a notification is carried out at once.  With is_threaded the device has its own thread with its loop;
 * registers are then accessed by calls to it, and gpu's functions are to be called through loop_device_call.
 */
#ifndef TESTS_LOOP_LOOP_DEVICE_H
#define TESTS_LOOP_LOOP_DEVICE_H

#include <pthread.h>

#include "virtio/device.h"

#include "device/gpu/gpu.h"
#include "device/vq/guest.h"

enum {
    LOOP_MEMORY_BYTES = 64 << 20, /* the guest's */
    LOOP_QUEUE_SIZE_MAX = 256,
    LOOP_LOG_BYTES = 16384,
};

#define LOOP_MEMORY_ADDR UINT64_C(0x80000000) /* where the guest sees its memory */
#define LOOP_WINDOW_ADDR UINT64_C(0x4000000000)

struct loop_device_config {
    struct gpu_config gpu;  /* loop, guest and host are filled in */
    uint64_t ring_features; /* offered, VIRTIO_F_VERSION_1 always */
    bool is_threaded;
    bool is_map_deaf; /* what is asked of the front-end is never answered */
    bool is_map_failing;
    const uint8_t *edid; /* 128 bytes: the front-end has a display, of 800x600; NULL: it has none */
};

struct loop_call {
    void (*carry_out)(void *user);
    void *user;
};

/* Read freely while the device stands still. */
struct loop_device {
    struct loop_device_config config;
    struct loop *loop;
    struct gpu *gpu;
    struct guest_memory guest;
    struct vq vqs[VIRTIO_GPU_QUEUE_COUNT];
    struct virtio_queue_areas areas[VIRTIO_GPU_QUEUE_COUNT]; /* size 0: not enabled */
    uint64_t accepted;
    uint8_t status;
    uint32_t interrupts; /* atomic: VIRTIO_INTERRUPT_* bits */
    uint32_t interrupt_count;
    uint32_t generation;
    unsigned problem_count;
    char log
        [LOOP_LOG_BYTES]; /* problems and what the driver says, a line each; locked by log_lock */
    size_t log_bytes;
    pthread_mutex_t log_lock;

    struct virtio_platform plat;
    struct virtio_arena arena; /* all of the guest's memory */
    uint8_t *window;
    struct loop_timer turn_end;
    struct loop_timer map_done;
    uint64_t map_token;
    struct loop_timer display_told;
    uint64_t display_token;
    const uint8_t *display_edid;

    pthread_t thread;
    int wake; /* eventfds: a call, a notification of each queue */
    int notified[VIRTIO_GPU_QUEUE_COUNT];
    pthread_mutex_t call_lock; /* one caller at a time */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct loop_call *call;
    bool is_ending;
};

/* Returns: false after a line on stderr. */
bool loop_device_init(struct loop_device *host, const struct loop_device_config *config);
void loop_device_finish(struct loop_device *host);

/* Puts it on the bus. */
struct virtio_device *loop_device_probe(struct loop_device *host, struct virtio_bus *bus);

/* Carries something out where the device runs, and waits for it. */
void loop_device_call(struct loop_device *host, void (*carry_out)(void *user), void *user);

/* One thread: runs the device's loop for so long.  Threads: sleeps. */
void loop_device_turn(struct loop_device *host, unsigned ms);

/* Whether the log has this text. */
bool loop_device_logged(struct loop_device *host, const char *text);

/* The guest's memory at an address of the guest's, or where the guest has it. */
uint64_t loop_device_addr(const struct loop_device *host, const volatile void *memory);

#endif
