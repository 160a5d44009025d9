/*
 * doctor_screen.c - QEMU's consoles, dumped one after the other: is there a picture, one colour, or QEMU's own text?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "tools/vitrine/doctor_evidence.h"
#include "tools/vitrine/qmp.h"

/*
 * What QEMU draws where the guest shows nothing: one line of text in the middle, 8x16 pixels a character, in two colours.
 * The text and the size differ by version and by head.
 */
enum {
    TEXT_HEIGHT_PX = 16,
    NEVER_WIDTH_PX = 640, /* where nothing was ever shown; afterwards it has the size of what was */
    NEVER_HEIGHT_PX = 480,
    OFF_CENTRE_PX_MAX = 32,
    CURSOR_PX_MAX =
        8 * 16, /* so many pixels of another colour are no picture: a console's cursor */
    SIDE_PX_MAX = 16384,
    DIRECTORY_BYTES = 64,
    HEAD_WORD_BYTES = 8,
};

struct look {
    FILE *file;
    uint32_t width_px;
    uint32_t height_px;
    size_t
        gap_bytes; /* QEMU 7.2 ends each row at a multiple of 4 bytes, which the format does not have */
    bool is_one_colour;
    bool is_in_middle_only; /* all that differs from the first pixel, and of one more colour */
    uint32_t text_top_px;
    uint32_t left_px; /* of what differs */
    uint32_t right_px;
    uint32_t other_count;
    uint32_t first;
    uint32_t second;
};

static uint32_t
colour_at(const uint8_t *pixel)
{
    return (uint32_t)pixel[0] << 16 | (uint32_t)pixel[1] << 8 | pixel[2];
}

static void
look_at_row(struct look *look, const uint8_t *row, uint32_t y)
{
    for (uint32_t x = 0; x < look->width_px; x++) {
        uint32_t colour = colour_at(row + (size_t)3 * x);
        if (x == 0 && y == 0) {
            look->first = colour;
            look->second = colour;
        }
        if (colour == look->first) {
            continue;
        }
        look->second = look->is_one_colour ? colour : look->second;
        look->is_one_colour = false;
        look->other_count++;
        look->is_in_middle_only &= colour == look->second && y >= look->text_top_px &&
                                   y < look->text_top_px + TEXT_HEIGHT_PX;
        look->left_px = x < look->left_px ? x : look->left_px;
        look->right_px = x > look->right_px ? x : look->right_px;
    }
}

static bool
look_at_rows(struct look *look)
{
    size_t row_bytes = (size_t)3 * look->width_px + look->gap_bytes;
    uint8_t *row = malloc(row_bytes);
    bool is_whole = row != NULL;
    look->is_one_colour = true;
    look->is_in_middle_only = look->height_px >= TEXT_HEIGHT_PX;
    look->text_top_px = (look->height_px / TEXT_HEIGHT_PX - 1) / 2 * TEXT_HEIGHT_PX;
    look->left_px = look->width_px;
    for (uint32_t y = 0; is_whole && y < look->height_px; y++) {
        is_whole = fread(row, 1, row_bytes, look->file) == row_bytes;
        if (is_whole) {
            look_at_row(look, row, y);
        }
    }
    free(row);
    return is_whole;
}

/* The next word of the file's head, without the one character behind it; "" at its end, or where it is too long. */
static void
next_word(FILE *file, char word[HEAD_WORD_BYTES])
{
    size_t length = 0;
    int c = fgetc(file);
    while (c != EOF && c > ' ' && length < HEAD_WORD_BYTES - 1) {
        word[length++] = (char)c;
        c = fgetc(file);
    }
    word[c == EOF || c > ' ' ? 0 : length] = '\0';
}

static uint32_t
next_side(FILE *file)
{
    char word[HEAD_WORD_BYTES];
    next_word(file, word);
    unsigned long side_px = strtoul(word, NULL, 10);
    return side_px <= SIDE_PX_MAX ? (uint32_t)side_px : 0;
}

/* "P6\n1280 800\n255\n", then three bytes a pixel. */
static bool
look_at_file(struct look *look)
{
    struct stat about;
    char word[HEAD_WORD_BYTES];
    next_word(look->file, word);
    bool is_picture = strcmp(word, "P6") == 0;
    look->width_px = next_side(look->file);
    look->height_px = next_side(look->file);
    next_word(look->file, word);
    if (!is_picture || look->width_px == 0 || look->height_px == 0 || strcmp(word, "255") != 0 ||
        fstat(fileno(look->file), &about) != 0) {
        return false;
    }
    long head_bytes = ftell(look->file);
    uint64_t pixel_bytes = (uint64_t)about.st_size - (uint64_t)head_bytes;
    uint64_t row_bytes = (uint64_t)3 * look->width_px;
    uint64_t padded_bytes = (row_bytes + 3) / 4 * 4;
    if (head_bytes > 0 && pixel_bytes == padded_bytes * look->height_px) {
        look->gap_bytes = (size_t)(padded_bytes - row_bytes);
    }
    return look_at_rows(look);
}

