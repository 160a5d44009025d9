/*
 * screenshot.c - vitrine screenshot: what a guest shows, as a PNG file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "device/view/picture.h"
#include "tools/vitrine/ask.h"
#include "tools/vitrine/device_commands.h"

static const struct option_spec specs[] = {
    {"control",  "SOCKET", false},
    { "scanout", "N",      false},
    { "help",    NULL,     false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static void
print_help(void)
{
    (void)puts(
        "vitrine screenshot - writes what a guest shows as a PNG file\n"
        "\n"
        "usage: vitrine screenshot [OPTION...] FILE.png\n"
        "\n"
        "The picture is what the guest's driver flushed last, without its cursor, in the\n"
        "guest's own resolution, whether or not a window or VNC shows it.  FILE.png may be -\n"
        "for standard output.\n"
        "\n"
        "options:\n"
        "  --control SOCKET  the device's control socket; default: that of the one device of\n"
        "                    yours that runs ($XDG_RUNTIME_DIR/vitrine/gpu-PID.control)\n"
        "  --scanout N       which display, counted from 0 (default 0)\n"
        "  --help            this text\n"
        "\n"
        "exit status: 0 written; 1 no device, no picture or no file; 2 wrong use\n"
        "\n"
        "example:\n"
        "  vitrine screenshot guest.png");
}

/* 0xXXRRGGBB → R, G, B.  Returns: the caller's to free; NULL without memory. */
static uint8_t *
to_rgb(const struct picture *picture)
{
    size_t count = (size_t)picture->width_px * picture->height_px;
    uint8_t *rgb = malloc(count * 3);
    for (size_t i = 0; rgb != NULL && i < count; i++) {
        uint32_t pixel;
        memcpy(&pixel, picture->pixels + i * 4, sizeof(pixel));
        rgb[i * 3] = (uint8_t)(pixel >> 16);
        rgb[i * 3 + 1] = (uint8_t)(pixel >> 8);
        rgb[i * 3 + 2] = (uint8_t)pixel;
    }
    return rgb;
}

static int
write_png(const struct options *options, const struct picture *picture, const char *path)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = picture->width_px,
        .height = picture->height_px,
        .format = PNG_FORMAT_RGB,
    };
    uint8_t *rgb = to_rgb(picture);
    bool is_stdout = strcmp(path, "-") == 0;
    int is_written = 0;
    if (rgb != NULL && is_stdout) {
        is_written = png_image_write_to_stdio(&image, stdout, 0, rgb, 0, NULL);
    } else if (rgb != NULL) {
        is_written = png_image_write_to_file(&image, path, 0, rgb, 0, NULL);
    }
    if (is_written == 0) {
        (void)fprintf(stderr, "%s: cannot write %s: %s\n", options->program, path,
                      rgb != NULL ? image.message : "no memory");
    }
    free(rgb);
    return is_written != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The answer's numbers and memory are a stranger's until they have been checked. */
static int
save(const struct options *options, struct answer *answer, const char *path)
{
    struct picture picture;
    double width_px = cJSON_GetNumberValue(cJSON_GetObjectItem(answer->json, "width_px"));
    double height_px = cJSON_GetNumberValue(cJSON_GetObjectItem(answer->json, "height_px"));
    bool is_size = width_px >= 1 && width_px <= 16384 && height_px >= 1 && height_px <= 16384;
    const char *wrong = is_size ? picture_open(&picture, answer->line.passed_fd, (uint32_t)width_px,
                                               (uint32_t)height_px)
                                : "a picture's size is out of range";
    if (is_size) {
        answer->line.passed_fd = -1;
    }
    if (wrong != NULL) {
        (void)fprintf(stderr, "%s: the answer is not a device's: %s\n", options->program, wrong);
        return EXIT_FAILURE;
    }
    int status = write_png(options, &picture, path);
    picture_finish(&picture);
    return status;
}

int
screenshot_main(int argc, char **argv)
{
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = {
        .program = "vitrine screenshot",
        .specs = specs,
        .spec_count = SPEC_COUNT,
        .values = values,
        .takes_words = true,
        .is_mixed = true,
    };
    unsigned scanout_idx = 0;
    int status = EXIT_SUCCESS;
    if (!options_begin(&options, argc, argv, print_help, &status)) {
        return status;
    }
    if (options.rest_count != 1) {
        (void)option_wrong(&options, "needs one file to write: vitrine screenshot FILE.png");
        return EXIT_WRONG_USE;
    }
    if (!ask_scanout(&options, &scanout_idx)) {
        return EXIT_WRONG_USE;
    }
    struct answer answer;
    if (!ask(&options, &answer, "screenshot %u", scanout_idx)) {
        return EXIT_FAILURE;
    }
    status = save(&options, &answer, options.rest[0]);
    answer_finish(&answer);
    return status;
}
