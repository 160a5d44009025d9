# The device's side of virtqueues.
-include device/sources.mk
vq_core_srcs := $(filter device/vq/%,$(device_vq_srcs))
$(foreach t,loop,$(eval vq_$(t)_test_srcs := $(vq_core_srcs)))
