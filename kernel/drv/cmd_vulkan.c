/* vulkan: the host's GPU from this kernel: what it is, numbers computed by it, pictures drawn by it. */
#include <string.h>

#include "virtio/gpu_3d.h"

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/idle.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/gpu_dev.h"
#include "kernel/drv/vulkan_dev.h"
#include "kernel/vulkan/compute.h"
#include "kernel/vulkan/picture.h"

enum {
    COUNT_DEFAULT = 65536,
    COUNT_MAX = 16 * 1024 * 1024,
    ROUNDS_DEFAULT = 100,
    ROUNDS_MAX = 1000000,
    CUBE_S_DEFAULT = 5,
    CUBE_S_MAX = 3600,
    CPU_PX_BYTES = 4,
};

#define MIB 1048576U

/* What to start this kernel with, for who has no renderer yet. */
static const char advice[] =
    "vulkan: a GPU that renders: start \"vitrine-gpu --vhost-user SOCKET\", then QEMU 11.1 or "
    "newer with\n"
    "  -object memory-backend-memfd,id=ram,size=512M,share=on -M virt,memory-backend=ram\n"
    "  -chardev socket,id=gpu,path=SOCKET\n"
    "  -device "
    "vhost-user-test-device-pci,chardev=gpu,virtio-id=16,num_vqs=2,config_size=16,vq_size=256\n";

static int
open_dev(const struct shell_call *call, struct vulkan_dev **vulkan)
{
    const char *why = "";
    int result = vulkan_dev_open(false, vulkan, &why);

    if (result != 0) {
        (void)shell_fail(call, "no Vulkan: %s", why);
        console_print("%s", advice);
        return SHELL_FAILED;
    }
    return 0;
}

/* Say what failed, and close. */
static int
fail_dev(const struct shell_call *call, struct vulkan_dev *vulkan, VkResult result)
{
    const struct vvk *vvk = &vulkan->vvk;
    const char *why = vvk->why != NULL ? vvk->why : vvk->refusal;

    (void)shell_fail(call, "%s: %s%s%s", vulkan->session.step, vk_result_name(result),
                     why != NULL ? ": " : "", why != NULL ? why : "");
    vulkan_dev_close(vulkan);
    return SHELL_FAILED;
}

