# The driver library: every source that an embedding tree compiles, with -I. -Ivirtio/include and nothing else.
virtio_srcs :=

virtio_srcs += virtio/core/arena.c virtio/core/bus.c virtio/core/config.c virtio/core/device.c \
               virtio/core/error.c virtio/core/feature_names.c virtio/core/features.c virtio/core/health.c \
               virtio/core/histogram.c virtio/core/log.c virtio/core/packed.c virtio/core/queue.c \
               virtio/core/queue_setup.c virtio/core/split.c virtio/core/text.c virtio/core/trace.c \
               virtio/core/trace_format.c
virtio_srcs += virtio/transport/mmio.c virtio/transport/mmio_v1.c virtio/transport/mmio_v2.c
virtio_srcs += virtio/driver/bring_up.c virtio/driver/blk/blocking.c virtio/driver/blk/request.c \
               virtio/driver/blk/setup.c virtio/driver/input/input.c virtio/driver/input/setup.c \
               virtio/driver/net/control.c virtio/driver/net/rx.c virtio/driver/net/setup.c virtio/driver/net/tx.c
