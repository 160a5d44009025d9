/* See vulkan_dev.h. */
#include "kernel/drv/vulkan_dev.h"

#include <string.h>

#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/drv/gpu_dev.h"
#include "kernel/drv/virtio_bus.h"
#include "kernel/mm/pages.h"

enum { SCRATCH_BYTES = 65536 };

static struct vulkan_dev vulkan;

static int
take_memory(const char **why)
{
    *why = "there is no memory";
    vulkan.scratch = dma_alloc(SCRATCH_BYTES, PAGE_BYTES);
    if (vulkan.scratch == NULL) {
        return -E_NOMEM;
    }
    return drv_arena(&vulkan.arena, vvk_vgpu_arena_bytes());
}

static int
open_client(bool is_checked, const char **why)
{
    const struct vvk_vgpu_config way = { .name = "vitrine kernel" };
    enum virtio_err err = vvk_vgpu_open(&vulkan.way, gpu_dev_vgpu(), &way, &vulkan.arena, why);

    if (err != VIRTIO_OK) {
        return errno_from_virtio(err);
    }
    const struct vvk_config client = {
        .way = &vulkan.way.way,
        .scratch = vulkan.scratch,
        .scratch_bytes = SCRATCH_BYTES,
        .is_checked = is_checked,
    };
    err = vvk_create(&vulkan.vvk, &client);
    *why = vulkan.vvk.why != NULL ? vulkan.vvk.why : virtio_err_text(err);
    return err == VIRTIO_OK ? 0 : errno_from_virtio(err);
}

static int
open_session(const char **why)
{
    VkResult result = vk_begin(&vulkan.session, &vulkan.vvk);

    if (result != VK_SUCCESS) {
        log_error("vulkan", "%s: %s", vulkan.session.step, vk_result_name(result));
        *why = vulkan.vvk.why != NULL ? vulkan.vvk.why : vulkan.session.step;
        return -E_IO;
    }
    return 0;
}

int
vulkan_dev_open(bool is_checked, struct vulkan_dev **opened, const char **why)
{
    uint64_t begin_ns = time_now_ns();

    memset(&vulkan, 0, sizeof(vulkan));
    *why = "there is no GPU, or its driver did not start (see log)";
    if (gpu_dev_vgpu() == NULL) {
        return -E_NODEV;
    }
    int result = take_memory(why);
    if (result == 0) {
        result = open_client(is_checked, why);
    }
    if (result == 0) {
        result = open_session(why);
    }
    if (result != 0) {
        vulkan_dev_close(&vulkan);
        return result;
    }
    vulkan.open_ns = time_now_ns() - begin_ns;
    *opened = &vulkan;
    return 0;
}

/* What was lent to a GPU that failed is its until it is reset: then it stays away. */
void
vulkan_dev_close(struct vulkan_dev *dev)
{
    const struct vgpu *vgpu = gpu_dev_vgpu();

    vk_end(&dev->session);
    vvk_destroy(&dev->vvk);
    vvk_vgpu_close(&dev->way);
    if (dev->scratch != NULL) {
        dma_free(dev->scratch, SCRATCH_BYTES);
    }
    if (dev->arena.base != NULL && (vgpu == NULL || vgpu->state == VGPU_RUNNING)) {
        dma_free(dev->arena.base, dev->arena.bytes);
    }
    memset(dev, 0, sizeof(*dev));
}
