# Memory, pools, queues and timelines of the renderer library, over a fake Vulkan.
venus_memory_test_srcs := $(venus_srcs)
venus_memory_test_libs := -ldl -lpthread
venus_timeline_test_srcs := $(venus_srcs)
venus_timeline_test_libs := -ldl -lpthread
venus_told_test_srcs := $(venus_srcs)
venus_told_test_libs := -ldl -lpthread

# The ledger alone.
venus_ledger_test_srcs := venus/ledger.c venus/text.c
