# Vulkan's registry and headers, of Debian 13 on every machine: `| $(vk_xml)` or `| $(vulkan_headers)` brings them.

vk_xml := $(deps)/vulkan/registry/vk.xml
vulkan_headers := $(deps)/vulkan/include/vulkan/vulkan_core.h
vulkan_incs := -isystem $(deps)/vulkan/include

$(vk_xml) $(vulkan_headers): | $(deps)/vulkan/.pin ;

## make vulkan-registry  fetch vk.xml and the Vulkan headers into build/deps/vulkan
.PHONY: vulkan-registry
vulkan-registry: $(vk_xml) $(vulkan_headers)
