# The device's side of virtqueues.
-include device/sources.mk
vq_core_srcs := $(filter device/vq/%,$(device_vq_srcs))
$(foreach t,loop rules threads,$(eval vq_$(t)_test_srcs := $(vq_core_srcs)))
vq_threads_test_libs := -lpthread
# Messages of vhost-user.
vhost_display_test_srcs := device/loop.c device/vhost/display.c device/vhost/edid.c tests/view/gpu_fake.c
vhost_backend_test_srcs := device/fault.c device/loop.c device/vhost/backend.c device/vhost/message.c
vhost_message_test_srcs := device/fault.c device/packet.c device/vhost/message.c
device_sandbox_test_srcs := device/device_sandbox.c
device_sandbox_test_libs := -lseccomp
