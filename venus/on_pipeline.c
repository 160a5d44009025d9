/* Pipelines: what the generated thunks cannot check, for the host writes as much as it has to say. */
#include "venus/call.h"

static uint32_t
group_handle_bytes(const struct vn_device *device, bool is_capture_replay)
{
    VkPhysicalDeviceRayTracingPipelinePropertiesKHR pipeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &pipeline,
    };
    const struct vn_physical *physical = device->physical;
    physical->instance->vk.vkGetPhysicalDeviceProperties2(physical->handle, &properties);
    return is_capture_replay ? pipeline.shaderGroupHandleCaptureReplaySize
                             : pipeline.shaderGroupHandleSize;
}

static bool
has_room(struct vn_exec *exec, uint32_t group_count, size_t data_bytes, bool is_capture_replay)
{
    uint64_t one_bytes = group_handle_bytes(vn_device_of(exec), is_capture_replay);
    if (group_count * one_bytes <= data_bytes) {
        return true;
    }
    vn_exec_fatal(exec, "handles of %u groups take %llu bytes each, there is room for %zu",
                  group_count, (unsigned long long)one_bytes, data_bytes);
    return false;
}

void
vn_on_vkGetRayTracingShaderGroupHandlesKHR(
    struct vn_exec *exec, struct vn_args_vkGetRayTracingShaderGroupHandlesKHR *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (!device->vk.vkGetRayTracingShaderGroupHandlesKHR) {
        vn_exec_absent(exec);
        return;
    }
    if (has_room(exec, args->groupCount, args->dataSize, false)) {
        args->ret = device->vk.vkGetRayTracingShaderGroupHandlesKHR(
            args->device, args->pipeline, args->firstGroup, args->groupCount, args->dataSize,
            args->pData);
    }
}

void
vn_on_vkGetRayTracingCaptureReplayShaderGroupHandlesKHR(
    struct vn_exec *exec, struct vn_args_vkGetRayTracingCaptureReplayShaderGroupHandlesKHR *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (!device->vk.vkGetRayTracingCaptureReplayShaderGroupHandlesKHR) {
        vn_exec_absent(exec);
        return;
    }
    if (has_room(exec, args->groupCount, args->dataSize, true)) {
        args->ret = device->vk.vkGetRayTracingCaptureReplayShaderGroupHandlesKHR(
            args->device, args->pipeline, args->firstGroup, args->groupCount, args->dataSize,
            args->pData);
    }
}
