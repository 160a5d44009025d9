/*
 * Render target and graphics pipelines of the client programs.
 */
#include "tests/vulkan/vkt_target.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 64

static VkFormat
depth_format(const struct vkt *t)
{
    VkFormatProperties properties;

    vk.GetPhysicalDeviceFormatProperties(t->physical, VK_FORMAT_D32_SFLOAT, &properties);
    return (properties.optimalTilingFeatures & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT) != 0
               ? VK_FORMAT_D32_SFLOAT
               : VK_FORMAT_D16_UNORM;
}

static void
create_pass(const struct vkt *t, struct vkt_target *target, VkFormat depth)
{
    VkAttachmentDescription attachments[2] = {
        {.format = VKT_COLOR_FORMAT,
         .samples = VK_SAMPLE_COUNT_1_BIT,
         .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
         .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
         .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL            },
        { .format = depth,
         .samples = VK_SAMPLE_COUNT_1_BIT,
         .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
         .storeOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
         .finalLayout = VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL},
    };
    VkAttachmentReference color_ref = { 0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL };
    VkAttachmentReference depth_ref = { 1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL };
    VkSubpassDescription subpass = {
        .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
        .colorAttachmentCount = 1,
        .pColorAttachments = &color_ref,
        .pDepthStencilAttachment = &depth_ref,
    };
    VkSubpassDependency after = {
        .srcSubpass = 0,
        .dstSubpass = VK_SUBPASS_EXTERNAL,
        .srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
        .dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
        .srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
    };
    VkRenderPassCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = 2,
        .pAttachments = attachments,
        .subpassCount = 1,
        .pSubpasses = &subpass,
        .dependencyCount = 1,
        .pDependencies = &after,
    };

    VKT_MUST(vk.CreateRenderPass(t->device, &info, NULL, &target->pass));
}

static void
create_framebuffer(const struct vkt *t, struct vkt_target *target)
{
    VkImageView views[2] = { target->color.view, target->depth.view };
    VkFramebufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .renderPass = target->pass,
        .attachmentCount = 2,
        .pAttachments = views,
        .width = target->extent.width,
        .height = target->extent.height,
        .layers = 1,
    };

    VKT_MUST(vk.CreateFramebuffer(t->device, &info, NULL, &target->framebuffer));
}

struct vkt_target
vkt_target_create(const struct vkt *t, uint32_t width, uint32_t height)
{
    struct vkt_target target = {
        .extent = {width, height}
    };
    VkExtent3D extent = { width, height, 1 };
    VkFormat depth = depth_format(t);

    target.color =
        vkt_image_create(t, VKT_COLOR_FORMAT, extent,
                         VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                         VK_IMAGE_ASPECT_COLOR_BIT);
    target.depth = vkt_image_create(t, depth, extent, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
                                    VK_IMAGE_ASPECT_DEPTH_BIT);
    create_pass(t, &target, depth);
    create_framebuffer(t, &target);
    return target;
}

void
vkt_target_destroy(const struct vkt *t, struct vkt_target *target)
{
    vk.DestroyFramebuffer(t->device, target->framebuffer, NULL);
    vk.DestroyRenderPass(t->device, target->pass, NULL);
    vkt_image_destroy(t, &target->depth);
    vkt_image_destroy(t, &target->color);
}

void
vkt_target_begin(const struct vkt_target *target, VkCommandBuffer cmd)
{
    VkClearValue clears[2] = {
        { .color = { .float32 = { 0.2F, 0.4F, 0.6F, 1.0F } } },
        { .depthStencil = { 1.0F, 0 } },
    };
    VkRenderPassBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .renderPass = target->pass,
        .framebuffer = target->framebuffer,
        .renderArea = {{ 0, 0 }, target->extent},
        .clearValueCount = 2,
        .pClearValues = clears,
    };
    VkViewport viewport = { 0.0F, 0.0F, (float)target->extent.width, (float)target->extent.height,
                            0.0F, 1.0F };

    vk.CmdBeginRenderPass(cmd, &info, VK_SUBPASS_CONTENTS_INLINE);
    vk.CmdSetViewport(cmd, 0, 1, &viewport);
    vk.CmdSetScissor(cmd, 0, 1, &info.renderArea);
}

