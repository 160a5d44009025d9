# Generated files, never committed.

$(gen):
	@mkdir -p $@

$(gen)/font_8x16.c: tools/gen/psf2c.py $(deps)/font/.pin | $(gen)
	$(call say,GEN)$(PYTHON) tools/gen/psf2c.py $(deps)/font/Lat15-Terminus16.psf $@ $(@:.c=.h)
$(gen)/font_8x16.h: $(gen)/font_8x16.c ;

generated := $(gen)/font_8x16.c $(gen)/font_8x16.h
includes += -I$(gen)
