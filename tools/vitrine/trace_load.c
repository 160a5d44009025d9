#include "tools/vitrine/trace_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 30, FIRST_BYTES = 1 << 16 };

static bool
make_room(struct trace_bytes *bytes, size_t *room)
{
    size_t more = *room == 0 ? FIRST_BYTES : 2 * *room;
    void *bigger = more > FILE_BYTES_MAX ? NULL : realloc(bytes->data, more);
    if (bigger == NULL) {
        errno = EFBIG;
        return false;
    }
    bytes->data = bigger;
    *room = more;
    return true;
}

/* Returns: false and errno. */
static bool
read_all(FILE *from, struct trace_bytes *bytes)
{
    size_t room = 0;
    for (;;) {
        if (bytes->size_bytes == room && !make_room(bytes, &room)) {
            return false;
        }
        size_t got =
            fread((char *)bytes->data + bytes->size_bytes, 1, room - bytes->size_bytes, from);
        bytes->size_bytes += got;
        if (got == 0) {
            return ferror(from) == 0;
        }
    }
}

enum trace_loaded
trace_load(const char *path, struct trace_bytes *bytes, struct trace_file *file, char *why,
           size_t why_bytes)
{
    char what[TRACE_FILE_WHY_BYTES];
    *bytes = (struct trace_bytes){ 0 };
    FILE *from = fopen(path, "rbe");
    bool is_read = from != NULL && read_all(from, bytes);
    int error = errno;
    if (from != NULL) {
        (void)fclose(from);
    }
    if (!is_read) {
        (void)snprintf(why, why_bytes, "cannot read %s: %s", path, strerror(error));
        return TRACE_NO_FILE;
    }
    if (!trace_file_parse(bytes->data, bytes->size_bytes, file, what)) {
        (void)snprintf(why, why_bytes, "%s: %s", path, what);
        return TRACE_DAMAGED;
    }
    return TRACE_LOADED;
}

void
trace_unload(struct trace_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct trace_bytes){ 0 };
}
