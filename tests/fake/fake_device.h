/*
 * A strict fake virtio device, by mmio version 1 or 2 or by PCI (fake_pci.h): the device's side of VirtIO 1.3 §2, §3.1 and §4.2, written from the text
 * alone, so that the library's reading of it meets another one.
 *
 *   driver ── mmio_read/mmio_write ──► registers ──► status, features, queues ──► model (gpu, net, blk, input, echo)
 *                                          │ each access and each descriptor is checked; requirements.def
 *
 * A model gets each buffer that the driver makes available as a fake_chain and completes it now or later with
 * fake_chain_complete. What the device does is decided by the test: at once, late, never, in another order, or wrongly
 * (fake_evil_mode).
 */
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio.h"
#include "abi/virtio_mmio.h"
#include "abi/virtio_ring.h"

#include "tests/fake/fake_platform.h"

enum {
    FAKE_QUEUES_MAX = 8,
    FAKE_CONFIG_BYTES = 0x100,
    FAKE_VERSION_PCI = 16,      /* in place of a version of virtio-mmio: see fake_pci.h */
    FAKE_STARVED_NS = 20000000, /* so long buffers may lie unannounced before a starving device */
};

struct fake_device;
struct fake_chain;

/* One field of a configuration space; arrays are fields with a count. */
struct fake_config_field {
    uint16_t offset;
    uint8_t width; /* 1, 2 or 4 bytes of each access; 0 ends the table */
    uint8_t count;
    int8_t feature; /* that must be offered; -1: always there */
    bool is_writable;
};

/* A feature that requires one of others: bits of the mask, any of them. */
struct fake_dependency {
    uint8_t feature; /* table ends with mask 0 */
    uint64_t any_of;
};

/* What kind of device it is. */
struct fake_model {
    const char *name;
    uint32_t id;
    uint64_t features; /* bits that VirtIO 1.3 defines for this kind */
    const struct fake_config_field *fields;
    const struct fake_dependency *dependencies;
    void (*reset)(struct fake_device *device);
    void (*buffer)(struct fake_device *device, struct fake_chain *chain);
    void (*config_read)(struct fake_device *device, uint32_t offset);
    void (*config_written)(struct fake_device *device, uint32_t offset);
};

/* A buffer of the driver's, taken from the available ring. */
struct fake_seg {
    uint64_t addr;
    uint8_t *ptr;
    uint32_t bytes;
    bool is_writable;
};

struct fake_chain {
    struct fake_chain *next;
    uint16_t queue_idx;
    uint16_t id;         /* split: head; packed: buffer id */
    uint16_t desc_count; /* ring entries */
    uint16_t slot;       /* packed: first ring entry */
    uint16_t seg_count;
    uint32_t readable_bytes;
    uint32_t writable_bytes;
    struct fake_seg *segs;
    uint8_t *copy;        /* the ring entries as they were, 16 bytes each */
    uint16_t *entry_idxs; /* where they are */
    bool is_done;
    uint32_t written_bytes;
    uint64_t due_ns;
};

