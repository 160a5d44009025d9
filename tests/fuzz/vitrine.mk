# What the vitrine command reads.
trace_file_fuzz_srcs := tools/vitrine/gpu_names.c tools/vitrine/join.c tools/vitrine/join_side.c tools/vitrine/trace_file.c
