# What each program of tests/qtest links besides the library: the rig.
qtest_rig := $(addprefix tests/qtest/,qemu.c qtest_platform.c rig.c screen.c)

$(foreach s,$(wildcard tests/qtest/*_test.c tests/qtest/*_bench.c),$(eval $(basename $(notdir $(s)))_srcs := $(qtest_rig)))
