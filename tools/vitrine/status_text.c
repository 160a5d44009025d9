/*
 * status_text.c - whatever a front answered, for people: an object is a section, a list of objects a table with a column per
 * member, the rest a line.  So what a newer front adds is shown too.
 */
#include <stdio.h>
#include <string.h>

#include "tools/vitrine/device_commands.h"
#include "tools/vitrine/grid.h"

enum { DEPTH_MAX = 8, NAME_WIDTH = 20, LINE_BYTES = 512 };

static void
value_text(const cJSON *value, char *text, unsigned size_bytes)
{
    if (cJSON_IsString(value)) {
        safe_text(value->valuestring, text, size_bytes);
    } else if (cJSON_IsNumber(value)) {
        (void)snprintf(text, size_bytes, "%.15g", value->valuedouble);
    } else if (cJSON_IsBool(value)) {
        (void)snprintf(text, size_bytes, "%s", cJSON_IsTrue(value) ? "yes" : "no");
    } else {
        (void)snprintf(text, size_bytes, "%s", cJSON_IsNull(value) || value == NULL ? "-" : "...");
    }
}

/* is_packed → packed, used_idx → used idx */
static void
name_text(const char *name, char text[GRID_CELL_BYTES])
{
    const char *from = strncmp(name, "is_", 3) == 0 ? name + 3 : name;
    safe_text(from, text, GRID_CELL_BYTES);
    for (char *at = text; *at != '\0'; at++) {
        if (*at == '_') {
            *at = ' ';
        }
    }
}

/* The members of the first row are the columns. */
static void
print_table(const cJSON *rows, int indent)
{
    static struct grid grid;
    const cJSON *first = cJSON_GetArrayItem(rows, 0);
    const cJSON *row = NULL;
    const cJSON *member = NULL;
    char text[GRID_CELL_BYTES];
    unsigned column = 0;
    grid = (struct grid){ 0 };
    grid_row(&grid);
    cJSON_ArrayForEach(member, first)
    {
        name_text(member->string, text);
        grid_set(&grid, column++, "%s", text);
    }
    cJSON_ArrayForEach(row, rows)
    {
        grid_row(&grid);
        column = 0;
        cJSON_ArrayForEach(member, first)
        {
            value_text(cJSON_GetObjectItem(row, member->string), text, sizeof(text));
            grid_set(&grid, column++, "%s", text);
        }
    }
    grid_print(&grid, indent);
}

static void
print_line(const char *name, const char *text, int indent)
{
    char heading[GRID_CELL_BYTES];
    name_text(name, heading);
    int blank_count = NAME_WIDTH - indent - (int)strlen(heading);
    if (text[0] == '\0') {
        (void)printf("%*s%s:\n", indent, "", heading);
        return;
    }
    (void)printf("%*s%s:%*s%s\n", indent, "", heading, blank_count > 1 ? blank_count : 1, "", text);
}

static void
print_list(const cJSON *list, const char *name, int indent)
{
    char line[LINE_BYTES] = "";
    size_t used = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        char text[GRID_CELL_BYTES];
        value_text(item, text, sizeof(text));
        int length = snprintf(line + used, sizeof(line) - used, "%s%s", used > 0 ? ", " : "", text);
        used += length > 0 ? (size_t)length : 0;
        used = used < sizeof(line) ? used : sizeof(line) - 1;
    }
    print_line(name, line, indent);
}

void
status_print_members(const cJSON *object, int indent)
{
    const cJSON *member = NULL;
    char text[LINE_BYTES];
    cJSON_ArrayForEach(member, object)
    {
        if (cJSON_IsArray(member) && cJSON_IsObject(cJSON_GetArrayItem(member, 0))) {
            print_line(member->string, "", indent);
            print_table(member, indent + 2);
        } else if (cJSON_IsArray(member)) {
            print_list(member, member->string, indent);
        } else if (cJSON_IsObject(member) && indent < 2 * DEPTH_MAX) {
            print_line(member->string, "", indent);
            status_print_members(member, indent + 2);
        } else {
            value_text(member, text, sizeof(text));
            print_line(member->string, text, indent);
        }
    }
}
