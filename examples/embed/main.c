/*
 * The driver library in a foreign tree, whole: a program on QEMU's bare `virt` machine that finds the GPU and draws eight
 * bars with nothing but abi/ and virtio/, in five steps:
 *
 *   1. give the library its platform: four functions
 *   2. probe the slots; nothing is written to any device
 *   3. bring up the GPU in memory of our own; nothing is allocated later
 *   4. draw, present, wait until the host shows it
 *   5. finish: the device is reset and nobody's
 *
 * Addresses are this board's; a real kernel takes them from its device tree.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio.h"

#include "virtio/device.h"
#include "virtio/display.h"
#include "virtio/gpu.h"
#include "virtio/platform.h"

enum { WIDTH_PX = 1280, HEIGHT_PX = 800, BAR_COUNT = 8, SLOT_COUNT = 32, SLOT_BYTES = 0x200 };
enum { ARENA_BYTES = 512 * 1024 };

#define UART_BASE UINT64_C(0x09000000)
#define SLOT_BASE UINT64_C(0x0a000000)
#define UART_DATA 0x00
#define UART_FLAG 0x18
#define UART_RXFE (1U << 4)

uint64_t embed_ticks(void);
uint64_t embed_ticks_per_second(void);
void embed_main(void);

static struct virtio_bus bus;
static struct vgpu gpu;
static struct display display;
static uint8_t arena_memory[ARENA_BYTES] __attribute__((aligned(4096)));
static uint32_t pixels[WIDTH_PX * HEIGHT_PX] __attribute__((aligned(4096)));

static volatile uint32_t *
uart(unsigned reg)
{
    return (volatile uint32_t *)(uintptr_t)(UART_BASE + reg);
}

static void
print(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        *uart(UART_DATA) = (unsigned char)text[i];
    }
    *uart(UART_DATA) = '\n';
}

static void
print_line(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    print(text, length);
}

/* --- step 1: the platform. The MMU is off here, so every address is what it says. --- */

static volatile void *
map(void *ctx, uint64_t phys, size_t size)
{
    (void)ctx;
    (void)size;
    return (volatile void *)(uintptr_t)phys;
}

static uint64_t
dma_addr(void *ctx, const volatile void *ptr, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return (uint64_t)(uintptr_t)ptr;
}

static uint64_t
now_ns(void *ctx)
{
    (void)ctx;
    return embed_ticks() * (UINT64_C(1000000000) / embed_ticks_per_second());
}

static void
log_line(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    (void)ctx;
    if (level <= VIRTIO_LOG_INFO) {
        print(text, bytes);
    }
}

static const struct virtio_platform plat = {
    .map = map,
    .dma_addr = dma_addr,
    .now_ns = now_ns,
    .log = log_line,
};

/* --- step 2 --- */

static struct virtio_device *
find_gpu(void)
{
    for (uint64_t i = 0; i < SLOT_COUNT; i++) {
        struct virtio_device *device = NULL;
        enum virtio_err err =
            virtio_mmio_probe(&bus, SLOT_BASE + i * SLOT_BYTES, SLOT_BYTES, &device);
        if (err == VIRTIO_OK && device->id == VIRTIO_ID_GPU) {
            return device;
        }
    }
    return NULL;
}

/* --- steps 3 and 4 --- */

static void
draw_bars(struct display_target *target)
{
    static const uint32_t colors[BAR_COUNT] = { 0xffffffff, 0xffffff00, 0xff00ffff, 0xff00ff00,
                                                0xffff00ff, 0xffff0000, 0xff0000ff, 0xff000000 };
    for (int32_t i = 0; i < BAR_COUNT; i++) {
        struct display_rect bar = { i * (WIDTH_PX / BAR_COUNT), 0, WIDTH_PX / BAR_COUNT,
                                    HEIGHT_PX };
        display_fill(target, &bar, colors[i]);
    }
}

static enum virtio_err
show(void)
{
    struct display_config config = {
        .mode = DISPLAY_DIRECT,
        .image = {VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDTH_PX, HEIGHT_PX },
        .backings = { { .memory = pixels, .bytes = sizeof(pixels) }                      },
    };
    enum virtio_err err = display_init(&display, &gpu, &config);
    if (err != VIRTIO_OK) {
        return err;
    }
    draw_bars(&display.target);
    err = display_present_wait(&display);
    return err == VIRTIO_OK ? display_drain(&display) : err;
}

static enum virtio_err
run(void)
{
    struct virtio_arena arena = { .base = arena_memory, .bytes = sizeof(arena_memory) };
    struct vgpu_config config = { .driver = VGPU_DRIVER_QUEUED };
    enum virtio_err err = virtio_bus_init(&bus, &plat, NULL);
    if (err != VIRTIO_OK) {
        return err;
    }
    struct virtio_device *device = find_gpu();
    if (device == NULL) {
        return VIRTIO_ERR_NO_DEVICE;
    }
    err = vgpu_init(&gpu, device, &config, &arena);
    return err == VIRTIO_OK ? show() : err;
}

void
embed_main(void)
{
    enum virtio_err err = run();
    print_line(err == VIRTIO_OK ? "embed: shown; any key ends" : virtio_err_text(err));
    while (err == VIRTIO_OK && (*uart(UART_FLAG) & UART_RXFE) != 0) {
        (void)vgpu_poll(&gpu);
    }

    /* --- step 5 --- */
    (void)display_finish(&display);
    (void)vgpu_finish(&gpu);
}
