/*
 * gpu.h - a virtio GPU: commands of a hostile guest in, pictures and Vulkan contexts out.  VirtIO 1.3 §5.7.
 *
 *   front-end (vhost-user, a loop test)          gpu                       the world
 *     gpu_queue_ready(queue) ───────────────▶ vq_pop, check, carry out ─▶ resources, scanouts ─▶ gpu_watcher (view, QEMU)
 *     host.interrupt(queue)  ◀─────────────── vq_push                  ─▶ renderer process per context (render_wire.h)
 *     host.map / gpu_map_done ◀─────────────▶ MAP_BLOB, UNMAP_BLOB
 *
 * Commands are carried out in the order of their queue.  One that waits for somebody else (a renderer, the front-end's
 * mapping) holds up its queue, for GPU_WAIT_MS_MAX at most; a fenced one holds up nothing and is answered when its
 * fence has passed, in order per context and timeline.
 *
 * A guest that asks for what cannot be gets an error response, and gpu_problem says in words what was wrong; a guest that
 * breaks a rule of virtqueues gets a broken queue.  Nothing that a guest writes is read twice.
 *
 * Knows no Vulkan.  One thread; callbacks must not call back.
 */
#ifndef DEVICE_GPU_GPU_H
#define DEVICE_GPU_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio_gpu.h"

#include "device/loop.h"
#include "device/vq/vq.h"

enum {
    GPU_WAIT_MS_MAX = 5000,
    GPU_WATCHER_COUNT_MAX = 4,
    GPU_SIDE_PX_MAX = 16384,
};

struct gpu;
struct guest_memory;
struct quota;

/* Bounds of one guest; 0 takes the default behind it.  Beyond them: OUT_OF_MEMORY. */
struct gpu_limits {
    uint64_t memory_bytes;   /* of 2D resources; and of blobs; where there is no quota: 1 GiB */
    uint32_t resource_count; /* 16384 */
    uint32_t context_count;  /* 64 */
    uint32_t fence_count;    /* fenced commands not yet answered, all queues: 4096 */
    uint32_t backing_count;  /* spans of all backings together: 1,048,576 */
};

struct gpu_scanout_config {
    uint32_t width_px; /* 1 to GPU_SIDE_PX_MAX */
    uint32_t height_px;
    bool is_enabled; /* a display is connected */
};

/* Who carries the device: all optional but interrupt. */
struct gpu_host {
    void *user;
    void (*interrupt)(void *user, unsigned queue_idx);
    void (*config_changed)(void *user);
    /*
     * Map [fd_offset, + size_bytes) of fd (borrowed) at shm_offset of the host-visible window; gpu_map_done(token) must
     * follow, later.  unmap likewise.  They are carried out in the order of the calls: an unmap may follow a map that was
     * given up and not answered yet.  NULL: there is no window.
     * Returns: false when it cannot even be asked.
     */
    bool (*map)(void *user, uint64_t token, int fd, uint64_t fd_offset, uint64_t shm_offset,
                uint64_t size_bytes);
    bool (*unmap)(void *user, uint64_t token, uint64_t shm_offset, uint64_t size_bytes);
    /* Whether the front-end can stand one more mapping.  NULL: it always can. */
    bool (*has_room)(void *user);
    /*
     * The guest asks for the sizes of its displays, or for the EDID of one, and whoever shows the pictures may know them
     * better: gpu_display_told(token) must follow, later, and gpu_set_display before it where a size is another one.
     * Returns: false: the device's own are right.  NULL: they always are.
     */
    bool (*ask_displays)(void *user, uint64_t token);
    bool (*ask_edid)(void *user, uint64_t token, unsigned scanout_idx);
    /* The guest broke a rule of this queue, which stands still until it is started anew; once.  on_problem is told, too. */
    void (*queue_broke)(void *user, unsigned queue_idx);
};

struct gpu_config {
    unsigned scanout_count; /* 1 to 16 */
    struct gpu_scanout_config scanouts[VIRTIO_GPU_SCANOUTS_MAX];
    uint64_t window_bytes; /* host-visible window; 0: no blobs of the host can be mapped */
    int render_server; /* SOCK_SEQPACKET to a render server (render_wire.h), owned by the device; -1: no Vulkan */
    const uint8_t *capset; /* Venus's, VENUS_CAPSET_BYTES; copied; NULL: no Vulkan */
    size_t capset_bytes;
    struct gpu_limits limits;
    const struct quota *quota; /* for memory of all kinds, shared with the renderers; NULL: none */
    struct gpu_host host;
    struct loop *loop;
    const struct guest_memory *guest; /* for backing; outlives the device */
    /* A sentence for people: once for each kind of problem in a second at most.  NULL: nobody reads. */
    void (*on_problem)(void *user, const char *sentence);
    /* 32-byte records for the joined trace; NULL: off.  device/gpu/trace.def; files of them: abi/trace_file.h. */
    void (*on_record)(void *user, const void *record);
};

/* Returns: the device; NULL and errno, or NULL and *why for a config that cannot be. */
struct gpu *gpu_create(const struct gpu_config *config, const char **why);

/* Ends all contexts, forgets chains in flight, frees everything.  gpu: NULL is allowed. */
void gpu_destroy(struct gpu *gpu);

/* Feature bits of the device itself (VIRTIO_GPU_F_*), as far as this config goes. */
uint64_t gpu_features(const struct gpu *gpu);

/* What the driver accepted; after each reset.  Without a bit its commands are refused. */
void gpu_set_features(struct gpu *gpu, uint64_t accepted);

