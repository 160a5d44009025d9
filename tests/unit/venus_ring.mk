# Rings and resources of the renderer library, under toy commands.
venus_ring_parts := venus/ring.c venus/rings.c venus/monitor.c venus/resource.c venus/on_transport.c venus/os_linux.c \
                    venus/habit.c venus/ledger.c venus/record.c venus/shared.c venus/text.c venus/cs.c
venus_resource_test_srcs := $(venus_ring_parts)
venus_ring_test_srcs := $(venus_ring_parts)

venus_habit_test_srcs := venus/habit.c
