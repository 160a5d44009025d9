/* gpu: what the GPU is, what it does, and ways to provoke it. */
#include <string.h>

#include "virtio/edid.h"

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/gpu_bench.h"
#include "kernel/drv/gpu_dev.h"

/* Returns: 0; -E_NODEV after saying so. */
static int
need_gpu(const struct shell_call *call, struct vgpu **vgpu)
{
    *vgpu = gpu_dev_vgpu();
    if (*vgpu == NULL) {
        return shell_fail(call, "there is no GPU, or its driver did not start (see log)");
    }
    return 0;
}

static int
need_display(const struct shell_call *call, struct display **display)
{
    *display = gpu_dev_display();
    if (*display == NULL) {
        return shell_fail(call, "there is no display (see log); \"gpu display\" makes one");
    }
    return 0;
}

static const char *
mode_name(enum display_mode mode)
{
    static const char *const names[] = { "direct", "copy", "flip" };

    return names[mode];
}

static void
print_displays(const struct vgpu *vgpu)
{
    for (uint32_t i = 0; i < vgpu->scanout_count; i++) {
        const struct vgpu_display *one = &vgpu->info.displays[i];

        console_print("  scanout %u: %s, host wishes %ux%u at (%u,%u)\n", i,
                      one->is_enabled ? "on" : "off", one->rect.width, one->rect.height,
                      one->rect.x, one->rect.y);
    }
}

static int
gpu_info(const struct shell_call *call)
{
    struct vgpu *vgpu;

    if (need_gpu(call, &vgpu) != 0) {
        return SHELL_FAILED;
    }
    const struct virtq *control = &vgpu->queues[VIRTIO_GPU_CONTROLQ];
    console_print("gpu: device %u, %s, driver %s, state %s\n", vgpu->device->index,
                  vgpu->device->ops->name,
                  vgpu->config.driver == VGPU_DRIVER_SIMPLE ? "simple" : "queued",
                  vgpu_state_name(vgpu->state));
    console_print("  control queue of %u, %s ring%s%s; %u of %u commands in flight\n",
                  control->size,
                  virtio_device_has(vgpu->device, VIRTIO_F_RING_PACKED) ? "packed" : "split",
                  control->has_event_idx ? ", event index" : "",
                  control->has_indirect ? ", indirect descriptors" : "", vgpu->in_flight_count,
                  vgpu->config.depth);
    const struct display *display = gpu_dev_display();
    if (display != NULL) {
        console_print("  display %dx%d on scanout %u, %s, %s mode, framebuffer %s\n",
                      display->target.width_px, display->target.height_px,
                      display->config.scanout_id, mode_name(display->config.mode),
                      gpu_dev_mode() == GPU_MODE_TEXT ? "text" : "graphics",
                      vgpu_state_name(display->framebuffers[0].state));
    }
    print_displays(vgpu);
    return 0;
}

static int
gpu_state(const struct shell_call *call)
{
    struct vgpu *vgpu;

    if (need_gpu(call, &vgpu) != 0) {
        return SHELL_FAILED;
    }
    console_print("driver: %s\n", vgpu_state_name(vgpu->state));
    const struct display *display = gpu_dev_display();
    for (unsigned i = 0; display != NULL && i < 2; i++) {
        console_print("framebuffer %u: %s\n", i, vgpu_state_name(display->framebuffers[i].state));
    }
    enum virtio_err health = virtio_device_health(vgpu->device);
    if (health != VIRTIO_OK) {
        console_print("device: %s: %s\n", virtio_err_text(health),
                      vgpu->device->fault.rule == NULL ? "?" : vgpu->device->fault.rule);
        return errno_from_virtio(health);
    }
    console_print("device: running, reset %llu times, last by %s\n",
                  (unsigned long long)vgpu->device->reset_count, vgpu->device->last_reset.who);
    return 0;
}

static int
gpu_features(const struct shell_call *call)
{
    struct vgpu *vgpu;

    if (need_gpu(call, &vgpu) != 0) {
        return SHELL_FAILED;
    }
    print_features(vgpu->device);
    return 0;
}

static void
print_resource(void *ctx, const struct vgpu_resource *resource)
{
    const char *format = vgpu_format_name(resource->format);
    char size[16];

    (void)ctx;
    console_print("  resource %u: %ux%u %s, backing %s, %u references\n", resource->id,
                  resource->width_px, resource->height_px, format == NULL ? "?" : format,
                  format_bytes(size, sizeof(size), resource->backing_bytes), resource->refs);
}

static int
gpu_resources(const struct shell_call *call)
{
    struct vgpu *vgpu;

    if (need_gpu(call, &vgpu) != 0) {
        return SHELL_FAILED;
    }
    unsigned count = vgpu_resource_report(vgpu, print_resource, NULL);
    console_print("%u resources of at most %u\n", count, vgpu->resource_count);
    return 0;
}

