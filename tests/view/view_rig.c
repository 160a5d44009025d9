/*
 * view_rig.c - a device without a guest, with its real control socket and its real viewer, drawn on by words on stdin.
 *
 *      view_rig CONTROL_SOCKET|own WAY      WAY: none, window, vnc:PORT
 *
 *      show SCANOUT W H        the guest shows a picture of this size, black
 *      draw SCANOUT N          draws pattern N and flushes it
 *      part SCANOUT N X Y W H  draws pattern N everywhere and flushes this rectangle only
 *      cursor SCANOUT X Y ARGB a cursor of one colour, 16×16; ARGB 0: none
 *      display SCANOUT         says what is plugged in: "W H 0|1"
 *
 * Each line is answered by one, "ok" or what was asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "device/listen.h"
#include "device/loop.h"
#include "device/view/control.h"
#include "device/view/control_path.h"
#include "device/view/view.h"
#include "tests/view/gpu_fake.h"

enum { SCANOUT_COUNT = 3, LINE_BYTES = 4096, NUMBER_COUNT_MAX = 6 };

/* As device/gpu writes it. */
static const char status[] =
    "{\"features\": 26, \"accepted\": 10, \"reset_count\": 2, \"memory_bytes\": 5120000, "
    "\"memory_bytes_max\": 1073741824, \"pictures_bytes\": 4096000, \"blob_bytes\": 1048576, "
    "\"backing_count\": 3, "
    "\"fence_count\": 1, "
    "\"waits_for\": \"\", \"scanouts\": ["
    "{\"index\": 0, \"display\": {\"width_px\": 1280, \"height_px\": 800, \"is_enabled\": true}, "
    "\"resource_id\": 7, \"x\": 0, \"y\": 10, \"width_px\": 1280, \"height_px\": 800, "
    "\"flush_count\": 5, \"flush_ns\": 1000, \"cursor\": {\"is_shown\": true, \"x\": 3, \"y\": "
    "4}}, "
    "{\"index\": 1, \"display\": {\"width_px\": 640, \"height_px\": 480, \"is_enabled\": false}, "
    "\"resource_id\": 0}], "
    "\"resources\": [{\"id\": 7, \"kind\": \"2d\", \"width_px\": 1280, \"height_px\": 800, "
    "\"bytes\": 4096000, \"backing_bytes\": 4096000, \"is_mapped\": false, \"contexts\": 0}], "
    "\"contexts\": [{\"id\": 1, \"name\": \"vk\\u001b[2Jcube\", \"is_dead\": true, "
    "\"submit_count\": 12, "
    "\"submit_bytes\": 3000, \"fence_count\": 1, \"why\": \"its renderer was killed\"}], "
    "\"queues\": [{\"index\": 0, \"is_running\": true, \"size\": 256, \"is_packed\": true, "
    "\"pop_count\": 30, \"push_count\": 29, \"command_count\": 30, \"error_count\": 2, "
    "\"fault\": \"\"}], "
    "\"problem_count\": 2, \"problems\": [\"FLUSH: no resource 9\"]}";

struct rig {
    struct gpu *gpu;
    struct loop *loop;
    char line[LINE_BYTES];
    size_t line_bytes;
};

static void
on_problem(void *user, const char *sentence)
{
    (void)user;
    (void)fprintf(stderr, "view_rig: %s\n", sentence);
}

static size_t
front_status(void *user, char *text, size_t size_bytes)
{
    (void)user;
    return (size_t)snprintf(text, size_bytes,
                            "{\"front_end\":\"view_rig\",\"features\":[\"2D\",\"EDID\"]}");
}

static void
part(struct gpu *gpu, unsigned idx, unsigned number, const struct gpu_rect *rect)
{
    const struct gpu_scanout *scanout = gpu_scanout(gpu, idx);
    for (uint32_t y = 0; y < scanout->height_px; y++) {
        for (uint32_t x = 0; x < scanout->width_px; x++) {
            gpu_fake_pixels(gpu, idx)[(size_t)y * scanout->width_px + x] =
                gpu_fake_pattern(number, x, y);
        }
    }
    gpu_fake_flush(gpu, idx, rect);
}

/* The numbers behind a line's first word, as C writes them.  Returns: how many. */
static unsigned
read_numbers(const char *line, unsigned long numbers[NUMBER_COUNT_MAX])
{
    unsigned count = 0;
    char *end = NULL;
    const char *at = strchr(line, ' ');
    while (at != NULL && count < NUMBER_COUNT_MAX) {
        numbers[count] = strtoul(at, &end, 0);
        if (end == at) {
            break;
        }
        count++;
        at = end;
    }
    return count;
}

static bool
is_word(const char *line, const char *word, unsigned number_count, unsigned expected_count)
{
    size_t length = strlen(word);
    return strncmp(line, word, length) == 0 && (line[length] == ' ') &&
           number_count == expected_count;
}

