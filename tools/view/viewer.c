/*
 * viewer.c - messages of the device, checked, and what they mean for the canvases.
 */
#include "tools/view/viewer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "device/packet.h"

enum {
    FRAME_MS_MIN = 10,       /* no display shows more than 100 pictures in a second */
    MESSAGE_COUNT_MAX = 256, /* taken at once, so that a person's events have their turn */
};

struct screen {
    struct canvas canvas;
    bool is_taken;     /* the picture or damage is ours now, and the device is to know */
    uint64_t taken_ms; /* when it was last told so */
};

struct viewer {
    const struct viewer_config *config;
    struct show *show;
    struct input input;
    const char *wrong; /* what the device said that cannot be */
    struct screen screens[VIEW_SCANOUT_COUNT_MAX];
};

struct packet_bytes {
    struct view_message message;
    uint32_t pixels[VIEW_CURSOR_SIDE_PX * VIEW_CURSOR_SIDE_PX];
};

static uint64_t
now_ms(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void
show_title(const struct show_config *config, unsigned scanout_idx, const struct canvas *canvas,
           char *title, size_t size_bytes)
{
    char number[32] = "";
    char size[32] = "nothing shown";
    if (scanout_idx != 0) {
        (void)snprintf(number, sizeof(number), " display %u", scanout_idx);
    }
    if (canvas != NULL && canvas->shown != NULL) {
        (void)snprintf(size, sizeof(size), "%ux%u", canvas->width_px, canvas->height_px);
    }
    (void)snprintf(title, size_bytes, "Vitrine: %s%s %s", config->title, number, size);
}

/* --- what the device says --- */

/* fd: taken over.  The canvas before stays until the way has the new one. */
static const char *
on_picture(struct viewer *viewer, const struct view_message *message, int fd)
{
    struct screen *screen = &viewer->screens[message->scanout_idx];
    struct canvas *canvas = &screen->canvas;
    struct canvas before = *canvas;
    const char *wrong =
        canvas_init(canvas, fd, message->width_px, message->height_px, &before.cursor);
    viewer->config->way->picture(viewer->show, message->scanout_idx, canvas);
    canvas_finish(&before);
    screen->is_taken = true;
    return wrong;
}

static const char *
on_damage(struct viewer *viewer, const struct view_message *message)
{
    struct screen *screen = &viewer->screens[message->scanout_idx];
    const struct canvas_rect rect = { (uint32_t)message->x, (uint32_t)message->y, message->width_px,
                                      message->height_px };
    if (!canvas_take(&screen->canvas, &rect)) {
        return "a damage is not within its picture";
    }
    screen->is_taken = true;
    viewer->config->way->damage(viewer->show, message->scanout_idx, &rect);
    return NULL;
}

static const char *
on_cursor(struct viewer *viewer, const struct packet_bytes *bytes, bool has_pixels)
{
    struct canvas *canvas = &viewer->screens[bytes->message.scanout_idx].canvas;
    struct canvas_cursor cursor = canvas->cursor;
    struct canvas_rect changed[2];
    cursor.x = bytes->message.x;
    cursor.y = bytes->message.y;
    cursor.is_shown = bytes->message.is_shown != 0;
    if (has_pixels) {
        memcpy(cursor.pixels, bytes->pixels, sizeof(cursor.pixels));
    }
    canvas_set_cursor(canvas, &cursor, changed);
    for (unsigned i = 0; i < 2; i++) {
        if (changed[i].width_px != 0) {
            viewer->config->way->damage(viewer->show, bytes->message.scanout_idx, &changed[i]);
        }
    }
    return NULL;
}

/* Returns: NULL; else a sentence about what cannot be. */
static const char *
on_packet(struct viewer *viewer, const struct packet_bytes *bytes, struct packet *packet)
{
    const struct view_message *message = &bytes->message;
    bool has_pixels = packet->size_bytes == sizeof(*bytes);
    bool is_bare = packet->size_bytes == sizeof(*message);
    if ((!has_pixels && !is_bare) || message->scanout_idx >= VIEW_SCANOUT_COUNT_MAX) {
        return "a message has a wrong size or scanout";
    }
    if (message->kind == VIEW_CURSOR) {
        return on_cursor(viewer, bytes, has_pixels);
    }
    if (message->kind == VIEW_DAMAGE && is_bare) {
        return on_damage(viewer, message);
    }
    if (message->kind == VIEW_PICTURE && is_bare && packet->fd_count <= 1) {
        int fd = packet->fd_count == 1 ? packet->fds[0] : -1;
        packet->fd_count = 0;
        return on_picture(viewer, message, fd);
    }
    return "a message is of no kind that a device sends";
}

/* Returns: false: the device has ended, or viewer->wrong says why it is not listened to any more. */
static bool
read_messages(struct viewer *viewer)
{
    static struct packet_bytes bytes;
    for (unsigned i = 0; i < MESSAGE_COUNT_MAX; i++) {
        struct packet packet;
        enum packet_result result =
            packet_receive(viewer->config->socket, &bytes, sizeof(bytes), &packet);
        if (result == PACKET_ERROR && errno == EAGAIN) {
            return true;
        }
        if (result == PACKET_END) {
            return false;
        }
        viewer->wrong = result == PACKET_GOT ? on_packet(viewer, &bytes, &packet)
                                             : "a message is too long, or cannot be read";
        packet_close_fds(&packet);
        if (viewer->wrong != NULL) {
            return false;
        }
    }
    return true;
}

/* --- what the device is told --- */

static bool
tell(const struct viewer *viewer, uint32_t kind, unsigned scanout_idx, uint32_t width_px,
     uint32_t height_px)
{
    const struct view_message message = {
        .kind = kind,
        .scanout_idx = scanout_idx,
        .width_px = width_px,
        .height_px = height_px,
    };
    return packet_send(viewer->config->socket, &message, sizeof(message), -1) == 0;
}

static void
on_resize(void *user, unsigned scanout_idx, uint32_t width_px, uint32_t height_px)
{
    const struct viewer *viewer = user;
    bool is_possible = width_px > 0 && width_px <= VIEW_SIDE_PX_MAX && height_px > 0 &&
                       height_px <= VIEW_SIDE_PX_MAX;
    if (is_possible) {
        (void)tell(viewer, VIEW_RESIZE, scanout_idx, width_px, height_px);
    }
}

/* Not more often than a display shows.  Returns: how long to wait at most for the next; -1: until something happens. */
static int
tell_taken(struct viewer *viewer)
{
    uint64_t now = now_ms();
    int wait_ms = -1;
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        struct screen *screen = &viewer->screens[i];
        bool is_due = screen->is_taken && now >= screen->taken_ms + FRAME_MS_MIN;
        if (is_due && tell(viewer, VIEW_TAKEN, i, 0, 0)) {
            screen->is_taken = false;
            screen->taken_ms = now;
        }
        wait_ms = screen->is_taken ? FRAME_MS_MIN : wait_ms;
    }
    return wait_ms;
}

