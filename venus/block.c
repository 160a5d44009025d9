/* How many bytes a block of texels takes: Vulkan's table of compatible formats, as ranges of VkFormat. */
#include <stddef.h>

#include "venus/image.h"

struct range {
    VkFormat last;
    uint8_t bytes;
};

static const struct range ranges[] = {
    {VK_FORMAT_UNDEFINED,                 0 },
    { VK_FORMAT_R4G4_UNORM_PACK8,         1 },
    { VK_FORMAT_A1R5G5B5_UNORM_PACK16,    2 },
    { VK_FORMAT_R8_SRGB,                  1 },
    { VK_FORMAT_R8G8_SRGB,                2 },
    { VK_FORMAT_B8G8R8_SRGB,              3 },
    { VK_FORMAT_A2B10G10R10_SINT_PACK32,  4 },
    { VK_FORMAT_R16_SFLOAT,               2 },
    { VK_FORMAT_R16G16_SFLOAT,            4 },
    { VK_FORMAT_R16G16B16_SFLOAT,         6 },
    { VK_FORMAT_R16G16B16A16_SFLOAT,      8 },
    { VK_FORMAT_R32_SFLOAT,               4 },
    { VK_FORMAT_R32G32_SFLOAT,            8 },
    { VK_FORMAT_R32G32B32_SFLOAT,         12},
    { VK_FORMAT_R32G32B32A32_SFLOAT,      16},
    { VK_FORMAT_R64_SFLOAT,               8 },
    { VK_FORMAT_R64G64_SFLOAT,            16},
    { VK_FORMAT_R64G64B64_SFLOAT,         24},
    { VK_FORMAT_R64G64B64A64_SFLOAT,      32},
    { VK_FORMAT_E5B9G9R9_UFLOAT_PACK32,   4 },
    { VK_FORMAT_D16_UNORM,                2 },
    { VK_FORMAT_D32_SFLOAT,               4 },
    { VK_FORMAT_S8_UINT,                  1 },
    { VK_FORMAT_D16_UNORM_S8_UINT,        2 }, /* the depth of those with both: see below for stencil */
    { VK_FORMAT_D32_SFLOAT_S8_UINT,       4 },
    { VK_FORMAT_BC1_RGBA_SRGB_BLOCK,      8 },
    { VK_FORMAT_BC3_SRGB_BLOCK,           16},
    { VK_FORMAT_BC4_SNORM_BLOCK,          8 },
    { VK_FORMAT_BC7_SRGB_BLOCK,           16},
    { VK_FORMAT_ETC2_R8G8B8A1_SRGB_BLOCK, 8 },
    { VK_FORMAT_ETC2_R8G8B8A8_SRGB_BLOCK, 16},
    { VK_FORMAT_EAC_R11_SNORM_BLOCK,      8 },
    { VK_FORMAT_ASTC_12x12_SRGB_BLOCK,    16},
};

/* ASTC's blocks, two formats (UNORM, SRGB) each. */
static const uint8_t astc_sizes[][2] = {
    {4,   4 },
    { 5,  4 },
    { 5,  5 },
    { 6,  5 },
    { 6,  6 },
    { 8,  5 },
    { 8,  6 },
    { 8,  8 },
    { 10, 5 },
    { 10, 6 },
    { 10, 8 },
    { 10, 10},
    { 12, 10},
    { 12, 12},
};

struct vn_block
vn_block_of(VkFormat format, VkImageAspectFlags aspect)
{
    struct vn_block block = { .width = 1, .height = 1 };
    if (format > VK_FORMAT_ASTC_12x12_SRGB_BLOCK) {
        return block;
    }
    size_t i = 0;
    while (ranges[i].last < format) {
        i++;
    }
    block.bytes = ranges[i].bytes;
    if (aspect == VK_IMAGE_ASPECT_STENCIL_BIT) {
        block.bytes = 1;
    } else if (format >= VK_FORMAT_ASTC_4x4_UNORM_BLOCK) {
        const uint8_t *size = astc_sizes[(format - VK_FORMAT_ASTC_4x4_UNORM_BLOCK) / 2];
        block.width = size[0];
        block.height = size[1];
    } else if (format >= VK_FORMAT_BC1_RGB_UNORM_BLOCK) {
        block.width = 4;
        block.height = 4;
    }
    return block;
}
