# The fronts of the renderer, on a renderer that does nothing (tests/fake/venus_fake.c).
vtest_message_test_srcs := device/fault.c device/vtest_message.c
vtest_session_test_srcs := device/fault.c device/front.c device/quota.c device/stream.c device/vtest.c device/vtest_message.c device/vtest_sync.c
vtest_stream_test_srcs := device/stream.c
vtest_context_test_srcs := device/context.c device/fault.c device/front.c device/packet.c device/quota.c
vtest_options_test_srcs := device/beside.c device/drivers.c device/options.c device/report.c
$(foreach t,session stream context options,$(eval vtest_$(t)_test_libs := -lpthread))
# What a guest's processes share.
device_quota_test_srcs := device/quota.c
device_quota_test_libs := -lpthread
# The sandbox itself is tried, by forked processes.
vtest_sandbox_test_srcs := device/quota.c device/sandbox_calls.c device/sandbox_files.c
vtest_sandbox_test_libs := -lseccomp
