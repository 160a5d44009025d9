# Vitrine's one makefile: out of tree (build/), no recursion.  `make help` tells what it can do.
#
# What to compile stands in small lists beside the code; this file only says how:
#   virtio/sources.mk      virtio_srcs           the freestanding driver library, embeddable elsewhere
#   kernel/sources.mk      kernel_srcs           the kernel's generic C
#                          kernel_aarch64_srcs   its AArch64 C and assembly (.S)
#                          kernel_incs           more include flags for the kernel (shims for lwIP and libfdt, ...)
#                          kernel_host_incs      the same for kernel sources in host tests (libc is there)
#                          kernel_libfdt_srcs    names within build/deps/libfdt/libfdt
#                          kernel_lwip_srcs      names within build/deps/lwip/src
#   tests/unit/sources.mk  NAME_srcs, NAME_incs  for tests/unit/NAME.c: what it links and includes besides the library
#   tests/fuzz/sources.mk, tests/qtest/sources.mk  the same for programs there
# Every kernel source sees -Ikernel/arch/ARCH/include, so that `#include <arch/x.h>` is varied by file, never by #if.

PRESET ?= strict
CROSS_AARCH64 ?= aarch64-linux-gnu-
HOSTCC ?= gcc
CLANG ?= clang
PYTHON ?= python3

build := build
ifeq ($(PRESET),strict)
  out := $(build)
  preset_flags := -O2 -g -Werror
else ifeq ($(PRESET),debug)
  out := $(build)/debug
  preset_flags := -Og -g3
else ifeq ($(PRESET),sanitized)
  out := $(build)/sanitized
  preset_flags := -O1 -g -fno-omit-frame-pointer
  override HOSTCC += -fsanitize=address,undefined -fno-sanitize-recover=all
else
  $(error PRESET=$(PRESET) is unknown; use PRESET=strict (the default: warnings are errors) PRESET=debug or PRESET=sanitized)
endif

deps := $(build)/deps
gen := $(build)/gen

all: kernel lib

include $(wildcard mk/*.mk)

.PHONY: all help clean
help:
	@sed -n 's/^## //p' Makefile mk/*.mk

## make             build the kernel and the driver library       (the same as `make all`)
## make V=1         show every command in full; PRESET=debug builds into build/debug, where warnings are no errors
## make -C examples/embed run    the library in a foreign tree, on bare QEMU
## make clean       remove everything built; fetched sources stay in build/deps
clean:
	rm -rf $(filter-out $(deps) $(build)/apt,$(wildcard $(build)/*))

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

# For scripts: the value of a variable, as in `make -s print-includes`.
print-%:
	@echo '$($*)'
