/*
 * status_text.c - a device's status for people.
 *
 * Walks whatever the device answered: an object is a section, a list of objects a table with a column per member, the rest
 * a line.  So what a newer device adds is shown too; what is known here is explained.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/vitrine/device_commands.h"

enum { CELL_BYTES = 96, COLUMN_COUNT_MAX = 16, DEPTH_MAX = 8, NAME_WIDTH = 22 };

static const struct {
    const char *name;
    const char *meaning;
} meanings[] = {
    {"front",      "who carries the device into the machine, and what was agreed with the guest" },
    { "gpu",       "the device itself"                                                           },
    { "scanouts",  "displays: what is plugged in, and what the guest shows (resource 0: nothing)"},
    { "resources", "pictures and buffers that the guest has made"                                },
    { "contexts",  "Vulkan programs in the guest: a renderer process each"                       },
    { "memory",    "what the guest holds of this machine's memory"                               },
    { "queues",    "virtqueues: what the driver offered, and how far the device is"              },
    { "problems",  "what was asked that cannot be, the last ones"                                },
    { "fences",    "commands whose work the renderers have not finished"                         },
    { "limits",    "the most that this guest may have"                                           },
};

static const char *
meaning_of(const char *name)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (strcmp(meanings[i].name, name) == 0) {
            return meanings[i].meaning;
        }
    }
    return "";
}

static bool
ends_with(const char *name, const char *end)
{
    size_t length = strlen(name);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* --- cells --- */

static void
format_bytes(double bytes, char cell[CELL_BYTES])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    unsigned unit = 0;
    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(cell, CELL_BYTES, "%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
}

static void
format_number(const char *name, double number, char cell[CELL_BYTES])
{
    if (ends_with(name, "_bytes")) {
        format_bytes(number, cell);
    } else if (ends_with(name, "_ns")) {
        (void)snprintf(cell, CELL_BYTES, "%.3f s", number / 1e9);
    } else {
        (void)snprintf(cell, CELL_BYTES, "%.15g", number);
    }
}

/* Text may be a guest's: what a terminal would obey is a '?'. */
static void
format_text(const char *text, char *to, size_t size_bytes)
{
    (void)snprintf(to, size_bytes, "%s", text);
    for (char *at = to; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || (unsigned char)*at == 0x7f) {
            *at = '?';
        }
    }
}

static void
format_value(const cJSON *value, const char *name, char cell[CELL_BYTES])
{
    if (cJSON_IsString(value)) {
        format_text(value->valuestring, cell, CELL_BYTES);
    } else if (cJSON_IsNumber(value)) {
        format_number(name, value->valuedouble, cell);
    } else if (cJSON_IsBool(value)) {
        (void)snprintf(cell, CELL_BYTES, "%s", cJSON_IsTrue(value) ? "yes" : "no");
    } else {
        (void)snprintf(cell, CELL_BYTES, "%s", cJSON_IsNull(value) || value == NULL ? "-" : "...");
    }
}

/* A member's name as a heading: its unit stands in the values. */
static void
format_name(const char *name, char cell[CELL_BYTES])
{
    static const char *const units[] = { "_bytes", "_ns", "_px", "_count" };
    (void)snprintf(cell, CELL_BYTES, "%s", name);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ends_with(cell, units[i])) {
            cell[strlen(cell) - strlen(units[i])] = '\0';
        }
    }
    for (char *at = cell; *at != '\0'; at++) {
        if (*at == '_') {
            *at = ' ';
        }
    }
}

/* --- tables --- */

struct table {
    unsigned column_count;
    const char *names[COLUMN_COUNT_MAX];
    int widths[COLUMN_COUNT_MAX];
};

static void
add_column(struct table *table, const char *name)
{
    char heading[CELL_BYTES];
    for (unsigned i = 0; i < table->column_count; i++) {
        if (strcmp(table->names[i], name) == 0) {
            return;
        }
    }
    if (table->column_count < COLUMN_COUNT_MAX) {
        format_name(name, heading);
        table->names[table->column_count] = name;
        table->widths[table->column_count++] = (int)strlen(heading);
    }
}

static void
measure(struct table *table, const cJSON *rows)
{
    const cJSON *row = NULL;
    const cJSON *member = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        cJSON_ArrayForEach(member, row)
        {
            add_column(table, member->string);
        }
    }
    cJSON_ArrayForEach(row, rows)
    {
        for (unsigned i = 0; i < table->column_count; i++) {
            char cell[CELL_BYTES];
            format_value(cJSON_GetObjectItem(row, table->names[i]), table->names[i], cell);
            int width = (int)strlen(cell);
            table->widths[i] = width > table->widths[i] ? width : table->widths[i];
        }
    }
}

/* The last of a row has no blanks behind it. */
static void
print_cell(const struct table *table, unsigned column, const char *cell)
{
    bool is_last = column + 1 == table->column_count;
    (void)printf("%-*s%s", is_last ? 0 : table->widths[column], cell, is_last ? "\n" : "  ");
}

static void
print_table(const cJSON *rows, int indent)
{
    struct table table = { 0 };
    const cJSON *row = NULL;
    char cell[CELL_BYTES];
    measure(&table, rows);
    (void)printf("%*s", indent, "");
    for (unsigned i = 0; i < table.column_count; i++) {
        format_name(table.names[i], cell);
        print_cell(&table, i, cell);
    }
    cJSON_ArrayForEach(row, rows)
    {
        (void)printf("%*s", indent, "");
        for (unsigned i = 0; i < table.column_count; i++) {
            format_value(cJSON_GetObjectItem(row, table.names[i]), table.names[i], cell);
            print_cell(&table, i, cell);
        }
    }
}

/* --- sections --- */

static void print_members(const cJSON *object, int indent);

static void
print_line(const cJSON *value, const char *name, int indent)
{
    char heading[CELL_BYTES];
    char cell[CELL_BYTES];
    format_name(name, heading);
    format_value(value, name, cell);
    (void)printf("%*s%-*s %s\n", indent, "", NAME_WIDTH - indent, heading, cell);
}

/* Words of a list in one line; sentences each in their own. */
static void
print_list(const cJSON *list, int indent)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsString(item)) {
            char cell[CELL_BYTES * 4];
            format_text(item->valuestring, cell, sizeof(cell));
            (void)printf("%*s%s\n", indent, "", cell);
        } else {
            print_line(item, "", indent);
        }
    }
}

static void
print_section(const cJSON *member, int indent)
{
    char heading[CELL_BYTES];
    const char *meaning = meaning_of(member->string);
    bool is_empty = cJSON_GetArraySize(member) == 0;
    format_name(member->string, heading);
    (void)printf("%*s%-*s %s%s\n", indent, "", NAME_WIDTH - indent, heading,
                 is_empty ? "none" : meaning, is_empty && cJSON_IsObject(member) ? " said" : "");
    if (cJSON_IsObject(member)) {
        print_members(member, indent + 2);
    } else if (cJSON_IsObject(cJSON_GetArrayItem(member, 0))) {
        print_table(member, indent + 2);
    } else {
        print_list(member, indent + 2);
    }
}

static void
print_members(const cJSON *object, int indent)
{
    const cJSON *member = NULL;
    if (indent / 2 > DEPTH_MAX) {
        return;
    }
    cJSON_ArrayForEach(member, object)
    {
        if (cJSON_IsObject(member) || cJSON_IsArray(member)) {
            print_section(member, indent);
        } else if (indent > 0 || strcmp(member->string, "ok") != 0) {
            print_line(member, member->string, indent);
        }
    }
}

void
status_print(const cJSON *status)
{
    print_members(status, 0);
}
