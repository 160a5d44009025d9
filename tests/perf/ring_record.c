/*
 * Reads a record, and finds in it what a player looks for.
 */
#include "tests/perf/ring_record.h"

#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/perf/ring_vtest.h"

#define MAGIC              0x31534e56U
#define HEAD_BYTES         16U
#define KIND_MEMORY        1U
#define COMMAND_HEAD_BYTES 8U
#define ID_BYTES           8U

#define EXECUTE_STREAMS    180U
#define STREAMS_OFFSET     20U /* the first stream's description */
#define STREAM_BYTES       20U
#define STREAM_SIZE_OFFSET 12U

/* Of the ring and its seqnos; the last is on a ring itself. */
static const uint32_t left_out[] = { EXECUTE_STREAMS, 188, 189, 190, 191, 251, 253, 252 };

struct reader {
    const uint8_t *bytes;
    size_t size_bytes;
    size_t at;
    uint64_t stream_bytes; /* of a stream in shared memory, still to come */
};

static struct reader
map_file(const char *path)
{
    struct reader reader = { .at = sizeof(uint32_t) };
    struct stat about = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint32_t magic = 0;

    if (fd < 0 || fstat(fd, &about) != 0 || about.st_size < (off_t)sizeof(magic)) {
        ring_fail("%s cannot be read, or is empty", path);
    }
    reader.size_bytes = (size_t)about.st_size;
    reader.bytes = mmap(NULL, reader.size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (reader.bytes == MAP_FAILED) {
        ring_fail("%s cannot be mapped", path);
    }
    (void)close(fd);
    memcpy(&magic, reader.bytes, sizeof(magic));
    if (magic != MAGIC) {
        ring_fail("%s begins with 0x%08x, a record with 0x%08x", path, magic, MAGIC);
    }
    return reader;
}

/* A command, or what memory holds. */
struct piece {
    uint64_t id; /* the ring's or the memory's */
    uint32_t size_bytes;
    uint32_t kind;
    const uint8_t *bytes;
};

/* False behind the last. */
static bool
next(struct reader *reader, struct piece *piece)
{
    if (reader->size_bytes - reader->at < HEAD_BYTES) {
        return false;
    }
    memcpy(piece, reader->bytes + reader->at, HEAD_BYTES);
    piece->bytes = reader->bytes + reader->at + HEAD_BYTES;
    if (piece->size_bytes < COMMAND_HEAD_BYTES ||
        piece->size_bytes > reader->size_bytes - reader->at - HEAD_BYTES) {
        ring_fail("the record is cut at byte %zu", reader->at);
    }
    reader->at += HEAD_BYTES + piece->size_bytes;
    return true;
}

static struct ring_recorded
command_of(struct reader *reader, const struct piece *piece)
{
    struct ring_recorded c = {
        .bytes = piece->bytes,
        .size_bytes = piece->size_bytes,
        .is_in_stream = reader->stream_bytes > 0,
    };

    c.id = ring_recorded_u32(&c, 0);
    reader->stream_bytes -= c.is_in_stream ? c.size_bytes : 0;
    return c;
}

static bool
is_left_out(const struct ring_recorded *c)
{
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        if (left_out[i] == c->id) {
            return true;
        }
    }
    return false;
}

/* How many bytes of commands the client had run from shared memory by this one. */
static uint64_t
streams_bytes(const struct ring_recorded *c)
{
    uint64_t sum_bytes = 0;
    uint32_t count = ring_recorded_u32(c, COMMAND_HEAD_BYTES);

    for (uint32_t i = 0; i < count; i++) {
        sum_bytes += ring_recorded_u64(c, STREAMS_OFFSET + i * STREAM_BYTES + STREAM_SIZE_OFFSET);
    }
    return sum_bytes;
}

static void
add(struct ring_record *r, const struct ring_recorded *c, size_t *room)
{
    if (r->count == *room) {
        *room = *room == 0 ? 4096 : *room * 2;
        r->commands = reallocarray(r->commands, *room, sizeof(*r->commands));
        if (r->commands == NULL) {
            ring_fail("no memory for %zu commands", *room);
        }
    }
    r->commands[r->count++] = *c;
}

static void
add_memory(struct ring_record *r, const struct piece *piece)
{
    r->memories = reallocarray(r->memories, r->memory_count + 1, sizeof(*r->memories));
    if (r->memories == NULL) {
        ring_fail("no memory for %zu more", r->memory_count);
    }
    r->memories[r->memory_count++] =
        (struct ring_memory){ piece->id, piece->bytes, piece->size_bytes };
}

