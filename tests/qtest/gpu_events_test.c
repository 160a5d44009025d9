/*
 * What the GPU says unasked: the host's window changed its size, an interrupt is due. And what it does not say when asked not to.
 */
#include "abi/virtio_mmio.h"

#include "virtio/edid.h"

#include "tests/qtest/gpu_rig.h"
#include "tests/qtest/qtest_pci.h"
#include "tests/qtest/viewer.h"
#include "tests/unit/utest.h"

enum {
    RESOURCE = 7,
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    WAIT_TURNS = 20000,
    NEW_WIDTH_PX = 1920,
    NEW_HEIGHT_PX = 1080,
};

static struct gpu_rig gpu;

static const struct vgpu_image small = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 64, 64 };
static const struct vgpu_rect small_rect = { 0, 0, 64, 64 };

static uint32_t changed_mask;
static unsigned changed_count;

static void
note_change(void *ctx, uint32_t changed)
{
    (void)ctx;
    changed_mask |= changed;
    changed_count++;
}

static void
in_every_combination(bool is_interrupting, void (*body)(void))
{
    const struct vgpu_config config = { .is_interrupting = is_interrupting,
                                        .timeout_ms = GPU_TIMEOUT_MS,
                                        .displays_changed = note_change };
    for (size_t i = 0; i < GPU_COMBINATION_COUNT; i++) {
        bool had_failed = utest.has_failed;
        changed_mask = 0;
        changed_count = 0;
        gpu_rig_start_with(&gpu, &gpu_combinations[i], &config);
        body();
        gpu_rig_stop(&gpu);
        if (utest.has_failed && !had_failed) {
            printf("        first with %s\n", gpu_combinations[i].name);
        }
    }
}

static void
relax(void)
{
    const struct virtio_platform *plat = &gpu.rig.platform.table;
    plat->relax(plat->ctx, 0);
}

/*
 * The device's interrupt status, without acknowledging it. On PCI reading it would: there the function's line is looked at,
 * and taken to be up for `likely`.
 */
static uint32_t
interrupt_status(uint32_t likely)
{
    if (gpu.rig.is_pci) {
        unsigned slot = gpu.vgpu.device->pci.address >> 3;
        uint32_t status = qtest_pci_read(&gpu.rig.qemu, slot, PCI_STATUS, 2);
        return (status & PCI_STATUS_INTX) != 0 ? likely : 0;
    }
    return (uint32_t)qemu_read(&gpu.rig.qemu, gpu.vgpu.device->base + VIRTIO_MMIO_INTERRUPT_STATUS,
                               4);
}

/* Poll, as a driver's loop does, until the change was told. */
static void
poll_for_change(void)
{
    for (unsigned turn = 0; turn < WAIT_TURNS && changed_count == 0; turn++) {
        (void)vgpu_poll(&gpu.vgpu);
        relax();
    }
    EXPECT_EQ(changed_count, 1);
    EXPECT_EQ(changed_mask, 1);
    EXPECT_EQ(gpu.vgpu.info.displays[0].rect.width, NEW_WIDTH_PX);
    EXPECT_EQ(gpu.vgpu.info.displays[0].rect.height, NEW_HEIGHT_PX);
}

static void
resize_and_look(void)
{
    struct viewer viewer;
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    struct edid_info info;
    size_t bytes = 0;
    enum virtio_err err = VIRTIO_EMPTY;
    EXPECT_EQ(vgpu_display_info_wait(&gpu.vgpu), VIRTIO_OK);
    EXPECT_EQ(gpu.vgpu.info.displays[0].rect.width, GPU_WIDTH_PX);
    if (!EXPECT_TRUE(viewer_open(&viewer, &gpu.rig.qemu))) {
        return;
    }
    while (vgpu_check_events(&gpu.vgpu) == VIRTIO_OK) { /* what the viewer's coming caused */
        (void)vgpu_display_info_wait(&gpu.vgpu);
        (void)vgpu_poll(&gpu.vgpu);
    }
    changed_count = 0;
    changed_mask = 0;
    EXPECT_TRUE(viewer_resize(&viewer, NEW_WIDTH_PX, NEW_HEIGHT_PX));
    for (unsigned turn = 0; turn < WAIT_TURNS && err == VIRTIO_EMPTY; turn++) {
        err = vgpu_check_events(&gpu.vgpu);
        relax();
    }
    EXPECT_EQ(err, VIRTIO_OK);
    poll_for_change();
    EXPECT_EQ(vgpu_check_events(&gpu.vgpu), VIRTIO_EMPTY); /* the event was cleared */
    /* The EDID follows the window. */
    EXPECT_EQ(vgpu_edid_wait(&gpu.vgpu, 0, edid, &bytes), VIRTIO_OK);
    EXPECT_EQ(edid_parse(edid, bytes, &info), VIRTIO_OK);
    EXPECT_EQ(info.width_px, NEW_WIDTH_PX);
    EXPECT_EQ(info.height_px, NEW_HEIGHT_PX);
    viewer_close(&viewer);
}

UTEST(a_resized_window_is_noticed_by_polling)
{
    in_every_combination(false, resize_and_look);
}

