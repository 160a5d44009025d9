# The renderer library, with sanitizers, for tests named venus_*.
venus_test_incs := -I$(venus_gen) $(vulkan_incs)
$(foreach flavour,host fuzz bench,$(eval $(out)/$(flavour)/obj/venus/%.o $(out)/$(flavour)/obj/$(venus_gen)/%.o \
  $(out)/$(flavour)/obj/tests/unit/venus_%.o $(out)/$(flavour)/obj/tests/fuzz/venus_%.o $(out)/$(flavour)/obj/tests/fake/vulkan_%.o: $(flavour)_incs += $(venus_test_incs)))
$(foreach flavour,host fuzz bench,$(eval $(call objects,$(out)/$(flavour),$(venus_srcs) $(wildcard tests/unit/venus_*.c tests/fuzz/venus_*.c tests/fake/vulkan_*.c)): | $(venus_gen)/.made))

venus_wire_test_srcs := $(venus_srcs)
venus_wire_test_libs := -ldl -lpthread

# A program that is its own Vulkan library: tests/fake/vulkan_strict.h.
vulkan_strict_libs := -ldl -lpthread -Wl,--export-dynamic-symbol=vkGetInstanceProcAddr
venus_exec_test_srcs := tests/fuzz/venus_author.c $(venus_srcs)
venus_exec_test_libs := $(vulkan_strict_libs)
venus_object_test_srcs := $(venus_exec_test_srcs)
venus_object_test_libs := $(vulkan_strict_libs)
venus_flat_test_srcs := $(venus_exec_test_srcs)
venus_flat_test_libs := $(vulkan_strict_libs)
venus_context_test_srcs := $(venus_exec_test_srcs)
venus_context_test_libs := $(vulkan_strict_libs)

# The client of kernels, with the kernel's own programs.
venus_client_test_srcs := $(vvk_programs) $(gen)/vk_shaders.c $(venus_srcs)
venus_client_test_libs := $(vulkan_strict_libs)
