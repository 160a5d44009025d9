/*
 * gpu break: makes the screen black on purpose, in each way that `vitrine doctor` knows to find.  `gpu display` or `gpu restart`
 * mends most of them.
 */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/gpu_bench.h"
#include "kernel/drv/gpu_dev.h"

enum { EMPTY_RESOURCE = 4711 };

static enum virtio_err
set_scanout(struct display *display, uint32_t resource_id, const struct vgpu_rect *rect)
{
    struct vgpu_wait wait;

    return vgpu_wait(display->vgpu, &wait,
                     vgpu_cmd_set_scanout(display->vgpu, display->config.scanout_id, resource_id,
                                          rect, vgpu_wait_start(&wait)));
}

/* A scanout without a resource: nothing is shown. */
static enum virtio_err
scanout_off(struct display *display)
{
    struct vgpu_rect none = { 0, 0, 0, 0 };

    return set_scanout(display, 0, &none);
}

/* Off, and what would be shown next lies outside its resource: the device refuses, which is what was wanted. */
static enum virtio_err
outside(struct display *display)
{
    struct vgpu_rect too_wide = { 0, 0, (uint32_t)display->target.width_px + 1,
                                  (uint32_t)display->target.height_px };
    enum virtio_err err = scanout_off(display);

    if (err == VIRTIO_OK) {
        (void)set_scanout(display, display->framebuffers[0].resource->id, &too_wide);
    }
    return err;
}

/* The shown resource loses its memory; what is drawn then goes nowhere. */
static enum virtio_err
unbound(struct display *display)
{
    struct vgpu *vgpu = display->vgpu;
    uint32_t resource_id = display->framebuffers[0].resource->id;
    struct vgpu_rect all = { 0, 0, (uint32_t)display->target.width_px,
                             (uint32_t)display->target.height_px };
    struct vgpu_wait wait;
    enum virtio_err err =
        vgpu_wait(vgpu, &wait, vgpu_cmd_detach_backing(vgpu, resource_id, vgpu_wait_start(&wait)));

    if (err == VIRTIO_OK) {
        (void)vgpu_wait(
            vgpu, &wait,
            vgpu_cmd_transfer_to_host_2d(vgpu, resource_id, &all, 0, vgpu_wait_start(&wait)));
    }
    return err;
}

/* A new resource is shown, with the memory of the display behind it, but nothing is transferred or flushed. */
static enum virtio_err
no_flush(struct display *display)
{
    struct vgpu *vgpu = display->vgpu;
    struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                (uint32_t)display->target.width_px,
                                (uint32_t)display->target.height_px };
    struct vgpu_rect all = { 0, 0, image.width_px, image.height_px };
    struct vgpu_wait wait;
    enum virtio_err err = vgpu_wait(
        vgpu, &wait,
        vgpu_cmd_resource_create_2d(vgpu, EMPTY_RESOURCE, &image, vgpu_wait_start(&wait)));

    if (err == VIRTIO_OK) {
        err = vgpu_wait(vgpu, &wait,
                        vgpu_cmd_attach_backing(vgpu, EMPTY_RESOURCE,
                                                &display->framebuffers[0].config.backing,
                                                vgpu_wait_start(&wait)));
    }
    return err == VIRTIO_OK ? set_scanout(display, EMPTY_RESOURCE, &all) : err;
}

/* The device is not told of a command; nobody tells it until the next one. */
static enum virtio_err
no_notify(struct display *display)
{
    struct vgpu_rect all = { 0, 0, (uint32_t)display->target.width_px,
                             (uint32_t)display->target.height_px };
    struct vgpu_then forget = { 0 };

    return vgpu_cmd_resource_flush(display->vgpu, display->framebuffers[0].resource->id, &all,
                                   &forget);
}

/* All that the doctor can say: the way is whole, the guest draws nothing but black. */
static enum virtio_err
black(struct display *display)
{
    struct display_rect all = { 0, 0, display->target.width_px, display->target.height_px };

    display_fill(&display->target, &all, 0xff000000U);
    enum virtio_err err = display_present_wait(display);
    return err == VIRTIO_OK ? display_drain(display) : err;
}

static const struct {
    const char *name;
    enum virtio_err (*run)(struct display *display);
} ways[] = {
    {"scanout-off", scanout_off},
    { "outside",    outside    },
    { "unbound",    unbound    },
    { "no-flush",   no_flush   },
    { "no-notify",  no_notify  },
    { "black",      black      },
};

int
gpu_break(const struct shell_call *call)
{
    struct display *display = gpu_dev_display();

    if (display == NULL) {
        return shell_fail(call, "there is no display (see log); \"gpu display\" makes one");
    }
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        if (strcmp(call->argv[1], ways[i].name) == 0) {
            gpu_dev_set_mode(GPU_MODE_GRAPHICS); /* the console would draw over it */
            enum virtio_err err = display_drain(display);
            err = err == VIRTIO_OK ? ways[i].run(display) : err;
            return err == VIRTIO_OK ? 0 : command_failed(call, err);
        }
    }
    return shell_usage(call,
                       "\"%s\" is no way to break the screen; use scanout-off, outside, "
                       "unbound, no-flush, no-notify or black",
                       call->argv[1]);
}
