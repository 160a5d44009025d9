/*
 * Each check of the fake device fires: one deliberately broken driver for each line of tests/fake/requirements.def that
 * concerns status, features, configuration and registers. Queues: fake_queue_test.c, devices: fake_models_test.c.
 */
#include "tests/fake/mini_driver.h"
#include "tests/unit/utest.h"

enum {
    FEATURE_A = 1 << 0,
    FEATURE_NEEDS_A = 1 << 1,
    FEATURE_OF_FIELD = 1 << 5,
};

static struct mini m;

static void
begin(uint32_t version, uint64_t features, enum mini_step last)
{
    mini_init(&m, version, features, &fake_echo_model, NULL);
    mini_start(&m, last);
}

UTEST(a_correct_driver_breaks_nothing)
{
    for (uint32_t version = 1; version <= 2; version++) {
        begin(version, FEATURE_A | FEATURE_NEEDS_A, MINI_DRIVER_OK);
        const struct mini_desc descs[] = {
            {mini_data(&m,  0),  16, 0,                  0},
            { mini_data(&m, 64), 16, VIRTQ_DESC_F_WRITE, 0}
        };
        memcpy(m.mem + MINI_DATA, "sixteen bytes...", 16);
        mini_offer(&m, 0, 0, descs, 2);
        EXPECT_MEMEQ(m.mem + MINI_DATA + 64, "sixteen bytes...", 16);
        EXPECT_EQ(m.device.queues[0].used_count, 1);
        EXPECT_TRUE(fake_device_is_interrupting(&m.device));
        EXPECT_TRUE(mini_is_clean(&m));
    }
}

UTEST(a_status_bit_is_cleared)
{
    begin(2, 0, MINI_DRIVER);
    mini_write(&m, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_DRIVER);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_STATUS_BIT_CLEARED));
}

UTEST(initialization_goes_on_after_failed)
{
    begin(2, 0, MINI_FEATURES);
    mini_write(&m, VIRTIO_MMIO_STATUS,
               VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FAILED);
    mini_step(&m, MINI_FEATURES_OK);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_STATUS_AFTER_FAILED));
}

UTEST(an_undefined_status_bit_is_set)
{
    begin(2, 0, MINI_RESET);
    mini_write(&m, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | 16);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_STATUS_UNDEFINED_BITS));
    begin(1, 0, MINI_DRIVER);
    mini_write(&m, VIRTIO_MMIO_STATUS,
               VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_STATUS_UNDEFINED_BITS));
}

UTEST(no_reset_comes_first)
{
    begin(2, 0, MINI_PROBED);
    mini_step(&m, MINI_ACKNOWLEDGE);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_RESET_FIRST));
}

UTEST(a_reset_is_not_awaited)
{
    begin(2, 0, MINI_PROBED);
    mini_write(&m, VIRTIO_MMIO_STATUS, 0);
    mini_write(&m, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_RESET_AWAITED));
}

UTEST(steps_are_taken_together_or_out_of_order)
{
    begin(2, 0, MINI_RESET);
    mini_write(&m, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_ORDER));
    begin(2, 0, MINI_ACKNOWLEDGE);
    mini_step(&m, MINI_FEATURES_OK);
    EXPECT_EQ(m.fp.hits[FAKE_REQ_INIT_ORDER], 1);
    m.fp.hits[FAKE_REQ_FEATURE_VERSION_1] = 0; /* nobody accepted it */
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_ORDER));
}

UTEST(features_are_written_before_driver_and_after_features_ok)
{
    begin(2, 0, MINI_ACKNOWLEDGE);
    mini_step(&m, MINI_FEATURES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_FEATURES_STEP));
    begin(2, 0, MINI_FEATURES_OK);
    mini_step(&m, MINI_FEATURES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_FEATURES_STEP));
}

UTEST(features_ok_is_not_read_back)
{
    begin(2, 0, MINI_FEATURES);
    mini_write(&m, VIRTIO_MMIO_STATUS,
               VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
    mini_queue(&m, 0, MINI_QUEUE_SIZE);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_FEATURES_OK_REREAD));
}

UTEST(a_refusal_is_ignored)
{
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    m.device.evil.mode = FAKE_EVIL_FEATURES_REFUSED;
    mini_start(&m, MINI_FEATURES_OK);
    EXPECT_EQ(mini_read(&m, VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_FEATURES_OK, 0);
    mini_step(&m, MINI_QUEUES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_REFUSAL_IGNORED));
}

UTEST(a_queue_is_set_up_too_early_or_too_late)
{
    begin(2, 0, MINI_DRIVER);
    mini_step(&m, MINI_QUEUES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_QUEUE_STEP));
    begin(2, 0, MINI_DRIVER_OK);
    mini_queue(&m, 1, MINI_QUEUE_SIZE);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_QUEUE_STEP));
}