void
vkt_target_end(VkCommandBuffer cmd)
{
    vk.CmdEndRenderPass(cmd);
}

void
vkt_target_copy(const struct vkt_target *target, VkCommandBuffer cmd, VkBuffer buffer)
{
    VkBufferImageCopy copy = vkt_whole_image(target->color.extent);

    vk.CmdCopyImageToBuffer(cmd, target->color.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer,
                            1, &copy);
    vkt_barrier(cmd);
}

/* What all pipelines here have in common besides their stages. */
static VkResult
create_pipeline(const struct vkt *t, const VkGraphicsPipelineCreateInfo *stages, VkPipeline *out)
{
    static const VkDynamicState dynamic_states[] = { VK_DYNAMIC_STATE_VIEWPORT,
                                                     VK_DYNAMIC_STATE_SCISSOR };
    VkGraphicsPipelineCreateInfo info = *stages;
    VkPipelineVertexInputStateCreateInfo vertex = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO
    };
    VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
    };
    VkPipelineViewportStateCreateInfo viewport = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
        .viewportCount = 1,
        .scissorCount = 1,
    };
    VkPipelineRasterizationStateCreateInfo raster = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .cullMode = VK_CULL_MODE_NONE,
        .lineWidth = 1.0F,
    };
    VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
    };
    VkPipelineDepthStencilStateCreateInfo depth = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
        .depthTestEnable = VK_TRUE,
        .depthWriteEnable = VK_TRUE,
        .depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL,
    };
    VkPipelineColorBlendAttachmentState attachment = { .colorWriteMask = 0xf };
    VkPipelineColorBlendStateCreateInfo blend = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &attachment,
    };
    VkPipelineDynamicStateCreateInfo dynamic = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
        .dynamicStateCount = 2,
        .pDynamicStates = dynamic_states,
    };

    info.pVertexInputState = &vertex;
    info.pInputAssemblyState = &assembly;
    info.pViewportState = &viewport;
    info.pRasterizationState = &raster;
    info.pMultisampleState = &samples;
    info.pDepthStencilState = &depth;
    info.pColorBlendState = &blend;
    info.pDynamicState = &dynamic;
    return vk.CreateGraphicsPipelines(t->device, VK_NULL_HANDLE, 1, &info, NULL, out);
}

static VkPipelineShaderStageCreateInfo
stage(const struct vkt *t, const char *name, VkShaderStageFlagBits bit)
{
    char file[NAME_BYTES];
    VkPipelineShaderStageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
        .stage = bit,
        .pName = "main",
    };

    (void)snprintf(file, sizeof(file), "%s.%s", name,
                   bit == VK_SHADER_STAGE_VERTEX_BIT ? "vert" : "frag");
    info.module = vkt_shader(t, file);
    return info;
}

VkPipeline
vkt_pipeline_create(const struct vkt *t, const struct vkt_target *target, VkPipelineLayout layout,
                    const char *name)
{
    VkPipeline pipeline = VK_NULL_HANDLE;
    VkPipelineShaderStageCreateInfo stages[2] = { stage(t, name, VK_SHADER_STAGE_VERTEX_BIT),
                                                  stage(t, name, VK_SHADER_STAGE_FRAGMENT_BIT) };
    VkGraphicsPipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .stageCount = 2,
        .pStages = stages,
        .layout = layout,
        .renderPass = target->pass,
    };

    VKT_MUST(create_pipeline(t, &info, &pipeline));
    vk.DestroyShaderModule(t->device, stages[0].module, NULL);
    vk.DestroyShaderModule(t->device, stages[1].module, NULL);
    return pipeline;
}
