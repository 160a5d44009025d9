# What the vitrine command knows, without its command line.
vitrine_trace_test_srcs := tools/vitrine/gpu_names.c tools/vitrine/join.c tools/vitrine/join_side.c tools/vitrine/rings.c tools/vitrine/rings_guest.c tools/vitrine/rings_renderer.c \
    tools/vitrine/trace_file.c tools/vitrine/venus_names.c
vitrine_doctor_test_srcs := tools/vitrine/doctor_judge.c tools/vitrine/doctor_judge_device.c tools/vitrine/gpu_names.c