UTEST(configuration_is_written_too_early)
{
    begin(2, 0, MINI_DRIVER);
    mini_write(&m, VIRTIO_MMIO_CONFIG + 28, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INIT_CONFIG_WRITE));
}

UTEST(a_notification_comes_before_driver_ok)
{
    begin(2, 0, MINI_QUEUES);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_NOTIFY_BEFORE_DRIVER_OK));
}

UTEST(a_feature_is_accepted_that_nobody_offered)
{
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    m.features |= FEATURE_A;
    mini_start(&m, MINI_FEATURES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_FEATURE_NOT_OFFERED));
}

UTEST(a_feature_is_accepted_without_what_it_requires)
{
    mini_init(&m, 2, FEATURE_A | FEATURE_NEEDS_A, &fake_echo_model, NULL);
    m.features &= ~(uint64_t)FEATURE_A;
    mini_start(&m, MINI_FEATURES_OK);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_FEATURE_DEPENDENCY));
}

UTEST(reserved_features_are_accepted)
{
    begin(2, VIRTIO_FEATURE(VIRTIO_F_SR_IOV), MINI_FEATURES_OK);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_FEATURE_RESERVED));
    begin(2, VIRTIO_FEATURE(50), MINI_FEATURES_OK);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_FEATURE_RESERVED));
}

UTEST(version_1_is_not_accepted)
{
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    m.features = 0;
    mini_start(&m, MINI_FEATURES_OK);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_FEATURE_VERSION_1));
}

UTEST(an_optional_field_is_read_that_is_not_there)
{
    begin(2, 0, MINI_FEATURES_OK);
    (void)mini_read(&m, VIRTIO_MMIO_CONFIG + 24);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_CONFIG_OPTIONAL_FIELD));
    begin(2, FEATURE_OF_FIELD, MINI_FEATURES_OK);
    (void)mini_read(&m, VIRTIO_MMIO_CONFIG_GENERATION);
    (void)mini_read(&m, VIRTIO_MMIO_CONFIG + 24);
    EXPECT_EQ(m.fp.hits[FAKE_REQ_CONFIG_GENERATION], 0);
    EXPECT_TRUE(mini_is_clean(&m));
}

UTEST(configuration_is_read_beyond_its_end_in_a_wrong_width_and_written_where_it_must_not_be)
{
    begin(2, 0, MINI_FEATURES_OK);
    (void)mini_read(&m, VIRTIO_MMIO_CONFIG + 64);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_CONFIG_RANGE));
    begin(2, 0, MINI_FEATURES_OK);
    (void)mini_read(&m, VIRTIO_MMIO_CONFIG);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_CONFIG_WIDTH));
    begin(2, 0, MINI_FEATURES_OK);
    (void)m.fp.plat.mmio_read(&m.fp, m.regs + VIRTIO_MMIO_CONFIG + 12, 8);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_CONFIG_WIDTH));
    begin(2, 0, MINI_FEATURES_OK);
    mini_write(&m, VIRTIO_MMIO_CONFIG + 12, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_CONFIG_WRITE));
}

UTEST(configuration_is_read_without_its_generation)
{
    begin(2, 0, MINI_FEATURES_OK);
    (void)mini_read(&m, VIRTIO_MMIO_CONFIG + 12);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_CONFIG_GENERATION));
}

UTEST(registers_are_accessed_that_are_not_described)
{
    begin(2, 0, MINI_RESET);
    (void)mini_read(&m, 0x00c + 0x3c);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_UNDESCRIBED));
    begin(2, 0, MINI_RESET);
    mini_write(&m, VIRTIO_MMIO_GUEST_PAGE_SIZE, 4096);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_UNDESCRIBED));
    begin(1, 0, MINI_RESET);
    (void)mini_read(&m, VIRTIO_MMIO_CONFIG_GENERATION);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_UNDESCRIBED));
}

UTEST(registers_are_accessed_in_the_wrong_direction_or_width)
{
    begin(2, 0, MINI_RESET);
    (void)mini_read(&m, VIRTIO_MMIO_QUEUE_NOTIFY);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_READ_WRITE_ONLY));
    begin(2, 0, MINI_RESET);
    mini_write(&m, VIRTIO_MMIO_MAGIC, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_WRITE_READ_ONLY));
    begin(2, 0, MINI_RESET);
    (void)m.fp.plat.mmio_read(&m.fp, m.regs + VIRTIO_MMIO_STATUS, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_WIDTH));
}

