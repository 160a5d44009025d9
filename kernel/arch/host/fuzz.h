/*
 * What the fuzzers call: the kernel's parsers of text and blobs that come from outside, each as one function.
 */
#ifndef KERNEL_ARCH_HOST_FUZZ_H
#define KERNEL_ARCH_HOST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Type the bytes into the line editor, and cut each finished line into words. */
void fuzz_shell(const uint8_t *data, size_t bytes);

/* Take the bytes for a device tree: validate, and where valid read everything that the kernel reads at boot. */
void fuzz_fdt(const uint8_t *data, size_t bytes);

/* Take the bytes for the boot arguments. */
void fuzz_bootargs(const uint8_t *data, size_t bytes);

#endif
