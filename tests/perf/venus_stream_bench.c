/*
 * A recorded stream of a real client (vitrine exec --record FILE), without a host:
 *
 *   venus_stream_bench check FILE   decodes each command and encodes it again: the bytes must be the same, but for padding
 *   venus_stream_bench time FILE    what decoding alone costs: ns per command, by kind, the dearest kind last
 *
 * device/record.h says what a record is; what it has of memory is passed over.
 */
#include <stdio.h>
#include <stdlib.h>

#include <time.h>

#include "venus/context.h"
#include "venus/wire.h"

#define MAGIC        0x31534e56u
#define HEAD_BYTES   16u
#define KIND_COMMAND 0u
#define ROUNDS       200
#define COMMANDS_MAX 512u

struct kind {
    const struct vn_command *command;
    uint64_t count;
    uint64_t bytes;
    uint64_t ns;
};

struct record {
    uint8_t *bytes;
    size_t size;
};

static struct record
read_record(const char *path)
{
    struct record record = { 0 };
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) {
        perror(path);
        exit(2);
    }
    record.size = (size_t)ftell(file);
    record.bytes = malloc(record.size + 1);
    rewind(file);
    uint32_t magic = 0;
    if (!record.bytes || fread(record.bytes, 1, record.size, file) != record.size ||
        record.size < 4) {
        (void)fprintf(stderr, "%s: cannot be read, or has no record\n", path);
        exit(2);
    }
    memcpy(&magic, record.bytes, 4);
    if (magic != MAGIC) {
        (void)fprintf(stderr, "%s: begins with 0x%08x, a record with 0x%08x\n", path, magic, MAGIC);
        exit(2);
    }
    (void)fclose(file);
    return record;
}

/* The next piece's bytes, or NULL behind the last. */
static const uint8_t *
next_piece(const struct record *record, size_t *at, uint32_t *size, uint32_t *kind)
{
    if (record->size - *at < HEAD_BYTES) {
        return NULL;
    }
    memcpy(size, record->bytes + *at + 8, 4);
    memcpy(kind, record->bytes + *at + 12, 4);
    const uint8_t *bytes = record->bytes + *at + HEAD_BYTES;
    if (*size < 8 || record->size - *at - HEAD_BYTES < *size) {
        (void)fprintf(stderr, "the record is cut at byte %zu\n", *at);
        exit(2);
    }
    *at += HEAD_BYTES + *size;
    return bytes;
}

/* The next command's bytes, or NULL behind the last. */
static const uint8_t *
next(const struct record *record, size_t *at, uint32_t *size)
{
    uint32_t kind = KIND_COMMAND;
    const uint8_t *bytes = next_piece(record, at, size, &kind);
    while (bytes && kind != KIND_COMMAND) {
        bytes = next_piece(record, at, size, &kind);
    }
    return bytes;
}

static const struct vn_command *
command_of(const uint8_t *bytes)
{
    uint32_t id;
    memcpy(&id, bytes, 4);
    if (id >= vn_command_id_count || !vn_command_by_id[id]) {
        (void)fprintf(stderr, "the record has a command %u\n", id);
        exit(2);
    }
    return &vn_commands[vn_command_by_id[id] - 1];
}

static void *
decode(struct vn_exec *exec, const struct vn_command *command, const uint8_t *bytes, uint32_t size)
{
    exec->in = (struct vn_reader){ .at = bytes + 8, .end = bytes + size };
    void *args = vn_arena_alloc(&exec->arena, vn_types[command->type].size_bytes);
    vn_decode_request(exec, &vn_types[command->type], args);
    if (exec->in.is_short || exec->has_failed || exec->in.at != exec->in.end) {
        (void)fprintf(stderr, "%s of %u bytes was not decoded to its end\n", command->name, size);
        exit(1);
    }
    return args;
}

/*
 * Clients do not clear what fills a string's last four bytes up; ours is 0 to the end of the four.
 * Returns: how many bytes from the first on are the same, or such padding.
 */
