/* See picture.h. */
#include "kernel/vulkan/picture.h"

#include <string.h>

#include "kernel/vulkan/shaders.h"

#define FORMAT VK_FORMAT_B8G8R8A8_UNORM

/* What cube.vert is told of a frame. */
struct push {
    uint32_t frame;
    uint32_t width;
    uint32_t height;
};

enum {
    TRIANGLE_VERTICES = 3,
    CUBE_VERTICES = 36,
};

/* The pass leaves the image where the copy takes it up. */
static VkResult
make_pass(struct vk_session *s, struct vk_picture *picture)
{
    const VkAttachmentDescription attachment = {
        .format = FORMAT,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
        .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
        .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
        .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
    };
    const VkAttachmentReference colour = { 0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL };
    const VkSubpassDescription subpass = {
        .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
        .colorAttachmentCount = 1,
        .pColorAttachments = &colour,
    };
    const VkSubpassDependency to_copy = {
        .srcSubpass = 0,
        .dstSubpass = VK_SUBPASS_EXTERNAL,
        .srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
        .dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
        .srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
    };
    const VkRenderPassCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &attachment,
        .subpassCount = 1,
        .pSubpasses = &subpass,
        .dependencyCount = 1,
        .pDependencies = &to_copy,
    };
    s->step = "vkCreateRenderPass";
    return vvk_CreateRenderPass(s->vvk, s->device, &info, &picture->pass);
}

static VkResult
make_target(struct vk_session *s, struct vk_picture *picture)
{
    VkResult result = vk_image_make(
        s, FORMAT, picture->size,
        VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT, &picture->image);
    if (result == VK_SUCCESS) {
        result = vk_buffer_make(s, (uint64_t)picture->size.width * picture->size.height * 4,
                                VK_BUFFER_USAGE_TRANSFER_DST_BIT, &picture->pixels);
    }
    const VkFramebufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .renderPass = picture->pass,
        .attachmentCount = 1,
        .pAttachments = &picture->image.view,
        .width = picture->size.width,
        .height = picture->size.height,
        .layers = 1,
    };
    if (result == VK_SUCCESS) {
        s->step = "vkCreateFramebuffer";
        result = vvk_CreateFramebuffer(s->vvk, s->device, &info, &picture->framebuffer);
    }
    return result;
}

static VkResult
make_layout(struct vk_session *s, struct vk_picture *picture)
{
    const VkPushConstantRange range = {
        .stageFlags = VK_SHADER_STAGE_VERTEX_BIT,
        .size = sizeof(struct push),
    };
    const VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    s->step = "vkCreatePipelineLayout";
    return vvk_CreatePipelineLayout(s->vvk, s->device, &info, &picture->layout);
}

/* All but the shaders: one sample, no depth, back faces culled for what has a back. */
static VkResult
make_pipeline(struct vk_session *s, struct vk_picture *picture,
              const VkPipelineShaderStageCreateInfo stages[2])
{
    /* A constant, not a value: this kernel leaves the registers of fractions alone. */
    static const VkPipelineRasterizationStateCreateInfo solid = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .polygonMode = VK_POLYGON_MODE_FILL,
        .frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE,
        .lineWidth = 1.0F,
    };
    static const VkDynamicState dynamic_states[] = { VK_DYNAMIC_STATE_VIEWPORT,
                                                     VK_DYNAMIC_STATE_SCISSOR };
    VkPipelineRasterizationStateCreateInfo raster;
    const VkPipelineVertexInputStateCreateInfo vertices = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
    };
    const VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
    };
    const VkPipelineViewportStateCreateInfo viewport = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
        .viewportCount = 1,
        .scissorCount = 1,
    };
    const VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
    };
    const VkPipelineColorBlendAttachmentState opaque = { .colorWriteMask = 0xf };
    const VkPipelineColorBlendStateCreateInfo blend = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &opaque,
    };
    const VkPipelineDynamicStateCreateInfo dynamic = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
        .dynamicStateCount = 2,
        .pDynamicStates = dynamic_states,
    };
    const VkGraphicsPipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .stageCount = 2,
        .pStages = stages,
        .pVertexInputState = &vertices,
        .pInputAssemblyState = &assembly,
        .pViewportState = &viewport,
        .pRasterizationState = &raster,
        .pMultisampleState = &samples,
        .pColorBlendState = &blend,
        .pDynamicState = &dynamic,
        .layout = picture->layout,
        .renderPass = picture->pass,
    };
    memcpy(&raster, &solid, sizeof(raster));
    raster.cullMode = picture->kind == VK_PICTURE_CUBE ? VK_CULL_MODE_BACK_BIT : VK_CULL_MODE_NONE;
    s->step = "vkCreateGraphicsPipelines";
    return vvk_CreateGraphicsPipelines(s->vvk, s->device, VK_NULL_HANDLE, 1, &info,
                                       &picture->pipeline);
}

