# The driver library and the kernel for AArch64.

-include virtio/sources.mk
-include kernel/sources.mk

a64 := $(out)/aarch64
a64_cc := $(CROSS_AARCH64)gcc
a64_nostdinc := -nostdinc -isystem $(shell $(a64_cc) -print-file-name=include 2>/dev/null)
a64_flags := $(common_cflags) $(a64_nostdinc) -ffreestanding -nostdlib -mgeneral-regs-only -mstrict-align -mno-outline-atomics -fpie -fvisibility=hidden \
             -fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-omit-frame-pointer -ffunction-sections -fdata-sections
a64_kernel_incs := $(includes) -Ikernel/arch/aarch64/include $(kernel_incs) \
                   -isystem $(deps)/libfdt/libfdt -isystem $(deps)/lwip/src/include

libfdt_srcs := $(addprefix $(deps)/libfdt/libfdt/,$(kernel_libfdt_srcs))
lwip_srcs := $(addprefix $(deps)/lwip/src/,$(kernel_lwip_srcs))

a64_virtio_objs := $(call objects,$(a64),$(virtio_srcs) $(virtio_venus_srcs))
$(a64_virtio_objs): | $(vvk_commands)
a64_kernel_objs := $(call objects,$(a64),$(kernel_srcs) $(kernel_aarch64_srcs) $(gen)/font_8x16.c $(gen)/vk_shaders.c)
a64_deps_objs := $(call objects,$(a64),$(libfdt_srcs) $(lwip_srcs))

.PHONY: kernel lib
## make kernel      build/aarch64/Image and build/aarch64/vitrine.elf
kernel: $(a64)/Image
## make lib         build/aarch64/libvirtio.a, the freestanding driver library
lib: $(a64)/libvirtio.a

$(a64)/libvirtio.a: $(a64_virtio_objs)
	@mkdir -p $(@D)
	$(call say,AR)$(call archive,$(CROSS_AARCH64)ar)

kernel_ld := kernel/arch/aarch64/kernel.ld
a64_link = $(a64_cc) -nostdlib -static-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
           -Wl,--no-warn-rwx-segments -Wl,--gc-sections -Wl,--fatal-warnings $(kernel_ldflags) -T $(kernel_ld)

# Linked twice: the first link tells the functions' addresses, the second adds them as a table for backtraces.
$(a64)/first.elf: $(a64_kernel_objs) $(a64_deps_objs) $(a64)/libvirtio.a $(kernel_ld)
	$(call say,LD)$(a64_link) -o $@ $(a64_kernel_objs) $(a64_deps_objs) $(a64)/libvirtio.a -lgcc

$(a64)/symbols.S: $(a64)/first.elf tools/gen/symbols.py
	$(call say,GEN)$(PYTHON) tools/gen/symbols.py $(CROSS_AARCH64)nm $< $@

$(a64)/vitrine.elf: $(a64)/first.elf $(a64)/symbols.S
	$(call say,LD)$(a64_link) -Wl,-Map=$@.map -o $@ $(a64_kernel_objs) $(a64_deps_objs) $(a64)/symbols.S \
	    $(a64)/libvirtio.a -lgcc

$(a64)/Image: $(a64)/vitrine.elf
	$(call say,IMAGE)$(CROSS_AARCH64)objcopy -O binary $< $@

# Each program of Vulkan's has its own copies of what puts structs on the wire.
$(call objects,$(a64),$(vvk_programs)): a64_flags += $(if $(filter strict,$(PRESET)),-Os)

# In the debug preset nothing is optimised for size.
a64_small := $(if $(filter strict,$(PRESET)),-Os)
$(call objects,$(a64),$(virtio_hot_srcs)): a64_small :=
$(a64)/obj/virtio/%.o: virtio/%.c Makefile mk/00-flags.mk mk/20-aarch64.mk virtio/sources.mk
	@mkdir -p $(@D)
	$(call say,CC)$(a64_cc) $(a64_flags) $(a64_small) $(includes) -c $< -o $@

$(a64)/obj/$(deps)/%.o: $(deps)/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(a64_cc) $(filter-out -Werror,$(a64_flags)) $(relaxed) $(a64_kernel_incs) -c $< -o $@

$(a64)/obj/%.o: %.c Makefile mk/00-flags.mk mk/20-aarch64.mk
	@mkdir -p $(@D)
	$(call say,CC)$(a64_cc) $(a64_flags) $(a64_kernel_incs) -c $< -o $@

$(a64)/obj/%.o: %.S Makefile mk/00-flags.mk mk/20-aarch64.mk
	@mkdir -p $(@D)
	$(call say,CC)$(a64_cc) $(a64_flags) $(a64_kernel_incs) -D__ASSEMBLER__ -c $< -o $@

# The kernel's sources may include fetched headers and generated ones: these come first.
$(a64_kernel_objs): | $(deps)/libfdt/.pin $(deps)/lwip/.pin $(generated)
$(a64_deps_objs): | $(deps)/libfdt/.pin $(deps)/lwip/.pin
$(libfdt_srcs): | $(deps)/libfdt/.pin ;
$(lwip_srcs): | $(deps)/lwip/.pin ;

-include $(wildcard $(patsubst %.o,%.d,$(a64_virtio_objs) $(a64_kernel_objs) $(a64_deps_objs)))