static uint32_t
same_bytes(const uint8_t *ours, const uint8_t *theirs, uint32_t size, uint64_t *padding_count)
{
    for (uint32_t i = 0; i < size; i++) {
        if (ours[i] == theirs[i]) {
            continue;
        }
        static const uint8_t zero[4];
        if (i % 4 == 0 || memcmp(ours + i, zero, 4 - i % 4) != 0) {
            return i;
        }
        *padding_count += 1;
    }
    return size;
}

static int
check(const struct record *record)
{
    uint64_t padding_count = 0;
    size_t at = 4;
    uint32_t size;
    uint64_t count = 0;
    uint8_t *copy = malloc(record->size);
    struct vn_exec exec;
    vn_exec_init(&exec, NULL, NULL);
    for (const uint8_t *bytes = next(record, &at, &size); bytes; bytes = next(record, &at, &size)) {
        const struct vn_command *command = command_of(bytes);
        uint32_t flags;
        memcpy(&flags, bytes + 4, 4);
        struct vn_writer out = { .base = copy, .size = record->size };
        vn_encode_request(&out, command, flags, decode(&exec, command, bytes, size));
        uint32_t same = same_bytes(copy, bytes, size, &padding_count);
        if (out.at != size || same != size) {
            (void)printf("%s: %u bytes became %zu others, from byte %u on\n", command->name, size,
                         out.at, same);
            return 1;
        }
        vn_arena_reset(&exec.arena);
        count++;
    }
    (void)printf(
        "%llu commands, %zu bytes: decoded and encoded again, all the same; of padding that "
        "the client did not clear: %llu\n",
        (unsigned long long)count, record->size, (unsigned long long)padding_count);
    vn_exec_finish(&exec);
    free(copy);
    return count ? 0 : 1;
}

static uint64_t
now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int
by_mean(const void *a, const void *b)
{
    const struct kind *one = a;
    const struct kind *two = b;
    double difference = (double)one->ns / (double)(one->count + !one->count) -
                        (double)two->ns / (double)(two->count + !two->count);
    return difference < 0 ? -1 : difference > 0;
}

static int
measure(const struct record *record)
{
    static struct kind kinds[COMMANDS_MAX];
    struct vn_exec exec;
    vn_exec_init(&exec, NULL, NULL);
    size_t at = 4;
    uint32_t size;
    uint64_t all_count = 0;
    uint64_t all_ns = 0;
    for (const uint8_t *bytes = next(record, &at, &size); bytes; bytes = next(record, &at, &size)) {
        const struct vn_command *command = command_of(bytes);
        uint64_t best = UINT64_MAX;
        for (int batch = 0; batch < 3; batch++) {
            uint64_t begin = now_ns();
            for (int round = 0; round < ROUNDS; round++) {
                decode(&exec, command, bytes, size);
                vn_arena_reset(&exec.arena);
            }
            uint64_t ns = (now_ns() - begin) / ROUNDS;
            best = ns < best ? ns : best;
        }
        struct kind *kind = &kinds[command - vn_commands];
        kind->command = command;
        kind->count++;
        kind->bytes += size;
        kind->ns += best;
        all_count++;
        all_ns += best;
    }
    qsort(kinds, COMMANDS_MAX, sizeof(*kinds), by_mean);
    for (uint32_t i = 0; i < COMMANDS_MAX; i++) {
        const struct kind *k = &kinds[i];
        if (k->count) {
            (void)printf("%-52s %8llu %8.1f ns %8.1f bytes\n", k->command->name,
                         (unsigned long long)k->count, (double)k->ns / (double)k->count,
                         (double)k->bytes / (double)k->count);
        }
    }
    (void)printf("all %llu commands, mean %.1f ns\n", (unsigned long long)all_count,
                 (double)all_ns / (double)(all_count + !all_count));
    vn_exec_finish(&exec);
    return all_count ? 0 : 1;
}

int
main(int argc, char **argv)
{
    if (argc != 3 || (strcmp(argv[1], "check") != 0 && strcmp(argv[1], "time") != 0)) {
        (void)fprintf(
            stderr,
            "usage: venus_stream_bench check|time FILE   (made by vitrine exec --record FILE)\n");
        return 2;
    }
    struct record record = read_record(argv[2]);
    int status = argv[1][0] == 'c' ? check(&record) : measure(&record);
    free(record.bytes);
    return status;
}
