# The Venus renderer: tables made from vk.xml by tools/venusgen, and the library around them.

venus_gen := $(gen)/venus
venus_generated := $(venus_gen)/vn_args.h $(venus_gen)/vn_tables.c $(venus_gen)/vn_thunks.c
venus_srcs := $(sort $(wildcard venus/*.c)) $(venus_gen)/vn_tables.c $(venus_gen)/vn_thunks.c
venus_incs := -I. -Ivenus/include -I$(venus_gen) $(vulkan_incs)

$(venus_gen)/.made: $(wildcard tools/venusgen/*.py) $(wildcard venus/protocol/*) | $(vk_xml)
	@mkdir -p $(@D)
	$(call say,GEN)$(PYTHON) tools/venusgen/generate.py $(vk_xml) venus/protocol $(venus_gen)
	@touch $@
$(venus_generated): $(venus_gen)/.made ;

## make venus       build/lib/libvenus.a: the renderer for this machine
venus: $(out)/lib/libvenus.a
.PHONY: venus

$(out)/lib/libvenus.a: $(patsubst %.c,$(out)/venus/obj/%.o,$(venus_srcs))
	@mkdir -p $(@D)
	$(call say,AR)rm -f $@ && ar rcsD $@ $^

$(out)/venus/obj/%.o: %.c $(venus_gen)/.made | $(vulkan_headers)
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(common_cflags) -D_GNU_SOURCE -O2 -fPIC -pthread $(venus_incs) -c $< -o $@

-include $(shell find $(out)/venus/obj -name '*.d' 2>/dev/null)
