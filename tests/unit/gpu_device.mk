# The GPU of virtual machines: by hand, and behind the real driver (tests/loop).
-include device/sources.mk
loop_parts := $(wildcard tests/loop/*.c) $(device_guest_gpu_srcs) $(device_vq_srcs) device/context.c device/fault.c device/front.c device/packet.c device/quota.c
$(foreach t,blob commands context cursor_fence display hostile loop picture quota record,$(eval gpu_device_$(t)_test_srcs := $(loop_parts)) $(eval gpu_device_$(t)_test_libs := -lpthread))
