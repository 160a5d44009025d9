/*
 * The life of a virtio device: seen, claimed, negotiated, running, and who ended it. VirtIO 1.3 §2.1, §2.2, §3.1.
 *
 *   virtio_bus_init(&bus, &plat, &trace);
 *   virtio_mmio_probe(&bus, base, size, &device)         only reads; says what is there
 *   virtio_device_claim(device, "gpu")                   one owner; everybody else gets VIRTIO_ERR_OWNED
 *   virtio_device_negotiate(device, &want)               reset, ACKNOWLEDGE, DRIVER, FEATURES_OK
 *   virtq_setup(&queue, device, ...)                     each queue; see virtio/queue.h
 *   virtio_device_start(device)                          DRIVER_OK
 *   ... virtio_device_health(device) now and then ...
 *   virtio_device_release(device, "gpu")                 reset, nobody's; unless the reset hangs
 *
 * The caller serialises calls on one device, but for virtio_device_take_interrupts, which interrupt handlers may call.
 * There are no globals: what is shared hangs on the bus.
 */
#ifndef VIRTIO_DEVICE_H
#define VIRTIO_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio.h"

#include "virtio/error.h"
#include "virtio/platform.h"
#include "virtio/trace.h"
#include "virtio/transport.h"

enum {
    VIRTIO_BUS_DEVICES_MAX = 64,  /* devices that one bus can hold */
    VIRTIO_DEVICE_QUEUES_MAX = 8, /* virtqueues of one device that the library can drive */
    VIRTIO_DEVICE_SHMS_MAX = 4,   /* regions of shared memory of one PCI function that are kept */
    VIRTIO_WHO_BYTES = 16,        /* longest name of an owner, kept in traces; the rest is cut */
    VIRTIO_RESET_TIMEOUT_MS = 100,
    VIRTIO_STILL_TURNS_MAX =
        1 << 22, /* turns of a wait in which the clock stands: then it is late */
};

struct virtq;
struct virtio_bus;

/* A rule that the other side broke: a sentence with its section, and the value seen. */
struct virtio_fault {
    const char *rule; /* NULL: none; else "used id is not in flight (VirtIO 1.3 §2.7.8)" */
    uint64_t value;
    uint64_t time_ns;
};

/* Where a device stands with its driver; one function changes it, by one table (virtio/core/device.c). */
enum virtio_life {
    VIRTIO_LIFE_SEEN,       /* nobody's */
    VIRTIO_LIFE_CLAIMED,    /* owned; reset, or as the firmware left it */
    VIRTIO_LIFE_NEGOTIATED, /* features agreed; queues may be set up */
    VIRTIO_LIFE_RUNNING,    /* DRIVER_OK */
    VIRTIO_LIFE_FAILED,     /* given up, or it would not reset */
    VIRTIO_LIFE_COUNT
};

/* One reset of a device as the library knows it. */
struct virtio_reset {
    char who[VIRTIO_WHO_BYTES];
    uint64_t time_ns; /* 0: none yet */
};

/* A shared memory region of a PCI function, VirtIO 1.3 §4.1.4.7. */
struct virtio_pci_shm {
    uint64_t phys;
    uint64_t bytes;
    uint8_t id;
};

/* What PCI has besides the common configuration, and MSI-X. */
struct virtio_pci_windows {
    volatile uint8_t *notify;
    volatile uint8_t *isr;
    volatile uint8_t *config;
    uint64_t notify_bytes;
    uint32_t notify_multiplier;
    uint32_t notify_offsets
        [VIRTIO_DEVICE_QUEUES_MAX]; /* bytes within notify, of queues that were set up */
    struct virtio_pci_shm shms[VIRTIO_DEVICE_SHMS_MAX];
    uint32_t shm_count;
    uint16_t address; /* bus << 8 | device << 3 | function */
};

/* How a device signals; without vectors its interrupt status is read. */
struct virtio_vectors {
    bool are_on;
    uint16_t config;
    uint16_t queues;
    uint32_t has_config; /* came since the last take */
    uint32_t has_used;
};

/* Read freely; written by the library only. */
struct virtio_device {
    struct virtio_bus *bus;
    const struct virtio_transport_ops *ops;
    volatile uint8_t *regs; /* mmio: all registers; PCI: the common configuration */
    size_t config_bytes;    /* of configuration space that are mapped */
    uint64_t base;          /* physical, of `regs`: the device's identity */
    struct virtio_pci_windows pci;
    struct virtio_vectors vectors;
    uint32_t id; /* VIRTIO_ID_*, also unknown ones */
    uint32_t vendor;
    uint8_t index; /* on its bus; trace origin */

    char owner[VIRTIO_WHO_BYTES]; /* empty: nobody */
    enum virtio_life life;
    uint8_t
        status; /* what the owner last wrote; a stranger's reset leaves it, so that health can tell */
    uint64_t offered;
    uint64_t wanted;
    uint64_t accepted;

    bool has_memory; /* it was told of a queue since it was last seen to be reset */
    struct virtq *queues[VIRTIO_DEVICE_QUEUES_MAX];
    struct virtio_fault fault; /* sticky until the owner resets */
    size_t fault_count;        /* rules broken, ever */
    struct virtio_reset last_reset;
    uint64_t reset_count;
    uint64_t interrupt_count;
    uint64_t config_change_count;

