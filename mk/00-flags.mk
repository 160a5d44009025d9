# Flags shared by everything that is compiled here.

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wvla -Wformat=2 -Wcast-qual -Wpointer-arith \
            -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wredundant-decls \
            -Wwrite-strings -Wimplicit-fallthrough -Wdouble-promotion

# The same bytes from every directory: no absolute paths, no times (see also `archive` and --build-id=none).
reproducible := -ffile-prefix-map=$(CURDIR)=.

common_cflags := -std=gnu17 $(preset_flags) $(warnings) $(reproducible) -fno-common -MMD -MP
includes := -I. -Ivirtio/include -Ivenus/include

# Fetched code is compiled as it is: its warnings are not ours to mend.
relaxed := -w

# An archive appears whole or not at all; D: no times, no owners.
archive = rm -f $@.$$$$ && $(1) rcsD $@.$$$$ $^ && mv $@.$$$$ $@

# Each command is shown as a short line; `make V=1` shows it in full.
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-5s %s\n' $(1) $@;)

# $(call objects,DIR,SOURCES): where the objects of SOURCES go
objects = $(addprefix $(1)/obj/,$(addsuffix .o,$(basename $(2))))

# Fetched sources: `tools/setup/fetch.py` checks their pins and is silent when all is there.
$(deps)/%/.pin: tools/setup/pins
	@$(PYTHON) tools/setup/fetch.py $(build) $*
	@touch -c $@
