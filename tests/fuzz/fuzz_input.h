/* The fuzzer's bytes, taken from the front; beyond their end all is zero. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

static inline void
fuzz_take(struct fuzz_input *in, void *to, size_t bytes)
{
    size_t part = bytes < in->left ? bytes : in->left;
    memset(to, 0, bytes);
    if (part > 0) {
        memcpy(to, in->data, part);
    }
    in->data += part;
    in->left -= part;
}

static inline uint8_t
fuzz_u8(struct fuzz_input *in)
{
    uint8_t value;
    fuzz_take(in, &value, 1);
    return value;
}

static inline uint16_t
fuzz_u16(struct fuzz_input *in)
{
    uint8_t bytes[2];
    fuzz_take(in, bytes, sizeof(bytes));
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t
fuzz_u32(struct fuzz_input *in)
{
    uint32_t low = fuzz_u16(in);
    return low | (uint32_t)fuzz_u16(in) << 16;
}

/* The library has broken a promise: libFuzzer keeps the input. */
static inline void
fuzz_expect(bool is_held)
{
    if (!is_held) {
        abort();
    }
}

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
