/*
 * A PCI function of any configuration space and any BARs: probing reads within the space, ends, and maps nothing that the
 * BARs do not hold. The first byte chooses: all bytes at random, or a true function with some bytes changed.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_pci.h"
#include "tests/fuzz/fuzz_input.h"

enum {
    SPACE_BYTES = 256,
    READS_MAX = 2048, /* of one probe: 48 capabilities, a dozen fields of each, and the header */
    CHANGES_MAX = 16,
};

struct fuzz_function {
    struct virtio_pci_function shown;
    uint8_t space[SPACE_BYTES];
    unsigned read_count;
};

static struct fuzz_function function;

static uint32_t
on_read(void *ctx, uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    (void)ctx;
    fuzz_expect((width == 1 || width == 2 || width == 4) && offset % width == 0);
    fuzz_expect(offset + width <= SPACE_BYTES && function.read_count++ < READS_MAX);
    memcpy(&value, function.space + offset, width);
    return value;
}

static bool
is_within_a_bar(uint64_t phys, uint64_t bytes)
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const struct virtio_pci_bar *bar = &function.shown.bars[i];

        if (bar->bytes != 0 && !bar->is_io && phys >= bar->base && phys - bar->base <= bar->bytes &&
            bytes <= bar->bytes - (phys - bar->base)) {
            return true;
        }
    }
    return false;
}

/* Every window is as good as the next: nothing is read through it. */
static volatile void *
on_map(void *ctx, uint64_t phys, size_t bytes)
{
    static uint8_t somewhere[1];

    (void)ctx;
    fuzz_expect(bytes != 0 && is_within_a_bar(phys, bytes));
    return somewhere;
}

static uint64_t
no_dma(void *ctx, const volatile void *ptr, size_t bytes)
{
    (void)ctx;
    (void)ptr;
    (void)bytes;
    return UINT64_MAX;
}

static uint64_t
no_time(void *ctx)
{
    (void)ctx;
    return 1;
}

static void
no_log(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    (void)ctx;
    (void)level;
    (void)text;
    (void)bytes;
}

static const struct virtio_platform plat = {
    .map = on_map, .dma_addr = no_dma, .now_ns = no_time, .log = no_log
};

/* BARs anywhere, also at the end of the address space. */
static void
choose_bars(struct fuzz_input *input)
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        uint8_t shift = fuzz_u8(input) % 48;
        bool is_there = fuzz_u8(input) % 4 != 0;
        uint64_t bytes = is_there ? UINT64_C(1) << shift : 0;
        uint64_t base = (uint64_t)fuzz_u8(input) << 56 & ~(bytes - 1);

        function.shown.bars[i] = (struct virtio_pci_bar){ base, bytes, fuzz_u8(input) % 8 == 0 };
    }
}

static void
choose_space(struct fuzz_input *input)
{
    static struct fake_platform fp;
    static struct fake_device fake;
    struct fake_device_config config = { .model = &fake_echo_model, .version = FAKE_VERSION_PCI };

    if (fuzz_u8(input) % 2 == 0) {
        for (unsigned i = 0; i < SPACE_BYTES; i++) {
            function.space[i] = fuzz_u8(input);
        }
        function.space[PCI_VENDOR_ID] = 0xf4;
        function.space[PCI_VENDOR_ID + 1] = 0x1a;
        return;
    }
    fp.device_count = 0;
    fake_device_init(&fake, &fp, &config);
    memcpy(function.space, fake.pci.space, SPACE_BYTES);
    for (unsigned i = fuzz_u8(input) % CHANGES_MAX; i > 0; i--) {
        uint8_t at = fuzz_u8(input);

        function.space[at] = fuzz_u8(input);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct virtio_bus bus;
    struct fuzz_input input = { data, size };
    struct virtio_device *device;

    memset(&function, 0, sizeof(function));
    function.shown.config_read = on_read;
    choose_bars(&input);
    choose_space(&input);
    fuzz_expect(virtio_bus_init(&bus, &plat, NULL) == VIRTIO_OK);
    enum virtio_err err = virtio_pci_probe(&bus, &function.shown, &device);
    fuzz_expect((err == VIRTIO_OK) == (device != NULL) && bus.device_count == (err == VIRTIO_OK));
    for (unsigned id = 0; device != NULL && id <= UINT8_MAX; id++) {
        uint64_t phys;
        uint64_t bytes;

        if (virtio_device_shm(device, (uint8_t)id, &phys, &bytes) == VIRTIO_OK) {
            fuzz_expect(is_within_a_bar(phys, bytes));
        }
    }
    return 0;
}