/* The queues live with the front-end, which starts and stops them.  queue_idx: VIRTIO_GPU_CONTROLQ or _CURSORQ. */
void gpu_set_queue(struct gpu *gpu, unsigned queue_idx, struct vq *vq);

/* The guest notified: takes and answers what is there. */
void gpu_queue_ready(struct gpu *gpu, unsigned queue_idx);

/*
 * The machine pauses: nothing is taken from the queue or given back until gpu_queue_resume.  What is in flight goes on as far
 * as it can, and is given back then; its vq stays the device's.
 */
void gpu_queue_pause(struct gpu *gpu, unsigned queue_idx);
void gpu_queue_resume(struct gpu *gpu, unsigned queue_idx);

/* Before the front-end stops a queue, paused or not: what is in flight on it is forgotten. */
void gpu_queue_stop(struct gpu *gpu, unsigned queue_idx);

/* The driver reset the device: all resources, contexts, mappings and scanouts are gone. */
void gpu_reset(struct gpu *gpu);

/* A sentence about the guest, of who carries the device: told as the device's own are, seldom and in gpu_status. */
void gpu_tell(struct gpu *gpu, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Configuration space, §5.7.4: 16 bytes.  write: only events_clear takes effect. */
void gpu_config_read(const struct gpu *gpu, uint32_t offset, void *to, uint32_t size_bytes);
void gpu_config_write(struct gpu *gpu, uint32_t offset, const void *from, uint32_t size_bytes);

/* The front-end has carried out a map or unmap. */
void gpu_map_done(struct gpu *gpu, uint64_t token, bool is_done);

/* What was asked by ask_displays or ask_edid.  edid: of up to VIRTIO_GPU_EDID_BYTES_MAX, copied; NULL: ours is right. */
void gpu_display_told(struct gpu *gpu, uint64_t token, const uint8_t *edid, size_t edid_bytes);

/*
 * A person wants another size, or to plug a display in or out: the guest gets an event and a new EDID.
 * Returns: NULL; else a sentence (no such scanout, a size out of range).
 */
const char *
gpu_set_display(struct gpu *gpu, unsigned scanout_idx, const struct gpu_scanout_config *display);

/* --- pictures --- */

struct gpu_rect {
    uint32_t x;
    uint32_t y;
    uint32_t width_px;
    uint32_t height_px;
};

struct gpu_scanout {
    struct gpu_scanout_config display; /* what a person plugged in */
    uint32_t resource_id;              /* 0: the guest shows nothing */
    uint32_t width_px;                 /* of what the guest shows */
    uint32_t height_px;
    uint64_t flush_count; /* since it was set */
    uint64_t flush_ns;    /* of the last one; 0: none */
};

struct gpu_cursor {
    uint32_t x;
    uint32_t y;
    uint32_t hot_x;
    uint32_t hot_y;
    bool is_shown;
    uint32_t pixels[VIRTIO_GPU_CURSOR_SIDE_PX * VIRTIO_GPU_CURSOR_SIDE_PX]; /* 0xAARRGGBB */
};

/* Who looks at the pictures: called after the fact, pulls what it wants. */
struct gpu_watcher {
    void *user;
    void (*scanout_changed)(void *user, unsigned scanout_idx); /* set, moved, disabled */
    void (*flushed)(void *user, unsigned scanout_idx,
                    const struct gpu_rect *rect); /* within the scanout */
    void (*cursor_changed)(void *user, unsigned scanout_idx);
    void (*cursor_moved)(void *user, unsigned scanout_idx);
};

/* Returns: false when there are GPU_WATCHER_COUNT_MAX.  watcher: outlives its place. */
bool gpu_watch(struct gpu *gpu, const struct gpu_watcher *watcher);
void gpu_unwatch(struct gpu *gpu, const struct gpu_watcher *watcher);

const struct gpu_scanout *gpu_scanout(const struct gpu *gpu, unsigned scanout_idx);
const struct gpu_cursor *gpu_cursor(const struct gpu *gpu, unsigned scanout_idx);
unsigned gpu_scanout_count(const struct gpu *gpu);

/*
 * Copies a rectangle of what a scanout shows, as 0xXXRRGGBB in the host's byte order, row_bytes apart.
 * Returns: false: it shows nothing, the rectangle is not within it, or its memory is gone; nothing, or a part, was copied.
 */
bool gpu_read_pixels(const struct gpu *gpu, unsigned scanout_idx, const struct gpu_rect *rect,
                     void *to, size_t row_bytes);

/* The host's memory that the guest may have, and has: of this device and of its renderers, where there is a quota. */
uint64_t gpu_memory_limit(const struct gpu *gpu);
uint64_t gpu_memory_held(const struct gpu *gpu);

/*
 * Counts memory as the guest's: its pictures, and a watcher's copies of what it shows, whose sizes it chooses.  A watcher's
 * stay counted over a reset.
 * Returns: false: there is not so much left, and nothing was counted.
 */
bool gpu_memory_take(struct gpu *gpu, uint64_t bytes);
void gpu_memory_give_back(struct gpu *gpu, uint64_t bytes);

/* EDID of a display, 128 bytes, made from its size. */
size_t
gpu_edid(const struct gpu *gpu, unsigned scanout_idx, uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX]);

/* --- looking in --- */

/*
 * Scanouts, resources, contexts, memory, queues, the last problems, as JSON (one object), always terminated.
 * Returns: the length that all of it has, as snprintf.
 */
size_t gpu_status(const struct gpu *gpu, char *text, size_t size_bytes);

#endif
