/*
 * A client's own stream, over a host that believes nothing (tests/fake/vulkan_strict.h): commands that are well-formed but senseless,
 * some with bytes changed; a host that fails now and then, and memory that is short from some moment on.  Whatever comes, the
 * host sees only what Vulkan allows as far as the renderer can know it, and everything is destroyed once, at the latest with
 * the context.
 *
 *    byte 0      bits: 1 the host fails, 2 memory is short, 4 a trace is made, 8 few objects are allowed, 16 numbers are wild
 *    bytes 1-2   memory: allocations until it is short
 *    bytes 3-6   the host's seed
 *    then        u16 which command, u32 its contents' seed, u8 how many bytes of it to change (3 bits) and how many others follow
 *                (5 bits), and for each byte u16 where, u8 what
 */
#include <stdatomic.h>
#include <stdio.h>

#include "tests/fake/vulkan_strict.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/short_memory.h"
#include "tests/fuzz/venus_author.h"

enum { HOST_FAILS = 1, MEMORY_SHORT = 2, TRACED = 4, FEW_OBJECTS = 8, WILD = 16 };

#define ROUNDS_MAX    100
#define DESTROY_ODDS  16
#define FEW           40
#define WILD_ODDS     24
#define MEMORY_BYTES  ((uint64_t)64 << 20)
#define COMMAND_BYTES ((uint64_t)8 << 20)
#define RING_COUNT    4

static void
on_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    (void)user;
    (void)ring_idx;
    (void)fence_id;
}

static void
on_trace(void *user, const char *line)
{
    (void)user;
    fuzz_expect(strlen(line) > 0);
    if (getenv("VENUS_FUZZ_WHY")) {
        (void)fprintf(stderr, "%.200s\n", line);
    }
}

/* What ends most is rare, so that something lives long enough to be used. */
static const struct vn_command *
choose_command(struct author *author, uint32_t index)
{
    const struct vn_command *command = &vn_commands[index % vn_command_count];
    bool ends_much = strcmp(command->name, "vkDestroyInstance") == 0 ||
                     strcmp(command->name, "vkDestroyDevice") == 0;
    return !command->on || (ends_much && author_roll(author, DESTROY_ODDS)) ? NULL : command;
}

/* Returns: false when the context is dead. */
static bool
submit(struct author *author, int64_t *allocations)
{
    atomic_store(&allocations_left, *allocations);
    bool is_alive = author_submit(author) == VENUS_OK;
    *allocations = atomic_exchange(&allocations_left, -1);
    return is_alive;
}

static bool
run_some(struct author *author, struct fuzz_input *in, int64_t *allocations)
{
    const struct vn_command *command = choose_command(author, fuzz_u16(in));
    author->state = fuzz_u32(in);
    uint8_t counts = fuzz_u8(in);
    bool is_alive = true;
    if (command && author_write(author, command)) {
        for (uint8_t i = 0; i < counts % 8; i++) {
            size_t at = fuzz_u16(in);
            author->stream[at % author->out.at] = fuzz_u8(in);
        }
        is_alive = submit(author, allocations);
    }
    for (uint8_t i = 0; i < counts / 8 && is_alive; i++) {
        command = choose_command(author, author_roll(author, vn_command_count));
        if (command && author_write(author, command)) {
            is_alive = submit(author, allocations);
        }
    }
    return is_alive;
}

static void
run(struct venus *venus, uint8_t flags, uint16_t short_from, struct fuzz_input *in)
{
    struct author *author = author_create(venus, 1);
    int64_t allocations = flags & MEMORY_SHORT ? short_from : -1;
    if (author_begin(author) == VENUS_OK) {
        author->wild_odds = flags & WILD ? WILD_ODDS : 0;
        for (int i = 0; i < ROUNDS_MAX && in->left > 0 && run_some(author, in, &allocations); i++) {
        }
    }
    author_destroy(author);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t flags = fuzz_u8(&in);
    uint16_t short_from = fuzz_u16(&in);
    uint32_t host_seed = fuzz_u32(&in);
    struct venus_config config = {
        .name = "fuzz",
        .vulkan_library = VULKAN_STRICT_LIBRARY,
        .limits = {.memory_bytes = MEMORY_BYTES,
                   .command_bytes = COMMAND_BYTES,
                   .object_count = flags & FEW_OBJECTS ? FEW : 0,
                   .ring_count = RING_COUNT},
        .on_fence = on_fence,
        .on_trace = (flags & TRACED) || getenv("VENUS_FUZZ_WHY") ? on_trace : NULL,
    };
    struct venus *venus = NULL;
    vulkan_strict_reset(flags & HOST_FAILS ? host_seed : 0);
    fuzz_expect(venus_create(&config, &venus) == VENUS_OK);
    run(venus, flags, short_from, &in);
    if (getenv("VENUS_FUZZ_WHY")) {
        (void)fprintf(stderr, "%s (%llu calls)\n", venus_why(venus) ? venus_why(venus) : "alive",
                      (unsigned long long)vulkan_strict_call_count());
    }
    venus_destroy(venus);
    if (vulkan_strict_fault() || vulkan_strict_live_count()) {
        (void)fprintf(stderr, "host: %s; %u handles left\n",
                      vulkan_strict_fault() ? vulkan_strict_fault() : "no fault",
                      vulkan_strict_live_count());
        abort();
    }
    return 0;
}
