/*
 * A file of trace records by anybody, and two of them joined: refused with a reason or read; times in order, sums that add up.
 * Input: a byte: bit 0: headers as they are, else mended; bit 1: the second file is a renderer's, not the device's; a byte: where the
 * first file ends, in half records; then the files.
 */
#include <stdalign.h>

#include "tests/fuzz/fuzz_input.h"
#include "tools/vitrine/rings.h"

enum { FILE_BYTES_MAX = 4096 };

struct input_file {
    alignas(8) uint8_t bytes[FILE_BYTES_MAX];
    size_t size_bytes;
};

static void
mend(struct input_file *file, enum trace_file_side side)
{
    const struct trace_file_header header = { .magic = TRACE_FILE_MAGIC_BYTES,
                                              .version = le16_from(TRACE_FILE_VERSION),
                                              .side = (uint8_t)side,
                                              .record_bytes = le32_from(32),
                                              .ticks_per_second = le64_from(1000000000) };
    if (file->size_bytes < sizeof(header)) {
        return;
    }
    memcpy(file->bytes, &header, sizeof(header));
    file->size_bytes -= file->size_bytes % sizeof(struct trace_record);
    struct trace_record *records = (void *)(file->bytes + sizeof(header));
    for (size_t i = 0; i + 1 < file->size_bytes / sizeof(header); i++) {
        unsigned events = side == TRACE_FILE_RENDERER ? 11U : 15U;
        records[i].event = le16_from((uint16_t)(le16_get(records[i].event) % events + 1));
        records[i].origin = side == TRACE_FILE_DRIVER ? 4 : TRACE_ORIGIN_DEVICE_SIDE;
        records[i].queue &= 1;
        /* Few cookies and events of commands, else nothing would ever meet. */
        records[i].cookie = le32_from(le32_get(records[i].cookie) % 8);
        if (side == TRACE_FILE_DRIVER && le16_get(records[i].event) < 5) {
            records[i].event = le16_from((uint16_t)(le16_get(records[i].event) + 18U));
        } else if (side == TRACE_FILE_DRIVER && le16_get(records[i].event) > 12) {
            records[i].event = le16_from((uint16_t)(le16_get(records[i].event) + 29U)); /* VENUS_ */
        }
    }
}

static bool
parse(const struct input_file *input, struct trace_file *file)
{
    char why[TRACE_FILE_WHY_BYTES] = "";
    bool is_good = trace_file_parse(input->bytes, input->size_bytes, file, why);
    fuzz_expect(is_good || strncmp(why, "byte ", 5) == 0);
    for (size_t i = 0; is_good && i < file->record_count; i++) {
        fuzz_expect(trace_event_name(file->side, le16_get(file->records[i].event)) != NULL);
    }
    return is_good;
}

static void
expect_order(const struct joined_command *command)
{
    uint64_t stage_ns[STAGE_COUNT];
    uint64_t first_ns = UINT64_MAX;
    uint64_t last_ns = 0;
    for (unsigned mark = 0; mark < MARK_COUNT; mark++) {
        if ((command->marks & 1U << mark) != 0) {
            first_ns = first_ns == UINT64_MAX ? command->time_ns[mark] : first_ns;
            fuzz_expect(command->time_ns[mark] >= last_ns);
            last_ns = command->time_ns[mark];
        }
    }
    fuzz_expect(join_stages(command, stage_ns) ==
                (first_ns == UINT64_MAX ? 0 : last_ns - first_ns));
}

/* The sum is of times in order, so it fits between the first and the last. */
static void
join_rings(const struct trace_file *guest, const struct trace_file *renderer)
{
    struct rings rings;
    char why[JOIN_WHY_BYTES] = "";
    const struct rings_files files = { guest, NULL, renderer, 1 };
    if (!rings_join(&files, &rings, why)) {
        fuzz_expect(why[0] != '\0');
        return;
    }
    fuzz_expect(rings.joined_count <= rings.command_count);
    rings_to_guest_clock(&rings, rings_bounds(&rings).least);
    for (size_t i = 0; i < rings.command_count; i++) {
        uint64_t stage_ns[RING_STAGE_COUNT];
        uint64_t sum_ns = 0;
        uint64_t total_ns = rings_stages(&rings.commands[i], stage_ns);
        for (unsigned stage = 0; stage < RING_STAGE_COUNT; stage++) {
            sum_ns += stage_ns[stage];
        }
        fuzz_expect(sum_ns == total_ns);
        fuzz_expect(venus_command_name(rings.commands[i].id) != NULL);
    }
    rings_finish(&rings);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct input_file inputs[2];
    struct fuzz_input in = { data, size };
    struct trace_file files[2];
    struct joined joined;
    char why[JOIN_WHY_BYTES] = "";
    uint8_t kind = fuzz_u8(&in);
    bool is_mended = kind % 2 == 0;
    enum trace_file_side second = (kind & 2) != 0 ? TRACE_FILE_RENDERER : TRACE_FILE_DEVICE;
    size_t first_bytes = fuzz_u8(&in) * sizeof(struct trace_record) / 2;
    for (unsigned i = 0; i < 2; i++) {
        size_t left = i == 0 && first_bytes < in.left ? first_bytes : in.left;
        inputs[i].size_bytes = left < FILE_BYTES_MAX ? left : FILE_BYTES_MAX;
        fuzz_take(&in, inputs[i].bytes, inputs[i].size_bytes);
        if (is_mended) {
            mend(&inputs[i], i == 0 ? TRACE_FILE_DRIVER : second);
        }
    }
    bool is_first = parse(&inputs[0], &files[0]);
    bool is_second = parse(&inputs[1], &files[1]);
    if (!is_first || !is_second) {
        return 0;
    }
    if (files[1].side == TRACE_FILE_RENDERER) {
        join_rings(&files[0], &files[1]);
        return 0;
    }
    if (join_files(&files[0], &files[1], NULL, &joined, why)) {
        fuzz_expect(joined.command_count > 0);
        for (size_t i = 0; i < joined.command_count; i++) {
            expect_order(&joined.commands[i]);
        }
        join_finish(&joined);
    } else {
        fuzz_expect(why[0] != '\0');
    }
    return 0;
}
