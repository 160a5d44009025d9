/* gpu cursor: the hardware cursor, an arrow of 64x64 pixels. */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/gpu_bench.h"
#include "kernel/drv/gpu_dev.h"
#include "kernel/mm/pages.h"

enum {
    CURSOR_PX = 64,
    CURSOR_BYTES = CURSOR_PX * CURSOR_PX * 4,
};

static struct vgpu_framebuffer cursor;
static uint32_t *pixels;
static uint32_t generation; /* of the GPU that has the cursor */

/* A white triangle with a black edge; what is not covered has alpha 0. */
static void
draw_arrow(void)
{
    for (uint32_t y = 0; y < CURSOR_PX; y++) {
        for (uint32_t x = 0; x < CURSOR_PX; x++) {
            bool is_inside = y < 24 && x <= y && x + y / 2 < 24;
            bool is_edge = x == 0 || x == y || x + y / 2 == 23 || y == 23;

            pixels[y * CURSOR_PX + x] = !is_inside ? 0 : (is_edge ? 0xff000000U : 0xffffffffU);
        }
    }
}

/* The cursor's resource, made once: its picture goes to the device before the cursor is shown. */
static enum virtio_err
make_cursor(struct vgpu *vgpu)
{
    struct vgpu_framebuffer_config config = {
        .image = {VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, CURSOR_PX, CURSOR_PX},
        .scanout_id = VGPU_SCANOUT_NONE,
    };
    struct vgpu_rect all = { 0, 0, CURSOR_PX, CURSOR_PX };
    struct vgpu_wait wait;

    if (cursor.state == VGPU_READY && generation == gpu_dev_generation()) {
        return VIRTIO_OK;
    }
    memset(&cursor, 0, sizeof(cursor));
    generation = gpu_dev_generation();
    pixels = pixels != NULL ? pixels : dma_alloc(CURSOR_BYTES, PAGE_BYTES);
    if (pixels == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    draw_arrow();
    config.backing = (struct vgpu_backing){ .memory = pixels, .bytes = CURSOR_BYTES };
    enum virtio_err err = vgpu_framebuffer_bring_up_wait(&cursor, vgpu, &config);
    if (err != VIRTIO_OK) {
        return err;
    }
    return vgpu_wait(
        vgpu, &wait,
        vgpu_cmd_transfer_to_host_2d(vgpu, cursor.resource->id, &all, 0, vgpu_wait_start(&wait)));
}

static enum virtio_err
show_cursor(struct vgpu *vgpu, const struct vgpu_cursor *place)
{
    struct vgpu_wait wait;

    return vgpu_wait(vgpu, &wait, vgpu_cmd_update_cursor(vgpu, place, vgpu_wait_start(&wait)));
}

int
gpu_cursor(const struct shell_call *call)
{
    struct vgpu_cursor place = { 0 };
    struct vgpu *vgpu = gpu_dev_vgpu();

    if (vgpu == NULL) {
        return shell_fail(call, "there is no GPU (see log)");
    }
    bool is_off = call->argc == 2 && strcmp(call->argv[1], "off") == 0;
    if (!is_off && call->argc != 3) {
        return shell_fail(call, "cursor: use X Y, or off");
    }
    if (!is_off && (command_number(call, 1, 16383, &place.x_px) != 0 ||
                    command_number(call, 2, 16383, &place.y_px) != 0)) {
        return SHELL_FAILED;
    }
    enum virtio_err err = is_off ? VIRTIO_OK : make_cursor(vgpu);
    if (err == VIRTIO_OK) {
        place.resource_id = is_off ? 0 : cursor.resource->id;
        err = show_cursor(vgpu, &place);
    }
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}
