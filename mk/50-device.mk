# Programs around the renderer: the vitrine command, its server, its renderer processes.

-include device/sources.mk

device_cflags := $(common_cflags) -D_GNU_SOURCE -fPIE -fstack-protector-strong
device_libs := -lseccomp -ldl
device_ldflags := -pie -Wl,-z,relro,-z,now -pthread
programs := $(addprefix $(out)/bin/,vitrine vitrine-gpu vitrine-render)

.PHONY: programs
## make programs    build/bin/vitrine, vitrine-gpu, vitrine-render and vitrine-view
programs: $(programs)

# Said once and plainly, before the compiler would say it in fifty lines.  $(1) = package, $(2) = header
define need_header
$(out)/device/has-$(1):
	@mkdir -p $$(@D)
	@echo '#include <$(2)>' | $(HOSTCC) -E - >$$@.i 2>&1 || \
	    { echo 'make: $(2) is missing: apt-get install $(1) (./test installs all that is missing)' >&2; exit 1; }
	@mv $$@.i $$@
endef
$(eval $(call need_header,libseccomp-dev,seccomp.h))
$(eval $(call need_header,libpng-dev,png.h))
$(eval $(call need_header,libcjson-dev,cjson/cJSON.h))
$(out)/device/obj/device/sandbox_calls.o: | $(out)/device/has-libseccomp-dev
$(call objects,$(out)/device,$(wildcard tools/vitrine/*.c)): | $(out)/device/has-libpng-dev $(out)/device/has-libcjson-dev

$(out)/device/obj/%.o: %.c Makefile mk/00-flags.mk mk/50-device.mk
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(device_cflags) -pthread $(includes) -c $< -o $@

$(out)/bin/vitrine $(out)/fake/vitrine: device_libs := -ldl -lpng -lcjson
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
# A driver for the real ones that crashes.
$(out)/fake/crashing_driver.so: tests/fake/crashing_driver.c
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) $(filter-out -MMD -MP,$(common_cflags)) -D_GNU_SOURCE -fPIC -shared $< -o $@
.PHONY: fake-programs
fake-programs: $(fake_programs) $(out)/fake/crashing_driver.so
