/*
 * QEMU's PCI functions: the GPU is found whatever is around it, vectors are taken or refused as the function's table allows,
 * and a transitional function is driven by its modern interface. That the drivers work there is shown by the rows "pci" of
 * the tests of each device.
 * conformance: S1-01
 */
#include <string.h>

#include "abi/virtio_pci.h"

#include "tests/qtest/qtest_pci.h"
#include "tests/qtest/rig.h"
#include "tests/unit/utest.h"

static const char *const crowd_args[] = {
    "-device",   "virtio-rng-device",
    "-device",   "pci-testdev",
    "-device",   "edu",
    "-device",   "virtio-balloon-device",
    "-device",   "qemu-xhci",
    "-device",   "virtio-gpu-pci,id=gpu0,vectors=2",
    "-device",   "ich9-ahci",
    "-device",   "nvme,serial=1,drive=null0",
    "-device",   "pcie-root-port,id=rp0,chassis=1",
    "-device",   "virtio-keyboard-device",
    "-blockdev", "driver=null-co,node-name=null0,size=1048576",
    NULL,
};

static struct rig rig;

UTEST(the_gpu_is_found_among_others)
{
    rig_start(&rig, RIG_PCI, crowd_args);
    struct virtio_device *gpu = rig_device(&rig, VIRTIO_ID_GPU);
    EXPECT_EQ(rig.bus.device_count, 4);
    EXPECT_EQ(rig.empty_count, 7); /* those, and the host bridge */
    if (EXPECT_TRUE(gpu != NULL)) {
        EXPECT_EQ(qtest_pci_read(&rig.qemu, gpu->pci.address >> 3, PCI_VENDOR_ID, 4), 0x10501af4);
        EXPECT_STREQ(gpu->ops->name, "pci");
    }
    EXPECT_TRUE(qtest_log_contains(&rig.platform, "transitional"));
    rig_stop(&rig);
}

/* Two entries in its table: vectors 0 and 1 exist, 2 does not. */
UTEST(vectors_are_taken_as_far_as_the_table_goes)
{
    rig_start(&rig, RIG_PCI, crowd_args);
    struct virtio_device *gpu = rig_device(&rig, VIRTIO_ID_GPU);
    if (EXPECT_TRUE(gpu != NULL)) {
        EXPECT_EQ(virtio_device_use_vectors(gpu, 0, 2), VIRTIO_ERR_UNSUPPORTED);
        EXPECT_FALSE(gpu->vectors.are_on);
        EXPECT_EQ(virtio_device_use_vectors(gpu, 0, 1), VIRTIO_OK);
        EXPECT_TRUE(gpu->vectors.are_on);
    }
    rig_stop(&rig);
}

/* §4.1.4.3: a reset leaves no vector; each negotiation sets it again. */
UTEST(a_vector_is_set_again_after_a_reset)
{
    const struct virtio_feature_request want = { .wanted = 0 };
    rig_start(&rig, RIG_PCI, crowd_args);
    struct virtio_device *gpu = rig_device(&rig, VIRTIO_ID_GPU);
    if (EXPECT_TRUE(gpu != NULL) && EXPECT_EQ(virtio_device_use_vectors(gpu, 1, 0), VIRTIO_OK)) {
        uint64_t reg = gpu->base + offsetof(struct virtio_pci_common_cfg, config_msix_vector);
        EXPECT_EQ(virtio_device_claim(gpu, "driver"), VIRTIO_OK);
        EXPECT_EQ(virtio_device_reset(gpu, "driver"), VIRTIO_OK);
        EXPECT_EQ(qemu_read(&rig.qemu, reg, 2), VIRTIO_PCI_NO_VECTOR);
        EXPECT_EQ(virtio_device_negotiate(gpu, &want), VIRTIO_OK);
        EXPECT_EQ(qemu_read(&rig.qemu, reg, 2), 1);
    }
    rig_stop(&rig);
}

/* Configuration space of the first function behind the host bridge. */
static uint32_t
read_first(void *ctx, uint16_t offset, unsigned width)
{
    return qtest_pci_read(ctx, 1, offset, width);
}

UTEST(a_function_without_the_modern_interface_is_named)
{
    static const char *const args[] = { "-device", "virtio-rng-pci,disable-modern=on", NULL };
    struct virtio_device *device;
    struct virtio_pci_function function = { .ctx = &rig.qemu, .config_read = read_first };
    rig_start(&rig, RIG_MMIO_MODERN, args);
    EXPECT_EQ(virtio_pci_probe(&rig.bus, &function, &device), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_TRUE(qtest_log_contains(&rig.platform, "only the legacy interface"));
    rig_stop(&rig);
}

/* The host-visible memory of a GPU is a region of its own BAR. */
UTEST(shared_memory_of_a_gpu_is_found_where_qemu_has_it)
{
    static const char *const args[] = { "-device", "virtio-gpu-device,id=gpu0,hostmem=256M", NULL };
    static const char *const none[] = { NULL };
    uint64_t phys = 0;
    uint64_t bytes = 0;
    rig_start(&rig, RIG_PCI, none);
    rig_stop(&rig);
    if (rig.qemu.version < 10) {
        utest_skip("this QEMU's GPU has no hostmem; name a newer one in QTEST_QEMU");
        return;
    }
    rig_start(&rig, RIG_PCI, args);
    struct virtio_device *gpu = rig_device(&rig, VIRTIO_ID_GPU);
    if (EXPECT_TRUE(gpu != NULL) &&
        EXPECT_EQ(virtio_device_shm(gpu, 1, &phys, &bytes), VIRTIO_OK)) {
        EXPECT_EQ(bytes, UINT64_C(256) << 20);
        EXPECT_EQ(phys % bytes, 0);
        EXPECT_EQ(virtio_device_shm(gpu, 0, &phys, &bytes), VIRTIO_ERR_UNSUPPORTED);
    }
    rig_stop(&rig);
}
