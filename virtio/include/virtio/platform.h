/*
 * What the embedding kernel gives the library: one table of functions. Four are needed, the rest may be NULL.
 *
 *   static const struct virtio_platform plat = { .ctx = &me, .map = my_map, .dma_addr = my_dma, .now_ns = my_now,
 *                                                .log = my_log };
 *
 * Besides this table the library needs what every freestanding C compiler needs: memcpy, memmove, memset, memcmp; on CPUs of
 * 32 bits also 64-bit division from the compiler's own runtime (__udivdi3 in libgcc or compiler-rt). No atomic operation is
 * wider than a pointer, so none becomes a call where the CPU has atomic instructions.
 */
#ifndef VIRTIO_PLATFORM_H
#define VIRTIO_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum virtio_log_level {
    VIRTIO_LOG_ERROR,
    VIRTIO_LOG_WARN,
    VIRTIO_LOG_INFO,
    VIRTIO_LOG_DEBUG,
};

struct virtio_platform {
    /* Handed back as the first argument of every function below. May be NULL. */
    void *ctx;

    /*
     * Map `size` bytes of device registers at physical address `phys`, uncached and not reordered (AArch64:
     * Device-nGnRE). Called from probing only. Returns NULL where it cannot.
     */
    volatile void *(*map)(void *ctx, uint64_t phys, size_t size);

    /*
     * Optional: map `size` bytes of a device's shared memory region (VirtIO 1.3 §2.10) at `phys` as cached memory, as RAM is.
     * The same range may be asked for again. NULL in its place: no blob can be mapped. Returns NULL where it cannot.
     */
    void *(*map_cached)(void *ctx, uint64_t phys, uint64_t size);

    /*
     * Translate memory that the driver shares with a device into the address that the device uses for it
     * (the physical address without an IOMMU). `ptr` up to `ptr + bytes` is contiguous for the device, coherent, and stays
     * shared until the driver is finished. Returns UINT64_MAX where the memory cannot be shared.
     * Context: any in which the driver is called, interrupt handlers included.
     */
    uint64_t (*dma_addr)(void *ctx, const volatile void *ptr, size_t bytes);

    /*
     * Nanoseconds since any fixed moment; never goes back. Coarse is fine, tens of milliseconds; where it stands still for
     * VIRTIO_STILL_TURNS_MAX turns of a wait, that wait is over. Context: any.
     */
    uint64_t (*now_ns)(void *ctx);

    /* One line of text for people, no newline, not terminated by NUL: `bytes` counts it. Context: any. */
    void (*log)(void *ctx, enum virtio_log_level level, const char *text, size_t bytes);

    /*
     * Optional: called in every turn of a waiting loop, so that the kernel may wait for an interrupt, run others or, under a
     * simulator, advance the device. `deadline_ns` tells how long the wait may last.
     */
    void (*relax)(void *ctx, uint64_t deadline_ns);

    /*
     * Optional: register access by call, not by pointer: for buses behind a hypercall, a debugger, a simulated device.
     * Both or neither. `width` is 1, 2, 4 or 8 bytes; `reg` is what `map` returned plus an offset. Values are in CPU order,
     * the device's side is little-endian.
     */
    uint64_t (*mmio_read)(void *ctx, const volatile void *reg, unsigned width);
    void (*mmio_write)(void *ctx, volatile void *reg, unsigned width, uint64_t value);
};

/*
 * Memory that init functions carve their needs from: given by the caller, zeroed or not, contiguous for the device,
 * aligned to 4096 bytes, and the caller's again after finish, unless that answers VIRTIO_ERR_TIMEOUT: then the device does not
 * reset and may go on writing to it (virtio_device_release). Nothing is taken after init.
 */
struct virtio_arena {
    uint8_t *base;
    size_t bytes;
    size_t used_bytes; /* 0 at first */
};

/*
 * Take `bytes`, zeroed, aligned to `align` (a power of two, at most 4096).
 * Returns: NULL when the rest of the arena is too small; nothing changed then.
 */
void *virtio_arena_take(struct virtio_arena *arena, size_t bytes, size_t align);

#endif
