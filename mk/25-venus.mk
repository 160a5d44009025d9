# The Venus renderer: tables made from vk.xml by tools/venusgen, and the library around them.

venus_gen := $(gen)/venus
venus_made_srcs := $(patsubst %,$(venus_gen)/vn_%.c,tables thunks flat)
venus_generated := $(venus_gen)/vn_args.h $(venus_made_srcs)
venus_srcs := $(sort $(wildcard venus/*.c)) $(venus_made_srcs)
venus_incs := -I. -Ivenus/include -I$(venus_gen) $(vulkan_incs)

$(venus_gen)/.made: $(wildcard tools/venusgen/*.py) $(wildcard venus/protocol/*) | $(vk_xml)
	@mkdir -p $(@D)
	$(call say,GEN)$(PYTHON) tools/venusgen/generate.py $(vk_xml) venus/protocol $(venus_gen)
	@touch $@
$(venus_generated): $(venus_gen)/.made ;

# Numbers of commands and their names, for those who print traces.
$(gen)/venus_commands.def: venus/protocol/ids.tsv | $(gen)
	$(call say,GEN)awk -F '\t' '$$1 ~ /^[0-9]+$$/ && !seen[$$1]++ { printf "VENUS_COMMAND(%s, %s)\n", $$1, $$2 }' $< > $@
$(foreach flavour,device host fuzz bench,$(out)/$(flavour)/obj/tools/vitrine/venus_names.o): $(gen)/venus_commands.def

## make venus       build/lib/libvenus.a: the renderer for this machine
venus: $(out)/lib/libvenus.a
.PHONY: venus

$(out)/lib/libvenus.a: $(patsubst %.c,$(out)/venus/obj/%.o,$(venus_srcs))
	@mkdir -p $(@D)
	$(call say,AR)rm -f $@ && ar rcsD $@ $^

$(out)/venus/obj/%.o: %.c $(venus_gen)/.made | $(vulkan_headers)
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(common_cflags) -D_GNU_SOURCE -O3 -fPIC -fno-semantic-interposition -pthread $(venus_incs) -c $< -o $@

-include $(shell find $(out)/venus/obj -name '*.d' 2>/dev/null)

venus_version := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=

## make libvenus    build/lib/libvenus.so.0 and libvenus.pc: the renderer for other programs
libvenus: $(out)/lib/libvenus.so.0 $(out)/lib/libvenus.pc
.PHONY: libvenus

$(out)/lib/libvenus.so.0: $(out)/lib/libvenus.a venus/libvenus.map
	$(call say,LD)$(HOSTCC) -shared -pthread -Wl,-soname,libvenus.so.0 -Wl,--version-script=venus/libvenus.map -Wl,--build-id=none \
	  -Wl,-z,relro,-z,now -Wl,--whole-archive $< -Wl,--no-whole-archive -ldl -o $@

$(out)/lib/libvenus.pc: venus/libvenus.pc.in mk/25-venus.mk
	@mkdir -p $(@D)
	$(call say,GEN)sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(venus_version)|' $< > $@

## make install-libvenus   header, libraries and pkg-config file into $(PREFIX), or below DESTDIR
install-libvenus: libvenus
	install -D -m 644 venus/include/venus/venus.h $(DESTDIR)$(PREFIX)/include/venus/venus.h
	install -D -m 644 venus/include/venus/trace.def $(DESTDIR)$(PREFIX)/include/venus/trace.def
	install -D -m 644 $(out)/lib/libvenus.a $(DESTDIR)$(PREFIX)/lib/libvenus.a
	install -D -m 755 $(out)/lib/libvenus.so.0 $(DESTDIR)$(PREFIX)/lib/libvenus.so.0
	ln -sf libvenus.so.0 $(DESTDIR)$(PREFIX)/lib/libvenus.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(venus_version)|' venus/libvenus.pc.in | \
	  install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/pkgconfig/libvenus.pc
.PHONY: install-libvenus
