# Unit tests with threads are built a second time, with the thread sanitizer: build/tsan/bin/NAME.

tsan_srcs := tests/unit/venus_ring_test.c
$(out)/tsan/bin/%: tests/unit/%.c $(venus_gen)/.made $(wildcard venus/*.[ch] tests/unit/*.h) | $(vulkan_headers)
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(filter-out -MMD -MP,$(common_cflags)) -D_GNU_SOURCE -fsanitize=thread -pthread $(includes) $(venus_incs) $< $($*_srcs) -o $@

## make tsan        build/tsan/bin/*_test: unit tests with threads, with the thread sanitizer
tsan: $(addprefix $(out)/tsan/bin/,$(call names,$(tsan_srcs)))
.PHONY: tsan