static int
gpu_latency(const struct shell_call *call)
{
    struct vgpu *vgpu;

    if (need_gpu(call, &vgpu) != 0) {
        return SHELL_FAILED;
    }
    print_histogram_head("command");
    for (unsigned i = 0; i < VGPU_MSG_COUNT; i++) {
        const struct vgpu_figures *one = &vgpu->figures[i];

        if (one->counters.sent > 0) {
            print_histogram(vgpu_message_at((enum vgpu_message_idx)i)->name, &one->latency);
        }
    }
    const struct vgpu_counters *all = &vgpu->counters;
    console_print("  sent %llu, completed %llu, refused %llu, timed out %llu, late %llu\n",
                  (unsigned long long)all->sent, (unsigned long long)all->completed,
                  (unsigned long long)all->refused, (unsigned long long)all->timed_out,
                  (unsigned long long)all->late);
    const struct virtq_stats *stats = &vgpu->queues[VIRTIO_GPU_CONTROLQ].stats;
    console_print("  notified of %llu control commands %llu times, interrupted %llu times\n",
                  (unsigned long long)stats->added, (unsigned long long)stats->notified,
                  (unsigned long long)vgpu->device->interrupt_count);
    return 0;
}

static void
print_edid(const struct edid_info *info)
{
    console_print("  %s \"%s\" product 0x%04x, preferred %ux%u at %u.%03u Hz, %ux%u mm%s\n",
                  info->vendor, info->name, info->product, info->width_px, info->height_px,
                  info->refresh_mhz / 1000, info->refresh_mhz % 1000, info->width_mm,
                  info->height_mm, info->is_checksum_right ? "" : ", WRONG CHECKSUM");
}

static int
gpu_edid(const struct shell_call *call)
{
    static uint8_t bytes[VIRTIO_GPU_EDID_BYTES_MAX];
    struct edid_info info;
    struct vgpu *vgpu;
    uint32_t scanout_id = 0;
    size_t count = 0;

    if (need_gpu(call, &vgpu) != 0) {
        return SHELL_FAILED;
    }
    if (call->argc > 1 && command_number(call, 1, VIRTIO_GPU_SCANOUTS_MAX - 1, &scanout_id) != 0) {
        return SHELL_FAILED;
    }
    enum virtio_err err = vgpu_edid_wait(vgpu, scanout_id, bytes, &count);
    if (err != VIRTIO_OK) {
        return command_failed(call, err);
    }
    console_print("scanout %u: EDID of %zu bytes\n", scanout_id, count);
    err = edid_parse(bytes, count, &info);
    if (err != VIRTIO_OK) {
        return command_failed(call, err);
    }
    print_edid(&info);
    return 0;
}

/* White, yellow, cyan, green, magenta, red, blue, black: each pair of neighbours differs, and each channel is seen alone. */
static const uint32_t bar_colors[8] = { 0xffffffff, 0xffffff00, 0xff00ffff, 0xff00ff00,
                                        0xffff00ff, 0xffff0000, 0xff0000ff, 0xff000000 };

static void
draw_bars(struct display_target *target)
{
    for (int32_t i = 0; i < (int32_t)ARRAY_COUNT(bar_colors); i++) {
        int32_t from = target->width_px * i / (int32_t)ARRAY_COUNT(bar_colors);
        int32_t to = target->width_px * (i + 1) / (int32_t)ARRAY_COUNT(bar_colors);
        struct display_rect bar = { from, 0, to - from, target->height_px };

        display_fill(target, &bar, bar_colors[i]);
    }
}

static int
gpu_test(const struct shell_call *call)
{
    struct display *display;

    if (need_display(call, &display) != 0) {
        return SHELL_FAILED;
    }
    gpu_dev_set_mode(GPU_MODE_GRAPHICS);
    draw_bars(&display->target);
    enum virtio_err err = display_present_wait(display);
    if (err == VIRTIO_OK) {
        err = display_drain(display);
    }
    if (err != VIRTIO_OK) {
        return command_failed(call, err);
    }
    console_print("gpu test: eight bars of %d x %d, shown; \"gpu mode text\" brings the console "
                  "back\n",
                  display->target.width_px / 8, display->target.height_px);
    return 0;
}

