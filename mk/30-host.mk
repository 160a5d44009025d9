# Programs for this machine: unit tests, tests against QEMU's devices, fuzzers.  Sanitizers are always on.

-include $(sort $(wildcard tests/unit/*.mk))
-include $(sort $(wildcard tests/qtest/*.mk))
-include $(sort $(wildcard tests/fuzz/*.mk))

# $(1) = directory under build, $(2) = compiler, $(3) = flags: the driver library, the fake device and the compile rules.
define host_flavour
$(1)_fake_srcs := $$(wildcard tests/fake/*.c)
$(1)_incs := $$(includes) -Ikernel/arch/host/include $$(kernel_host_incs) -isystem $$(deps)/libfdt/libfdt -isystem $$(deps)/lwip/src/include
$(1)_flags := $$(common_cflags) -D_GNU_SOURCE -fno-omit-frame-pointer $(3)

$$(out)/$(1)/libvirtio.a: $$(call objects,$$(out)/$(1),$$(virtio_srcs) $$(virtio_venus_srcs))
	@mkdir -p $$(@D)
	$$(call say,AR)$$(call archive,ar)

$$(out)/$(1)/libfake.a: $$(call objects,$$(out)/$(1),$$($(1)_fake_srcs))
	@mkdir -p $$(@D)
	$$(call say,AR)$$(call archive,ar)

$$(out)/$(1)/obj/$$(deps)/%.o: $$(deps)/%.c | $$(deps)/libfdt/.pin $$(deps)/lwip/.pin
	@mkdir -p $$(@D)
	$$(call say,CC)$(2) $$(filter-out -Werror,$$($(1)_flags)) $$(relaxed) $$($(1)_incs) -c $$< -o $$@

$$(out)/$(1)/obj/%.o: %.c Makefile mk/00-flags.mk mk/30-host.mk | $$(generated) $$(deps)/libfdt/.pin $$(deps)/lwip/.pin
	@mkdir -p $$(@D)
	$$(call say,CC)$(2) $$($(1)_flags) $$($(1)_incs) $$($$(basename $$(notdir $$*))_incs) -c $$< -o $$@

-include $$(shell find $$(out)/$(1)/obj -name '*.d' 2>/dev/null)
endef

# $(call host_program,FLAVOUR,COMPILER,FLAGS,SOURCE): one program of one source, its NAME_srcs, the library and the fake.
define host_program
$(out)/$(1)/bin/$(basename $(notdir $(4))): $$(call objects,$$(out)/$(1),$(4) $$($(basename $(notdir $(4)))_srcs)) \
                                            $$(out)/$(1)/libfake.a $$(out)/$(1)/libvirtio.a
	@mkdir -p $$(@D)
	$$(call say,LD)$(2) $(3) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$($(basename $(notdir $(4)))_libs) -o $$@
endef

sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all
fuzz_sanitize := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

unit_srcs := $(sort $(wildcard tests/unit/*_test.c))
qtest_srcs := $(sort $(wildcard tests/qtest/*_test.c))
fuzz_srcs := $(sort $(wildcard tests/fuzz/*_fuzz.c))

$(eval $(call host_flavour,host,$(HOSTCC),$(sanitize)))
$(eval $(call host_flavour,fuzz,$(CLANG),-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all))
$(foreach s,$(unit_srcs) $(qtest_srcs),$(eval $(call host_program,host,$(HOSTCC),$(sanitize),$(s))))
$(foreach s,$(fuzz_srcs),$(eval $(call host_program,fuzz,$(CLANG),$(fuzz_sanitize),$(s))))

names = $(basename $(notdir $(1)))
.PHONY: unit qtest fuzz
## make unit        build/host/bin/*_test from tests/unit, with address and undefined-behaviour sanitizers
unit: $(addprefix $(out)/host/bin/,$(call names,$(unit_srcs)))
## make qtest       build/host/bin/*_test from tests/qtest: the library against QEMU's own devices
qtest: $(addprefix $(out)/host/bin/,$(call names,$(qtest_srcs)))
## make fuzz        build/fuzz/bin/*_fuzz (clang's libFuzzer)
fuzz: $(addprefix $(out)/fuzz/bin/,$(call names,$(fuzz_srcs)))
