# Vulkan's registry and headers, of Debian 13 on every machine: `| $(vk_xml)` or `| $(vulkan_headers)` brings them.

vk_xml := $(deps)/vulkan/registry/vk.xml
vulkan_headers := $(deps)/vulkan/include/vulkan/vulkan_core.h
vulkan_incs := -isystem $(deps)/vulkan/include

$(vk_xml) $(vulkan_headers): | $(deps)/vulkan/.pin ;

## make vulkan-registry  fetch vk.xml and the Vulkan headers into build/deps/vulkan
.PHONY: vulkan-registry
vulkan-registry: $(vk_xml) $(vulkan_headers)

# What Vulkan programs run with (drivers, shader compiler, tools), unpacked and not installed: tools/setup/vulkan.py.
# Shaders are compiled by `$(glslang)`, the system's or the one that came with these, which a rule names behind the bar: `x.spv: x.comp | $(glslang)`.
vulkan_run := $(deps)/mesa
own_glslang := $(vulkan_run)/bin/glslangValidator
glslang := $(or $(shell command -v glslangValidator),$(own_glslang))

$(own_glslang):
	@$(PYTHON) tools/setup/vulkan.py $(build) mesa >/dev/null

## make vulkan-run  fetch Mesa's Venus client, lavapipe, vulkaninfo and a shader compiler into build/deps/mesa
.PHONY: vulkan-run
vulkan-run: | $(own_glslang)
