# How many bytes texels take.
venus_block_test_srcs := venus/block.c
