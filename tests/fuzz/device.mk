-include device/sources.mk
# The fronts of the renderer, on a renderer that does nothing.
vtest_fuzz_srcs := device/fault.c device/front.c device/quota.c device/stream.c device/vtest.c device/vtest_message.c device/vtest_sync.c
vtest_fuzz_libs := -lpthread
render_server_fuzz_srcs := device/context.c device/fault.c device/front.c device/quota.c device/packet.c
render_server_fuzz_libs := -lpthread
control_fuzz_srcs := device/view/control_request.c
# A guest's queues.
vq_fuzz_srcs := $(filter device/vq/%,$(device_vq_srcs))
# A guest's GPU.
gpu_device_fuzz_srcs := tests/loop/loop_device.c $(device_guest_gpu_srcs) $(device_vq_srcs) device/packet.c device/quota.c
gpu_device_fuzz_libs := -lpthread -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
# A front-end's messages, with the whole device behind them.
vhost_fuzz_srcs := $(device_vq_srcs) $(device_guest_gpu_srcs) $(device_vhost_srcs) device/quota.c device/fault.c device/packet.c
