/*
 * A rendered picture: two textured cubes that cut into each other, with depth, a uniform and a texture; read back.
 *
 * usage: vkt_picture [--out FILE.png] [--frame N] [--size PIXELS] [--timeout S]
 * Prints one line: a hash of the pixels, how many are background, the device.  The same driver with the same options
 * must give the same hash through any renderer.  Exit status: 0; 1 wrong, with a sentence; 2 wrong use; 124 no end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <math.h>

#include "tests/vulkan/vkt.h"
#include "tests/vulkan/vkt_options.h"
#include "tests/vulkan/vkt_png.h"
#include "tests/vulkan/vkt_target.h"

#define USAGE           "usage: vkt_picture [--out FILE.png] [--frame N] [--size PIXELS] [--timeout S]\n"
#define CORNER_COUNT    36
#define CUBE_COUNT      2
#define TEXTURE_SIDE_PX 64
#define UNIFORM_STRIDE  256U /* the largest minUniformBufferOffsetAlignment that Vulkan allows */
#define BACKGROUND      0xff996633U /* 0.6, 0.4, 0.2 as bytes */

/* The layout of shaders/vkt_cube.vert's block. */
struct uniform {
    float mvp[16]; /* by columns */
    float light[4];
};

struct picture {
    struct vkt_target target;
    struct vkt_buffer uniforms;
    struct vkt_buffer pixels;
    struct vkt_image texture;
    VkSampler sampler;
    VkDescriptorSetLayout set_layout;
    VkDescriptorPool set_pool;
    VkDescriptorSet set;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

static void
multiply(float out[16], const float a[16], const float b[16])
{
    for (int column = 0; column < 4; column++) {
        for (int row = 0; row < 4; row++) {
            float sum = 0.0F;

            for (int k = 0; k < 4; k++) {
                sum += a[k * 4 + row] * b[column * 4 + k];
            }
            out[column * 4 + row] = sum;
        }
    }
}

/* One cube as seen in frame `frame`: turned about y, then about x, moved away, in perspective. */
static void
cube_matrix(float out[16], unsigned cube, uint32_t frame)
{
    float a = 0.6F + 0.05F * (float)frame + 0.9F * (float)cube;
    float b = 0.45F;
    float shift = cube == 0 ? -0.8F : 0.8F;
    const float about_y[16] = { cosf(a), 0, -sinf(a), 0, 0, 1, 0, 0,
                                sinf(a), 0, cosf(a),  0, 0, 0, 0, 1 };
    const float about_x[16] = { 1, 0,        0,       0, 0,     cosf(b), sinf(b), 0,
                                0, -sinf(b), cosf(b), 0, shift, 0,       -4.5F,   1 };
    const float look[16] = { 1.6F, 0, 0, 0, 0, 1.6F, 0, 0, 0, 0, -1.02F, -1.0F, 0, 0, -1.02F, 0 };
    float turned[16];

    multiply(turned, about_x, about_y);
    multiply(out, look, turned);
}

static void
fill_uniforms(const struct picture *p, uint32_t frame)
{
    for (unsigned cube = 0; cube < CUBE_COUNT; cube++) {
        struct uniform u = {
            .light = {0.5F, 0.7F, 0.5F, 0.0F}
        };

        cube_matrix(u.mvp, cube, frame);
        memcpy((uint8_t *)p->uniforms.map + (size_t)cube * UNIFORM_STRIDE, &u, sizeof(u));
    }
}

static void
fill_texture(uint32_t *texels)
{
    for (uint32_t y = 0; y < TEXTURE_SIDE_PX; y++) {
        for (uint32_t x = 0; x < TEXTURE_SIDE_PX; x++) {
            uint32_t is_light = (x / 8 + y / 8) % 2;

            texels[y * TEXTURE_SIDE_PX + x] =
                is_light != 0 ? 0xff000000U | x << 17 | y << 9 | 0xffU : 0xff503020U;
        }
    }
}

static void
upload_texture(const struct vkt *t, struct picture *p)
{
    VkExtent3D extent = { TEXTURE_SIDE_PX, TEXTURE_SIDE_PX, 1 };
    VkBufferImageCopy copy = vkt_whole_image(extent);
    struct vkt_buffer staging = vkt_buffer_create(
        t, sizeof(uint32_t) * TEXTURE_SIDE_PX * TEXTURE_SIDE_PX, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
    VkCommandBuffer cmd = NULL;

    p->texture = vkt_image_create(t, VKT_COLOR_FORMAT, extent,
                                  VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                                  VK_IMAGE_ASPECT_COLOR_BIT);
    fill_texture(staging.map);
    cmd = vkt_begin(t, t->pool);
    vkt_layout(cmd, p->texture.image, VK_IMAGE_LAYOUT_UNDEFINED,
               VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vk.CmdCopyBufferToImage(cmd, staging.buffer, p->texture.image,
                            VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
    vkt_layout(cmd, p->texture.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
               VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    vkt_submit_wait(t, t->pool, cmd);
    vkt_buffer_destroy(t, &staging);
}

static void
create_layouts(const struct vkt *t, struct picture *p)
{
    VkDescriptorSetLayoutBinding bindings[2] = {
        {0,  VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, 1, VK_SHADER_STAGE_VERTEX_BIT,   NULL},
        { 1, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, VK_SHADER_STAGE_FRAGMENT_BIT, NULL},
    };
    VkDescriptorSetLayoutCreateInfo set_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 2,
        .pBindings = bindings,
    };
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &p->set_layout,
    };

    VKT_MUST(vk.CreateDescriptorSetLayout(t->device, &set_info, NULL, &p->set_layout));
    VKT_MUST(vk.CreatePipelineLayout(t->device, &info, NULL, &p->layout));
}

static void
create_set(const struct vkt *t, struct picture *p)
{
    VkDescriptorPoolSize sizes[2] = {
        {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC,  1},
        { VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1},
    };
    VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 2,
        .pPoolSizes = sizes,
    };
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pSetLayouts = &p->set_layout,
    };

    VKT_MUST(vk.CreateDescriptorPool(t->device, &pool, NULL, &p->set_pool));
    info.descriptorPool = p->set_pool;
    VKT_MUST(vk.AllocateDescriptorSets(t->device, &info, &p->set));
}

static void
write_set(const struct vkt *t, const struct picture *p)
{
    VkDescriptorBufferInfo buffer = { p->uniforms.buffer, 0, sizeof(struct uniform) };
    VkDescriptorImageInfo image = { p->sampler, p->texture.view,
                                    VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL };
    VkWriteDescriptorSet writes[2] = {
        {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = p->set,
         .descriptorCount = 1,
         .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC,
         .pBufferInfo = &buffer},
        { .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = p->set,
         .dstBinding = 1,
         .descriptorCount = 1,
         .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
         .pImageInfo = &image },
    };

    vk.UpdateDescriptorSets(t->device, 2, writes, 0, NULL);
}

static struct picture
picture_create(const struct vkt *t, uint32_t side_px)
{
    struct picture p = { .target = vkt_target_create(t, side_px, side_px) };
    VkSamplerCreateInfo sampler = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
        .magFilter = VK_FILTER_LINEAR,
        .minFilter = VK_FILTER_LINEAR,
    };

