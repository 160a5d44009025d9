/*
 * status_gpu.c - what gpu_status (device/gpu) said, for people: each section says what it is about.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <time.h>

#include "tools/vitrine/device_commands.h"
#include "tools/vitrine/grid.h"

enum { SENTENCE_BYTES = 512 };

static double
number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *
string(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
    return text != NULL ? text : "";
}

static bool
is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItem(object, name));
}

/* Moments are of CLOCK_MONOTONIC, which is one for all of a machine's processes. */
static double
seconds_since(double moment_ns)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - moment_ns / 1e9;
}

static void
headings(struct grid *grid, unsigned count, const char *const names[])
{
    *grid = (struct grid){ 0 };
    grid_row(grid);
    for (unsigned i = 0; i < count; i++) {
        grid_set(grid, i, "%s", names[i]);
    }
}
#define HEADINGS(grid, ...)                                                                        \
 headings((grid), sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *),                   \
          (const char *const[]){ __VA_ARGS__ })

/* --- sections --- */

static void
print_features(const char *what, double bits)
{
    static const char *const names[] = { "VIRGL", "EDID", "RESOURCE_UUID", "RESOURCE_BLOB",
                                         "CONTEXT_INIT" };
    bool has_one = false;
    (void)printf("%s", what);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bits >= 0 && bits < 0x1p53 && ((uint64_t)bits >> i & 1) != 0) {
            (void)printf(" %s", names[i]);
            has_one = true;
        }
    }
    (void)printf("%s\n", has_one ? "" : " none");
}

static void
print_summary(const cJSON *gpu)
{
    char used[GRID_CELL_BYTES];
    char most[GRID_CELL_BYTES];
    char pictures[GRID_CELL_BYTES];
    char blobs[GRID_CELL_BYTES];
    const char *whom = string(gpu, "waits_for");
    (void)puts("device: what it offers, and what this guest has of it");
    print_features("  features offered: ", number(gpu, "features"));
    print_features("  driver took:      ", number(gpu, "accepted"));
    bytes_text(number(gpu, "memory_bytes"), used);
    bytes_text(number(gpu, "memory_bytes_max"), most);
    bytes_text(number(gpu, "pictures_bytes"), pictures);
    bytes_text(number(gpu, "blob_bytes"), blobs);
    (void)printf("  memory:            %s of at most %s of this machine's, %s for 2D pictures and "
                 "the viewer\n",
                 used, most, pictures);
    (void)printf("  memory in blobs:   %s of at most %s\n", blobs, most);
    (void)printf("  resets by driver:  %.0f\n", number(gpu, "reset_count"));
    (void)printf("  commands open:     %.0f, whose fences have not passed\n",
                 number(gpu, "fence_count"));
    if (whom[0] != '\0') {
        char safe[SENTENCE_BYTES];
        safe_text(whom, safe, sizeof(safe));
        (void)printf("  waits for:         %s\n", safe);
    }
}

static void
set_display(struct grid *grid, const cJSON *display)
{
    if (is_true(display, "is_enabled")) {
        grid_set(grid, 1, "%.0fx%.0f", number(display, "width_px"), number(display, "height_px"));
    } else {
        grid_set(grid, 1, "nothing");
    }
}

static void
print_scanouts(const cJSON *scanouts)
{
    static struct grid grid;
    const cJSON *row = NULL;
    HEADINGS(&grid, "scanout", "plugged in", "shows", "flushed", "cursor");
    cJSON_ArrayForEach(row, scanouts)
    {
        const cJSON *cursor = cJSON_GetObjectItem(row, "cursor");
        grid_row(&grid);
        grid_set(&grid, 0, "%.0f", number(row, "index"));
        set_display(&grid, cJSON_GetObjectItem(row, "display"));
        if (number(row, "resource_id") == 0) {
            grid_set(&grid, 2, "nothing: the guest has set no resource");
            continue;
        }
        grid_set(&grid, 2, "%.0fx%.0f at (%.0f,%.0f) of resource %.0f", number(row, "width_px"),
                 number(row, "height_px"), number(row, "x"), number(row, "y"),
                 number(row, "resource_id"));
        if (number(row, "flush_count") == 0) {
            grid_set(&grid, 3, "never: it stays as it was");
        } else {
            grid_set(&grid, 3, "%.0f times, %.1f s ago", number(row, "flush_count"),
                     seconds_since(number(row, "flush_ns")));
        }
        if (is_true(cursor, "is_shown")) {
            grid_set(&grid, 4, "at (%.0f,%.0f)", number(cursor, "x"), number(cursor, "y"));
        }
    }
    (void)puts("\ndisplays: what is plugged in, and what the guest shows there");
    grid_print(&grid, 2);
}

