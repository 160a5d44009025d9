/* How many bytes a block of texels takes: one format of every kind. */
#include "venus/image.h"

#include "tests/unit/utest.h"

#define COLOUR  VK_IMAGE_ASPECT_COLOR_BIT
#define STENCIL VK_IMAGE_ASPECT_STENCIL_BIT
#define PLANE_0 VK_IMAGE_ASPECT_PLANE_0_BIT
#define PLANE_1 VK_IMAGE_ASPECT_PLANE_1_BIT

static void
expect(VkFormat format, VkImageAspectFlags aspect, struct vn_block wanted)
{
    struct vn_block block = vn_block_of(format, aspect);
    EXPECT_EQ(block.bytes, wanted.bytes);
    EXPECT_EQ(block.width, wanted.width);
    EXPECT_EQ(block.height, wanted.height);
}

UTEST(formats_with_one_plane)
{
    expect(VK_FORMAT_R8_UNORM, COLOUR, (struct vn_block){ 1, 1, 1 });
    expect(VK_FORMAT_R8G8B8A8_UNORM, COLOUR, (struct vn_block){ 4, 1, 1 });
    expect(VK_FORMAT_R32G32B32A32_SFLOAT, COLOUR, (struct vn_block){ 16, 1, 1 });
    expect(VK_FORMAT_A4B4G4R4_UNORM_PACK16, COLOUR, (struct vn_block){ 2, 1, 1 });
    expect(VK_FORMAT_R12X4G12X4_UNORM_2PACK16, COLOUR, (struct vn_block){ 4, 1, 1 });
    expect(VK_FORMAT_D24_UNORM_S8_UINT, VK_IMAGE_ASPECT_DEPTH_BIT, (struct vn_block){ 4, 1, 1 });
    expect(VK_FORMAT_D24_UNORM_S8_UINT, STENCIL, (struct vn_block){ 1, 1, 1 });
}

UTEST(formats_with_blocks)
{
    expect(VK_FORMAT_BC1_RGB_UNORM_BLOCK, COLOUR, (struct vn_block){ 8, 4, 4 });
    expect(VK_FORMAT_BC7_SRGB_BLOCK, COLOUR, (struct vn_block){ 16, 4, 4 });
    expect(VK_FORMAT_EAC_R11G11_SNORM_BLOCK, COLOUR, (struct vn_block){ 16, 4, 4 });
    expect(VK_FORMAT_ASTC_4x4_UNORM_BLOCK, COLOUR, (struct vn_block){ 16, 4, 4 });
    expect(VK_FORMAT_ASTC_12x10_SRGB_BLOCK, COLOUR, (struct vn_block){ 16, 12, 10 });
    expect(VK_FORMAT_ASTC_12x12_SFLOAT_BLOCK, COLOUR, (struct vn_block){ 16, 12, 12 });
    expect(VK_FORMAT_B16G16R16G16_422_UNORM, COLOUR, (struct vn_block){ 8, 2, 1 });
}

/* Planes have texels of their own, the second of two has twice the bytes. */
UTEST(formats_with_planes)
{
    expect(VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM, PLANE_0, (struct vn_block){ 1, 1, 1 });
    expect(VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM, PLANE_1, (struct vn_block){ 1, 1, 1 });
    expect(VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, PLANE_0, (struct vn_block){ 1, 1, 1 });
    expect(VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, PLANE_1, (struct vn_block){ 2, 1, 1 });
    expect(VK_FORMAT_G16_B16R16_2PLANE_444_UNORM, PLANE_1, (struct vn_block){ 4, 1, 1 });
    expect(VK_FORMAT_G10X6_B10X6_R10X6_3PLANE_444_UNORM_3PACK16, PLANE_1,
           (struct vn_block){ 2, 1, 1 });
}

UTEST(formats_without_bytes)
{
    expect(VK_FORMAT_UNDEFINED, COLOUR, (struct vn_block){ 0, 1, 1 });
    expect(VK_FORMAT_MAX_ENUM, COLOUR, (struct vn_block){ 0, 1, 1 });
}
