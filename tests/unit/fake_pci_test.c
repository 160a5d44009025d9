/*
 * Each check of the fake device on PCI fires: one deliberately broken driver for each PCI line of requirements.def.
 */
#include "abi/virtio_pci.h"

#include "tests/fake/fake_pci.h"
#include "tests/fake/mini_driver.h"
#include "tests/unit/utest.h"

#define COMMON(field) offsetof(struct virtio_pci_common_cfg, field)

static struct mini m;

static uint32_t
reg_read(size_t offset, unsigned width)
{
    return (uint32_t)m.fp.plat.mmio_read(&m.fp, m.regs + offset, width);
}

static void
reg_write(size_t offset, unsigned width, uint32_t value)
{
    m.fp.plat.mmio_write(&m.fp, m.regs + offset, width, value);
}

static void
add_status(uint32_t bit)
{
    reg_write(COMMON(device_status), 1, reg_read(COMMON(device_status), 1) | bit);
}

/* §3.1.1 up to FEATURES_OK. */
static void
begin(uint64_t features)
{
    mini_init(&m, FAKE_VERSION_PCI, features, &fake_echo_model, NULL);
    reg_write(COMMON(device_status), 1, 0);
    (void)reg_read(COMMON(device_status), 1);
    add_status(VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(VIRTIO_STATUS_DRIVER);
    for (uint32_t half = 0; half < 2; half++) {
        reg_write(COMMON(device_feature_select), 4, half);
        (void)reg_read(COMMON(device_feature), 4);
        reg_write(COMMON(driver_feature_select), 4, half);
        reg_write(COMMON(driver_feature), 4, (uint32_t)(m.features >> (32 * half)));
    }
    add_status(VIRTIO_STATUS_FEATURES_OK);
    (void)reg_read(COMMON(device_status), 1);
}

static void
put_queue(void)
{
    static const size_t lows[] = { COMMON(queue_desc_low), COMMON(queue_driver_low),
                                   COMMON(queue_device_low) };
    reg_write(COMMON(queue_select), 2, 0);
    (void)reg_read(COMMON(queue_size), 2);
    (void)reg_read(COMMON(queue_enable), 2);
    reg_write(COMMON(queue_size), 2, MINI_QUEUE_SIZE);
    for (unsigned area = 0; area < 3; area++) {
        uint64_t addr = mini_area_dma(&m, 0, area);
        reg_write(lows[area], 4, (uint32_t)addr);
        reg_write(lows[area] + 4, 4, (uint32_t)(addr >> 32));
    }
    reg_write(COMMON(queue_enable), 2, 1);
}

static void
begin_running(uint64_t features)
{
    begin(features);
    put_queue();
    add_status(VIRTIO_STATUS_DRIVER_OK);
}

UTEST(a_correct_driver_breaks_nothing)
{
    begin_running(0);
    const struct mini_desc desc = { mini_data(&m, 0), 16, VIRTQ_DESC_F_WRITE, 0 };
    mini_entry(&m, 0, 0, &desc);
    mini_expose(&m, 0, 0);
    reg_write(FAKE_PCI_NOTIFY, 2, 0);
    EXPECT_EQ(m.device.queues[0].used_count, 1);
    EXPECT_EQ(reg_read(FAKE_PCI_ISR, 1), VIRTIO_INTERRUPT_USED_BUFFER);
    EXPECT_EQ(reg_read(FAKE_PCI_ISR, 1), 0);
    EXPECT_TRUE(mini_is_clean(&m));
}

UTEST(a_register_is_read_in_another_width)
{
    begin(0);
    (void)reg_read(COMMON(device_status), 4);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_WIDTH));
}

UTEST(something_between_the_windows_is_read)
{
    begin(0);
    (void)reg_read(FAKE_PCI_ISR + 8, 4);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_UNDESCRIBED));
}

UTEST(a_read_only_register_is_written)
{
    begin(0);
    reg_write(COMMON(num_queues), 2, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_READ_ONLY));
}

UTEST(a_queue_gets_an_odd_size)
{
    begin(0);
    reg_write(COMMON(queue_select), 2, 0);
    (void)reg_read(COMMON(queue_size), 2);
    reg_write(COMMON(queue_size), 2, 12);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_QUEUE_SIZE));
}

UTEST(a_queue_is_disabled)
{
    begin(0);
    put_queue();
    reg_write(COMMON(queue_enable), 2, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_QUEUE_ENABLE_ZERO));
}

UTEST(an_enabled_queue_is_moved)
{
    begin(0);
    put_queue();
    reg_write(COMMON(queue_desc_low), 4, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_QUEUE_ENABLED_ACCESS));
}

UTEST(a_vector_is_not_read_back)
{
    begin(0);
    reg_write(COMMON(config_msix_vector), 2, 1);
    put_queue();
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_VECTOR_UNREAD));
}

UTEST(a_queue_is_notified_at_anothers_place)
{
    begin_running(0);
    reg_write(FAKE_PCI_NOTIFY + FAKE_PCI_NOTIFY_MULTIPLIER, 2, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_NOTIFY_PLACE));
}

UTEST(a_notification_has_another_width)
{
    begin_running(0);
    reg_write(FAKE_PCI_NOTIFY, 4, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_NOTIFY_WIDTH));
    begin_running(VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA));
    reg_write(FAKE_PCI_NOTIFY, 2, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_NOTIFY_WIDTH));
}

UTEST(isr_status_is_read_while_vectors_signal)
{
    begin_running(0);
    m.device.pci.space[FAKE_PCI_CAP_MSIX + PCI_MSIX_CONTROL + 1] = PCI_MSIX_CONTROL_ENABLE >> 8;
    (void)reg_read(FAKE_PCI_ISR, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PCI_ISR_WITH_VECTORS));
}

UTEST(every_requirement_of_pci_has_a_broken_driver)
{
    EXPECT_EQ(mini_unproven(FAKE_REQ_PCI_WIDTH, FAKE_REQ_PCI_ISR_WITH_VECTORS), 0);
}
