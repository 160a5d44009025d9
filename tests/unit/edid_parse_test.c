/*
 * EDID blocks, right, odd and random: always an answer, never a step outside.
 */
#include <stdlib.h>

#include "virtio/edid.h"

#include "tests/unit/utest.h"

static void
set_checksum(uint8_t *block)
{
    unsigned sum = 0;
    block[127] = 0;
    for (unsigned i = 0; i < 127; i++) {
        sum += block[i];
    }
    block[127] = (uint8_t)(0 - sum);
}

/* "RHT", "QEMU Monitor", 1280x800 at 75 Hz on 260x195 mm, as a host would say it. */
static void
make_block(uint8_t block[128])
{
    static const uint8_t start[22] = { 0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,
                                       0x49, 0x14, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12,
                                       0,    0,    1,    4,    0xa5, 0x20 };
    /* 108.88 MHz; 1280+416 by 800+56; 260 mm by 195 mm */
    static const uint8_t timing[18] = { 0x88, 0x2a, 0x00, 0xa0, 0x51, 0x20, 0x38, 0x30, 0,
                                        0,    0,    0,    0x04, 0xc3, 0x10, 0,    0,    0 };
    static const uint8_t name[18] = { 0,   0,   0,   0xfc, 0,   'Q', 'E', 'M', 'U',
                                      ' ', 'M', 'o', 'n',  'i', 't', 'o', 'r', '\n' };
    memset(block, 0, 128);
    memcpy(block, start, sizeof(start));
    block[22] = 0x14;
    memcpy(block + 54, timing, sizeof(timing));
    memcpy(block + 72, name, sizeof(name));
    block[126] = 1;
    set_checksum(block);
}

UTEST(a_block_is_understood)
{
    uint8_t block[128];
    struct edid_info info;
    make_block(block);
    EXPECT_EQ(edid_parse(block, sizeof(block), &info), VIRTIO_OK);
    EXPECT_STREQ(info.vendor, "RHT");
    EXPECT_STREQ(info.name, "QEMU Monitor");
    EXPECT_EQ(info.product, 0x1234);
    EXPECT_EQ(info.serial, 0x12345678);
    EXPECT_EQ(info.width_px, 1280);
    EXPECT_EQ(info.height_px, 800);
    EXPECT_EQ(info.refresh_mhz, 74997);
    EXPECT_EQ(info.width_mm, 260);
    EXPECT_EQ(info.height_mm, 195);
    EXPECT_EQ(info.extension_count, 1);
    EXPECT_TRUE(info.is_checksum_right);
}

UTEST(a_wrong_checksum_is_told_and_no_more)
{
    uint8_t block[128];
    struct edid_info info;
    make_block(block);
    block[127] ^= 1;
    EXPECT_EQ(edid_parse(block, sizeof(block), &info), VIRTIO_OK);
    EXPECT_FALSE(info.is_checksum_right);
    EXPECT_EQ(info.width_px, 1280);
}

UTEST(what_is_no_edid_is_refused)
{
    uint8_t block[128];
    struct edid_info info;
    make_block(block);
    EXPECT_EQ(edid_parse(block, 127, &info), VIRTIO_ERR_INVALID);
    EXPECT_EQ(edid_parse(block, 0, &info), VIRTIO_ERR_INVALID);
    block[3] = 0;
    EXPECT_EQ(edid_parse(block, 128, &info), VIRTIO_ERR_INVALID);
    EXPECT_EQ(info.width_px, 0);
}

UTEST(no_timing_and_no_name_are_fine)
{
    uint8_t block[128];
    struct edid_info info;
    make_block(block);
    memset(block + 54, 0, 72);
    EXPECT_EQ(edid_parse(block, sizeof(block), &info), VIRTIO_OK);
    EXPECT_EQ(info.width_px, 0);
    EXPECT_EQ(info.refresh_mhz, 0);
    EXPECT_EQ(info.width_mm, 320);
    EXPECT_STREQ(info.name, "");
}

UTEST(a_name_of_13_characters_is_terminated_and_printable)
{
    uint8_t block[128];
    struct edid_info info;
    make_block(block);
    for (uint8_t i = 0; i < 13; i++) {
        block[77 + i] = (uint8_t)('A' + i);
    }
    block[78] = 0x07;
    EXPECT_EQ(edid_parse(block, sizeof(block), &info), VIRTIO_OK);
    EXPECT_STREQ(info.name, "A?CDEFGHIJKLM");
}

UTEST(random_blocks_give_answers)
{
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t block[128];
        struct edid_info info;
        make_block(block);
        for (unsigned i = 0; i < 20; i++) {
            block[8 + rand() % 120] = (uint8_t)rand();
        }
        EXPECT_EQ(edid_parse(block, sizeof(block), &info), VIRTIO_OK);
        EXPECT_TRUE(memchr(info.name, '\0', sizeof(info.name)) != NULL);
        EXPECT_TRUE(info.width_px < 4096 && info.height_px < 4096);
    }
}