void
ring_record_read(struct ring_record *r, const char *path)
{
    struct reader reader = map_file(path);
    struct piece piece = { 0 };
    size_t room = 0;

    *r = (struct ring_record){ 0 };
    while (next(&reader, &piece)) {
        struct ring_recorded c = { 0 };

        if (piece.kind == KIND_MEMORY) {
            add_memory(r, &piece);
            continue;
        }
        c = command_of(&reader, &piece);
        if (c.id == EXECUTE_STREAMS) {
            reader.stream_bytes = streams_bytes(&c);
        } else if (!is_left_out(&c)) {
            add(r, &c, &room);
        }
    }
}

static void
copy_out(const struct ring_recorded *c, uint32_t offset, void *value, uint32_t size_bytes)
{
    if (offset > c->size_bytes || size_bytes > c->size_bytes - offset) {
        ring_fail("command %u of %u bytes is expected to have byte %u", c->id, c->size_bytes,
                  offset + size_bytes);
    }
    memcpy(value, c->bytes + offset, size_bytes);
}

uint32_t
ring_recorded_u32(const struct ring_recorded *c, uint32_t offset)
{
    uint32_t value = 0;

    copy_out(c, offset, &value, sizeof(value));
    return value;
}

uint64_t
ring_recorded_u64(const struct ring_recorded *c, uint32_t offset)
{
    uint64_t value = 0;

    copy_out(c, offset, &value, sizeof(value));
    return value;
}

struct search {
    enum ring_command_id from;
    enum ring_command_id to;
    uint32_t destroyed_offset;
};

/* The period that ends at or after `at`; false behind the last. */
static bool
find_period(const struct ring_record *r, const struct search *s, size_t at, struct ring_period *p)
{
    bool is_open = false;

    for (size_t i = at; i < r->count; i++) {
        const struct ring_recorded *c = &r->commands[i];

        if (c->id == s->from) {
            p->from_idx = i;
            is_open = true;
        } else if (c->id == s->to && is_open) {
            const struct ring_recorded *from = &r->commands[p->from_idx];

            p->to_idx = i;
            is_open = false;
            if (ring_recorded_u64(from, from->size_bytes - ID_BYTES) ==
                ring_recorded_u64(c, s->destroyed_offset)) {
                return true;
            }
        }
    }
    return false;
}

struct ring_period
ring_record_period(const struct ring_record *r, enum ring_command_id from, enum ring_command_id to,
                   uint32_t destroyed_offset)
{
    const struct search s = { from, to, destroyed_offset };
    struct ring_period p = { 0 };
    size_t count = 0;

    for (size_t at = 0; find_period(r, &s, at, &p); at = p.to_idx + 1) {
        count++;
    }
    if (count < 3) {
        ring_fail("the record has %zu pairs of the commands %u and %u; expected is a loop", count,
                  from, to);
    }
    (void)find_period(r, &s, 0, &p);
    for (size_t i = 0; i < count / 2; i++) {
        (void)find_period(r, &s, p.to_idx + 1, &p);
    }
    return p;
}

/* The last command `id` before end_idx that names the object, or any when it is 0; end_idx: there is none. */
static size_t
find_named(const struct ring_record *r, size_t end_idx, enum ring_command_id id, uint32_t offset,
           uint64_t object)
{
    for (size_t i = end_idx; i-- > 0;) {
        const struct ring_recorded *c = &r->commands[i];

        if (c->id == id && (object == 0 || ring_recorded_u64(c, offset) == object)) {
            return i;
        }
    }
    return end_idx;
}

struct ring_period
ring_record_cycle(const struct ring_record *r, enum ring_command_id id, uint32_t named_offset)
{
    size_t last = find_named(r, r->count, id, named_offset, 0);
    size_t from = last;

    if (last < r->count) {
        from = find_named(r, last, id, named_offset,
                          ring_recorded_u64(&r->commands[last], named_offset));
    }
    if (from == last) {
        ring_fail("the record has no two commands %u of the same object", id);
    }
    return (struct ring_period){ from, last - 1 };
}

uint32_t
ring_record_count(const struct ring_record *r, const struct ring_period *p, enum ring_command_id id)
{
    uint32_t count = 0;

    for (size_t i = p->from_idx; i <= p->to_idx; i++) {
        count += r->commands[i].id == id;
    }
    return count;
}

const struct ring_memory *
ring_record_memory(const struct ring_record *r, uint64_t id)
{
    for (size_t i = 0; i < r->memory_count; i++) {
        if (r->memories[i].id == id) {
            return &r->memories[i];
        }
    }
    return NULL;
}