    p.uniforms = vkt_buffer_create(t, (VkDeviceSize)CUBE_COUNT * UNIFORM_STRIDE,
                                   VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT);
    p.pixels =
        vkt_buffer_create(t, (VkDeviceSize)side_px * side_px * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    VKT_MUST(vk.CreateSampler(t->device, &sampler, NULL, &p.sampler));
    upload_texture(t, &p);
    create_layouts(t, &p);
    create_set(t, &p);
    write_set(t, &p);
    p.pipeline = vkt_pipeline_create(t, &p.target, p.layout, "vkt_cube");
    return p;
}

static void
picture_destroy(const struct vkt *t, struct picture *p)
{
    vk.DestroyPipeline(t->device, p->pipeline, NULL);
    vk.DestroyPipelineLayout(t->device, p->layout, NULL);
    vk.DestroyDescriptorPool(t->device, p->set_pool, NULL);
    vk.DestroyDescriptorSetLayout(t->device, p->set_layout, NULL);
    vk.DestroySampler(t->device, p->sampler, NULL);
    vkt_image_destroy(t, &p->texture);
    vkt_buffer_destroy(t, &p->pixels);
    vkt_buffer_destroy(t, &p->uniforms);
    vkt_target_destroy(t, &p->target);
}

static void
draw(const struct vkt *t, const struct picture *p)
{
    VkCommandBuffer cmd = vkt_begin(t, t->pool);

    vkt_target_begin(&p->target, cmd);
    vk.CmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, p->pipeline);
    for (uint32_t cube = 0; cube < CUBE_COUNT; cube++) {
        uint32_t offset = cube * UNIFORM_STRIDE;

        vk.CmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, p->layout, 0, 1, &p->set, 1,
                                 &offset);
        vk.CmdDraw(cmd, CORNER_COUNT, 1, 0, 0);
    }
    vkt_target_end(cmd);
    vkt_target_copy(&p->target, cmd, p->pixels.buffer);
    vkt_submit_wait(t, t->pool, cmd);
}

/* A picture that is all background, or has none, was not drawn. */
static uint32_t
background_count(const uint32_t *pixels, uint32_t count)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++) {
        found += pixels[i] == BACKGROUND;
    }
    if (found < count / 8 || found > count - count / 8) {
        vkt_fail("%" PRIu32 " of %" PRIu32 " pixels are background: nothing was drawn as it should",
                 found, count);
    }
    return found;
}

static void
show(const struct vkt *t, const struct picture *p, const char *path)
{
    uint32_t side_px = p->target.extent.width;
    uint32_t count = side_px * side_px;

    printf("vkt_picture: hash %016" PRIx64 ", %" PRIu32 " of %" PRIu32 " pixels background, %s\n",
           vkt_hash(p->pixels.map, (size_t)count * 4), background_count(p->pixels.map, count),
           count, t->properties.deviceName);
    if (path != NULL && vkt_png_write(path, p->pixels.map, side_px, side_px) != 0) {
        vkt_fail("cannot write %s", path);
    }
}

int
main(int argc, char **argv)
{
    struct vkt t;
    struct picture p;
    const char *path = NULL;
    uint32_t frame = 0;
    uint32_t side_px = 256;
    uint32_t timeout_s = 60;
    struct vkt_option options[] = {
        {"--frame",    &frame,     0,  1000000},
        { "--size",    &side_px,   16, 4096   },
        { "--timeout", &timeout_s, 1,  3600   },
    };

    if (argc > 2 && strcmp(argv[1], "--out") == 0) {
        path = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (!vkt_options(options, 3, argc, argv)) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    vkt_deadline(timeout_s);
    vkt_open(&t, "vkt_picture");
    p = picture_create(&t, side_px);
    fill_uniforms(&p, frame);
    draw(&t, &p);
    show(&t, &p, path);
    picture_destroy(&t, &p);
    vkt_close(&t);
    return 0;
}