static void
print_memory(const VkPhysicalDeviceMemoryProperties *memory)
{
    for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
        console_print("  heap %u: %llu MiB%s\n", i,
                      (unsigned long long)(memory->memoryHeaps[i].size / MIB),
                      (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0
                          ? ", the device's own"
                          : "");
    }
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;

        console_print("  memory type %u: heap %u%s%s%s%s\n", i, memory->memoryTypes[i].heapIndex,
                      (flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0 ? ", device-local" : "",
                      (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0 ? ", host-visible" : "",
                      (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != 0 ? ", coherent" : "",
                      (flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) != 0 ? ", cached" : "");
    }
}

static int
vulkan_info(const struct shell_call *call)
{
    struct vulkan_dev *vulkan;

    if (open_dev(call, &vulkan) != 0) {
        return SHELL_FAILED;
    }
    const VkPhysicalDeviceProperties *device = &vulkan->session.properties;
    console_print("vulkan: %s, Vulkan %u.%u.%u, driver 0x%x, vendor 0x%x device 0x%x\n",
                  device->deviceName, VK_API_VERSION_MAJOR(device->apiVersion),
                  VK_API_VERSION_MINOR(device->apiVersion),
                  VK_API_VERSION_PATCH(device->apiVersion), device->driverVersion, device->vendorID,
                  device->deviceID);
    console_print("  queue family %u, flags 0x%x; images up to %u px; %u invocations in a group\n",
                  vulkan->session.family_idx, vulkan->session.queue_flags,
                  device->limits.maxImageDimension2D,
                  device->limits.maxComputeWorkGroupInvocations);
    print_memory(&vulkan->session.memory);
    console_print("  host-visible window of %llu MiB at 0x%llx; ring of %u KiB\n",
                  (unsigned long long)(vulkan->way.window.bytes / MIB),
                  (unsigned long long)vulkan->way.window.phys, vulkan->vvk.ring_bytes / 1024);
    console_print("  ready after %llu us: %llu commands, %llu answers, %llu notifications\n",
                  (unsigned long long)(vulkan->open_ns / NS_PER_US),
                  (unsigned long long)vulkan->vvk.counters.commands,
                  (unsigned long long)vulkan->vvk.counters.waits,
                  (unsigned long long)vulkan->vvk.counters.notifications);
    vulkan_dev_close(vulkan);
    return 0;
}

static int
print_compute(const struct shell_call *call, const struct vk_compute *job)
{
    if (job->wrong_count > 0) {
        return shell_fail(call, "%llu of %u numbers are wrong: number %u is %u and should be %u",
                          (unsigned long long)job->wrong_count, job->count, job->first_wrong,
                          job->found, job->expected);
    }
    console_print("vulkan compute: %u numbers, %u rounds: all as this CPU has them; "
                  "%llu us each round, shortest %llu us\n",
                  job->count, job->rounds,
                  (unsigned long long)(job->total_ns / job->rounds / NS_PER_US),
                  (unsigned long long)(job->shortest_ns / NS_PER_US));
    return 0;
}

static int
vulkan_compute(const struct shell_call *call)
{
    struct vk_compute job = { .count = COUNT_DEFAULT, .rounds = ROUNDS_DEFAULT };
    struct vulkan_dev *vulkan;

    if ((call->argc > 1 && command_number(call, 1, COUNT_MAX, &job.count) != 0) ||
        (call->argc > 2 && command_number(call, 2, ROUNDS_MAX, &job.rounds) != 0)) {
        return SHELL_FAILED;
    }
    if (job.count == 0 || job.rounds == 0) {
        return shell_fail(call, "compute: at least one number and one round");
    }
    if (open_dev(call, &vulkan) != 0) {
        return SHELL_FAILED;
    }
    VkResult result = vk_compute_run(&vulkan->session, &job);
    if (result != VK_SUCCESS) {
        return fail_dev(call, vulkan, result);
    }
    vulkan_dev_close(vulkan);
    return print_compute(call, &job);
}

/* --- pictures --- */

/* The picture's bytes, into the display's own framebuffer. */
static enum virtio_err
copy_to_display(struct display *display, const struct vk_picture *picture)
{
    const struct display_bitmap bitmap = {
        .pixels = picture->pixels.blob.memory,
        .stride_px = picture->size.width,
        .width_px = (int32_t)picture->size.width,
        .height_px = (int32_t)picture->size.height,
    };

    display_blit(&display->target, 0, 0, &bitmap);
    enum virtio_err err = display_present_wait(display);
    return err == VIRTIO_OK ? display_drain(display) : err;
}

/* Show the memory that the host's GPU writes, as it lies. */
static enum virtio_err
show_blob(struct vgpu *vgpu, uint32_t scanout_id, const struct vk_picture *picture)
{
    struct vgpu_wait wait;
    const struct vgpu_blob_image image = {
        .rect = {0, 0, picture->size.width, picture->size.height},
        .width_px = picture->size.width,
        .height_px = picture->size.height,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .stride_bytes = picture->size.width * CPU_PX_BYTES,
    };
    const struct vgpu_then *then = vgpu_wait_start(&wait);

    return vgpu_wait(vgpu, &wait,
                     vgpu_cmd_set_scanout_blob(vgpu, scanout_id, picture->pixels.blob.resource_id,
                                               &image, then));
}

static enum virtio_err
flush_blob(struct vgpu *vgpu, const struct vk_picture *picture)
{
    struct vgpu_wait wait;
    const struct vgpu_rect all = { 0, 0, picture->size.width, picture->size.height };
    const struct vgpu_then *then = vgpu_wait_start(&wait);

    return vgpu_wait(vgpu, &wait,
                     vgpu_cmd_resource_flush(vgpu, picture->pixels.blob.resource_id, &all, then));
}

/* Back to the display's framebuffer. */
static enum virtio_err
show_display(struct vgpu *vgpu, const struct display *display)
{
    struct vgpu_wait wait;
    const struct vgpu_rect all = { 0, 0, (uint32_t)display->target.width_px,
                                   (uint32_t)display->target.height_px };
    const struct vgpu_then *then = vgpu_wait_start(&wait);

    return vgpu_wait(vgpu, &wait,
                     vgpu_cmd_set_scanout(vgpu, display->config.scanout_id,
                                          display->framebuffers[0].resource->id, &all, then));
}

struct show {
    struct vulkan_dev *vulkan;
    struct display *display;
    struct vk_picture picture;
    bool is_blob;
    uint32_t frames;
    uint64_t total_ns;
    VkResult result;
    enum virtio_err err;
};

static void
show_frame(struct show *show)
{
    show->result = vk_picture_draw(&show->vulkan->session, &show->picture, show->frames);
    if (show->result != VK_SUCCESS) {
        return;
    }
    show->frames++;
    show->err = show->is_blob ? flush_blob(show->vulkan->way.vgpu, &show->picture)
                              : copy_to_display(show->display, &show->picture);
}

/* Frames until the time is over, or somebody types Ctrl-C. */
static void
animate(struct show *show, uint64_t duration_ns)
{
    struct vgpu *vgpu = show->vulkan->way.vgpu;
    uint64_t begin_ns = time_now_ns();

    show->is_blob = show_blob(vgpu, show->display->config.scanout_id, &show->picture) == VIRTIO_OK;
    do {
        show_frame(show);
        show->total_ns = time_now_ns() - begin_ns;
    } while (show->result == VK_SUCCESS && show->err == VIRTIO_OK && show->total_ns < duration_ns &&
             !shell_is_interrupted());
    if (show->is_blob && show->result == VK_SUCCESS && show->err == VIRTIO_OK) {
        show->err = copy_to_display(show->display, &show->picture);
    }
    if (show->is_blob && vgpu->state == VGPU_RUNNING) {
        (void)show_display(vgpu, show->display);
    }
}

static int
run_show(const struct shell_call *call, enum vk_picture_kind kind, struct show *show,
         uint64_t duration_ns)
{
    show->display = gpu_dev_display();
    if (show->display == NULL) {
        return shell_fail(call, "there is no display (see log)");
    }
    if (open_dev(call, &show->vulkan) != 0) {
        return SHELL_FAILED;
    }
    const VkExtent2D size = { (uint32_t)show->display->target.width_px,
                              (uint32_t)show->display->target.height_px };
    gpu_dev_set_mode(GPU_MODE_GRAPHICS);
    show->result = vk_picture_make(&show->vulkan->session, kind, size, &show->picture);
    if (show->result != VK_SUCCESS) {
        return fail_dev(call, show->vulkan, show->result);
    }
    if (duration_ns == 0) {
        show_frame(show);
    } else {
        animate(show, duration_ns);
    }
    VkResult result = show->result;
    vk_picture_free(&show->vulkan->session, &show->picture);
    if (result != VK_SUCCESS) {
        return fail_dev(call, show->vulkan, result);
    }
    vulkan_dev_close(show->vulkan);
    return show->err == VIRTIO_OK ? 0 : command_failed(call, show->err);
}

static int
vulkan_triangle(const struct shell_call *call)
{
    static struct show show;

    memset(&show, 0, sizeof(show));
    int result = run_show(call, VK_PICTURE_TRIANGLE, &show, 0);
    if (result == 0) {
        console_print(
            "vulkan triangle: %d x %d, shown; \"gpu mode text\" brings the console back\n",
            show.display->target.width_px, show.display->target.height_px);
    }
    return result;
}

static int
vulkan_cube(const struct shell_call *call)
{
    static struct show show;
    uint32_t duration_s = CUBE_S_DEFAULT;

    if (call->argc > 1 && command_number(call, 1, CUBE_S_MAX, &duration_s) != 0) {
        return SHELL_FAILED;
    }
    memset(&show, 0, sizeof(show));
    int result = run_show(call, VK_PICTURE_CUBE, &show, duration_s * NS_PER_S + 1);
    if (result == 0) {
        uint64_t total_ns = max_u64(show.total_ns, 1);
        uint64_t frames_per_10s = (uint64_t)show.frames * 10 * NS_PER_S / total_ns;

        console_print(
            "vulkan cube: %u frames of %d x %d in %llu ms: %llu.%llu frames/s, %s\n", show.frames,
            show.display->target.width_px, show.display->target.height_px,
            (unsigned long long)(show.total_ns / NS_PER_MS),
            (unsigned long long)(frames_per_10s / 10), (unsigned long long)(frames_per_10s % 10),
            show.is_blob ? "shown where the GPU drew them" : "copied to the display's framebuffer");
    }
    return result;
}

const struct subcommand cmd_vulkan_table[] = {
    {"info",      "",                   vulkan_info,     0, 0},
    { "compute",  "[NUMBERS [ROUNDS]]", vulkan_compute,  0, 2},
    { "triangle", "",                   vulkan_triangle, 0, 0},
    { "cube",     "[SECONDS]",          vulkan_cube,     0, 1},
    { NULL,       NULL,                 NULL,            0, 0},
};

int
cmd_vulkan(const struct shell_call *call)
{
    return subcommand_run(cmd_vulkan_table, call);
}
