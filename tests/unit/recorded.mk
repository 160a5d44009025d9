# The library's core and transports once more, on an architecture that notes every barrier and every access (see
# tests/unit/recorded/order_log.h): the same sources, other headers first. They come before the library's own objects.

recorded_srcs := $(filter virtio/core/% virtio/transport/%,$(virtio_srcs))
recorded_incs := -Itests/unit/recorded
barrier_order_test_srcs := $(addprefix recorded/,$(recorded_srcs))

$(out)/host/obj/recorded/%.o: %.c Makefile mk/00-flags.mk mk/30-host.mk tests/unit/recorded.mk
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(host_flags) $(recorded_incs) $(host_incs) -c $< -o $@
