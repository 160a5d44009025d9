# What each fuzzer links besides the driver library and the fake device.

$(foreach f,shell fdt bootargs,$(eval $(f)_fuzz_srcs := $(kernel_host_srcs) $(libfdt_srcs)))
driver_fuzz_srcs := tests/fuzz/driver_bench.c
config_fuzz_srcs := tests/fuzz/driver_bench.c
http_fuzz_srcs := $(kernel_host_srcs) $(libfdt_srcs) kernel/net/http.c
venus_stream_fuzz_srcs := tests/fuzz/venus_author.c $(venus_srcs)
venus_stream_fuzz_libs := $(vulkan_strict_libs) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
venus_ring_fuzz_srcs := tests/fuzz/venus_author.c $(venus_srcs)
venus_ring_fuzz_libs := $(vulkan_strict_libs)