    uint64_t turn_ns; /* of the last turn of a wait, and how many in a row had the same */
    uint32_t still_turns;
};

/* The caller's root object: what was seen, who owns it, the trace and the platform. */
struct virtio_bus {
    const struct virtio_platform *plat;
    struct virtio_trace *trace; /* NULL: no trace */
    struct virtio_device devices[VIRTIO_BUS_DEVICES_MAX];
    uint32_t device_count;
};

/* `plat` and `trace` (or NULL) outlive the bus. Returns: VIRTIO_OK, VIRTIO_ERR_INVALID when a needed function is NULL. */
enum virtio_err virtio_bus_init(struct virtio_bus *bus, const struct virtio_platform *plat,
                                struct virtio_trace *trace);

/*
 * Look at the virtio-mmio slot at physical `base` (`size` bytes, at least 0x100; what is beyond that is
 * configuration space, of which nothing more will be accessed). Reads MagicValue, Version, DeviceID and VendorID,
 * writes nothing, so probing a running device is harmless. Probing the same base again gives the same device.
 * Returns: VIRTIO_OK and *device for every device, of known kind or not; VIRTIO_EMPTY for an empty slot (DeviceID 0);
 * VIRTIO_ERR_NO_DEVICE (no magic value); VIRTIO_ERR_UNSUPPORTED (a version that is neither 1 nor 2);
 * VIRTIO_ERR_NO_MEMORY (the bus is full, or the registers cannot be mapped).
 * Source: VirtIO 1.3 §4.2.2, §4.2.3.1.1.
 */
enum virtio_err virtio_mmio_probe(struct virtio_bus *bus, uint64_t base, size_t size,
                                  struct virtio_device **device);

/* The device's kind in words ("gpu", "network"); "unknown" otherwise. Never NULL. */
const char *virtio_device_kind(uint32_t id);

/* Become the owner. Returns: VIRTIO_OK, VIRTIO_ERR_OWNED (also when the owner has the same name), VIRTIO_ERR_INVALID (""). */
enum virtio_err virtio_device_claim(struct virtio_device *device, const char *who);

/*
 * Reset and give the device back. Without memory (has_memory) it is given back even where it does not reset: the next owner's
 * virtio_device_negotiate tries again.
 * Returns: VIRTIO_OK; VIRTIO_ERR_OWNED when `who` is not the owner; VIRTIO_ERR_TIMEOUT: it did not reset and stays `who`'s,
 * in VIRTIO_LIFE_FAILED, with device->fault and its queues broken. It may then still read and write all memory that was
 * shared with it, arena and buffers: use none of that for anything else before another call, now or later, says VIRTIO_OK.
 * Source: VirtIO 1.3 §2.4.2.
 */
enum virtio_err virtio_device_release(struct virtio_device *device, const char *who);

/*
 * Reset, and record who asked. Whoever asks: also somebody who is not the owner, which is how black screens are made;
 * the owner's next virtio_device_health then says VIRTIO_ERR_LOST, and the log names `who`.
 * Returns: VIRTIO_OK, VIRTIO_ERR_TIMEOUT when status does not read 0 within VIRTIO_RESET_TIMEOUT_MS; what that means for the
 * owner and for the memory: virtio_device_release.
 * Source: VirtIO 1.3 §2.4.2.
 */
enum virtio_err virtio_device_reset(struct virtio_device *device, const char *who);

/*
 * The ring and transport bits that the library can drive. A driver wants them all, or leaves out what it does not like
 * (RING_PACKED, say). Reserved bits beyond these are never accepted, whatever a driver wants.
 */
#define VIRTIO_FEATURES_LIBRARY                                                                    \
 (VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT) | VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) |                   \
  VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) | VIRTIO_FEATURE(VIRTIO_F_VERSION_1) |                        \
  VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM) | VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) |                \
  VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) | VIRTIO_FEATURE(VIRTIO_F_ORDER_PLATFORM) |                    \
  VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA))

/* What a driver wants of a device. */
struct virtio_feature_request {
    uint64_t wanted;   /* accepted where offered */
    uint64_t required; /* without one of these the driver cannot work; a subset of wanted */
};

/*
 * Reset the device and agree on features. For modern transports VERSION_1 is wanted and required, and ACCESS_PLATFORM and
 * ORDER_PLATFORM are wanted, without being asked for (§6.1: the addresses always come from dma_addr and the barriers are
 * always the platform's); legacy ones get the low 32 bits only. A feature whose own requirement is not met (§5.1.3.1)
 * is not accepted. FEATURES_OK is read back. On failure FAILED is set.
 * Returns: VIRTIO_OK; VIRTIO_ERR_UNSUPPORTED (a required bit is not offered, or FEATURES_OK did not stick);
 * VIRTIO_ERR_STATE (not claimed); VIRTIO_ERR_TIMEOUT (it did not reset: as with virtio_device_release).
 * Source: VirtIO 1.3 §2.2.1, §3.1.1.
 */
