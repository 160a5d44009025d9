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
    { VK_FORMAT_EAC_R11G11_SNORM_BLOCK,   16},
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

/*
 * Formats that extensions brought.  A copy names one plane of those with several, and its extent is in texels of that plane;
 * the second plane of two holds two components.
 */
struct added {
    VkFormat first;
    VkFormat last;
    uint8_t bytes;
    uint8_t width;
    uint8_t second_plane_bytes; /* 0: as the others */
};

static const struct added added[] = {
    {VK_FORMAT_G8B8G8R8_422_UNORM,                          VK_FORMAT_B8G8R8G8_422_UNORM,                 4, 2, 0},
    { VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM,                  VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM,          1, 1, 0},
    { VK_FORMAT_G8_B8R8_2PLANE_420_UNORM,                   VK_FORMAT_G8_B8R8_2PLANE_420_UNORM,           1, 1, 2},
    { VK_FORMAT_G8_B8_R8_3PLANE_422_UNORM,                  VK_FORMAT_G8_B8_R8_3PLANE_422_UNORM,          1, 1, 0},
    { VK_FORMAT_G8_B8R8_2PLANE_422_UNORM,                   VK_FORMAT_G8_B8R8_2PLANE_422_UNORM,           1, 1, 2},
    { VK_FORMAT_G8_B8_R8_3PLANE_444_UNORM,                  VK_FORMAT_G8_B8_R8_3PLANE_444_UNORM,          1, 1, 0},
    { VK_FORMAT_R10X6_UNORM_PACK16,                         VK_FORMAT_R10X6_UNORM_PACK16,                 2, 1, 0},
    { VK_FORMAT_R10X6G10X6_UNORM_2PACK16,                   VK_FORMAT_R10X6G10X6_UNORM_2PACK16,           4, 1, 0},
    { VK_FORMAT_R10X6G10X6B10X6A10X6_UNORM_4PACK16,         VK_FORMAT_R10X6G10X6B10X6A10X6_UNORM_4PACK16, 8,
     1,                                                                                                         0},
    { VK_FORMAT_G10X6B10X6G10X6R10X6_422_UNORM_4PACK16,
     VK_FORMAT_B10X6G10X6R10X6G10X6_422_UNORM_4PACK16,                                                    8, 2, 0},
    { VK_FORMAT_G10X6_B10X6_R10X6_3PLANE_420_UNORM_3PACK16,
     VK_FORMAT_G10X6_B10X6_R10X6_3PLANE_420_UNORM_3PACK16,                                                2, 1, 0},
    { VK_FORMAT_G10X6_B10X6R10X6_2PLANE_420_UNORM_3PACK16,
     VK_FORMAT_G10X6_B10X6R10X6_2PLANE_420_UNORM_3PACK16,                                                 2, 1, 4},
    { VK_FORMAT_G10X6_B10X6_R10X6_3PLANE_422_UNORM_3PACK16,
     VK_FORMAT_G10X6_B10X6_R10X6_3PLANE_422_UNORM_3PACK16,                                                2, 1, 0},
    { VK_FORMAT_G10X6_B10X6R10X6_2PLANE_422_UNORM_3PACK16,
     VK_FORMAT_G10X6_B10X6R10X6_2PLANE_422_UNORM_3PACK16,                                                 2, 1, 4},
    { VK_FORMAT_G10X6_B10X6_R10X6_3PLANE_444_UNORM_3PACK16,
     VK_FORMAT_G10X6_B10X6_R10X6_3PLANE_444_UNORM_3PACK16,                                                2, 1, 0},
    { VK_FORMAT_R12X4_UNORM_PACK16,                         VK_FORMAT_R12X4_UNORM_PACK16,                 2, 1, 0},
    { VK_FORMAT_R12X4G12X4_UNORM_2PACK16,                   VK_FORMAT_R12X4G12X4_UNORM_2PACK16,           4, 1, 0},
    { VK_FORMAT_R12X4G12X4B12X4A12X4_UNORM_4PACK16,         VK_FORMAT_R12X4G12X4B12X4A12X4_UNORM_4PACK16, 8,
     1,                                                                                                         0},
    { VK_FORMAT_G12X4B12X4G12X4R12X4_422_UNORM_4PACK16,
     VK_FORMAT_B12X4G12X4R12X4G12X4_422_UNORM_4PACK16,                                                    8, 2, 0},
    { VK_FORMAT_G12X4_B12X4_R12X4_3PLANE_420_UNORM_3PACK16,
     VK_FORMAT_G12X4_B12X4_R12X4_3PLANE_420_UNORM_3PACK16,                                                2, 1, 0},
    { VK_FORMAT_G12X4_B12X4R12X4_2PLANE_420_UNORM_3PACK16,
     VK_FORMAT_G12X4_B12X4R12X4_2PLANE_420_UNORM_3PACK16,                                                 2, 1, 4},
    { VK_FORMAT_G12X4_B12X4_R12X4_3PLANE_422_UNORM_3PACK16,
     VK_FORMAT_G12X4_B12X4_R12X4_3PLANE_422_UNORM_3PACK16,                                                2, 1, 0},
    { VK_FORMAT_G12X4_B12X4R12X4_2PLANE_422_UNORM_3PACK16,
     VK_FORMAT_G12X4_B12X4R12X4_2PLANE_422_UNORM_3PACK16,                                                 2, 1, 4},
    { VK_FORMAT_G12X4_B12X4_R12X4_3PLANE_444_UNORM_3PACK16,
     VK_FORMAT_G12X4_B12X4_R12X4_3PLANE_444_UNORM_3PACK16,                                                2, 1, 0},
    { VK_FORMAT_G16B16G16R16_422_UNORM,                     VK_FORMAT_B16G16R16G16_422_UNORM,             8, 2, 0},
    { VK_FORMAT_G16_B16_R16_3PLANE_420_UNORM,               VK_FORMAT_G16_B16_R16_3PLANE_420_UNORM,       2, 1, 0},
    { VK_FORMAT_G16_B16R16_2PLANE_420_UNORM,                VK_FORMAT_G16_B16R16_2PLANE_420_UNORM,        2, 1, 4},
    { VK_FORMAT_G16_B16_R16_3PLANE_422_UNORM,               VK_FORMAT_G16_B16_R16_3PLANE_422_UNORM,       2, 1, 0},
    { VK_FORMAT_G16_B16R16_2PLANE_422_UNORM,                VK_FORMAT_G16_B16R16_2PLANE_422_UNORM,        2, 1, 4},
    { VK_FORMAT_G16_B16_R16_3PLANE_444_UNORM,               VK_FORMAT_G16_B16_R16_3PLANE_444_UNORM,       2, 1, 0},
    { VK_FORMAT_G8_B8R8_2PLANE_444_UNORM,                   VK_FORMAT_G8_B8R8_2PLANE_444_UNORM,           1, 1, 2},
    { VK_FORMAT_G10X6_B10X6R10X6_2PLANE_444_UNORM_3PACK16,  VK_FORMAT_G16_B16R16_2PLANE_444_UNORM,        2,
     1,                                                                                                         4},
    { VK_FORMAT_A4R4G4B4_UNORM_PACK16,                      VK_FORMAT_A4B4G4R4_UNORM_PACK16,              2, 1, 0},
    { VK_FORMAT_R16G16_SFIXED5_NV,                          VK_FORMAT_R16G16_SFIXED5_NV,                  4, 1, 0},
    { VK_FORMAT_A1B5G5R5_UNORM_PACK16,                      VK_FORMAT_A1B5G5R5_UNORM_PACK16,              2, 1, 0},
    { VK_FORMAT_A8_UNORM,                                   VK_FORMAT_A8_UNORM,                           1, 1, 0},
};

