# The Vulkan client of kernels: straight C for the commands of a list, and the kernel's shaders.

vvk_commands := $(gen)/vvk_commands.h
$(vvk_commands): virtio/venus/commands.list $(wildcard tools/venusgen/*.py) $(wildcard venus/protocol/*) | $(vk_xml) $(vulkan_headers) $(gen)
	$(call say,GEN)$(PYTHON) tools/venusgen/generate.py --client $< $(vk_xml) venus/protocol $@
	@touch $@
generated += $(vvk_commands)
includes += $(vulkan_incs)

# The kernel's Vulkan programs, which host tests run too.
vvk_programs := kernel/vulkan/session.c kernel/vulkan/compute.c kernel/vulkan/picture.c

kernel_spirv := $(patsubst kernel/shaders/%,$(gen)/shaders/%.spv,$(sort $(wildcard kernel/shaders/*)))
$(gen)/shaders/%.spv: kernel/shaders/% | $(glslang)
	@mkdir -p $(@D)
	$(call say,SPIRV)$(glslang) -V --quiet -o $@ $<

$(gen)/vk_shaders.c: tools/gen/spirv2c.py $(kernel_spirv)
	$(call say,GEN)$(PYTHON) tools/gen/spirv2c.py $@ $(kernel_spirv)
