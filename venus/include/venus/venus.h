/*
 * venus.h - a Venus renderer: a client's Vulkan commands in, calls of the host's Vulkan out.
 *
 * Venus is the wire protocol by which Mesa's `virtio` Vulkan driver sends Vulkan commands to a renderer
 * (wire format 1; command ids and private structs of VK_EXT_command_serialization and VK_MESA_venus_protocol).
 * One `struct venus` renders for one client context.  There are no globals: make as many as you like.
 *
 *      front (vtest socket, render server, virtio-gpu device)             the client
 *        │  venus_create                                                   │
 *        │  venus_submit(bytes) ──▶ decode ──▶ handlers ──▶ host's Vulkan  │  bytes: hostile
 *        │  venus_resource_create(blob id) ──▶ fd  ─────────────────────▶ mmap: rings, replies, device memory
 *        │  venus_fence(ring_idx) ──▶ ... ──▶ on_fence
 *        │  venus_destroy                                                  │
 *
 * After the first venus_submit most commands arrive through rings in shared memory, each served by a thread of the
 * library; so callbacks may come from any thread.  They must not call back into the same context.
 *
 * The client is never trusted: whatever its bytes say, the outcome is a Vulkan result or a dead context with a reason
 * (venus_why).  A crash within the host's Vulkan driver is beyond this library: run each context in a process of its own
 * (as vitrine-gpu does) where that matters.
 */
#ifndef VENUS_VENUS_H
#define VENUS_VENUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VENUS_CAPSET_ID      4
#define VENUS_CAPSET_BYTES   160
#define VENUS_TIMELINE_COUNT 64

enum venus_status {
    VENUS_OK = 0,
    VENUS_FATAL,       /* the context is dead (now or before): see venus_why */
    VENUS_INVALID,     /* an argument of the caller's own is out of range */
    VENUS_NO_MEMORY,   /* the host or the context's limit is short; nothing changed */
    VENUS_NO_RESOURCE, /* no such resource id, or it is taken already */
    VENUS_NO_BLOB, /* no device memory has that id, it cannot be mapped, or it was exported before */
};

/* What an fd that stands for memory is. */
enum venus_fd_kind {
    VENUS_FD_SHM = 1, /* a sealed memfd, at least as long as asked: mmap it at offset 0 */
    VENUS_FD_DMABUF,  /* a dma-buf: mmap it at offset 0 */
    VENUS_FD_OPAQUE,  /* for Vulkan of the same driver and device only */
};

/* How to map it (virtio-gpu's map info, VirtIO 1.3 §5.7.6.8). */
enum venus_caching {
    VENUS_CACHED = 1,
    VENUS_UNCACHED = 2,
    VENUS_WRITE_COMBINED = 3,
};

#define VENUS_BLOB_MAPPABLE     1u
#define VENUS_BLOB_SHAREABLE    2u
#define VENUS_BLOB_CROSS_DEVICE 4u

/* A blob as virtio-gpu's RESOURCE_CREATE_BLOB and vtest's have it. */
struct venus_blob {
    uint64_t
        blob_id; /* 0: shared memory for rings, replies and streams; else the id of a VkDeviceMemory */
    uint64_t size_bytes;
    uint32_t flags; /* VENUS_BLOB_* */
};

/* What a blob became.  The fd is the caller's to close. */
struct venus_memory {
    int fd;
    enum venus_fd_kind kind;
    enum venus_caching caching;
    uint64_t size_bytes;      /* of the allocation, not less than what was asked */
    uint32_t memory_type_idx; /* VENUS_FD_OPAQUE: as the importer must give it */
    uint8_t device_uuid[16];  /* VENUS_FD_OPAQUE: VkPhysicalDeviceIDProperties */
    uint8_t driver_uuid[16];
};

/* Bounds of one context; 0 takes the default that stands behind it. */
struct venus_limits {
    uint64_t
        memory_bytes; /* device memory and shared memory together: half of the machine's memory */
    uint64_t
        command_bytes; /* host memory for the arguments of the commands at work, in all rings together: 256 MiB */
    uint32_t object_count;   /* Vulkan objects alive: 1,048,576 */
    uint32_t resource_count; /* resources alive: 65,536 */
    uint32_t ring_count;     /* rings alive: 64 */
};