enum virtio_err
virtio_device_negotiate(struct virtio_device *device, const struct virtio_feature_request *request);

static inline bool
virtio_device_has(const struct virtio_device *device, unsigned feature_bit)
{
    return ((device->accepted >> feature_bit) & 1) != 0;
}

/* The name of a feature bit for a kind of device ("EDID", "INDIRECT_DESC"); NULL when unknown. */
const char *virtio_feature_name(uint32_t device_id, unsigned feature_bit);

/* One line of the feature table. */
struct virtio_feature_line {
    const char *name; /* NULL: unknown */
    uint8_t bit;
    bool is_offered;
    bool is_wanted;
    bool is_accepted;
};

/*
 * Walk through all bits that were offered or wanted at the last negotiation, by rising number: *position is 0 at first.
 * Returns: VIRTIO_OK and *line; VIRTIO_EMPTY at the end.
 */
enum virtio_err virtio_feature_next(const struct virtio_device *device, unsigned *position,
                                    struct virtio_feature_line *line);

/* Set DRIVER_OK: the device may now use its queues. Returns: VIRTIO_OK, VIRTIO_ERR_STATE before FEATURES_OK. */
enum virtio_err virtio_device_start(struct virtio_device *device);

/*
 * One turn of a loop that waits until `deadline_ns`: the platform's relax, if it has one. Look once more after each.
 * Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT after the deadline, or when the clock has stood for VIRTIO_STILL_TURNS_MAX turns.
 */
enum virtio_err virtio_device_relax(struct virtio_device *device, uint64_t deadline_ns);

/* The state's name ("running"). Never NULL. */
const char *virtio_life_name(enum virtio_life life);

/* Set FAILED: we give up on the device, with one line in the log that says why. */
void virtio_device_fail(struct virtio_device *device, const char *why);

/*
 * Is the device still what we left? Reads the status register (one slow access): call it when something is late, not in
 * a fast path. The first finding sets device->fault, is traced and is logged with the name of whoever reset the device.
 * Returns: VIRTIO_OK, VIRTIO_ERR_LOST, VIRTIO_ERR_NEEDS_RESET, VIRTIO_ERR_BROKEN (a fault was recorded before),
 * VIRTIO_ERR_STATE when the device is not running: never started, reset by its owner, or given up.
 */
enum virtio_err virtio_device_health(struct virtio_device *device);

/*
 * The device broke a rule: keep the first one, count, trace, log. All its queues are broken with it, until its owner has
 * reset it and set them up again. `rule` is a string constant.
 * Context: any.
 */
void virtio_device_break(struct virtio_device *device, const char *rule, uint64_t value);

/*
 * Read and acknowledge the interrupt status: VIRTIO_INTERRUPT_* bits (abi/virtio_mmio.h). A configuration change is counted.
 * Context: interrupt handlers, or polling.
 */
uint32_t virtio_device_take_interrupts(struct virtio_device *device);

/*
 * Read `bytes` of configuration space at `offset` so that they belong together: repeated while the generation changes.
 * `fields` tells the widths in which the structure must be read: the widths of its fields in order, ended by 0
 * (a MAC address is "\1\1\1\1\1\1"; 8 is read as two halves); multi-byte fields arrive little-endian, as in the abi
 * headers. Legacy devices have no generation: there it is read until two readings agree.
 * Returns: VIRTIO_OK, VIRTIO_ERR_TIMEOUT when the generation never holds still (broken is then set),
 * VIRTIO_ERR_BUFFER_TOO_SMALL when the fields' sum is more than `bytes`; VIRTIO_ERR_INVALID when the fields lie beyond what
 * was mapped.
 * Source: VirtIO 1.3 §2.5.1, §2.5.4.
 */
enum virtio_err virtio_config_read(struct virtio_device *device, size_t offset, const char *fields,
                                   void *data, size_t bytes);

/*
 * Write one little-endian-converted value of 1, 2 or 4 bytes at `offset`.
 * Returns: VIRTIO_OK, VIRTIO_ERR_INVALID (beyond what was mapped; nothing is written).
 */
enum virtio_err
virtio_config_write(struct virtio_device *device, size_t offset, unsigned width, uint32_t value);

/*
 * Where a shared memory region of the device lies: physical address and length as the device gives them, which nobody has
 * checked or mapped. `id`: VIRTIO_GPU_SHM_ID_HOST_VISIBLE and the like.
 * Returns: VIRTIO_OK; VIRTIO_ERR_UNSUPPORTED (no such region, or a transport without any); VIRTIO_ERR_BROKEN (one that is
 * empty or does not end within 64 bits; the device is broken then).
 * Source: VirtIO 1.3 §2.10, §4.1.4.7, §4.2.2.
 */
enum virtio_err
virtio_device_shm(struct virtio_device *device, uint8_t id, uint64_t *phys, uint64_t *bytes);

/* Log a printf-like line through the platform: %s %d %u %x %llu %llx %zu %c %% with width and zero flag; cut at 200 characters. */
void virtio_log(const struct virtio_platform *plat, enum virtio_log_level level, const char *format,
                ...) __attribute__((format(printf, 3, 4)));

#endif
