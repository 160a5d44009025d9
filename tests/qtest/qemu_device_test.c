/*
 * The life of a device on QEMU's own devices: found, claimed, negotiated, started, lost; QEMU is asked what it thinks.
 *
 * conformance: S0-19 S2-01 S2-08
 *
 * Here is the black screen of this project's origin, made on purpose: something resets the GPU beneath its driver.
 */
#include <string.h>

#include "abi/virtio.h"
#include "abi/virtio_mmio.h"

#include "virtio/device.h"
#include "virtio/trace.h"

#include "tests/qtest/rig.h"
#include "tests/unit/utest.h"

static const char *const many_args[] = {
    "-device", "virtio-gpu-device,id=gpu0",         "-netdev", QEMU_NETDEV,
    "-device", "virtio-net-device,netdev=net0",     "-device", "virtio-keyboard-device",
    "-device", "virtio-balloon-device,id=balloon0", NULL,
};

static const char *const gpu_args[] = { "-device", "virtio-gpu-device,id=gpu0", NULL };

static struct rig rig;

/* A GPU brought as far as DRIVER_OK by "driver". */
static struct virtio_device *
start_gpu(enum rig_mmio mmio)
{
    static const struct virtio_feature_request want = { .wanted = VIRTIO_FEATURE(1) };
    rig_start(&rig, mmio, gpu_args);
    struct virtio_device *gpu = rig_device(&rig, VIRTIO_ID_GPU);
    if (gpu == NULL || virtio_device_claim(gpu, "driver") != VIRTIO_OK ||
        virtio_device_negotiate(gpu, &want) != VIRTIO_OK || virtio_device_start(gpu) != VIRTIO_OK) {
        qemu_die("the GPU cannot be started");
    }
    return gpu;
}

UTEST(probing_reports_every_device_known_or_not)
{
    for (int mmio = RIG_MMIO_LEGACY; mmio <= RIG_MMIO_MODERN; mmio++) {
        rig_start(&rig, (enum rig_mmio)mmio, many_args);
        EXPECT_EQ(rig.bus.device_count, 4);
        EXPECT_EQ(rig.empty_count, QEMU_MMIO_SLOT_COUNT - 4);
        EXPECT_TRUE(rig_device(&rig, VIRTIO_ID_GPU) != NULL);
        EXPECT_TRUE(rig_device(&rig, VIRTIO_ID_NET) != NULL);
        EXPECT_TRUE(rig_device(&rig, VIRTIO_ID_INPUT) != NULL);
        struct virtio_device *balloon = rig_device(&rig, 5);
        if (EXPECT_TRUE(balloon != NULL)) {
            EXPECT_TRUE(virtio_device_kind(balloon->id) != NULL);
        }
        EXPECT_EQ(rig_trace_count(&rig, TRACE_DEVICE_SEEN), 4);
        rig_stop(&rig);
    }
}

UTEST(both_versions_reach_driver_ok_and_qemu_agrees)
{
    for (int mmio = RIG_MMIO_LEGACY; mmio <= RIG_MMIO_MODERN; mmio++) {
        struct virtio_device *gpu = start_gpu((enum rig_mmio)mmio);
        EXPECT_EQ(gpu->ops->is_legacy, mmio == RIG_MMIO_LEGACY);
        EXPECT_TRUE(virtio_device_has(gpu, 1));
        EXPECT_TRUE(rig_device_says(&rig, "gpu0", "VIRTIO_CONFIG_S_DRIVER_OK"));
        EXPECT_EQ(virtio_device_health(gpu), VIRTIO_OK);
        EXPECT_EQ(virtio_device_release(gpu, "driver"), VIRTIO_OK);
        EXPECT_FALSE(rig_device_says(&rig, "gpu0", "VIRTIO_CONFIG_S_DRIVER_OK"));
        rig_stop(&rig);
    }
}

