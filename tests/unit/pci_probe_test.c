/*
 * Probing a PCI function, true or lying, its vectors, shared memory, and what a device is after it was unplugged. That all
 * drivers work over PCI is shown by the flavours of tests/unit/driver_fixture.h.
 * conformance: S1-01 S1-02 S1-03
 */
#include "abi/virtio_pci.h"

#include "tests/unit/core_bench.h"

static enum virtio_err
probe(void)
{
    return fake_device_probe(&b.bus, &b.fake, &b.device);
}

UTEST(a_function_is_read_and_nothing_is_written)
{
    begin(FAKE_VERSION_PCI, FEATURE_OF_MODEL);
    EXPECT_EQ(b.device->id, 42);
    EXPECT_EQ(b.device->pci.address, FAKE_PCI_ADDRESS);
    EXPECT_STREQ(b.device->ops->name, "pci");
    EXPECT_TRUE(fake_platform_logged(&b.fp, "by pci 02:01.0"));
    EXPECT_FALSE(b.fake.has_reset);
    EXPECT_FALSE(b.fake.has_device_sel);
    end();
}

UTEST(functions_of_others_are_nobodys)
{
    static const struct {
        uint16_t vendor;
        uint16_t device;
        uint16_t subsystem;
        enum virtio_err err;
    } cases[] = {
        {0x8086,             0x1050, 0,  VIRTIO_ERR_NO_DEVICE},
        { VIRTIO_PCI_VENDOR, 0x0fff, 16, VIRTIO_ERR_NO_DEVICE},
        { VIRTIO_PCI_VENDOR, 0x1080, 16, VIRTIO_ERR_NO_DEVICE},
        { VIRTIO_PCI_VENDOR, 0x1040, 16, VIRTIO_ERR_NO_DEVICE},
        { VIRTIO_PCI_VENDOR, 0x1000, 0,  VIRTIO_ERR_NO_DEVICE},
        { VIRTIO_PCI_VENDOR, 0x1050, 0,  VIRTIO_OK           },
        { VIRTIO_PCI_VENDOR, 0x1000, 16, VIRTIO_OK           },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin_without_probe(FAKE_VERSION_PCI, 0);
        memcpy(b.fake.pci.space + PCI_VENDOR_ID, &cases[i].vendor, 2);
        memcpy(b.fake.pci.space + PCI_DEVICE_ID, &cases[i].device, 2);
        memcpy(b.fake.pci.space + PCI_SUBSYSTEM_ID, &cases[i].subsystem, 2);
        EXPECT_EQ(probe(), cases[i].err);
        EXPECT_EQ(b.device != NULL, cases[i].err == VIRTIO_OK);
        EXPECT_EQ(b.device != NULL ? b.device->id : 16, 16);
        end();
    }
}

/* One change of a true configuration space, and what the library makes of it. */
struct lie {
    uint16_t at;
    uint8_t value;
    enum virtio_err err;
    const char *sentence;
};

UTEST(a_function_that_lies_is_refused_with_a_sentence)
{
    static const struct lie lies[] = {
        {FAKE_PCI_CAP_COMMON + 2,   4,                   VIRTIO_ERR_UNSUPPORTED, "common"               },
        { FAKE_PCI_CAP_COMMON + 2,  0xff,                VIRTIO_ERR_BROKEN,      "passes the end"       },
        { FAKE_PCI_CAP_COMMON + 4,  3,                   VIRTIO_ERR_BROKEN,      "BAR that is not there"},
        { FAKE_PCI_CAP_COMMON + 4,  6,                   VIRTIO_ERR_UNSUPPORTED, "common"               },
        { FAKE_PCI_CAP_COMMON + 8,  2,                   VIRTIO_ERR_BROKEN,      "not aligned"          },
        { FAKE_PCI_CAP_COMMON + 9,  0x10,                VIRTIO_ERR_BROKEN,      "beyond its BAR"       },
        { FAKE_PCI_CAP_COMMON + 11, 0xff,                VIRTIO_ERR_BROKEN,      "beyond its BAR"       },
        { FAKE_PCI_CAP_COMMON + 12, 55,                  VIRTIO_ERR_BROKEN,      "too short"            },
        { FAKE_PCI_CAP_COMMON + 15, 0xff,                VIRTIO_ERR_BROKEN,      "beyond its BAR"       },
        { FAKE_PCI_CAP_NOTIFY + 2,  16,                  VIRTIO_ERR_BROKEN,      "no multiplier"        },
        { FAKE_PCI_CAP_NOTIFY + 16, 3,                   VIRTIO_ERR_BROKEN,      "power of two"         },
        { FAKE_PCI_CAP_NOTIFY + 16, 1,                   VIRTIO_ERR_BROKEN,      "power of two"         },
        { FAKE_PCI_CAP_NOTIFY + 8,  0x81,                VIRTIO_ERR_BROKEN,      "not aligned"          },
        { FAKE_PCI_CAP_NOTIFY + 12, 1,                   VIRTIO_ERR_BROKEN,      "too short"            },
        { FAKE_PCI_CAP_ISR + 3,     9,                   VIRTIO_ERR_UNSUPPORTED, "legacy interface"     },
        { FAKE_PCI_CAP_ISR + 12,    0,                   VIRTIO_ERR_BROKEN,      "too short"            },
        { FAKE_PCI_CAP_DEVICE + 1,  FAKE_PCI_CAP_COMMON, VIRTIO_ERR_BROKEN,      "loop"                 },
        { FAKE_PCI_CAP_DEVICE + 1,  0x3c,                VIRTIO_ERR_BROKEN,      "into the header"      },
        { FAKE_PCI_CAP_DEVICE + 1,  0xfc,                VIRTIO_OK,              NULL                   },
        { FAKE_PCI_CAP_SHM + 2,     16,                  VIRTIO_ERR_BROKEN,      "no high halves"       },
        { FAKE_PCI_CAP_SHM + 16,    1,                   VIRTIO_ERR_BROKEN,      "beyond its BAR"       },
        { PCI_STATUS,               0,                   VIRTIO_ERR_UNSUPPORTED, "legacy interface"     },
        { PCI_CAPABILITIES,         0,                   VIRTIO_ERR_UNSUPPORTED, "legacy interface"     },
        { PCI_REVISION_ID,          0x7f,                VIRTIO_OK,              NULL                   },
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        begin_without_probe(FAKE_VERSION_PCI, 0);
        b.fake.pci.space[lies[i].at] = lies[i].value;
        EXPECT_EQ(probe(), lies[i].err);
        EXPECT_EQ(b.device == NULL, lies[i].err != VIRTIO_OK);
        EXPECT_EQ(b.bus.device_count, lies[i].err == VIRTIO_OK ? 1 : 0);
        EXPECT_TRUE(lies[i].sentence == NULL || fake_platform_logged(&b.fp, lies[i].sentence));
        EXPECT_FALSE(b.fake.has_device_sel);
        end();
    }
}

