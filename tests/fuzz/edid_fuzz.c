/* The EDID parser over any bytes of any length. */
#include "virtio/edid.h"

#include "tests/fuzz/fuzz_input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct edid_info info;
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    fuzz_expect(copy != NULL);
    memcpy(copy, size == 0 ? (const uint8_t *)"" : data, size);
    memset(&info, 0xff, sizeof(info));
    enum virtio_err err = edid_parse(copy, size, &info);
    free(copy);
    fuzz_expect(err == VIRTIO_OK || err == VIRTIO_ERR_INVALID);
    fuzz_expect(err == VIRTIO_OK || info.width_px == 0);
    fuzz_expect(memchr(info.name, 0, sizeof(info.name)) != NULL);
    fuzz_expect(memchr(info.vendor, 0, sizeof(info.vendor)) != NULL);
    for (const char *c = info.name; *c != '\0'; c++) {
        fuzz_expect(*c >= ' ' && *c <= '~');
    }
    return 0;
}
