/* The kernel's parsers for fuzzers: see fuzz.h. */
#include "kernel/arch/host/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/arch/host/host.h"
#include "kernel/core/bootargs.h"
#include "kernel/core/check.h"
#include "kernel/fdt/devices.h"
#include "kernel/fdt/platform.h"
#include "kernel/shell/editor.h"
#include "kernel/shell/parse.h"

enum {
    HEAP_BYTES = 1 << 20,
};

static void
discard(const char *text, size_t bytes)
{
    (void)text;
    (void)bytes;
}

static void
cut_line(const char *line)
{
    static struct shell_words words;

    do {
        if (shell_parse(&line, &words) != 0) {
            CHECK(*line == '\0');
            return;
        }
        CHECK(words.count <= SHELL_ARG_COUNT_MAX && words.words[words.count] == NULL);
        for (int i = 0; i < words.count; i++) {
            CHECK(words.words[i] >= words.text && words.words[i] < words.text + sizeof(words.text));
            CHECK(strlen(words.words[i]) < sizeof(words.text));
        }
    } while (*line != '\0');
}

void
fuzz_shell(const uint8_t *data, size_t bytes)
{
    static struct editor editor;

    editor_init(&editor, "> ", discard);
    editor_begin(&editor);
    for (size_t i = 0; i < bytes; i++) {
        const char *line = editor_input(&editor, (char)data[i]);

        CHECK(editor.cursor <= editor.length && editor.length < sizeof(editor.line));
        if (line != NULL) {
            cut_line(line);
            editor_begin(&editor);
        }
    }
}

void
fuzz_fdt(const uint8_t *data, size_t bytes)
{
    struct dt_memory memory;
    struct dt_chosen chosen;
    struct dt_cursor node;
    struct dt_device *device;
    void *blob = aligned_alloc(8, (bytes + 8) & ~(size_t)7);

    if (blob == NULL) {
        return;
    }
    memcpy(blob, data, bytes);
    if (dt_validate(blob, bytes) == 0) {
        host_memory_init(HEAP_BYTES);
        (void)dt_read_memory(blob, &memory);
        dt_read_chosen(blob, &chosen);
        if (chosen.stdout_path != NULL) {
            (void)dt_find(&node, blob, chosen.stdout_path);
        }
        (void)dt_devices_init(blob);
        for (uint32_t i = 0; (device = dt_device_at(i)) != NULL; i++) {
            uint32_t hz;
            struct dt_irq irq;

            (void)dt_clock_hz(&device->node, 0, &hz);
            (void)dt_irq_mapped(&device->node, 0x800, 1, &irq);
        }
        (void)dt_model(blob);
    }
    free(blob);
}

void
fuzz_bootargs(const uint8_t *data, size_t bytes)
{
    struct bootargs args;
    char *line = malloc(bytes + 1);

    if (line == NULL) {
        return;
    }
    memcpy(line, data, bytes);
    line[bytes] = '\0';
    bootargs_parse(line, &args);
    CHECK(args.exec == NULL || (args.exec >= line && args.exec <= line + bytes));
    free(line);
}