static void
tell_failed(const struct viewer_config *config, const char *reason)
{
    struct {
        struct view_message message;
        char sentence[VIEW_SENTENCE_BYTES_MAX];
    } packet = { .message = { .kind = VIEW_FAILED } };
    (void)snprintf(packet.sentence, sizeof(packet.sentence), "%s", reason);
    (void)packet_send(config->socket, &packet, sizeof(packet.message) + strlen(packet.sentence),
                      -1);
}

static bool
open_show(struct viewer *viewer)
{
    char reason[VIEW_SENTENCE_BYTES_MAX] = "it cannot be opened";
    const struct show_config show_config = {
        .title = viewer->config->title,
        .port = viewer->config->port,
        .input = &viewer->input,
        .user = viewer,
        .resize = on_resize,
    };
    viewer->show = viewer->config->way->open(&show_config, reason, sizeof(reason));
    if (viewer->show == NULL) {
        tell_failed(viewer->config, reason);
    }
    return viewer->show != NULL;
}

int
viewer_run(const struct viewer_config *config)
{
    struct viewer *viewer = calloc(1, sizeof(*viewer));
    if (viewer == NULL || fcntl(config->socket, F_SETFL, O_NONBLOCK) != 0) {
        tell_failed(config, "vitrine-view has no memory");
        free(viewer);
        return EXIT_FAILURE;
    }
    viewer->config = config;
    input_init(&viewer->input, config->program, config->qmp_path);
    bool is_open = open_show(viewer);
    bool goes_on = is_open && tell(viewer, VIEW_READY, 0, 0, 0);
    while (goes_on) {
        goes_on = config->way->wait(viewer->show, config->socket, tell_taken(viewer)) &&
                  read_messages(viewer);
    }
    if (viewer->wrong != NULL) {
        (void)fprintf(stderr, "%s: the device said what cannot be: %s\n", config->program,
                      viewer->wrong);
    }
    int status = is_open && viewer->wrong == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
    if (is_open) {
        config->way->close(viewer->show);
    }
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        canvas_finish(&viewer->screens[i].canvas);
    }
    input_finish(&viewer->input);
    (void)close(config->socket);
    free(viewer);
    return status;
}