static void
resize_and_interrupt(void)
{
    struct viewer viewer;
    EXPECT_EQ(vgpu_display_info_wait(&gpu.vgpu), VIRTIO_OK);
    (void)vgpu_interrupt(&gpu.vgpu);
    if (!EXPECT_TRUE(viewer_open(&viewer, &gpu.rig.qemu))) {
        return;
    }
    EXPECT_TRUE(viewer_resize(&viewer, NEW_WIDTH_PX, NEW_HEIGHT_PX));
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++) {
        if ((interrupt_status(VIRTIO_INTERRUPT_CONFIG) & VIRTIO_INTERRUPT_CONFIG) != 0) {
            break;
        }
    }
    EXPECT_TRUE(vgpu_interrupt(&gpu.vgpu));
    EXPECT_EQ(interrupt_status(UINT32_MAX), 0);
    poll_for_change();
    EXPECT_TRUE(gpu.vgpu.device->config_change_count > 0);
    viewer_close(&viewer);
}

UTEST(a_resized_window_is_noticed_by_interrupt)
{
    in_every_combination(true, resize_and_interrupt);
}

/* With interrupts: each answer raises one, the handler acknowledges it, the poll completes. */
static void
complete_by_interrupt(void)
{
    (void)gpu_resource(&gpu, RESOURCE, &small);
    (void)vgpu_interrupt(&gpu.vgpu);
    for (unsigned i = 0; i < 20; i++) {
        struct vgpu_wait wait;
        bool is_raised = false;
        EXPECT_EQ(vgpu_cmd_resource_flush(&gpu.vgpu, RESOURCE, &small_rect, vgpu_wait_start(&wait)),
                  VIRTIO_OK);
        vgpu_notify(&gpu.vgpu);
        for (unsigned turn = 0; turn < WAIT_TURNS && !is_raised; turn++) {
            is_raised =
                interrupt_status(VIRTIO_INTERRUPT_USED_BUFFER) == VIRTIO_INTERRUPT_USED_BUFFER;
        }
        EXPECT_TRUE(is_raised);
        EXPECT_TRUE(vgpu_interrupt(&gpu.vgpu));
        EXPECT_EQ(interrupt_status(UINT32_MAX), 0);
        (void)vgpu_poll(&gpu.vgpu);
        if (!EXPECT_TRUE(wait.is_done)) {
            return;
        }
        EXPECT_EQ(wait.completion.err, VIRTIO_OK);
    }
}

UTEST(every_answer_raises_an_interrupt_when_asked_for)
{
    in_every_combination(true, complete_by_interrupt);
}

/* Without: the device is asked not to, and does not. */
static void
complete_in_silence(void)
{
    (void)gpu_resource(&gpu, RESOURCE, &small);
    (void)vgpu_interrupt(&gpu.vgpu);
    for (unsigned i = 0; i < 100; i++) {
        EXPECT_EQ(gpu_answer(&gpu, vgpu_cmd_resource_flush(&gpu.vgpu, RESOURCE, &small_rect,
                                                           gpu_then(&gpu))),
                  OK);
    }
    EXPECT_EQ(interrupt_status(UINT32_MAX), 0);
}

UTEST(a_polled_device_raises_no_interrupt)
{
    in_every_combination(false, complete_in_silence);
}

/*
 * DEVICE_NEEDS_RESET, VirtIO 1.3 §2.1.2: QEMU asks for it when the ring is nonsense. Nonsense is what this test writes into it,
 * beneath the driver; and the driver, waiting in vain, finds the reason.
 */
UTEST(a_device_that_needs_a_reset_says_so)
{
    gpu_rig_start(&gpu, &gpu_combinations[2]);
    struct virtio_device *device = gpu.vgpu.device;
    const struct vgpu_config config = gpu.vgpu.config;
    volatile struct virtq_avail *avail = gpu.vgpu.queues[VIRTIO_GPU_CONTROLQ].driver_area;
    (void)gpu_resource(&gpu, RESOURCE, &small);
    avail->idx = le16_from((uint16_t)(le16_get(avail->idx) + 5000));
    qemu_write(&gpu.rig.qemu, device->base + VIRTIO_MMIO_QUEUE_NOTIFY, 4, VIRTIO_GPU_CONTROLQ);
    uint64_t status = 0; /* QEMU looks at the ring later; the next command would mend it */
    for (unsigned i = 0; i < 100000 && (status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) == 0; i++) {
        status = qemu_read(&gpu.rig.qemu, device->base + VIRTIO_MMIO_STATUS, 4);
    }
    struct vgpu_then soon = *gpu_then(&gpu);
    soon.timeout_ns = 300000000;
    EXPECT_EQ(vgpu_wait(&gpu.vgpu, &gpu.wait,
                        vgpu_cmd_resource_flush(&gpu.vgpu, RESOURCE, &small_rect, &soon)),
              VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(virtio_device_health(device), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(rig_trace_count(&gpu.rig, TRACE_DEVICE_NEEDS_RESET), 1);
    if (gpu.rig.qemu.version < 11) {
        EXPECT_TRUE(rig_device_says(&gpu.rig, GPU_QMP_ID, "\"broken\": true"));
    }
    (void)vgpu_finish(&gpu.vgpu);
    EXPECT_EQ(vgpu_init(&gpu.vgpu, device, &config, &gpu.rig.arena), VIRTIO_OK);
    (void)gpu_resource(&gpu, RESOURCE, &small);
    EXPECT_EQ(gpu_set_scanout(&gpu, 0, RESOURCE, &small_rect), OK);
    gpu_rig_stop(&gpu);
}