UTEST(devices_are_touched_that_must_be_ignored)
{
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    m.device.magic = 0x12345678;
    mini_start(&m, MINI_RESET);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_MAGIC_IGNORED));
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    m.device.version = 3;
    mini_start(&m, MINI_RESET);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_VERSION_IGNORED));
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    m.device.id = 0;
    mini_start(&m, MINI_PROBED);
    (void)mini_read(&m, VIRTIO_MMIO_VENDOR_ID);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_EMPTY_SLOT));
}

UTEST(a_device_is_touched_before_it_is_probed)
{
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    mini_step(&m, MINI_RESET);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_PROBE_ORDER));
}

UTEST(shared_memory_registers_are_read_by_a_driver_that_expects_none)
{
    begin(2, 0, MINI_RESET);
    (void)mini_read(&m, VIRTIO_MMIO_SHM_LEN_LOW);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_SHM_UNEXPECTED));
}

UTEST(features_are_accessed_without_a_selector)
{
    begin(2, 0, MINI_DRIVER);
    (void)mini_read(&m, VIRTIO_MMIO_DEVICE_FEATURES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_DEVICE_FEATURES_SEL));
    begin(2, 0, MINI_DRIVER);
    mini_write(&m, VIRTIO_MMIO_DRIVER_FEATURES, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_DRIVER_FEATURES_SEL));
}

UTEST(a_queue_is_made_too_large)
{
    begin(2, 0, MINI_FEATURES_OK);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SEL, 0);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SIZE, 32);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_QUEUE_SIZE));
}

UTEST(a_ready_queue_is_changed)
{
    begin(2, 0, MINI_QUEUES);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SEL, 0);
    mini_write(&m, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_QUEUE_READY_ACCESS));
}

UTEST(a_stopped_queue_is_not_read_back)
{
    begin(2, 0, MINI_QUEUES);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SEL, 0);
    mini_write(&m, VIRTIO_MMIO_QUEUE_READY, 0);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SEL, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_QUEUE_STOP_READ));
}

UTEST(interrupts_are_acknowledged_that_nobody_saw)
{
    begin(2, 0, MINI_DRIVER_OK);
    mini_write(&m, VIRTIO_MMIO_INTERRUPT_ACK, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_INTERRUPT_ACK_BITS));
}

static void
lazy_handler(void *ctx)
{
    if (ctx != NULL) {
        (void)mini_read(&m, VIRTIO_MMIO_INTERRUPT_STATUS);
    }
}

UTEST(interrupts_are_not_read_or_not_acknowledged)
{
    begin(2, 0, MINI_DRIVER_OK);
    fake_device_config_changed(&m.device);
    fake_device_deliver(&m.device, lazy_handler, NULL);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_INTERRUPT_UNREAD));
    begin(2, 0, MINI_DRIVER_OK);
    fake_device_config_changed(&m.device);
    fake_device_deliver(&m.device, lazy_handler, &m);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_INTERRUPT_UNACKED));
}

UTEST(a_legacy_queue_comes_without_a_page_size_or_with_a_wrong_one)
{
    begin(1, 0, MINI_FEATURES);
    mini_step(&m, MINI_QUEUES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_LEGACY_PAGE_SIZE));
    begin(1, 0, MINI_FEATURES);
    mini_write(&m, VIRTIO_MMIO_GUEST_PAGE_SIZE, 4095);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_LEGACY_PAGE_SIZE));
    begin(1, 0, MINI_FEATURES_OK);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SEL, 0);
    mini_write(&m, VIRTIO_MMIO_QUEUE_ALIGN, 24);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_LEGACY_ALIGN));
    begin(1, 0, MINI_FEATURES_OK);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SEL, 0);
    (void)mini_read(&m, VIRTIO_MMIO_QUEUE_PFN);
    (void)mini_read(&m, VIRTIO_MMIO_QUEUE_SIZE_MAX);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SIZE, MINI_QUEUE_SIZE);
    mini_write(&m, VIRTIO_MMIO_QUEUE_PFN, (uint32_t)(m.dma / 4096));
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_LEGACY_ALIGN_UNSET));
}

UTEST(a_queue_is_taken_without_a_look_whether_it_is_in_use)
{
    begin(1, 0, MINI_FEATURES_OK);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SEL, 0);
    (void)mini_read(&m, VIRTIO_MMIO_QUEUE_SIZE_MAX);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SIZE, MINI_QUEUE_SIZE);
    mini_write(&m, VIRTIO_MMIO_QUEUE_ALIGN, 4096);
    mini_write(&m, VIRTIO_MMIO_QUEUE_PFN, (uint32_t)(m.dma / 4096));
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_MMIO_QUEUE_UNUSED));
}

UTEST(every_requirement_of_the_transport_has_a_broken_driver)
{
    EXPECT_EQ(mini_unproven(FAKE_REQ_STATUS_BIT_CLEARED, FAKE_REQ_MMIO_QUEUE_UNUSED), 0);
}