/* The command as the person gave it, wrong or not: the device's answer is the result. */
static int
gpu_scanout(const struct shell_call *call)
{
    uint32_t numbers[6];
    struct vgpu_wait wait;
    struct display *display;

    if (need_display(call, &display) != 0) {
        return SHELL_FAILED;
    }
    numbers[4] = display->config.scanout_id;
    numbers[5] = display->framebuffers[0].resource->id;
    for (int i = 1; i < call->argc; i++) {
        if (command_number(call, i, UINT32_MAX, &numbers[i - 1]) != 0) {
            return SHELL_FAILED;
        }
    }
    struct vgpu_rect rect = { numbers[0], numbers[1], numbers[2], numbers[3] };
    struct vgpu *vgpu = display->vgpu;
    enum virtio_err err = vgpu_wait(
        vgpu, &wait,
        vgpu_cmd_set_scanout(vgpu, numbers[4], numbers[5], &rect, vgpu_wait_start(&wait)));
    if (wait.completion.response_type == 0) {
        return command_failed(call, err);
    }
    const char *answer = vgpu_type_name(wait.completion.response_type);
    if (err != VIRTIO_OK) {
        return shell_fail(call, "scanout: the device answers %s", answer);
    }
    console_print("gpu scanout: %s\n", answer);
    display_damage_all(display);
    err = display_present_wait(display);
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}

static int
gpu_mode(const struct shell_call *call)
{
    struct display *display;

    if (need_display(call, &display) != 0) {
        return SHELL_FAILED;
    }
    if (strcmp(call->argv[1], "text") != 0 && strcmp(call->argv[1], "graphics") != 0) {
        return shell_usage(call, "mode \"%s\" is none; use text or graphics", call->argv[1]);
    }
    gpu_dev_set_mode(call->argv[1][0] == 't' ? GPU_MODE_TEXT : GPU_MODE_GRAPHICS);
    return 0;
}

static int
parse_display_mode(const struct shell_call *call, const char *word, enum display_mode *mode)
{
    for (enum display_mode one = DISPLAY_DIRECT; one <= DISPLAY_FLIP; one++) {
        if (strcmp(word, mode_name(one)) == 0) {
            *mode = one;
            return 0;
        }
    }
    return shell_usage(call, "\"%s\" is no way to present; use direct, copy or flip", word);
}

static int
gpu_display(const struct shell_call *call)
{
    uint32_t size[2] = { 0, 0 };
    uint32_t scanout_id = 0;
    enum display_mode mode = DISPLAY_DIRECT;
    struct vgpu *vgpu;

    if (need_gpu(call, &vgpu) != 0) {
        return SHELL_FAILED;
    }
    if ((call->argc > 1 && command_number(call, 1, 16384, &size[0]) != 0) ||
        (call->argc > 2 && command_number(call, 2, 16384, &size[1]) != 0) ||
        (call->argc > 3 && parse_display_mode(call, call->argv[3], &mode) != 0) ||
        (call->argc > 4 &&
         command_number(call, 4, VIRTIO_GPU_SCANOUTS_MAX - 1, &scanout_id) != 0)) {
        return SHELL_FAILED;
    }
    enum virtio_err err = gpu_dev_set_display(size[0], size[1], mode, scanout_id);
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}

static int
gpu_restart(const struct shell_call *call)
{
    const struct vgpu *vgpu = gpu_dev_vgpu();
    enum vgpu_driver driver = vgpu != NULL ? vgpu->config.driver : VGPU_DRIVER_QUEUED;

    if (call->argc > 1 && strcmp(call->argv[1], "queued") != 0 &&
        strcmp(call->argv[1], "simple") != 0) {
        return shell_fail(call, "restart: \"%s\" is no driver; use queued or simple",
                          call->argv[1]);
    }
    if (call->argc > 1) {
        driver = call->argv[1][0] == 's' ? VGPU_DRIVER_SIMPLE : VGPU_DRIVER_QUEUED;
    }
    enum virtio_err err = gpu_dev_restart(driver);
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}

const struct subcommand cmd_gpu_table[] = {
    {"info",       "",                                   gpu_info,      0, 0},
    { "state",     "",                                   gpu_state,     0, 0},
    { "features",  "",                                   gpu_features,  0, 0},
    { "resources", "",                                   gpu_resources, 0, 0},
    { "latency",   "",                                   gpu_latency,   0, 0},
    { "edid",      "[SCANOUT]",                          gpu_edid,      0, 1},
    { "test",      "",                                   gpu_test,      0, 0},
    { "scanout",   "X Y W H [SCANOUT [RESOURCE]]",       gpu_scanout,   4, 6},
    { "mode",      "text|graphics",                      gpu_mode,      1, 1},
    { "display",   "[W H [direct|copy|flip [SCANOUT]]]", gpu_display,   0, 4},
    { "restart",   "[queued|simple]",                    gpu_restart,   0, 1},
    { "cursor",    "X Y|off",                            gpu_cursor,    1, 2},
    { "bench",     "full|damage|scene|paced [SECONDS]",  gpu_bench,     1, 2},
    { "break",     "WAY",                                gpu_break,     1, 1},
    { NULL,        NULL,                                 NULL,          0, 0},
};

int
cmd_gpu(const struct shell_call *call)
{
    return subcommand_run(cmd_gpu_table, call);
}