struct venus_config {
    const char *name; /* the client's, for messages; copied */
    const char *
        vulkan_library; /* NULL: "libvulkan.so.1"; which driver, VK_DRIVER_FILES tells the loader */
    struct venus_limits limits;
    void *user; /* handed to the callbacks */
    /* All work that was submitted before venus_fence(ring_idx, fence_id) is done.  Any thread; in order per ring_idx. */
    void (*on_fence)(void *user, uint32_t ring_idx, uint64_t fence_id);
    /* The context died.  Once; any thread; `reason` lives as long as the context. */
    void (*on_fatal)(void *user, const char *reason);
    /* A ring's shared memory came to be (fd: borrowed; status word at this offset) or went (fd < 0); may be NULL.
     * For whoever must tell the client (bit 1 of the status word: fatal) should this process die. */
    void (*on_ring)(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes);
    /* One line per command, decoded; NULL: no trace.  Any thread. */
    void (*on_trace)(void *user, const char *line);
    /* Each command's bytes as they came, before it is carried out; ring_id 0: venus_submit.  NULL: no record.  Any thread. */
    void (*on_command)(void *user, uint64_t ring_id, const void *bytes, size_t size_bytes);
    /*
     * What device memory held that the client could map, and had bound to a buffer or an image, when it is freed: commands alone
     * do not tell it.  memory_id: of the VkDeviceMemory.  NULL: no record.  Any thread.
     */
    void (*on_memory)(void *user, uint64_t memory_id, const void *bytes, uint64_t size_bytes);
    /*
     * When each command was picked up, entered and left the host's Vulkan and was answered, and when fences passed: records of
     * 32 bytes like those of our drivers and devices (abi/trace_record.h), so that one tool joins all three; venus/trace.def
     * says what they hold.  Two for each command, within its time: copy the record and return.  Times are of CLOCK_MONOTONIC.
     * NULL: no records, which costs a branch for each command.  Any thread.
     */
    void (*on_record)(void *user, const void *record);
    /*
     * For a limit on memory that several contexts share.  on_take: so many bytes, which limits.memory_bytes leaves, are about to
     * be taken; returns whether they may.  on_give_back: they were freed.  Both or NULL; any thread.
     */
    bool (*on_take)(void *user, uint64_t bytes);
    void (*on_give_back)(void *user, uint64_t bytes);
};

struct venus;

/*
 * Fills in the 160 bytes that a front answers for capability set 4.
 * What it says can be decoded is what this build's tables decode.
 */
void venus_capset(uint8_t capset[VENUS_CAPSET_BYTES]);

/*
 * Makes a context.  config: copied, but for `user`.  The host's Vulkan is loaded when the client makes an instance.
 * Returns: VENUS_OK and *out; VENUS_INVALID (config or out NULL); VENUS_NO_MEMORY.
 */
enum venus_status venus_create(const struct venus_config *config, struct venus **out);

/*
 * Stops the rings, waits for the device, frees every object that the client left, closes every fd.
 * venus: NULL is allowed.  Context: blocks; never from a callback.
 */
void venus_destroy(struct venus *venus);

/*
 * Makes resource res_id (nonzero, the caller's choice) of a blob: shared memory, or an exported device memory.
 * Returns: VENUS_OK and *out (out->fd is the caller's); VENUS_INVALID (id 0, size 0); VENUS_NO_RESOURCE (taken);
 * VENUS_NO_BLOB; VENUS_NO_MEMORY; VENUS_FATAL.
 */
enum venus_status venus_resource_create(struct venus *venus, uint32_t res_id,
                                        const struct venus_blob *blob, struct venus_memory *out);

/*
 * Gives the context a resource which exists elsewhere.  fd: taken over on VENUS_OK, else still the caller's.
 * Returns: VENUS_OK; VENUS_INVALID; VENUS_NO_RESOURCE (taken); VENUS_NO_MEMORY; VENUS_FATAL.
 */
enum venus_status venus_resource_import(struct venus *venus, uint32_t res_id, int fd,
                                        enum venus_fd_kind kind, uint64_t size_bytes);

/*
 * The client is done with a resource.  What still uses it keeps it alive: a ring in it stops the context (fatal), a reply
 * stream in it is unset, device memory lives on.
 * Returns: VENUS_OK; VENUS_NO_RESOURCE; VENUS_FATAL.
 */
enum venus_status venus_resource_destroy(struct venus *venus, uint32_t res_id);

/*
 * Executes commands at once, in order.  bytes: the caller's, aligned to 4, unchanged during the call; size in bytes, a
 * multiple of 4.
 * Context: may block in Vulkan calls that the client made; one call at a time per context.
 * Returns: VENUS_OK; VENUS_INVALID (bytes not aligned); VENUS_FATAL.
 */
enum venus_status venus_submit(struct venus *venus, const void *bytes, size_t size_bytes);

/*
 * Asks for on_fence when all that was submitted before on this timeline is done.
 * ring_idx: 0 (at once: consumed is done) to 63 (the queue that the client bound to it).
 * Returns: VENUS_OK; VENUS_INVALID (ring_idx); VENUS_NO_MEMORY; VENUS_FATAL.
 */
enum venus_status venus_fence(struct venus *venus, uint32_t ring_idx, uint64_t fence_id);

/*
 * Why the context is dead: one sentence with the command, the byte offset, what was found and expected; NULL while it
 * lives.  The string lives as long as the context.  Context: any thread.
 */
const char *venus_why(const struct venus *venus);

/*
 * Names the commands that are being executed now, one for each stream, as in "vkQueueSubmit at byte 4096 in ring 0x1234".
 * For the handler of a fatal signal: takes no lock and allocates nothing, and so may name one too many or too few.
 * Returns: the length written (less than size_bytes, which is at least 1), always terminated; 0: none.
 */
size_t venus_at_work(const struct venus *venus, char *text, size_t size_bytes);

/* How often a limit refused memory to the context's client: its own one, or on_take.  Context: any thread. */
uint64_t venus_refused_count(const struct venus *venus);

/*
 * Writes the counters (commands by type with time, objects, memory, bytes, wake-ups) as text or JSON, always terminated.
 * Returns: the length that the whole text has, without its end; as snprintf.  Context: any thread.
 */
size_t venus_stats(struct venus *venus, bool as_json, char *text, size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