/* §4.1.4.1: the first of a type counts, and types and BARs that are not known are passed over. */
UTEST(the_first_capability_of_a_type_counts)
{
    begin_without_probe(FAKE_VERSION_PCI, 0);
    b.fake.pci.space[FAKE_PCI_CAP_SHM + 3] = VIRTIO_PCI_CAP_COMMON_CFG;
    EXPECT_EQ(probe(), VIRTIO_OK);
    EXPECT_EQ(b.device->base, b.fake.base + FAKE_PCI_COMMON);
    end();
    begin_without_probe(FAKE_VERSION_PCI, 0);
    b.fake.pci.space[FAKE_PCI_CAP_SHM + 3] = 77;
    b.fake.pci.space[FAKE_PCI_CAP_SHM + 4] = 200;
    EXPECT_EQ(probe(), VIRTIO_OK);
    end();
}

UTEST(a_window_that_cannot_be_mapped_is_told)
{
    begin_without_probe(FAKE_VERSION_PCI, 0);
    b.fp.is_map_failing = true;
    EXPECT_EQ(probe(), VIRTIO_ERR_NO_MEMORY);
    EXPECT_EQ(b.bus.device_count, 0);
    b.fp.is_map_failing = false;
    EXPECT_EQ(probe(), VIRTIO_OK);
    end();
}

UTEST(shared_memory_is_told_by_its_id)
{
    uint64_t phys = 0;
    uint64_t bytes = 0;
    begin(FAKE_VERSION_PCI, 0);
    EXPECT_EQ(virtio_device_shm(b.device, 1, &phys, &bytes), VIRTIO_OK);
    EXPECT_EQ(phys, b.fake.base + 0x800);
    EXPECT_EQ(bytes, 0x400);
    EXPECT_EQ(virtio_device_shm(b.device, 0, &phys, &bytes), VIRTIO_ERR_UNSUPPORTED);
    end();
}

UTEST(a_queue_that_would_be_notified_elsewhere_is_refused)
{
    struct virtq_config config = { .size_max = 16 };
    begin(FAKE_VERSION_PCI, 0);
    b.fake.pci.notify_offset_shift = FAKE_QUEUES_MAX;
    struct virtio_feature_request request = { 0 };
    EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
    EXPECT_EQ(virtq_setup(&b.q, b.device, 0, &config, &b.arena), VIRTIO_ERR_INVALID);
    EXPECT_TRUE(fake_platform_logged(&b.fp, "lies outside its window"));
    EXPECT_EQ(b.arena.used_bytes, 0);
    end();
}

/* The GPU has a controlq and a cursorq; what a "display queue" would be is work of the driver's above them. */
UTEST(a_third_queue_of_a_gpu_is_refused)
{
    struct virtq_config config = { .size_max = 16 };
    begin(FAKE_VERSION_PCI, 0); /* with two queues, as a GPU */
    struct virtio_feature_request request = { 0 };
    EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
    EXPECT_EQ(virtq_setup(&b.q, b.device, 2, &config, &b.arena), VIRTIO_ERR_NO_DEVICE);
    end();
}

