# vitrine-view: windows and VNC, each only where its library's headers are; what is missing is said in one line.

view_has = $(wildcard $(addsuffix /include/$(1),/usr /usr/local))
view_window := $(if $(call view_has,SDL2/SDL.h),sdl,none)
view_vnc := $(if $(call view_has,rfb/rfb.h),server,none)
view_srcs := tools/view/main.c tools/view/viewer.c tools/view/input.c tools/view/keys.c tools/view/canvas.c tools/view/window_$(view_window).c \
             tools/view/vnc_$(view_vnc).c device/options.c device/packet.c device/view/picture.c
view_libs := $(if $(filter sdl,$(view_window)),-lSDL2) $(if $(filter server,$(view_vnc)),-lvncserver)
view_missing := $(if $(filter none,$(view_window)),libsdl2-dev) $(if $(filter none,$(view_vnc)),libvncserver-dev)

$(out)/bin/vitrine-view $(out)/fake/vitrine-view: $(call objects,$(out)/device,$(view_srcs))
	@mkdir -p $(@D)
	$(if $(strip $(view_missing)),@echo 'make: vitrine-view without all its ways to show: apt-get install $(strip $(view_missing))' >&2)
	$(call say,LD)$(HOSTCC) $(device_ldflags) $^ $(view_libs) -o $@

programs: $(out)/bin/vitrine-view
fake-programs: $(out)/fake/vitrine-view

# For tests: a device without a guest, the viewer beside it, and a VNC client.  Sanitizers are on.
view_rig_srcs := tests/view/gpu_fake.c device/beside.c device/listen.c device/loop.c device/packet.c $(device_view_srcs)
$(eval $(call host_program,host,$(HOSTCC),$(sanitize),tests/view/view_rig.c))
$(out)/host/bin/vitrine-view: $(call objects,$(out)/host,$(view_srcs))
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) $(sanitize) $^ $(view_libs) -o $@
$(out)/host/bin/vnc_shot: tests/view/vnc_shot.c
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) $(filter-out -MMD -MP,$(common_cflags)) -D_GNU_SOURCE $< -lvncclient -o $@
.PHONY: view-tests
view-tests: $(addprefix $(out)/host/bin/,view_rig vitrine-view $(if $(filter server,$(view_vnc)),vnc_shot)) $(out)/fake/vitrine
