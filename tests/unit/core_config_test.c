/* Configuration space and interrupts of a device. VirtIO 1.3 §2.5, §4.2.2. */
#include "tests/unit/core_bench.h"

UTEST(configuration_fields_belong_together)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        begin(version, 0);
        run(0);
        memset(b.fake.config, 0x11, sizeof(b.fake.config));
        memset(b.fake.config_next, 0x22, sizeof(b.fake.config_next));
        b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_CONFIG_TORN, .value = 3 };
        uint8_t data[12];
        uint8_t expected[12];
        memset(expected, 0x22, sizeof(expected));
        EXPECT_EQ(virtio_config_read(b.device, 0, "\1\1\1\1\1\1\1\1\2\2", data, sizeof(data)),
                  VIRTIO_OK);
        EXPECT_MEMEQ(data, expected, 12);
        EXPECT_EQ(virtio_config_read(b.device, 0, "\1\1\1\1\1\1\1\1\2\2", data, 11),
                  VIRTIO_ERR_BUFFER_TOO_SMALL);
        end();
    }
}

UTEST(wide_fields_are_read_in_halves_and_written)
{
    begin(2, 0);
    run(0);
    memcpy(b.fake.config + 12, "\1\2\3\4\5\6\7\10", 8);
    memcpy(b.fake.config_next, b.fake.config, sizeof(b.fake.config));
    uint64_t value = 0;
    EXPECT_EQ(virtio_config_read(b.device, 12, "\10", &value, sizeof(value)), VIRTIO_OK);
    EXPECT_EQ(value, 0x0807060504030201);
    EXPECT_EQ(virtio_config_write(b.device, 28, 4, 0xaabbccdd), VIRTIO_OK);
    EXPECT_EQ(b.fake.config[28], 0xdd);
    EXPECT_EQ(b.fake.config[31], 0xaa);
    end();
}

/* What was not mapped is another device's or nobody's. */
UTEST(configuration_beyond_what_was_mapped)
{
    for (uint32_t version = 1; version <= 2; version++) {
        begin_without_probe(version, 0);
        EXPECT_EQ(virtio_mmio_probe(&b.bus, b.fake.base, VIRTIO_MMIO_CONFIG + 28, &b.device),
                  VIRTIO_OK);
        run(0);
        uint32_t values[2] = { 0, 0 };
        b.fake.config[28] = 0x5a;
        EXPECT_EQ(virtio_config_read(b.device, 20, "\4", values, 4), VIRTIO_OK);
        EXPECT_EQ(virtio_config_read(b.device, 28, "\4", values, 4), VIRTIO_ERR_INVALID);
        EXPECT_EQ(virtio_config_read(b.device, 20, "\4\4\1", values, 9), VIRTIO_ERR_INVALID);
        EXPECT_EQ(virtio_config_read(b.device, SIZE_MAX - 1, "\4", values, 4), VIRTIO_ERR_INVALID);
        EXPECT_EQ(virtio_config_write(b.device, 28, 4, 1), VIRTIO_ERR_INVALID);
        EXPECT_EQ(b.fake.config[28], 0x5a);
        end();
    }
    begin_without_probe(2, 0);
    EXPECT_EQ(virtio_mmio_probe(&b.bus, b.fake.base, VIRTIO_MMIO_CONFIG, &b.device), VIRTIO_OK);
    uint8_t byte;
    EXPECT_EQ(virtio_config_read(b.device, 0, "\1", &byte, 1), VIRTIO_ERR_INVALID);
    end();
}

UTEST(configuration_that_never_holds_still)
{
    begin(2, 0);
    run(0);
    b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_CONFIG_UNSETTLED };
    uint8_t byte;
    EXPECT_EQ(virtio_config_read(b.device, 0, "\1", &byte, 1), VIRTIO_ERR_TIMEOUT);
    EXPECT_CONTAINS(b.device->fault.rule, "never holds still");
    EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_BROKEN);
    end();
}

UTEST(a_configuration_change_is_counted)
{
    begin(2, 0);
    run(0);
    fake_device_config_changed(&b.fake);
    EXPECT_EQ(virtio_device_take_interrupts(b.device), VIRTIO_INTERRUPT_CONFIG);
    EXPECT_EQ(b.device->config_change_count, 1);
    EXPECT_TRUE(is_traced("configuration changed: generation"));
    end();
}

UTEST(an_interrupt_storm_is_acknowledged_bit_by_bit)
{
    begin(2, 0);
    run(0);
    b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_INTERRUPT_STORM };
    EXPECT_EQ(virtio_device_take_interrupts(b.device), 3);
    end();
}