enum fake_evil_mode {
    FAKE_EVIL_NONE,
    /* Used buffers. `value` is what it says below, 0 chooses something. */
    FAKE_EVIL_USED_ID_RANGE,    /* id beyond the queue */
    FAKE_EVIL_USED_ID_IDLE,     /* id within the queue, not in flight */
    FAKE_EVIL_USED_ID_REPLAYED, /* the id before, again */
    FAKE_EVIL_USED_LENGTH,      /* longer than writable; value: by how much */
    FAKE_EVIL_USED_INDEX_RUNAWAY, /* index jumps by more than was in flight; packed: the whole ring looks used */
    FAKE_EVIL_USED_ORDER,      /* last first, also with IN_ORDER */
    FAKE_EVIL_SILENCE,         /* buffers never come back */
    FAKE_EVIL_SCRIBBLE_DESC,   /* the descriptor area is overwritten before each completion */
    FAKE_EVIL_SCRIBBLE_DRIVER, /* the driver area is */
    /* Life. */
    FAKE_EVIL_RESET_IN_FLIGHT, /* status reads 0 from then on */
    FAKE_EVIL_NEEDS_RESET,     /* DEVICE_NEEDS_RESET, and silence */
    FAKE_EVIL_RESET_STUCK,     /* status never reads 0 after a reset */
    FAKE_EVIL_FEATURES_VANISH, /* each time fewer features are offered */
    FAKE_EVIL_FEATURES_REFUSED,
    FAKE_EVIL_INTERRUPT_STORM, /* InterruptStatus is always all ones */
    FAKE_EVIL_QUEUE_SIZE,      /* QueueSizeMax reads `value` */
    /* Configuration. */
    FAKE_EVIL_CONFIG_UNSETTLED, /* another generation each time */
    FAKE_EVIL_CONFIG_TORN,      /* config_next takes effect between two accesses, `value` times */
    FAKE_EVIL_CONFIG_ONES,      /* everything reads 0xff */
    /* Answers; models act on these. */
    FAKE_EVIL_RESPONSE_TYPE,  /* gpu: `value` as type; blk: as status; net: as ack */
    FAKE_EVIL_RESPONSE_SHORT, /* `value` bytes only */
    FAKE_EVIL_RESPONSE_FENCE, /* gpu: other fence id, no flag */
    FAKE_EVIL_RESPONSE_NOISE, /* random bytes for a payload: EDID, display info, events, headers */
    FAKE_EVIL_COUNT
};

struct fake_evil {
    enum fake_evil_mode mode;
    uint32_t after; /* buffers that are used honestly first */
    uint64_t value;
};

struct fake_queue {
    uint16_t size_max; /* 0: the device has no such queue */
    uint32_t size;
    bool is_ready;
    bool is_notify_pending;
    bool is_polling;   /* the device asks for no notifications and looks by itself in every tick */
    bool has_read_max; /* the driver's steps */
    bool has_read_ready;
    bool must_read_ready;
    uint64_t desc_addr;
    uint64_t driver_addr;
    uint64_t device_addr;
    uint32_t align; /* legacy */
    uint32_t pfn;
    uint8_t *desc;
    uint8_t *driver;
    uint8_t *device;

    uint16_t avail_idx; /* split: next index; packed: next slot */
    uint16_t used_idx;
    bool avail_wrap;
    bool used_wrap;
    bool is_stuck; /* a violation made it unusable */
    struct fake_chain *first;
    struct fake_chain *last;
    uint16_t in_flight_count;
    uint16_t in_flight_descs;
    uint8_t *is_taken; /* split: [size], in flight */
    uint16_t last_used_id;
    uint64_t starved_since_ns; /* 0: not */

    uint64_t popped_count;
    uint64_t used_count;
    uint64_t notify_count;
    uint64_t interrupt_count;
};

/* What PCI adds. */
struct fake_pci {
    uint8_t space[256]; /* configuration space; a test may make it lie */
    uint16_t queue_sel;
    uint16_t config_vector;
    uint16_t vectors[FAKE_QUEUES_MAX];
    uint16_t vector_limit;        /* vectors from here on are refused */
    uint32_t unread_vector;       /* offset of one that was written and not read back; 0: none */
    uint32_t notify_offset_shift; /* what queue_notify_off says too much */
};

/* What a test chooses at the start. Zeroed fields have sensible values. */
struct fake_device_config {
    const struct fake_model *model;
    void *model_ctx;
    uint32_t id;       /* 0: the model's */
    uint32_t version;  /* 0: 2 */
    uint64_t features; /* offered; VERSION_1 is added for version 2 */
    uint16_t queue_count;
    uint16_t queue_size_max; /* 0: 256 */
};

struct fake_device {
    struct fake_platform *fp;
    const struct fake_model *model;
    void *ctx; /* the model's */
    uint64_t base;
    uint32_t magic;
    uint32_t version;
    uint32_t id;
    uint32_t vendor;

    /* Behaviour, set by the test at any time. */
    struct fake_evil evil;
    uint64_t delay_ns; /* from notification to used */
    uint64_t shm_base;
    uint64_t shm_bytes; /* of its one region; 0: it has none */
    bool is_deferred;   /* notifications are served in the next tick, not at once */
    bool is_reversing;  /* of several complete buffers the last comes first (not with IN_ORDER) */
    uint16_t
        in_order_batch; /* with IN_ORDER: buffers covered by one used element; 0 or 1: each its own */
    uint32_t reset_reads; /* reads of status until a reset shows */
    bool
        has_vague_lengths; /* version 1: used lengths of buffers that ask something are any number, as §2.7.8.1 tells */
    bool has_shm; /* reading shared memory registers is fine */
    uint8_t shm_id;

