/* The kernel's GPU: see gpu_dev.h. */
#include "kernel/drv/gpu_dev.h"

#include <string.h>

#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/log.h"
#include "kernel/drv/screen.h"
#include "kernel/drv/virtio_bus.h"
#include "kernel/mm/pages.h"

enum {
    FALLBACK_WIDTH_PX = 1024,
    FALLBACK_HEIGHT_PX = 768,
    SIZE_MIN_PX = 64, /* hosts have reported displays of 1x1 while a window was not up yet */
    SIZE_MAX_PX = 8192,
    BUFFER_COUNT = 2, /* memory of a display: one or two times its pixels, by mode */
};

static struct {
    struct virtio_device *device; /* NULL: there is none */
    struct vgpu vgpu;
    struct virtio_arena arena;
    struct display display;
    void *buffers[BUFFER_COUNT];
    uint64_t buffer_bytes;
    uint32_t generation;
    bool is_up;
    bool is_hooked;
    bool has_display;
    bool is_resize_wished;
    bool is_size_fixed; /* somebody chose a size: the host's wishes are noted only */
    enum gpu_mode mode;
} gpu;

static void
on_interrupt(uint32_t irq, void *ctx)
{
    (void)irq;
    (void)ctx;
    if (gpu.is_up) {
        (void)vgpu_interrupt(&gpu.vgpu);
    } else if (gpu.device != NULL) {
        (void)virtio_device_take_interrupts(gpu.device);
    }
}

/* Within vgpu_poll: only note it; the idle hook has the time to build a new display. */
static void
on_displays_changed(void *ctx, uint32_t changed)
{
    (void)ctx;
    log_info("gpu", "the host changed its displays: scanouts 0x%x", changed);
    gpu.is_resize_wished = gpu.is_resize_wished || (changed & 1U) != 0;
}

struct vgpu *
gpu_dev_vgpu(void)
{
    return gpu.is_up ? &gpu.vgpu : NULL;
}

struct display *
gpu_dev_display(void)
{
    return gpu.has_display ? &gpu.display : NULL;
}

uint32_t
gpu_dev_generation(void)
{
    return gpu.generation;
}

enum gpu_mode
gpu_dev_mode(void)
{
    return gpu.mode;
}

void
gpu_dev_set_mode(enum gpu_mode mode)
{
    gpu.mode = mode;
    screen_enable(mode == GPU_MODE_TEXT);
}

/* The size that the host wishes for a scanout, or one that any display has. */
static void
wished_size(uint32_t scanout_id, uint32_t *width_px, uint32_t *height_px)
{
    const struct vgpu_display *wish = &gpu.vgpu.info.displays[scanout_id % VIRTIO_GPU_SCANOUTS_MAX];
    bool is_usable = wish->is_enabled && wish->rect.width >= SIZE_MIN_PX &&
                     wish->rect.width <= SIZE_MAX_PX && wish->rect.height >= SIZE_MIN_PX &&
                     wish->rect.height <= SIZE_MAX_PX;

    if (!is_usable && wish->is_enabled) {
        log_warn("gpu", "the host wishes %ux%u, which is no usable size: taking %ux%u",
                 wish->rect.width, wish->rect.height, FALLBACK_WIDTH_PX, FALLBACK_HEIGHT_PX);
    }
    *width_px = is_usable ? wish->rect.width : FALLBACK_WIDTH_PX;
    *height_px = is_usable ? wish->rect.height : FALLBACK_HEIGHT_PX;
}

static void
free_buffers(void)
{
    for (unsigned i = 0; i < BUFFER_COUNT; i++) {
        if (gpu.buffers[i] != NULL) {
            dma_free(gpu.buffers[i], gpu.buffer_bytes);
            gpu.buffers[i] = NULL;
        }
    }
}

/* The device may still read the memory of a framebuffer that did not go: it is given up, not used again. */
static void
give_up_lent(void)
{
    for (unsigned i = 0; i < BUFFER_COUNT; i++) {
        if (gpu.display.framebuffers[i].state != VGPU_UNINITIALIZED) {
            gpu.buffers[i] = NULL;
        }
    }
}

static enum virtio_err
display_down(void)
{
    enum virtio_err err = VIRTIO_OK;

    if (gpu.has_display) {
        screen_detach();
        err = display_finish(&gpu.display);
        gpu.has_display = false;
    }
    return err;
}

