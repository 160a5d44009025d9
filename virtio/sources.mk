# The driver library: every source that an embedding tree compiles, with -I. -Ivirtio/include and nothing else.
virtio_srcs :=

virtio_srcs += virtio/core/arena.c virtio/core/bus.c virtio/core/config.c virtio/core/device.c \
               virtio/core/error.c virtio/core/feature_names.c virtio/core/features.c virtio/core/health.c \
               virtio/core/histogram.c virtio/core/log.c virtio/core/packed.c virtio/core/queue.c \
               virtio/core/queue_setup.c virtio/core/split.c virtio/core/text.c virtio/core/trace.c \
               virtio/core/trace_format.c virtio/core/vectors.c
virtio_srcs += virtio/transport/mmio.c virtio/transport/mmio_v1.c virtio/transport/mmio_v2.c virtio/transport/pci.c \
               virtio/transport/pci_caps.c virtio/transport/pci_modern.c virtio/transport/unplugged.c
virtio_srcs += virtio/driver/bring_up.c virtio/driver/trace_print.c \
               virtio/driver/blk/blocking.c virtio/driver/blk/request.c virtio/driver/blk/setup.c \
               virtio/driver/blk/trace.c \
               virtio/driver/input/input.c virtio/driver/input/setup.c virtio/driver/input/trace.c \
               virtio/driver/net/control.c virtio/driver/net/rx.c virtio/driver/net/setup.c \
               virtio/driver/net/trace.c virtio/driver/net/tx.c
virtio_srcs += virtio/driver/gpu/commands.c virtio/driver/gpu/framebuffer.c virtio/driver/gpu/gpu.c \
               virtio/driver/gpu/messages.c virtio/driver/gpu/msg_backing.c virtio/driver/gpu/msg_capset.c \
               virtio/driver/gpu/msg_cursor.c virtio/driver/gpu/msg_display.c virtio/driver/gpu/msg_resource.c \
               virtio/driver/gpu/msg_blob.c virtio/driver/gpu/msg_context.c virtio/driver/gpu/blob.c \
               virtio/driver/gpu/commands_3d.c virtio/driver/gpu/window.c virtio/driver/gpu/msg_scanout.c virtio/driver/gpu/msg_transfer.c virtio/driver/gpu/msg_uuid.c \
               virtio/driver/gpu/print.c virtio/driver/gpu/queries.c virtio/driver/gpu/queued.c \
               virtio/driver/gpu/resource.c virtio/driver/gpu/simple.c virtio/driver/gpu/slots.c \
               virtio/driver/gpu/state.c virtio/driver/gpu/submit.c virtio/driver/gpu/trace.c \
               virtio/driver/gpu/wait.c
virtio_srcs += virtio/driver/gpu/display.c virtio/driver/gpu/display_console.c \
               virtio/driver/gpu/display_console_write.c virtio/driver/gpu/display_draw.c \
               virtio/driver/gpu/display_rect.c virtio/driver/gpu/display_text.c virtio/driver/gpu/edid.c

# What runs for every buffer and pixel: worth -O2. The rest is smaller, and as good, with -Os.
virtio_hot_srcs := virtio/core/packed.c virtio/core/queue.c virtio/core/split.c \
                   virtio/driver/gpu/display_draw.c

# The Vulkan client of kernels: needs Vulkan's headers ($(vulkan_incs)) and vvk_commands.h (mk/25-venus.mk) besides.
virtio_venus_srcs := virtio/venus/vvk_ring.c virtio/venus/vvk_vgpu.c
