# What each program of tests/qtest links besides the library: the rig, and for the GPU what stands on it.
qtest_rig := $(addprefix tests/qtest/,qemu.c qtest_pci.c qtest_platform.c rig.c screen.c)
qtest_gpu := $(addprefix tests/qtest/,gpu_rig.c gpu_wire.c our_gpu.c viewer.c)

$(foreach s,$(wildcard tests/qtest/*_test.c),$(eval $(basename $(notdir $(s)))_srcs := $(qtest_rig)))
$(foreach s,$(wildcard tests/qtest/gpu_*_test.c tests/qtest/gpu_*_bench.c),\
    $(eval $(basename $(notdir $(s)))_srcs := $(qtest_rig) $(qtest_gpu)))
