# Plain Vulkan applications that test and measure a renderer.  They open libvulkan.so.1 at run time; headers come
# from the pinned registry in build/deps/vulkan (mk/12-vulkan.mk), shaders lie beside them.

vkt := $(out)/vulkan
vkt_shared := tests/vulkan/vkt_device.c tests/vulkan/vkt_objects.c
vkt_programs := vkt_compute vkt_picture vkt_stress vkt_bench
vkt_compute_srcs := tests/vulkan/vkt_compute.c tests/vulkan/vkt_work.c
vkt_bench_srcs := $(addprefix tests/vulkan/,vkt_bench.c vkt_bench_calls.c vkt_bench_memory.c vkt_bench_work.c vkt_target.c vkt_work.c)
vkt_stress_srcs := $(addprefix tests/vulkan/,vkt_stress.c vkt_stress_objects.c vkt_stress_commands.c vkt_stress_sync.c \
    vkt_stress_descriptors.c vkt_stress_memory.c vkt_stress_threads.c vkt_target.c vkt_work.c)
vkt_picture_srcs := $(addprefix tests/vulkan/,vkt_picture.c vkt_png.c vkt_target.c)

vkt_incs := $(vulkan_incs)
vkt_spirv := $(patsubst tests/vulkan/shaders/%,$(vkt)/bin/%.spv,$(wildcard tests/vulkan/shaders/*))
vkt_objs = $(call objects,$(vkt),$(vkt_shared) $($(1)_srcs))
# For the linter, which asks for the flags of each source by its name.
$(foreach s,$(basename $(notdir $(wildcard tests/vulkan/*.c tests/perf/ring_*.c))),$(eval $(s)_incs := $(vkt_incs)))

# These speak to a server's socket and ring by themselves: no Vulkan library.
ring_programs := ring_load ring_play
ring_shared := $(addprefix tests/perf/,ring_vtest.c ring_encode.c ring_slices.c)
ring_play_srcs := tests/perf/ring_record.c
ring_objs = $(call objects,$(vkt),tests/perf/$(1).c $(ring_shared) $($(1)_srcs))

.PHONY: vulkan-tests
## make vulkan-tests build/vulkan/bin/vkt_*: Vulkan programs for tests and figures, without sanitizers
vulkan-tests: $(addprefix $(vkt)/bin/,$(vkt_programs) $(ring_programs) kms_show gpu_fences vvk_native) $(vkt_spirv)

$(vkt)/obj/%.o: %.c Makefile mk/00-flags.mk mk/60-vulkan-tests.mk | $(vulkan_headers)
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(common_cflags) -D_GNU_SOURCE $(includes) $(vkt_incs) -c $< -o $@

# The kernel's programs on this machine: its client, its shaders, and the renderer, in one process.
vvk_native_objs := $(call objects,$(vkt),tests/vulkan/vvk_native.c $(vvk_programs) $(gen)/vk_shaders.c virtio/venus/vvk_ring.c virtio/core/trace.c)
$(vvk_native_objs): | $(vvk_commands)
$(vkt)/bin/vvk_native: $(vvk_native_objs) $(out)/lib/libvenus.a
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) -pthread $^ -ldl -o $@

define ring_program
$(vkt)/bin/$(1): $(call ring_objs,$(1))
	@mkdir -p $$(@D)
	$$(call say,LD)$(HOSTCC) $$^ -o $$@
endef
$(foreach p,$(ring_programs),$(eval $(call ring_program,$(p))))

# Run in a Linux guest, without Vulkan.
kms_show_incs := -isystem /usr/include/libdrm
$(vkt)/obj/tests/linux_guest/kms_show.o: vkt_incs += $(kms_show_incs)
$(addprefix $(vkt)/bin/,kms_show gpu_fences): $(vkt)/bin/%: $(vkt)/obj/tests/linux_guest/%.o
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) $^ -ldrm -o $@

define vkt_program
$(vkt)/bin/$(1): $(call vkt_objs,$(1))
	@mkdir -p $$(@D)
	$$(call say,LD)$(HOSTCC) -pthread $$^ -lm -o $$@
endef
$(foreach p,$(vkt_programs),$(eval $(call vkt_program,$(p))))

$(vkt)/bin/%.spv: tests/vulkan/shaders/% | $(glslang)
	@mkdir -p $(@D)
	$(call say,SPIRV)$(glslang) -V --quiet -o $@ $<

-include $(shell find $(vkt)/obj -name '*.d' 2>/dev/null)