    /* Registers. */
    uint8_t status;
    uint32_t reset_countdown;
    uint64_t offered;
    uint64_t accepted;
    uint32_t device_features_sel;
    uint32_t driver_features_sel;
    uint32_t queue_sel;
    uint32_t shm_sel;
    uint32_t guest_page_size;
    uint32_t interrupt_status;
    uint32_t generation;
    uint8_t config[FAKE_CONFIG_BYTES];
    uint8_t config_next[FAKE_CONFIG_BYTES];
    struct fake_queue queues[FAKE_QUEUES_MAX];

    uint64_t used_count; /* all queues */
    uint64_t reset_count;
    uint32_t feature_reads;
    uint32_t random;
    uint32_t idx; /* on the platform's bus */
    struct fake_pci pci;

    /* What the driver has done, for the checks. */
    uint32_t config_reads; /* since the generation was read */
    uint32_t seen_interrupts;
    bool has_read_magic;
    bool has_read_version;
    bool has_read_id;
    bool has_reset;
    bool has_read_reset;
    bool has_reread_features_ok;
    bool is_refused;
    bool has_device_sel;
    bool has_driver_sel;
    bool has_read_generation;
    bool has_read_interrupt;
    bool is_interrupt_unread; /* asserted, and nobody has looked */
};

/* Put a device on the platform's bus; its base follows from its place there. */
void fake_device_init(struct fake_device *device, struct fake_platform *fp,
                      const struct fake_device_config *config);
void fake_device_finish(struct fake_device *device);

/* An access of the driver's; the platform's hooks call these. */
uint64_t fake_device_read(struct fake_device *device, uint32_t offset, unsigned width);
void fake_device_write(struct fake_device *device, uint32_t offset, unsigned width, uint64_t value);

/* Time has passed: serve deferred notifications, give due buffers back, look for missed notifications and altered entries. */
void fake_device_tick(struct fake_device *device);

/* The device resets by itself: what a second driver's probe does to the first one. */
void fake_device_vanish(struct fake_device *device);

/* Set DEVICE_NEEDS_RESET, with a configuration interrupt. */
void fake_device_need_reset(struct fake_device *device);

/* The configuration changed: another generation and an interrupt. */
void fake_device_config_changed(struct fake_device *device);

static inline bool
fake_device_is_interrupting(const struct fake_device *device)
{
    return device->interrupt_status != 0;
}

/* Run the driver's interrupt handler if the line is up, and check that it read and acknowledged. */
void fake_device_deliver(struct fake_device *device, void (*handler)(void *ctx), void *ctx);

static inline bool
fake_device_has(const struct fake_device *device, unsigned feature)
{
    return ((device->accepted >> feature) & 1) != 0;
}

/* Is this evil now due? */
static inline bool
fake_is_evil(const struct fake_device *device, enum fake_evil_mode mode)
{
    return device->evil.mode == mode && device->used_count >= device->evil.after;
}

/* Reproducible noise. */
uint32_t fake_random(struct fake_device *device);

/* Copy from the readable part of a chain. Returns: bytes copied, fewer at its end. */
uint32_t
fake_chain_read(const struct fake_chain *chain, uint32_t offset, void *data, uint32_t bytes);

/* Copy to the writable part of a chain. Returns: bytes copied, fewer at its end. */
uint32_t
fake_chain_write(const struct fake_chain *chain, uint32_t offset, const void *data, uint32_t bytes);

/* The buffer is used with `written_bytes`; the chain is gone afterwards. */
void
fake_chain_complete(struct fake_device *device, struct fake_chain *chain, uint32_t written_bytes);

/* The oldest buffer of a queue that is not yet complete; NULL: none. For models that keep buffers (receive, events). */
struct fake_chain *fake_queue_oldest(struct fake_device *device, uint16_t queue_idx);

/* A model for queue tests: the readable bytes are copied to the writable ones; queue 7 keeps its buffers. */
extern const struct fake_model fake_echo_model;

#endif
