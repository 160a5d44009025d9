/*
 * A file of trace records by anybody, and two of them joined: refused with a reason or read; times in order, sums that add up.
 * Input: two bytes: where the first file ends, in records; then the files.  A wrong header is mended by half of the inputs.
 */
#include <stdalign.h>

#include "tests/fuzz/fuzz_input.h"
#include "tools/vitrine/join.h"

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
        records[i].event = le16_from((uint16_t)(le16_get(records[i].event) % 15U + 1));
        records[i].origin = side == TRACE_FILE_DEVICE ? TRACE_ORIGIN_DEVICE_SIDE : 4;
        records[i].queue &= 1;
        /* Few cookies and events of commands, else nothing would ever meet. */
        records[i].cookie = le32_from(le32_get(records[i].cookie) % 8);
        if (side == TRACE_FILE_DRIVER && le16_get(records[i].event) < 5) {
            records[i].event = le16_from((uint16_t)(le16_get(records[i].event) + 18U));
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct input_file inputs[2];
    struct fuzz_input in = { data, size };
    struct trace_file files[2];
    struct joined joined;
    char why[JOIN_WHY_BYTES] = "";
    bool is_mended = fuzz_u8(&in) % 2 == 0;
    size_t first_bytes = fuzz_u8(&in) * sizeof(struct trace_record) / 2;
    for (unsigned i = 0; i < 2; i++) {
        size_t left = i == 0 && first_bytes < in.left ? first_bytes : in.left;
        inputs[i].size_bytes = left < FILE_BYTES_MAX ? left : FILE_BYTES_MAX;
        fuzz_take(&in, inputs[i].bytes, inputs[i].size_bytes);
        if (is_mended) {
            mend(&inputs[i], i == 0 ? TRACE_FILE_DRIVER : TRACE_FILE_DEVICE);
        }
    }
    bool is_first = parse(&inputs[0], &files[0]);
    bool is_second = parse(&inputs[1], &files[1]);
    if (!is_first || !is_second) {
        return 0;
    }
    if (join_files(&files[0], &files[1], &joined, why)) {
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