static enum virtio_err
take_buffers(struct display_config *config)
{
    unsigned count = config->mode == DISPLAY_DIRECT ? 1 : 2;

    gpu.buffer_bytes = (uint64_t)config->image.width_px * config->image.height_px * 4;
    for (unsigned i = 0; i < count; i++) {
        gpu.buffers[i] = dma_alloc(gpu.buffer_bytes, PAGE_BYTES);
        if (gpu.buffers[i] == NULL) {
            log_error("gpu", "there are no %llu KiB of memory in one piece for pixels",
                      (unsigned long long)(gpu.buffer_bytes / 1024));
            return VIRTIO_ERR_NO_MEMORY;
        }
        config->backings[i] =
            (struct vgpu_backing){ .memory = gpu.buffers[i], .bytes = gpu.buffer_bytes };
    }
    config->shadow = config->mode == DISPLAY_COPY ? gpu.buffers[1] : NULL;
    return VIRTIO_OK;
}

static enum virtio_err
display_up(struct display_config *config)
{
    enum virtio_err err = take_buffers(config);

    if (err == VIRTIO_OK) {
        err = display_init(&gpu.display, &gpu.vgpu, config);
        if (err != VIRTIO_OK) {
            give_up_lent();
        }
    }
    if (err != VIRTIO_OK) {
        free_buffers();
        return err;
    }
    gpu.has_display = true;
    int result = screen_attach(&gpu.display);
    if (result != 0) {
        log_warn("gpu", "no text console on the screen: %s", errno_text(result));
    }
    screen_enable(gpu.mode == GPU_MODE_TEXT);
    return VIRTIO_OK;
}

/* Take the present display down and put that one up. Returns: VIRTIO_OK; why not, which has been logged: there is none then. */
static enum virtio_err
replace_display(struct display_config *config)
{
    enum virtio_err err = display_down();

    if (err != VIRTIO_OK) {
        log_error("gpu", "the old display did not go: %s", virtio_err_text(err));
        give_up_lent();
    }
    free_buffers();
    err = display_up(config);
    if (err != VIRTIO_OK) {
        log_error("gpu", "no display of %ux%u: %s", config->image.width_px, config->image.height_px,
                  virtio_err_text(err));
        return err;
    }
    log_info("gpu", "display %ux%u on scanout %u, resource %u", config->image.width_px,
             config->image.height_px, config->scanout_id, gpu.display.framebuffers[0].resource->id);
    return VIRTIO_OK;
}

enum virtio_err
gpu_dev_set_display(uint32_t width_px, uint32_t height_px, enum display_mode mode,
                    uint32_t scanout_id)
{
    struct display_config before = gpu.display.config;
    bool had_display = gpu.has_display;
    bool was_size_fixed = gpu.is_size_fixed;
    struct display_config config = {
        .mode = mode,
        .image = { .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM },
        .scanout_id = scanout_id,
    };

    wished_size(scanout_id, &config.image.width_px, &config.image.height_px);
    if (width_px != 0) {
        config.image.width_px = width_px;
        config.image.height_px = height_px;
    }
    gpu.is_size_fixed = width_px != 0;
    enum virtio_err err = replace_display(&config);
    if (err != VIRTIO_OK && had_display && gpu.vgpu.state == VGPU_RUNNING) {
        gpu.is_size_fixed = was_size_fixed;
        if (replace_display(&before) == VIRTIO_OK) {
            log_info("gpu", "the display is as it was before");
        }
    }
    return err;
}

/* At first: the host's wish, or else the largest usual size that device and memory allow. */
static enum virtio_err
first_display(void)
{
    static const uint32_t sizes[][2] = {
        {1280,  800},
        { 1024, 768},
        { 800,  600},
        { 640,  480}
    };
    enum virtio_err err = gpu_dev_set_display(0, 0, DISPLAY_DIRECT, 0);

    for (size_t i = 0; i < ARRAY_COUNT(sizes) && err != VIRTIO_OK && gpu.vgpu.state == VGPU_RUNNING;
         i++) {
        log_warn("gpu", "trying %ux%u instead", sizes[i][0], sizes[i][1]);
        err = gpu_dev_set_display(sizes[i][0], sizes[i][1], DISPLAY_DIRECT, 0);
    }
    return err;
}

static void
follow_host_size(void)
{
    uint32_t width_px;
    uint32_t height_px;

    gpu.is_resize_wished = false;
    wished_size(0, &width_px, &height_px);
    if (gpu.is_size_fixed || !gpu.has_display ||
        ((uint32_t)gpu.display.target.width_px == width_px &&
         (uint32_t)gpu.display.target.height_px == height_px)) {
        return;
    }
    (void)gpu_dev_set_display(0, 0, gpu.display.config.mode, gpu.display.config.scanout_id);
}

