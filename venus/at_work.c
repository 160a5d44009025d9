/*
 * What was being executed when the process crashed.  All of this may run in a signal handler, in the middle of anything:
 * plain loads and stores, no library calls.
 */
#include "venus/context.h"
#include "venus/exec.h"
#include "venus/ring.h"
#include "venus/table.h"

struct line {
    char *text;
    size_t length;
    size_t size_bytes;
};

static void
put_char(struct line *line, char c)
{
    if (line->length + 1 < line->size_bytes) {
        line->text[line->length++] = c;
        line->text[line->length] = '\0';
    }
}

static void
put(struct line *line, const char *text)
{
    for (; *text; text++) {
        put_char(line, *text);
    }
}

static void
put_number(struct line *line, uint64_t number, unsigned base)
{
    if (number >= base) {
        put_number(line, number / base, base);
    }
    put_char(line, "0123456789abcdef"[number % base]);
}

static void
put_exec(struct line *line, const struct vn_exec *exec)
{
    uint32_t idx = exec->command_idx;
    if (idx >= vn_command_count) { /* nothing at work */
        return;
    }
    if (line->length > 0) {
        put(line, ", ");
    }
    put(line, vn_commands[idx].name);
    put(line, " at byte ");
    put_number(line, exec->stream_offset + (uint64_t)(exec->command_at - exec->stream_at), 10);
    if (exec->ring) {
        put(line, " in ring 0x");
        put_number(line, exec->ring->id, 16);
    } else {
        put(line, " in the context's own stream");
    }
}

size_t
venus_at_work(const struct venus *venus, char *text, size_t size_bytes)
{
    struct line line = { text, 0, size_bytes };
    text[0] = '\0';
    put_exec(&line, &venus->exec);
    for (const struct vn_ring *ring = venus->rings.first; ring; ring = ring->next) {
        put_exec(&line, &ring->exec);
    }
    return line.length;
}
