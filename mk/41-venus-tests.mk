# Unit tests with threads are built a second time, with the thread sanitizer: build/tsan/bin/NAME.

tsan_srcs := $(addprefix tests/unit/venus_,ring_test.c object_test.c context_test.c timeline_test.c)
tsan_fakes := $(wildcard tests/fake/vulkan_*.c)
$(out)/tsan/bin/%: tests/unit/%.c $(venus_gen)/.made $(wildcard venus/*.[ch] tests/unit/*.h tests/fuzz/venus_author.[ch] tests/fake/vulkan_*.[ch]) | $(vulkan_headers)
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(filter-out -MMD -MP,$(common_cflags)) -D_GNU_SOURCE -fsanitize=thread -pthread $(includes) $(venus_incs) $< $($*_srcs) $(if $(filter venus/context.c,$($*_srcs)),$(tsan_fakes)) $($*_libs) -o $@

# Driver and device of virtqueues in two threads: the whole driver library, its accesses to rings replaced (tsan_shared.h).
tsan_vq_srcs := tests/unit/vq_threads_test.c
$(out)/tsan/bin/vq_threads_test: $(tsan_vq_srcs) $(virtio_srcs) $(wildcard device/vq/*.[ch] tests/unit/vq_*.h tests/unit/virtq_hand.h tests/unit/tsan_shared.h)
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(filter-out -MMD -MP,$(common_cflags)) -Wno-tsan -D_GNU_SOURCE -fsanitize=thread -pthread -include tests/unit/tsan_shared.h $(includes) $< $(virtio_srcs) $(vq_core_srcs) -o $@

# The same with the whole GPU device behind the whole driver.
tsan_gpu_srcs := tests/unit/gpu_device_loop_test.c
$(out)/tsan/bin/gpu_device_loop_test: $(tsan_gpu_srcs) $(virtio_srcs) $(loop_parts) $(wildcard device/gpu/*.h device/vq/*.h tests/loop/*.h tests/unit/tsan_shared.h)
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(filter-out -MMD -MP,$(common_cflags)) -Wno-tsan -D_GNU_SOURCE -fsanitize=thread -pthread -include tests/unit/tsan_shared.h $(includes) $< $(virtio_srcs) $(loop_parts) tests/fake/venus_fake.c -o $@

## make tsan        build/tsan/bin/*_test: unit tests with threads, with the thread sanitizer
tsan: $(addprefix $(out)/tsan/bin/,$(call names,$(tsan_srcs) $(tsan_vq_srcs) $(tsan_gpu_srcs)))
.PHONY: tsan