static void
obey(struct rig *rig, const char *line)
{
    unsigned long n[NUMBER_COUNT_MAX] = { 0 };
    unsigned count = read_numbers(line, n);
    unsigned idx = (unsigned)n[0] % SCANOUT_COUNT;
    char answer[64] = "ok";
    if (is_word(line, "show", count, 3)) {
        gpu_fake_show(rig->gpu, idx, (uint32_t)n[1], (uint32_t)n[2]);
    } else if (is_word(line, "draw", count, 2)) {
        gpu_fake_draw(rig->gpu, idx, (unsigned)n[1]);
    } else if (is_word(line, "part", count, 6)) {
        part(rig->gpu, idx, (unsigned)n[1],
             &(struct gpu_rect){ (uint32_t)n[2], (uint32_t)n[3], (uint32_t)n[4], (uint32_t)n[5] });
    } else if (is_word(line, "cursor", count, 4)) {
        gpu_fake_cursor(rig->gpu, idx, (uint32_t)n[1], (uint32_t)n[2], n[3] != 0, (uint32_t)n[3]);
    } else if (is_word(line, "display", count, 1)) {
        const struct gpu_scanout_config *display = &gpu_scanout(rig->gpu, idx)->display;
        (void)snprintf(answer, sizeof(answer), "%u %u %d", display->width_px, display->height_px,
                       display->is_enabled);
    } else {
        (void)snprintf(answer, sizeof(answer), "what?");
    }
    (void)puts(answer);
    (void)fflush(stdout);
}

static void
on_stdin(void *user, uint32_t events)
{
    struct rig *rig = user;
    (void)events;
    ssize_t got = read(0, rig->line + rig->line_bytes, sizeof(rig->line) - rig->line_bytes - 1);
    if (got <= 0) {
        loop_stop(rig->loop);
        return;
    }
    rig->line_bytes += (size_t)got;
    rig->line[rig->line_bytes] = '\0';
    char *from = rig->line;
    for (char *end = NULL; (end = strchr(from, '\n')) != NULL; from = end + 1) {
        *end = '\0';
        obey(rig, from);
    }
    rig->line_bytes -= (size_t)(from - rig->line);
    memmove(rig->line, from, rig->line_bytes);
}

static struct control *
open_control(const struct rig *rig, const char *word)
{
    char path[CONTROL_PATH_BYTES];
    char reason[256] = "no path";
    bool is_own = strcmp(word, "own") == 0;
    (void)snprintf(path, sizeof(path), "%s", word);
    if (is_own && !control_path_own(path)) {
        (void)fprintf(stderr, "view_rig: %s\n", path);
        return NULL;
    }
    int listener = listen_on(path, reason, sizeof(reason));
    if (listener < 0) {
        (void)fprintf(stderr, "view_rig: %s\n", reason);
        return NULL;
    }
    return control_create(&(struct control_config){
        .loop = rig->loop,
        .gpu = rig->gpu,
        .listener = listener,
        .front_status = front_status,
    });
}

/* Returns: false after a line on stderr. */
static bool
open_view(const struct rig *rig, const char *word, struct view **view)
{
    struct view_choice choice;
    struct view_started started;
    char reason[1024];
    if (!view_choose(word, &choice)) {
        (void)fprintf(stderr, "view_rig: %s is no way to view\n", word);
        return false;
    }
    if (choice.way == VIEW_NONE) {
        return true;
    }
    if (!view_start(&choice, "rig", &started, reason, sizeof(reason))) {
        (void)fprintf(stderr, "view_rig: %s\n", reason);
        return false;
    }
    (void)fprintf(stderr, "view_rig: viewer %ld\n", (long)started.pid);
    *view = view_create(&(struct view_config){
        .loop = rig->loop,
        .gpu = rig->gpu,
        .fd = started.fd,
        .on_problem = on_problem,
    });
    return *view != NULL;
}

int
main(int argc, char **argv)
{
    static struct rig rig;
    struct view *view = NULL;
    if (argc != 3) {
        return 2;
    }
    (void)signal(SIGCHLD, SIG_IGN);
    rig.gpu = gpu_fake_create(SCANOUT_COUNT);
    gpu_fake_status(rig.gpu, status);
    rig.loop = loop_create();
    struct control *control = open_control(&rig, argv[1]);
    bool is_open = control != NULL && open_view(&rig, argv[2], &view) &&
                   loop_watch(rig.loop, 0, EPOLLIN, on_stdin, &rig);
    if (is_open) {
        (void)puts("ready");
        (void)fflush(stdout);
        (void)loop_run(rig.loop);
    }
    view_destroy(view);
    control_destroy(control);
    loop_destroy(rig.loop);
    gpu_fake_destroy(rig.gpu);
    return is_open ? 0 : 1;
}
