# Programs that measure: the host's flavour without sanitizers.

bench_srcs := $(sort $(wildcard tests/qtest/*_bench.c))

$(eval $(call host_flavour,bench,$(HOSTCC),))
$(foreach s,$(bench_srcs),$(eval $(call host_program,bench,$(HOSTCC),,$(s))))

.PHONY: qtest-bench
## make qtest-bench build/bench/bin/*_bench from tests/qtest: what QEMU's own devices can do, without a guest
qtest-bench: $(addprefix $(out)/bench/bin/,$(call names,$(bench_srcs)))
