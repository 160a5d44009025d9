/* Counters by name: see metrics.h. */
#include "kernel/core/metrics.h"

#include <stdarg.h>

#include "kernel/core/format.h"

static struct metrics_source *first_source;

void
metrics_register(struct metrics_source *source)
{
    struct metrics_source **link = &first_source;

    while (*link != NULL) {
        link = &(*link)->next;
    }
    source->next = NULL;
    *link = source;
}

void
metrics_emit(struct metrics_reader *reader, uint64_t value, const char *name_format, ...)
{
    char name[64];
    va_list args;

    va_start(args, name_format);
    format_text_va(name, sizeof(name), name_format, args);
    va_end(args);
    reader->value(reader, name, value);
}

void
metrics_read(struct metrics_reader *reader)
{
    for (struct metrics_source *source = first_source; source != NULL; source = source->next) {
        source->emit(reader);
    }
}
