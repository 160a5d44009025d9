/*
 * EDID base block. Contract: virtio/edid.h.
 */
#include "virtio/edid.h"

#include "virtio/core/memory.h"

enum {
    VENDOR = 8,
    PRODUCT = 10,
    SERIAL = 12,
    SIZE_CM = 21,
    DESCRIPTORS = 54, /* the first is the preferred mode */
    DESCRIPTOR_BYTES = 18,
    DESCRIPTOR_COUNT = 4,
    EXTENSION_COUNT = 126,

    DESCRIPTOR_TAG = 3, /* of those that are no timing */
    DESCRIPTOR_TEXT = 5,
    DESCRIPTOR_TEXT_BYTES = 13,
    TAG_NAME = 0xfc,
};

static unsigned
low_high(const uint8_t *bytes, unsigned low, unsigned high, unsigned shift)
{
    return bytes[low] | (((unsigned)bytes[high] >> shift) & 0xf) << 8;
}

static void
parse_timing(const uint8_t *bytes, struct edid_info *info)
{
    unsigned clock_10khz = bytes[0] | (unsigned)bytes[1] << 8;
    if (clock_10khz == 0) {
        return;
    }
    info->width_px = (uint16_t)low_high(bytes, 2, 4, 4);
    info->height_px = (uint16_t)low_high(bytes, 5, 7, 4);
    uint64_t line_px = info->width_px + low_high(bytes, 3, 4, 0);
    uint64_t frame_px = line_px * (info->height_px + low_high(bytes, 6, 7, 0));
    if (frame_px != 0) {
        info->refresh_mhz = (uint32_t)(clock_10khz * UINT64_C(10000000) / frame_px);
    }
    info->width_mm = (uint16_t)low_high(bytes, 12, 14, 4);
    info->height_mm = (uint16_t)low_high(bytes, 13, 14, 0);
}

static void
parse_name(const uint8_t *bytes, struct edid_info *info)
{
    bool is_name = bytes[0] == 0 && bytes[1] == 0 && bytes[DESCRIPTOR_TAG] == TAG_NAME;
    if (!is_name || info->name[0] != '\0') {
        return;
    }
    for (unsigned i = 0; i < DESCRIPTOR_TEXT_BYTES; i++) {
        uint8_t c = bytes[DESCRIPTOR_TEXT + i];
        if (c == '\n' || c == '\0') {
            return;
        }
        info->name[i] = (char)(c >= ' ' && c <= '~' ? c : '?');
    }
}

/* Three letters of five bits, A is 1; big-endian, as nothing else here. */
static void
parse_vendor(const uint8_t *bytes, struct edid_info *info)
{
    unsigned packed = (unsigned)bytes[VENDOR] << 8 | bytes[VENDOR + 1];
    for (unsigned i = 0; i < 3; i++) {
        unsigned letter = (packed >> (10 - 5 * i)) & 0x1f;
        info->vendor[i] = (char)(letter >= 1 && letter <= 26 ? 'A' + (int)letter - 1 : '?');
    }
}

static bool
is_sum_zero(const uint8_t *bytes)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < EDID_BLOCK_BYTES; i++) {
        sum += bytes[i];
    }
    return (sum & 0xff) == 0;
}

enum virtio_err
edid_parse(const uint8_t *bytes, size_t byte_count, struct edid_info *info)
{
    static const uint8_t pattern[8] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    *info = (struct edid_info){ 0 };
    if (byte_count < EDID_BLOCK_BYTES || memcmp(bytes, pattern, sizeof(pattern)) != 0) {
        return VIRTIO_ERR_INVALID;
    }
    parse_vendor(bytes, info);
    info->product = (uint16_t)(bytes[PRODUCT] | bytes[PRODUCT + 1] << 8);
    for (unsigned i = 0; i < 4; i++) {
        info->serial |= (uint32_t)bytes[SERIAL + i] << (8 * i);
    }
    info->width_mm = (uint16_t)(bytes[SIZE_CM] * 10);
    info->height_mm = (uint16_t)(bytes[SIZE_CM + 1] * 10);
    parse_timing(bytes + DESCRIPTORS, info);
    for (size_t i = 0; i < DESCRIPTOR_COUNT; i++) {
        parse_name(bytes + DESCRIPTORS + i * DESCRIPTOR_BYTES, info);
    }
    info->extension_count = bytes[EXTENSION_COUNT];
    info->is_checksum_right = is_sum_zero(bytes);
    return VIRTIO_OK;
}
