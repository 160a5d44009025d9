# Programs that measure: the host's flavour without sanitizers.

bench_srcs := $(sort $(wildcard tests/qtest/*_bench.c))

$(eval $(call host_flavour,bench,$(HOSTCC),))
$(foreach s,$(bench_srcs),$(eval $(call host_program,bench,$(HOSTCC),,$(s))))

.PHONY: qtest-bench
## make qtest-bench build/bench/bin/*_bench from tests/qtest: what QEMU's own devices can do, without a guest
qtest-bench: $(addprefix $(out)/bench/bin/,$(call names,$(bench_srcs)))

# The renderer's decoder, as it is in the library.
venus_bench := $(patsubst tests/perf/%.c,$(out)/bench/bin/%,$(wildcard tests/perf/venus_*_bench.c))
.PHONY: venus-bench
## make venus-bench build/bench/bin/venus_*_bench: what decoding costs
venus-bench: $(venus_bench)
$(venus_bench): $(out)/bench/bin/%: tests/perf/%.c $(out)/lib/libvenus.a
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) $(common_cflags) -D_GNU_SOURCE -O2 $(venus_incs) $< $(out)/lib/libvenus.a -pthread -ldl -o $@
