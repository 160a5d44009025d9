/*
 * A GPU that is torn out of its slot while commands are in flight: each is done with an error, no wait lasts, and everything
 * that was lent to the device comes back.
 */
#include "virtio/pci.h"

#include "tests/unit/gpu_fixture.h"

static struct rig rig;

static const struct flavour *
pci_flavour(void)
{
    const struct flavour *flavour = flavours;
    while (flavour->version != FAKE_VERSION_PCI) {
        flavour++;
    }
    return flavour;
}

UTEST(commands_in_flight_are_done_when_the_gpu_is_torn_out)
{
    for (enum vgpu_driver driver = VGPU_DRIVER_QUEUED; driver <= VGPU_DRIVER_SIMPLE; driver++) {
        struct seen seen = { 0 };
        struct vgpu_then then = { .done = see, .ctx = &seen };
        rig_prepare(&rig, pci_flavour(), 1);
        rig.config.driver = driver;
        if (!rig_up(&rig)) {
            return;
        }
        rig.fixture.fake.is_deferred = true;
        EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, &then), VIRTIO_OK);
        vgpu_notify(&rig.vgpu);
        virtio_device_unplug(rig.fixture.device);
        uint64_t reset_count = rig.fixture.fake.reset_count;
        uint64_t relax_count = rig.fixture.fp.relax_count;
        EXPECT_EQ(virtio_device_health(rig.fixture.device), VIRTIO_ERR_LOST);
        vgpu_poll(&rig.vgpu);
        EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
        EXPECT_EQ(seen.count, 1);
        /* The simple driver had waited for it. */
        EXPECT_EQ(seen.last.err == VIRTIO_OK, driver == VGPU_DRIVER_SIMPLE);
        EXPECT_STREQ(rig.fixture.device->owner, "");
        EXPECT_FALSE(rig.fixture.device->has_memory);
        EXPECT_EQ(rig.fixture.fp.relax_count, relax_count);
        EXPECT_EQ(rig.fixture.fake.reset_count, reset_count); /* nothing was written to it */

        /* Another one comes to its place and works. */
        fake_device_vanish(&rig.fixture.fake);
        rig.fixture.fake.is_deferred = false;
        EXPECT_EQ(fake_device_probe(&rig.fixture.bus, &rig.fixture.fake, &rig.fixture.device),
                  VIRTIO_OK);
        rig.fixture.arena.used_bytes = 0;
        if (rig_up(&rig)) {
            EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
        }
        rig_end(&rig);
    }
}