UTEST(features_that_were_not_offered_are_not_accepted)
{
    const struct virtio_feature_request want = { .wanted = UINT64_MAX };
    rig_start(&rig, RIG_MMIO_MODERN, gpu_args);
    struct virtio_device *gpu = rig_device(&rig, VIRTIO_ID_GPU);
    EXPECT_EQ(virtio_device_claim(gpu, "driver"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(gpu, &want), VIRTIO_OK);
    EXPECT_EQ(gpu->accepted & ~gpu->offered, 0);
    EXPECT_TRUE(virtio_device_has(gpu, VIRTIO_F_VERSION_1));
    EXPECT_FALSE(virtio_device_has(gpu, VIRTIO_F_IN_ORDER));
    rig_stop(&rig);
}

UTEST(a_feature_that_is_required_and_missing_fails_the_device)
{
    const struct virtio_feature_request want = { .wanted = VIRTIO_FEATURE(0),
                                                 .required = VIRTIO_FEATURE(0) };
    rig_start(&rig, RIG_MMIO_MODERN, gpu_args);
    struct virtio_device *gpu = rig_device(&rig, VIRTIO_ID_GPU);
    EXPECT_EQ(virtio_device_claim(gpu, "driver"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(gpu, &want), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_TRUE(rig_device_says(&rig, "gpu0", "VIRTIO_CONFIG_S_FAILED"));
    rig_stop(&rig);
}

UTEST(configuration_space_reads_the_same_in_both_versions)
{
    for (int mmio = RIG_MMIO_LEGACY; mmio <= RIG_MMIO_MODERN; mmio++) {
        uint8_t config[16];
        struct virtio_device *gpu = start_gpu((enum rig_mmio)mmio);
        memset(config, 0xff, sizeof(config));
        EXPECT_EQ(virtio_config_read(gpu, 0, "\4\4\4\4", config, sizeof(config)), VIRTIO_OK);
        /* events_read, events_clear, num_scanouts, num_capsets: VirtIO 1.3 §5.7.4. */
        EXPECT_EQ(config[0], 0);
        EXPECT_EQ(config[8], 1);
        EXPECT_EQ(config[12], 0);
        rig_stop(&rig);
    }
}

UTEST(a_second_probe_that_only_looks_does_no_harm)
{
    static struct virtio_bus second;
    struct virtio_device *again = NULL;
    struct virtio_device *gpu = start_gpu(RIG_MMIO_LEGACY);
    EXPECT_EQ(virtio_mmio_probe(&rig.bus, gpu->base, QEMU_MMIO_SLOT_BYTES, &again), VIRTIO_OK);
    EXPECT_EQ(again, gpu);
    EXPECT_EQ(virtio_bus_init(&second, &rig.platform.table, NULL), VIRTIO_OK);
    EXPECT_EQ(virtio_mmio_probe(&second, gpu->base, QEMU_MMIO_SLOT_BYTES, &again), VIRTIO_OK);
    EXPECT_TRUE(again != gpu);
    EXPECT_EQ(virtio_device_claim(gpu, "second"), VIRTIO_ERR_OWNED);
    EXPECT_EQ(virtio_device_health(gpu), VIRTIO_OK);
    EXPECT_TRUE(rig_device_says(&rig, "gpu0", "VIRTIO_CONFIG_S_DRIVER_OK"));
    rig_stop(&rig);
}

/* The origin's cause, S0-25: a second probe's transport object reset the device as it went out of scope. */
UTEST(black_screen_by_a_second_probe_names_the_culprit)
{
    for (int mmio = RIG_MMIO_LEGACY; mmio <= RIG_MMIO_MODERN; mmio++) {
        struct virtio_device *gpu = start_gpu((enum rig_mmio)mmio);
        EXPECT_EQ(virtio_device_health(gpu), VIRTIO_OK);
        EXPECT_EQ(virtio_device_reset(gpu, "probe of pci.c"), VIRTIO_OK);
        EXPECT_FALSE(rig_device_says(&rig, "gpu0", "VIRTIO_CONFIG_S_DRIVER_OK"));
        EXPECT_EQ(virtio_device_health(gpu), VIRTIO_ERR_LOST);
        EXPECT_TRUE(qtest_log_contains(&rig.platform, "probe of pci.c"));
        EXPECT_EQ(rig_trace_count(&rig, TRACE_DEVICE_LOST), 1);
        EXPECT_TRUE(gpu->fault.rule != NULL);
        rig_stop(&rig);
    }
}

/* The same done by code that does not know the library: nobody here asked, and the log says that. */
UTEST(black_screen_by_a_raw_write_is_noticed)
{
    for (int mmio = RIG_MMIO_LEGACY; mmio <= RIG_MMIO_MODERN; mmio++) {
        struct virtio_device *gpu = start_gpu((enum rig_mmio)mmio);
        qemu_write(&rig.qemu, gpu->base + VIRTIO_MMIO_STATUS, 4, 0);
        EXPECT_FALSE(rig_device_says(&rig, "gpu0", "VIRTIO_CONFIG_S_DRIVER_OK"));
        EXPECT_EQ(virtio_device_health(gpu), VIRTIO_ERR_LOST);
        EXPECT_TRUE(qtest_log_contains(&rig.platform, "DRIVER_OK vanished beneath driver"));
        EXPECT_EQ(rig_trace_count(&rig, TRACE_DEVICE_LOST), 1);
        rig_stop(&rig);
    }
}

/* A second copy of the library (another bus object) takes the device: the first notices. */
UTEST(black_screen_by_a_second_driver_is_noticed)
{
    static struct virtio_bus second;
    static const struct virtio_feature_request want = { .wanted = 0 };
    struct virtio_device *again = NULL;
    struct virtio_device *gpu = start_gpu(RIG_MMIO_MODERN);
    EXPECT_EQ(virtio_bus_init(&second, &rig.platform.table, NULL), VIRTIO_OK);
    EXPECT_EQ(virtio_mmio_probe(&second, gpu->base, QEMU_MMIO_SLOT_BYTES, &again), VIRTIO_OK);
    EXPECT_EQ(virtio_device_claim(again, "other"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(again, &want), VIRTIO_OK);
    EXPECT_EQ(virtio_device_health(gpu), VIRTIO_ERR_LOST);
    rig_stop(&rig);
}

/* After the finding: a reset by the owner clears it, and the device works again. */
UTEST(a_lost_device_comes_back_by_negotiating_anew)
{
    static const struct virtio_feature_request want = { .wanted = VIRTIO_FEATURE(1) };
    struct virtio_device *gpu = start_gpu(RIG_MMIO_MODERN);
    EXPECT_EQ(virtio_device_reset(gpu, "somebody"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_health(gpu), VIRTIO_ERR_LOST);
    EXPECT_EQ(virtio_device_negotiate(gpu, &want), VIRTIO_OK);
    EXPECT_EQ(virtio_device_start(gpu), VIRTIO_OK);
    EXPECT_EQ(virtio_device_health(gpu), VIRTIO_OK);
    EXPECT_EQ(gpu->fault.rule, NULL);
    EXPECT_TRUE(rig_device_says(&rig, "gpu0", "VIRTIO_CONFIG_S_DRIVER_OK"));
    rig_stop(&rig);
}