static unsigned handled_bits;

static void
take(void *ctx)
{
    handled_bits = virtio_device_take_interrupts(ctx);
}

static void
msix_on(void)
{
    b.fake.pci.space[FAKE_PCI_CAP_MSIX + PCI_MSIX_CONTROL + 1] = PCI_MSIX_CONTROL_ENABLE >> 8;
}

UTEST(vectors_are_set_again_after_each_reset)
{
    begin(FAKE_VERSION_PCI, 0);
    msix_on();
    EXPECT_EQ(virtio_device_use_vectors(b.device, 2, 3), VIRTIO_OK);
    for (int turn = 0; turn < 2; turn++) {
        run(0);
        EXPECT_EQ(b.fake.pci.config_vector, 2);
        EXPECT_EQ(b.fake.pci.vectors[0], 3);
        EXPECT_EQ(virtio_device_use_vectors(b.device, 0, 1), VIRTIO_ERR_STATE);
        fake_device_config_changed(&b.fake);
        fake_pci_deliver(&b.fake, b.device, take, b.device);
        EXPECT_EQ(handled_bits, VIRTIO_INTERRUPT_CONFIG);
        EXPECT_EQ(virtio_device_take_interrupts(b.device), 0);
        virtio_device_note_vector(b.device, VIRTIO_INTERRUPT_USED_BUFFER);
        EXPECT_EQ(virtio_device_take_interrupts(b.device), VIRTIO_INTERRUPT_USED_BUFFER);
        EXPECT_EQ(virtio_device_release(b.device, "owner"), VIRTIO_OK);
        virtq_finish(&b.q, NULL, NULL);
        b.arena.used_bytes = 0;
    }
    EXPECT_EQ(b.fp.hits[FAKE_REQ_PCI_ISR_WITH_VECTORS], 0);
    end();
}

UTEST(a_refused_vector_leads_back_to_the_interrupt_status)
{
    begin(FAKE_VERSION_PCI, 0);
    b.fake.pci.vector_limit = 1;
    EXPECT_EQ(virtio_device_use_vectors(b.device, 0, 1), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_TRUE(fake_platform_logged(&b.fp, "refuses MSI-X vectors 0 and 1"));
    EXPECT_EQ(b.fake.pci.config_vector, VIRTIO_PCI_NO_VECTOR);
    EXPECT_EQ(b.fake.pci.vectors[0], VIRTIO_PCI_NO_VECTOR);
    run(0);
    fake_device_config_changed(&b.fake);
    fake_device_deliver(&b.fake, take, b.device);
    EXPECT_EQ(handled_bits, VIRTIO_INTERRUPT_CONFIG);
    EXPECT_FALSE(fake_device_is_interrupting(&b.fake));
    end();
}

UTEST(a_vector_that_is_refused_later_ends_the_start)
{
    struct virtio_feature_request request = { 0 };
    begin(FAKE_VERSION_PCI, 0);
    EXPECT_EQ(virtio_device_use_vectors(b.device, 0, 1), VIRTIO_OK);
    b.fake.pci.vector_limit = 0;
    EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_TRUE(fake_platform_logged(&b.fp, "which it took before"));
    end();
}

UTEST(mmio_has_no_vectors)
{
    begin(2, 0);
    EXPECT_EQ(virtio_device_use_vectors(b.device, 0, 1), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_FALSE(b.fake.has_reset);
    end();
}

UTEST(an_unplugged_device_is_lost_and_lets_its_memory_go)
{
    begin(FAKE_VERSION_PCI, 0);
    run(0);
    virtio_device_unplug(b.device);
    EXPECT_TRUE(virtio_device_is_unplugged(b.device));
    EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_LOST);
    EXPECT_TRUE(fake_platform_logged(&b.fp, "reset by unplugging"));
    uint32_t relax_count = (uint32_t)b.fp.relax_count;
    EXPECT_EQ(virtio_device_release(b.device, "owner"), VIRTIO_OK);
    EXPECT_EQ(b.fp.relax_count, relax_count);
    EXPECT_FALSE(b.device->has_memory);
    virtq_finish(&b.q, NULL, NULL);
    EXPECT_TRUE(is_traced("device unplugged: id 42"));

    /* It comes back to the same place. */
    struct virtio_device *gone = b.device;
    EXPECT_EQ(probe(), VIRTIO_OK);
    EXPECT_EQ(b.device, gone);
    EXPECT_EQ(b.bus.device_count, 1);
    b.arena.used_bytes = 0;
    run(0);
    EXPECT_EQ(virtio_device_health(b.device), VIRTIO_OK);
    end();
}

UTEST(an_unplugged_device_that_somebody_owns_keeps_its_place)
{
    begin(FAKE_VERSION_PCI, 0);
    run(0);
    struct virtio_device *gone = b.device;
    virtio_device_unplug(gone);
    EXPECT_EQ(probe(), VIRTIO_OK);
    EXPECT_NE(b.device, gone);
    EXPECT_EQ(b.bus.device_count, 2);
    end();
}