static void
look_at_picture(const char *path, struct doctor_screen *screen)
{
    struct look look = { .file = fopen(path, "rbe") };
    if (look.file == NULL) {
        return;
    }
    screen->is_seen = look_at_file(&look);
    screen->width_px = look.width_px;
    screen->height_px = look.height_px;
    screen->colour = look.first;
    screen->other_count = look.other_count;
    uint32_t middle_px = look.left_px + look.right_px; /* twice it, as the width is */
    screen->is_placeholder = !look.is_one_colour && look.is_in_middle_only &&
                             middle_px < look.width_px + OFF_CENTRE_PX_MAX &&
                             look.width_px < middle_px + OFF_CENTRE_PX_MAX;
    screen->is_one_colour = !screen->is_placeholder && look.other_count <= CURSOR_PX_MAX;
    screen->was_shown = screen->is_placeholder &&
                        (look.width_px != NEVER_WIDTH_PX || look.height_px != NEVER_HEIGHT_PX);
    (void)fclose(look.file);
}

/* is_named: by the device's id; the first console can be dumped without. */
static void
dump(struct qmp *qmp, const char *directory, bool is_named, struct doctor_screen *screen)
{
    char path[DIRECTORY_BYTES + 16];
    (void)snprintf(path, sizeof(path), "%s/screen.ppm", directory);
    cJSON *arguments = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(arguments, "filename", path);
    if (is_named) {
        (void)cJSON_AddStringToObject(arguments, "device", screen->device);
        (void)cJSON_AddNumberToObject(arguments, "head", screen->head);
    }
    cJSON *value = qmp_ask(qmp, "screendump", arguments);
    if (value != NULL) {
        look_at_picture(path, screen);
    }
    cJSON_Delete(value);
    (void)unlink(path);
}

static cJSON *
console_property(struct qmp *qmp, const char *console, const char *property)
{
    cJSON *arguments = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(arguments, "path", console);
    (void)cJSON_AddStringToObject(arguments, "property", property);
    return qmp_ask(qmp, "qom-get", arguments);
}

/* Whether one path is the other, or lies beneath it: a device on PCI stands behind its proxy. */
static bool
is_same_device(const char *left, const char *right)
{
    size_t bytes = strlen(left) < strlen(right) ? strlen(left) : strlen(right);
    const char *rest = left[bytes] != '\0' ? left + bytes : right + bytes;
    return strncmp(left, right, bytes) == 0 && (*rest == '\0' || *rest == '/');
}

static int
gpu_at(const struct doctor_evidence *evidence, const char *path)
{
    for (unsigned i = 0; i < evidence->gpu_count; i++) {
        if (is_same_device(evidence->gpus[i].path, path)) {
            return (int)i;
        }
    }
    return -1;
}

static void
look_at_console(struct qmp *qmp, struct doctor_evidence *evidence, const char *directory,
                unsigned number)
{
    static const char by_id[] = "/machine/peripheral/";
    char console[DOCTOR_NAME_BYTES];
    struct doctor_screen *screen = &evidence->screens[evidence->screen_count];
    (void)snprintf(console, sizeof(console), "/backend/console[%u]", number);
    cJSON *device = console_property(qmp, console, "device");
    cJSON *head = console_property(qmp, console, "head");
    const char *path = cJSON_GetStringValue(device);
    if (path != NULL && path[0] != '\0') {
        bool is_named = strncmp(path, by_id, sizeof(by_id) - 1) == 0;
        const char *name = is_named ? path + sizeof(by_id) - 1 : path;
        *screen = (struct doctor_screen){ .gpu_idx = gpu_at(evidence, path),
                                          .head = cJSON_IsNumber(head) && head->valueint > 0
                                                      ? (unsigned)head->valueint
                                                      : 0 };
        (void)snprintf(screen->device, sizeof(screen->device), "%.*s",
                       is_named ? (int)strcspn(name, "/") : DOCTOR_NAME_BYTES - 1, name);
        if (is_named || number == 0) {
            dump(qmp, directory, is_named, screen);
        }
        evidence->screen_count++;
    }
    cJSON_Delete(device);
    cJSON_Delete(head);
}

void
doctor_look_at_screens(struct qmp *qmp, struct doctor_evidence *evidence)
{
    char directory[DIRECTORY_BYTES] = "/tmp/vitrine-doctor-XXXXXX";
    cJSON *arguments = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(arguments, "path", "/backend");
    cJSON *children = qmp_ask(qmp, "qom-list", arguments);
    if (children == NULL || mkdtemp(directory) == NULL) {
        cJSON_Delete(children);
        return;
    }
    const cJSON *child;
    unsigned console_count = 0;
    cJSON_ArrayForEach(child, children)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(child, "name"));
        console_count += name != NULL && strncmp(name, "console[", 8) == 0;
    }
    for (unsigned i = 0; i < console_count && evidence->screen_count < DOCTOR_SCREEN_COUNT_MAX;
         i++) {
        look_at_console(qmp, evidence, directory, i);
    }
    cJSON_Delete(children);
    (void)rmdir(directory);
}