static struct vn_block
added_block(VkFormat format, VkImageAspectFlags aspect)
{
    struct vn_block block = { .width = 1, .height = 1 };
    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        if (format >= added[i].first && format <= added[i].last) {
            bool is_second = aspect == VK_IMAGE_ASPECT_PLANE_1_BIT && added[i].second_plane_bytes;
            block.bytes = is_second ? added[i].second_plane_bytes : added[i].bytes;
            block.width = added[i].width;
        }
    }
    return block;
}

static struct vn_block
astc_block(uint32_t idx)
{
    return (struct vn_block){ .bytes = 16, astc_sizes[idx][0], astc_sizes[idx][1] };
}

struct vn_block
vn_block_of(VkFormat format, VkImageAspectFlags aspect)
{
    struct vn_block block = { .width = 1, .height = 1 };
    if (format >= VK_FORMAT_ASTC_4x4_SFLOAT_BLOCK && format <= VK_FORMAT_ASTC_12x12_SFLOAT_BLOCK) {
        return astc_block(format - VK_FORMAT_ASTC_4x4_SFLOAT_BLOCK);
    }
    if (format > VK_FORMAT_ASTC_12x12_SRGB_BLOCK) {
        return added_block(format, aspect);
    }
    if (format >= VK_FORMAT_ASTC_4x4_UNORM_BLOCK) {
        return astc_block((format - VK_FORMAT_ASTC_4x4_UNORM_BLOCK) / 2);
    }
    size_t i = 0;
    while (ranges[i].last < format) {
        i++;
    }
    block.bytes = ranges[i].bytes;
    if (aspect == VK_IMAGE_ASPECT_STENCIL_BIT) {
        block.bytes = 1;
    } else if (format >= VK_FORMAT_BC1_RGB_UNORM_BLOCK) {
        block.width = 4;
        block.height = 4;
    }
    return block;
}
