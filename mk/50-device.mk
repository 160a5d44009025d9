# Programs around the renderer: the vitrine command, its server, its renderer processes.

-include device/sources.mk

device_cflags := $(common_cflags) -D_GNU_SOURCE -fPIE -fstack-protector-strong
device_libs := -lseccomp -ldl
device_ldflags := -pie -Wl,-z,relro,-z,now -pthread
programs := $(addprefix $(out)/bin/,vitrine vitrine-gpu vitrine-render)

.PHONY: programs
## make programs    build/bin/vitrine, vitrine-gpu and vitrine-render
programs: $(programs)

# Said once and plainly, before the compiler would say it in fifty lines.
$(out)/device/has-seccomp:
	@mkdir -p $(@D)
	@echo '#include <seccomp.h>' | $(HOSTCC) -E - >$@.i 2>&1 || \
	    { echo 'make: seccomp.h is missing: apt-get install libseccomp-dev (./test installs all that is missing)' >&2; exit 1; }
	@mv $@.i $@
$(out)/device/obj/device/sandbox_calls.o: | $(out)/device/has-seccomp

$(out)/device/obj/%.o: %.c Makefile mk/00-flags.mk mk/50-device.mk
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(device_cflags) -pthread $(includes) -c $< -o $@

$(out)/bin/vitrine: $(call objects,$(out)/device,$(vitrine_srcs))
$(out)/bin/vitrine-gpu: $(call objects,$(out)/device,$(device_gpu_srcs)) $(out)/lib/libvenus.a
$(out)/bin/vitrine-render: $(call objects,$(out)/device,$(device_render_srcs)) $(out)/lib/libvenus.a
$(programs):
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) $(device_ldflags) $^ $(device_libs) -o $@

-include $(shell find $(out)/device/obj -name '*.d' 2>/dev/null)

# The same server and renderer on a venus that does nothing: for tests of the fronts and of their failures.
fake_programs := $(addprefix $(out)/fake/,vitrine vitrine-gpu vitrine-render)
$(out)/fake/vitrine: $(call objects,$(out)/device,$(vitrine_srcs))
$(out)/fake/vitrine-gpu: $(call objects,$(out)/device,$(device_gpu_srcs) tests/fake/venus_fake.c)
$(out)/fake/vitrine-render: $(call objects,$(out)/device,$(device_render_srcs) tests/fake/venus_fake.c)
$(fake_programs):
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) $(device_ldflags) $^ $(device_libs) -o $@
.PHONY: fake-programs
fake-programs: $(fake_programs)
