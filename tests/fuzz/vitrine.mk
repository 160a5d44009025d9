# What the vitrine command reads.
trace_file_fuzz_srcs := tools/vitrine/gpu_names.c tools/vitrine/join.c tools/vitrine/join_side.c tools/vitrine/rings.c tools/vitrine/rings_guest.c tools/vitrine/rings_renderer.c \
    tools/vitrine/trace_file.c tools/vitrine/venus_names.c
