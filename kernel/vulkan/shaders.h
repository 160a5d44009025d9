/*
 * The shaders of kernel/shaders as SPIR-V, made at build time (mk/26-shaders.mk).
 */
#ifndef KERNEL_VULKAN_SHADERS_H
#define KERNEL_VULKAN_SHADERS_H

#include "kernel/vulkan/session.h"

extern const struct vk_shader vk_shader_mix_comp;
extern const struct vk_shader vk_shader_triangle_vert;
extern const struct vk_shader vk_shader_cube_vert;
extern const struct vk_shader vk_shader_colour_frag;

#endif
