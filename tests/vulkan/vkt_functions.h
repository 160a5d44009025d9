/*
 * The Vulkan functions that the client programs call: X(name) for each, without the vk prefix.
 *
 * GLOBAL ones need no instance; DEVICE ones are asked of the device so that the loader's trampolines stay out of
 * what is measured.  A later version's function that the driver lacks stays NULL; who uses one asks first.
 */
#pragma once

#define VKT_GLOBAL_FUNCTIONS(X)                                                                    \
 X(CreateInstance)                                                                                 \
 X(EnumerateInstanceVersion)

#define VKT_INSTANCE_FUNCTIONS(X)                                                                  \
 X(DestroyInstance)                                                                                \
 X(EnumeratePhysicalDevices)                                                                       \
 X(GetPhysicalDeviceProperties)                                                                    \
 X(GetPhysicalDeviceFeatures2)                                                                     \
 X(GetPhysicalDeviceMemoryProperties)                                                              \
 X(GetPhysicalDeviceQueueFamilyProperties)                                                         \
 X(GetPhysicalDeviceFormatProperties)                                                              \
 X(EnumerateDeviceExtensionProperties)                                                             \
 X(CreateDevice)                                                                                   \
 X(GetDeviceProcAddr)

#define VKT_DEVICE_FUNCTIONS(X)                                                                    \
 X(DestroyDevice)                                                                                  \
 X(GetDeviceQueue)                                                                                 \
 X(DeviceWaitIdle)                                                                                 \
 X(QueueWaitIdle)                                                                                  \
 X(QueueSubmit)                                                                                    \
 X(AllocateMemory)                                                                                 \
 X(FreeMemory)                                                                                     \
 X(MapMemory)                                                                                      \
 X(UnmapMemory)                                                                                    \
 X(FlushMappedMemoryRanges)                                                                        \
 X(InvalidateMappedMemoryRanges)                                                                   \
 X(CreateBuffer)                                                                                   \
 X(DestroyBuffer)                                                                                  \
 X(CreateBufferView)                                                                               \
 X(DestroyBufferView)                                                                              \
 X(BindBufferMemory)                                                                               \
 X(BindBufferMemory2)                                                                              \
 X(GetBufferMemoryRequirements)                                                                    \
 X(CreateImage)                                                                                    \
 X(DestroyImage)                                                                                   \
 X(BindImageMemory)                                                                                \
 X(BindImageMemory2)                                                                               \
 X(GetImageMemoryRequirements)                                                                     \
 X(GetImageSubresourceLayout)                                                                      \
 X(CreateImageView)                                                                                \
 X(DestroyImageView)                                                                               \
 X(CreateSampler)                                                                                  \
 X(DestroySampler)                                                                                 \
 X(CreateShaderModule)                                                                             \
 X(DestroyShaderModule)                                                                            \
 X(CreateDescriptorSetLayout)                                                                      \
 X(DestroyDescriptorSetLayout)                                                                     \
 X(CreateDescriptorPool)                                                                           \
 X(DestroyDescriptorPool)                                                                          \
 X(ResetDescriptorPool)                                                                            \
 X(AllocateDescriptorSets)                                                                         \
 X(FreeDescriptorSets)                                                                             \
 X(UpdateDescriptorSets)                                                                           \
 X(CreateDescriptorUpdateTemplate)                                                                 \
 X(DestroyDescriptorUpdateTemplate)                                                                \
 X(UpdateDescriptorSetWithTemplate)                                                                \
 X(CreatePipelineLayout)                                                                           \
 X(DestroyPipelineLayout)                                                                          \
 X(CreatePipelineCache)                                                                            \
 X(DestroyPipelineCache)                                                                           \
 X(GetPipelineCacheData)                                                                           \
 X(MergePipelineCaches)                                                                            \
 X(CreateComputePipelines)                                                                         \
 X(CreateGraphicsPipelines)                                                                        \
 X(DestroyPipeline)                                                                                \
 X(CreateRenderPass)                                                                               \
 X(DestroyRenderPass)                                                                              \
 X(CreateFramebuffer)                                                                              \
 X(DestroyFramebuffer)                                                                             \
 X(CreateCommandPool)                                                                              \
 X(DestroyCommandPool)                                                                             \
 X(ResetCommandPool)                                                                               \
 X(TrimCommandPool)                                                                                \
 X(AllocateCommandBuffers)                                                                         \
 X(FreeCommandBuffers)                                                                             \
 X(BeginCommandBuffer)                                                                             \
 X(EndCommandBuffer)                                                                               \
 X(ResetCommandBuffer)                                                                             \
 X(CreateFence)                                                                                    \
 X(DestroyFence)                                                                                   \
 X(ResetFences)                                                                                    \
 X(GetFenceStatus)                                                                                 \
 X(WaitForFences)                                                                                  \
 X(CreateSemaphore)                                                                                \
 X(DestroySemaphore)                                                                               \
 X(GetSemaphoreCounterValue)                                                                       \
 X(SignalSemaphore)                                                                                \
 X(WaitSemaphores)                                                                                 \
 X(CreateEvent)                                                                                    \
 X(DestroyEvent)                                                                                   \
 X(SetEvent)                                                                                       \
 X(ResetEvent)                                                                                     \
 X(GetEventStatus)                                                                                 \
 X(CreateQueryPool)                                                                                \
 X(DestroyQueryPool)                                                                               \
 X(ResetQueryPool)                                                                                 \
 X(GetQueryPoolResults)                                                                            \
 X(CmdBeginQuery)                                                                                  \
 X(CmdBeginRenderPass)                                                                             \
 X(CmdBindDescriptorSets)                                                                          \
 X(CmdBindPipeline)                                                                                \
 X(CmdBlitImage)                                                                                   \
 X(CmdClearColorImage)                                                                             \
 X(CmdCopyBuffer)                                                                                  \
 X(CmdCopyBufferToImage)                                                                           \
 X(CmdCopyImage)                                                                                   \
 X(CmdCopyImageToBuffer)                                                                           \
 X(CmdCopyQueryPoolResults)                                                                        \
 X(CmdDispatch)                                                                                    \
 X(CmdDispatchIndirect)                                                                            \
 X(CmdDraw)                                                                                        \
 X(CmdEndQuery)                                                                                    \
 X(CmdEndRenderPass)                                                                               \
 X(CmdExecuteCommands)                                                                             \
 X(CmdFillBuffer)                                                                                  \
 X(CmdPipelineBarrier)                                                                             \
 X(CmdPushConstants)                                                                               \
 X(CmdResetEvent)                                                                                  \
 X(CmdResetQueryPool)                                                                              \
 X(CmdSetEvent)                                                                                    \
 X(CmdSetScissor)                                                                                  \
 X(CmdSetViewport)                                                                                 \
 X(CmdUpdateBuffer)                                                                                \
 X(CmdWaitEvents)                                                                                  \
 X(CmdWriteTimestamp)
