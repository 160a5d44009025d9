/*
 * What QEMU's GPU itself can do, without any guest: frames of TRANSFER_TO_HOST_2D and RESOURCE_FLUSH, as fast as it takes them.
 *
 *   gpu_limit_bench [SECONDS]
 *
 * Prints `bench NAME frames=N elapsed_ns=N` for each figure; names ending in _one have one frame in flight and pay for one
 * notification and one wait per frame, the others have FRAMES_PER_BATCH.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "virtio/gpu_protocol.h"

#include "tests/qtest/gpu_wire.h"

enum {
    WIDTH_PX = 1280,
    HEIGHT_PX = 800,
    SMALL_PX = 64,
    FRAMES_PER_BATCH = 16,
    FIGURE_COUNT = 4,
    RESOURCE_ID = 7,
};

struct figure {
    const char *name;
    uint32_t width;
    uint32_t height;
    unsigned frames_per_batch;
};

static const struct figure figures[FIGURE_COUNT] = {
    {"gpu_limit_full_one",   WIDTH_PX, HEIGHT_PX, 1               },
    { "gpu_limit_full",      WIDTH_PX, HEIGHT_PX, FRAMES_PER_BATCH},
    { "gpu_limit_small_one", SMALL_PX, SMALL_PX,  1               },
    { "gpu_limit_small",     SMALL_PX, SMALL_PX,  FRAMES_PER_BATCH},
};

static const char *const args[] = { "-device", "virtio-gpu-device,id=gpu0,xres=1280,yres=800",
                                    NULL };

static struct rig rig;
static struct gpu_wire wire;

static void
add_frame(const struct figure *figure)
{
    const struct vgpu_rect rect = { .width = figure->width, .height = figure->height };
    struct virtio_gpu_transfer_to_host_2d transfer =
        vgpu_encode_transfer_to_host_2d(RESOURCE_ID, &rect, 0);
    struct virtio_gpu_resource_flush flush = vgpu_encode_resource_flush(RESOURCE_ID, &rect);
    gpu_wire_add(&wire, &transfer, sizeof(transfer));
    gpu_wire_add(&wire, &flush, sizeof(flush));
}

static void
measure(const struct figure *figure, uint64_t duration_ns)
{
    const struct virtio_platform *plat = &rig.platform.table;
    uint64_t start_ns = plat->now_ns(plat->ctx);
    uint64_t elapsed_ns = 0;
    uint64_t frames = 0;
    while (elapsed_ns < duration_ns) {
        for (unsigned i = 0; i < figure->frames_per_batch; i++) {
            add_frame(figure);
        }
        gpu_wire_run(&wire);
        frames += figure->frames_per_batch;
        elapsed_ns = plat->now_ns(plat->ctx) - start_ns;
    }
    printf("bench %s frames=%" PRIu64 " elapsed_ns=%" PRIu64 "\n", figure->name, frames,
           elapsed_ns);
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2.0;
    uint64_t duration_ns = (uint64_t)(seconds * 1e9 / FIGURE_COUNT);
    rig_start(&rig, RIG_MMIO_MODERN, args);
    virtio_trace_enable(&rig.trace, false);
    rig.platform.is_spinning = true;
    gpu_wire_start(&wire, &rig, 0);
    (void)gpu_wire_framebuffer(&wire, RESOURCE_ID, WIDTH_PX, HEIGHT_PX);
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        measure(&figures[i], duration_ns);
    }
    rig_stop(&rig);
    if (wire.refused_count != 0) {
        (void)fprintf(stderr, "gpu_limit_bench: %u commands were refused\n", wire.refused_count);
        return 1;
    }
    return 0;
}