static void
print_resources(const cJSON *resources)
{
    static struct grid grid;
    const cJSON *row = NULL;
    char bytes[GRID_CELL_BYTES];
    HEADINGS(&grid, "id", "kind", "size", "memory", "guest pages", "contexts", "");
    cJSON_ArrayForEach(row, resources)
    {
        grid_row(&grid);
        grid_set(&grid, 0, "%.0f", number(row, "id"));
        grid_set(&grid, 1, "%s", string(row, "kind"));
        if (number(row, "width_px") != 0) {
            grid_set(&grid, 2, "%.0fx%.0f", number(row, "width_px"), number(row, "height_px"));
        }
        bytes_text(number(row, "bytes"), bytes);
        grid_set(&grid, 3, "%s", bytes);
        bytes_text(number(row, "backing_bytes"), bytes);
        grid_set(&grid, 4, "%s", bytes);
        grid_set(&grid, 5, "%.0f", number(row, "contexts"));
        grid_set(&grid, 6, "%s", is_true(row, "is_mapped") ? "mapped in the guest" : "");
    }
    (void)printf("\nresources: pictures and buffers that the guest has made: %d\n",
                 cJSON_GetArraySize(resources));
    if (cJSON_GetArraySize(resources) > 0) {
        grid_print(&grid, 2);
    }
}

static void
print_contexts(const cJSON *contexts)
{
    static struct grid grid;
    const cJSON *row = NULL;
    char bytes[GRID_CELL_BYTES];
    HEADINGS(&grid, "id", "program", "streams", "bytes", "fences open", "");
    cJSON_ArrayForEach(row, contexts)
    {
        grid_row(&grid);
        grid_set(&grid, 0, "%.0f", number(row, "id"));
        grid_set(&grid, 1, "%s", string(row, "name"));
        grid_set(&grid, 2, "%.0f", number(row, "submit_count"));
        bytes_text(number(row, "submit_bytes"), bytes);
        grid_set(&grid, 3, "%s", bytes);
        grid_set(&grid, 4, "%.0f", number(row, "fence_count"));
        grid_set(&grid, 5, "%s%s", is_true(row, "is_dead") ? "dead: " : "", string(row, "why"));
    }
    (void)printf("\ncontexts: Vulkan programs in the guest, a renderer process each: %d\n",
                 cJSON_GetArraySize(contexts));
    if (cJSON_GetArraySize(contexts) > 0) {
        grid_print(&grid, 2);
    }
}

static void
print_queues(const cJSON *queues)
{
    static struct grid grid;
    const cJSON *row = NULL;
    HEADINGS(&grid, "queue", "ring", "taken", "given back", "commands", "errors", "");
    cJSON_ArrayForEach(row, queues)
    {
        bool is_running = is_true(row, "is_running");
        const char *fault = string(row, "fault");
        grid_row(&grid);
        grid_set(&grid, 0, "%s", number(row, "index") == 0 ? "controlq" : "cursorq");
        grid_set(&grid, 1, "%s, %.0f", is_true(row, "is_packed") ? "packed" : "split",
                 number(row, "size"));
        grid_set(&grid, 2, "%.0f", number(row, "pop_count"));
        grid_set(&grid, 3, "%.0f", number(row, "push_count"));
        grid_set(&grid, 4, "%.0f", number(row, "command_count"));
        grid_set(&grid, 5, "%.0f", number(row, "error_count"));
        if (!is_running) {
            grid_set(&grid, 1, "stopped: the driver has not started it");
        }
        grid_set(&grid, 6, "%s%s", fault[0] != '\0' ? "broken: " : "", fault);
    }
    (void)puts("\nqueues: buffers that the device took from the driver and gave back");
    grid_print(&grid, 2);
}

static void
print_problems(const cJSON *gpu)
{
    const cJSON *row = NULL;
    double count = number(gpu, "problem_count");
    (void)printf("\nproblems: what was asked that cannot be: %s", count == 0 ? "none\n" : "");
    if (count != 0) {
        (void)printf("%.0f, the last of them\n", count);
    }
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(gpu, "problems"))
    {
        char safe[SENTENCE_BYTES];
        const char *text = cJSON_GetStringValue(row);
        safe_text(text != NULL ? text : "", safe, sizeof(safe));
        (void)printf("  %s\n", safe);
    }
}

void
status_print(const cJSON *status)
{
    const cJSON *gpu = cJSON_GetObjectItem(status, "gpu");
    const cJSON *front = cJSON_GetObjectItem(status, "front");
    if (cJSON_GetArraySize(front) > 0) {
        (void)puts("front-end: the virtual machine's side, and what was agreed with it");
        status_print_members(front, 2);
        (void)putchar('\n');
    }
    print_summary(gpu);
    print_scanouts(cJSON_GetObjectItem(gpu, "scanouts"));
    print_resources(cJSON_GetObjectItem(gpu, "resources"));
    print_contexts(cJSON_GetObjectItem(gpu, "contexts"));
    print_queues(cJSON_GetObjectItem(gpu, "queues"));
    print_problems(gpu);
}