static VkResult
make_shaded(struct vk_session *s, struct vk_picture *picture)
{
    VkShaderModule vertex = VK_NULL_HANDLE;
    VkShaderModule fragment = VK_NULL_HANDLE;
    bool is_cube = picture->kind == VK_PICTURE_CUBE;
    VkResult result =
        vk_shader_make(s, is_cube ? &vk_shader_cube_vert : &vk_shader_triangle_vert, &vertex);
    if (result == VK_SUCCESS) {
        result = vk_shader_make(s, &vk_shader_colour_frag, &fragment);
    }
    const VkPipelineShaderStageCreateInfo stages[2] = {
        {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_VERTEX_BIT,
         .module = vertex,
         .pName = "main",
         },
        {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
         .module = fragment,
         .pName = "main",
         },
    };
    if (result == VK_SUCCESS) {
        result = make_pipeline(s, picture, stages);
    }
    vvk_DestroyShaderModule(s->vvk, s->device, vertex);
    vvk_DestroyShaderModule(s->vvk, s->device, fragment);
    return result;
}

VkResult
vk_picture_make(struct vk_session *session, enum vk_picture_kind kind, VkExtent2D size,
                struct vk_picture *picture)
{
    memset(picture, 0, sizeof(*picture));
    picture->kind = kind;
    picture->size = size;
    VkResult result = make_pass(session, picture);
    if (result == VK_SUCCESS) {
        result = make_target(session, picture);
    }
    if (result == VK_SUCCESS) {
        result = make_layout(session, picture);
    }
    if (result == VK_SUCCESS) {
        result = make_shaded(session, picture);
    }
    if (result != VK_SUCCESS) {
        vk_picture_free(session, picture);
    }
    return result;
}

/* A whole number as the bits of a float. 0 < value < 2^24. */
static void
put_float(float *to, uint32_t value)
{
    enum { MANTISSA_BITS = 23, BIAS = 127 };
    uint32_t top = 31U - (uint32_t)__builtin_clz(value);
    uint32_t bits = (BIAS + top) << MANTISSA_BITS |
                    ((value << (MANTISSA_BITS - top)) & ((1U << MANTISSA_BITS) - 1));
    memcpy(to, &bits, sizeof(bits));
}

static void
record_drawing(struct vk_session *s, struct vk_picture *picture, uint32_t frame)
{
    const struct push push = { frame, picture->size.width, picture->size.height };
    static const VkClearValue background = { .color = { .float32 = { 0.06F, 0.07F, 0.1F, 1.0F } } };
    const VkRect2D all = { .extent = picture->size };
    VkViewport viewport;
    const VkRenderPassBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .renderPass = picture->pass,
        .framebuffer = picture->framebuffer,
        .renderArea = all,
        .clearValueCount = 1,
        .pClearValues = &background,
    };
    memset(&viewport, 0, sizeof(viewport));
    put_float(&viewport.maxDepth, 1);
    put_float(&viewport.width, picture->size.width);
    put_float(&viewport.height, picture->size.height);
    vvk_CmdBeginRenderPass(s->vvk, s->commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vvk_CmdBindPipeline(s->vvk, s->commands, VK_PIPELINE_BIND_POINT_GRAPHICS, picture->pipeline);
    vvk_CmdSetViewport(s->vvk, s->commands, 0, 1, &viewport);
    vvk_CmdSetScissor(s->vvk, s->commands, 0, 1, &all);
    vvk_CmdPushConstants(s->vvk, s->commands, picture->layout, VK_SHADER_STAGE_VERTEX_BIT, 0,
                         sizeof(push), &push);
    uint32_t vertices = picture->kind == VK_PICTURE_CUBE ? CUBE_VERTICES : TRIANGLE_VERTICES;
    vvk_CmdDraw(s->vvk, s->commands, vertices, 1, 0, 0);
    vvk_CmdEndRenderPass(s->vvk, s->commands);
}

static void
record_copy(struct vk_session *s, const struct vk_picture *picture)
{
    const VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0,                                      1 },
        .imageExtent = { picture->size.width,                        picture->size.height,      1},
    };
    const VkMemoryBarrier to_host = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
    };
    vvk_CmdCopyImageToBuffer(s->vvk, s->commands, picture->image.image,
                             VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, picture->pixels.buffer, 1,
                             &region);
    vvk_CmdPipelineBarrier(s->vvk, s->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                           VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, NULL, 0, NULL);
}

VkResult
vk_picture_draw(struct vk_session *session, struct vk_picture *picture, uint32_t frame)
{
    VkResult result = vk_record(session);
    if (result != VK_SUCCESS) {
        return result;
    }
    record_drawing(session, picture, frame);
    record_copy(session, picture);
    return vk_run(session);
}

void
vk_picture_free(struct vk_session *session, struct vk_picture *picture)
{
    vvk_DestroyPipeline(session->vvk, session->device, picture->pipeline);
    vvk_DestroyPipelineLayout(session->vvk, session->device, picture->layout);
    vvk_DestroyFramebuffer(session->vvk, session->device, picture->framebuffer);
    vvk_DestroyRenderPass(session->vvk, session->device, picture->pass);
    vk_buffer_free(session, &picture->pixels);
    vk_image_free(session, &picture->image);
    memset(picture, 0, sizeof(*picture));
}