static uint64_t
gpu_poll(void *ctx)
{
    (void)ctx;
    if (!gpu.is_up || gpu.vgpu.state != VGPU_RUNNING) {
        return UINT64_MAX;
    }
    bool has_more = vgpu_poll(&gpu.vgpu) >= gpu.vgpu.slot_count;
    if (gpu.is_resize_wished) {
        follow_host_size();
    }
    uint64_t wake_ns = screen_poll();
    if (has_more) {
        return 0;
    }
    /* A command in flight must be given up in time, whether or not an interrupt comes. */
    return gpu.vgpu.in_flight_count == 0 ? wake_ns : min_u64(wake_ns, gpu.vgpu.next_deadline_ns);
}

static struct idle_hook hook = { .name = "gpu", .poll = gpu_poll };

static enum virtio_err
driver_up(struct virtio_device *device, enum vgpu_driver driver)
{
    struct vgpu_config config = {
        .driver = driver,
        .features = virtio_bus_ring_features(),
        .is_interrupting = true,
        .uses_indirect = true,
        .capset_bytes_max = 1024, /* Venus's has 160 */
        .displays_changed = on_displays_changed,
    };

    if (drv_arena(&gpu.arena, vgpu_arena_bytes(&config)) != 0) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    enum virtio_err err = vgpu_init(&gpu.vgpu, device, &config, &gpu.arena);
    if (err != VIRTIO_OK) {
        if (vgpu_finish(&gpu.vgpu) == VIRTIO_OK) {
            dma_free(gpu.arena.base, gpu.arena.bytes);
        }
        return err;
    }
    gpu.is_up = true;
    gpu.generation++;
    return VIRTIO_OK;
}

/* Driver, then display. Returns: VIRTIO_OK; why not, which has been logged. */
static enum virtio_err
bring_up(enum vgpu_driver driver)
{
    enum virtio_err err = driver_up(gpu.device, driver);

    if (err != VIRTIO_OK) {
        log_error("gpu", "driver not started: %s", virtio_err_text(err));
        return err;
    }
    err = vgpu_display_info_wait(&gpu.vgpu);
    if (err != VIRTIO_OK) {
        log_error("gpu", "display info: %s", virtio_err_text(err));
    }
    return first_display();
}

int
gpu_dev_start(struct virtio_device *device, enum vgpu_driver driver)
{
    if (gpu.device != NULL) {
        log_warn("gpu", "device %u: not driven, one GPU is the most", device->index);
        return -E_NOSPC;
    }
    gpu.device = device;
    if (!gpu.is_hooked) {
        gpu.is_hooked = true;
        idle_register(&hook);
    }
    int result = drv_interrupt(device, on_interrupt, NULL, "virtio-gpu");
    if (result != 0) {
        log_warn("gpu", "no interrupt (%s): polled", errno_text(result));
    }
    return errno_from_virtio(bring_up(driver));
}

/* Take display and driver down. Returns: how many resources leaked. */
static unsigned
take_down(void)
{
    if (!gpu.is_up) {
        return 0;
    }
    (void)display_down();
    gpu.is_up = false;
    if (vgpu_finish(&gpu.vgpu) == VIRTIO_OK) {
        /* The device is reset: nothing of ours is its any more. */
        free_buffers();
        dma_free(gpu.arena.base, gpu.arena.bytes);
    } else {
        log_error("gpu", "no reset: the memory stays the device's");
        memset(gpu.buffers, 0, sizeof(gpu.buffers));
    }
    return gpu.vgpu.leaked_count;
}

int
gpu_dev_stop(struct virtio_device *device)
{
    if (device != gpu.device) {
        return 0;
    }
    (void)take_down();
    if (device->owner[0] != '\0') {
        return -E_TIMEDOUT;
    }
    gpu.device = NULL;
    gpu.mode = GPU_MODE_TEXT;
    gpu.is_size_fixed = false;
    return 0;
}

enum virtio_err
gpu_dev_restart(enum vgpu_driver driver)
{
    if (gpu.device == NULL) {
        return VIRTIO_ERR_NO_DEVICE;
    }
    unsigned leaked = take_down();
    if (leaked > 0) {
        log_warn("gpu", "%u resources leaked", leaked);
    }
    gpu.mode = GPU_MODE_TEXT;
    return bring_up(driver);
}
