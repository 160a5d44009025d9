/*
 * view.c - what the viewer was not yet told, and telling it when it is ready.
 */
#include "device/view/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/gpu/gpu.h"
#include "device/loop.h"
#include "device/packet.h"
#include "device/view/picture.h"
#include "device/view/view_wire.h"

_Static_assert((int)VIEW_SCANOUT_COUNT_MAX == (int)VIRTIO_GPU_SCANOUTS_MAX, "as many windows");
_Static_assert((int)VIEW_CURSOR_SIDE_PX == (int)VIRTIO_GPU_CURSOR_SIDE_PX, "the same cursor");
_Static_assert((int)VIEW_SIDE_PX_MAX == (int)GPU_SIDE_PX_MAX, "the same pictures");

struct screen {
    struct picture picture;
    bool is_picture_new;    /* the viewer does not have it */
    bool is_cursor_moved;   /* nor knows its place */
    bool is_cursor_new;     /* nor its pixels */
    bool is_viewer_busy;    /* it copies: the picture must stay as it is */
    struct gpu_rect damage; /* width_px 0: none */
};

struct view {
    struct view_config config;
    struct gpu_watcher watcher;
    unsigned screen_count;
    bool is_full; /* the socket takes no more now */
    bool is_over; /* the viewer has ended */
    struct screen screens[VIEW_SCANOUT_COUNT_MAX];
};

static void on_viewer(void *user, uint32_t events);

static void
problem(const struct view *view, const char *sentence)
{
    if (view->config.on_problem != NULL) {
        view->config.on_problem(view->config.user, sentence);
    }
}

static void
end(struct view *view, const char *sentence)
{
    if (!view->is_over) {
        view->is_over = true;
        loop_unwatch(view->config.loop, view->config.fd);
        for (unsigned i = 0; i < view->screen_count; i++) {
            picture_finish(&view->screens[i].picture);
        }
        problem(view, sentence);
    }
}

/* --- to the viewer --- */

/* Returns: false: not now; when the socket has room again, all is tried anew. */
static bool
tell(struct view *view, const void *bytes, size_t size_bytes, int fd)
{
    if (packet_send(view->config.fd, bytes, size_bytes, fd) == 0) {
        return true;
    }
    if (errno != EAGAIN && errno != ENOBUFS) {
        end(view, "the viewer has gone; the device runs on");
    } else if (!view->is_full) {
        view->is_full = true;
        (void)loop_watch(view->config.loop, view->config.fd, EPOLLIN | EPOLLOUT, on_viewer, view);
    }
    return false;
}

static bool
tell_picture(struct view *view, unsigned idx)
{
    const struct picture *picture = &view->screens[idx].picture;
    const struct view_message message = {
        .kind = VIEW_PICTURE,
        .scanout_idx = idx,
        .width_px = picture->width_px,
        .height_px = picture->height_px,
    };
    return tell(view, &message, sizeof(message), picture->fd);
}

static bool
tell_cursor(struct view *view, unsigned idx, bool has_pixels)
{
    const struct gpu_cursor *cursor = gpu_cursor(view->config.gpu, idx);
    struct {
        struct view_message message;
        uint8_t pixels[VIEW_CURSOR_BYTES];
    } packet = {
        .message = {
            .kind = VIEW_CURSOR,
            .scanout_idx = idx,
            .x = (int32_t)cursor->x,
            .y = (int32_t)cursor->y,
            .is_shown = cursor->is_shown,
        },
    };
    if (has_pixels) {
        memcpy(packet.pixels, cursor->pixels, sizeof(packet.pixels));
    }
    return tell(view, &packet, has_pixels ? sizeof(packet) : sizeof(packet.message), -1);
}

/* The picture is written here and nowhere else: while the viewer is not busy with it. */
static void
tell_damage(struct view *view, unsigned idx)
{
    struct screen *screen = &view->screens[idx];
    const struct gpu_rect rect = screen->damage;
    const struct view_message message = {
        .kind = VIEW_DAMAGE,
        .scanout_idx = idx,
        .x = (int32_t)rect.x,
        .y = (int32_t)rect.y,
        .width_px = rect.width_px,
        .height_px = rect.height_px,
    };
    bool is_copied = picture_copy(&screen->picture, view->config.gpu, idx, &rect);
    if (!is_copied) {
        screen->damage = (struct gpu_rect){ 0 };
    } else if (tell(view, &message, sizeof(message), -1)) {
        screen->damage = (struct gpu_rect){ 0 };
        screen->is_viewer_busy = true;
    }
}

/* Tells what the viewer does not know of a scanout, as far as it takes it. */
static void
tell_news(struct view *view, unsigned idx)
{
    struct screen *screen = &view->screens[idx];
    if (view->is_over || view->is_full) {
        return;
    }
    if (screen->is_picture_new && tell_picture(view, idx)) {
        screen->is_picture_new = false;
    }
    if ((screen->is_cursor_moved || screen->is_cursor_new) && !view->is_full && !view->is_over &&
        tell_cursor(view, idx, screen->is_cursor_new)) {
        screen->is_cursor_moved = false;
        screen->is_cursor_new = false;
    }
    if (screen->damage.width_px != 0 && !screen->is_viewer_busy && !view->is_full &&
        !view->is_over) {
        tell_damage(view, idx);
    }
}

/* --- from the device --- */

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t
most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The smallest rectangle around both. */
static struct gpu_rect
merge(const struct gpu_rect *a, const struct gpu_rect *b)
{
    if (a->width_px == 0 || b->width_px == 0) {
        return a->width_px == 0 ? *b : *a;
    }
    uint32_t left = least(a->x, b->x);
    uint32_t top = least(a->y, b->y);
    return (struct gpu_rect){
        left,
        top,
        most(a->x + a->width_px, b->x + b->width_px) - left,
        most(a->y + a->height_px, b->y + b->height_px) - top,
    };
}

/* Of the size that the scanout shows; none where it shows nothing. */
static void
fit_picture(struct view *view, unsigned idx)
{
    struct screen *screen = &view->screens[idx];
    const struct gpu_scanout *scanout = gpu_scanout(view->config.gpu, idx);
    bool is_shown = scanout->resource_id != 0 && scanout->width_px != 0 && scanout->height_px != 0;
    uint32_t width_px = is_shown ? scanout->width_px : 0;
    uint32_t height_px = is_shown ? scanout->height_px : 0;
    screen->damage = (struct gpu_rect){ 0, 0, width_px, height_px };
    if (width_px == screen->picture.width_px && height_px == screen->picture.height_px) {
        return;
    }
    picture_finish(&screen->picture);
    screen->is_picture_new = true;
    if (is_shown && !picture_init(&screen->picture, width_px, height_px)) {
        screen->damage = (struct gpu_rect){ 0 };
        problem(view, "there is no memory for the viewer's picture: it shows none");
    }
}

static void
on_scanout_changed(void *user, unsigned scanout_idx)
{
    struct view *view = user;
    if (!view->is_over && scanout_idx < view->screen_count) {
        fit_picture(view, scanout_idx);
        tell_news(view, scanout_idx);
    }
}

static void
on_flushed(void *user, unsigned scanout_idx, const struct gpu_rect *rect)
{
    struct view *view = user;
    if (!view->is_over && scanout_idx < view->screen_count) {
        struct screen *screen = &view->screens[scanout_idx];
        screen->damage = merge(&screen->damage, rect);
        tell_news(view, scanout_idx);
    }
}

static void
on_cursor_changed(void *user, unsigned scanout_idx)
{
    struct view *view = user;
    if (!view->is_over && scanout_idx < view->screen_count) {
        view->screens[scanout_idx].is_cursor_new = true;
        tell_news(view, scanout_idx);
    }
}

static void
on_cursor_moved(void *user, unsigned scanout_idx)
{
    struct view *view = user;
    if (!view->is_over && scanout_idx < view->screen_count) {
        view->screens[scanout_idx].is_cursor_moved = true;
        tell_news(view, scanout_idx);
    }
}

/* --- from the viewer --- */

static void
resize(struct view *view, const struct view_message *message)
{
    struct gpu_scanout_config display =
        gpu_scanout(view->config.gpu, message->scanout_idx)->display;
    display.width_px = message->width_px;
    display.height_px = message->height_px;
    const char *sentence = gpu_set_display(view->config.gpu, message->scanout_idx, &display);
    if (sentence != NULL) {
        problem(view, sentence);
    }
}

static void
on_message(struct view *view, const struct view_message *message)
{
    bool is_scanout = message->scanout_idx < view->screen_count;
    if (is_scanout && message->kind == VIEW_TAKEN) {
        view->screens[message->scanout_idx].is_viewer_busy = false;
        tell_news(view, message->scanout_idx);
    } else if (is_scanout && message->kind == VIEW_RESIZE) {
        resize(view, message);
    } else {
        end(view, "the viewer said what cannot be, and is not listened to; the device runs on");
    }
}

static void
read_message(struct view *view)
{
    struct view_message message;
    struct packet packet;
    enum packet_result result = packet_receive(view->config.fd, &message, sizeof(message), &packet);
    packet_close_fds(&packet);
    if (result == PACKET_GOT && packet.size_bytes == sizeof(message)) {
        on_message(view, &message);
    } else if (result == PACKET_END) {
        end(view, "the viewer has ended; the device runs on");
    } else if (result != PACKET_ERROR || errno != EAGAIN) {
        end(view, "the viewer said what cannot be, and is not listened to; the device runs on");
    }
}

static void
on_viewer(void *user, uint32_t events)
{
    struct view *view = user;
    if ((events & EPOLLOUT) != 0 && view->is_full) {
        view->is_full = false;
        (void)loop_watch(view->config.loop, view->config.fd, EPOLLIN, on_viewer, view);
        for (unsigned i = 0; i < view->screen_count; i++) {
            tell_news(view, i);
        }
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !view->is_over) {
        read_message(view);
    }
}

static void
begin(struct view *view)
{
    for (unsigned i = 0; i < view->screen_count; i++) {
        view->screens[i].picture.fd = -1;
        fit_picture(view, i);
        view->screens[i].is_cursor_new = true;
        tell_news(view, i);
    }
}

struct view *
view_create(const struct view_config *config)
{
    struct view *view = calloc(1, sizeof(*view));
    if (view == NULL) {
        return NULL;
    }
    view->config = *config;
    view->screen_count = gpu_scanout_count(config->gpu);
    view->watcher = (struct gpu_watcher){
        .user = view,
        .scanout_changed = on_scanout_changed,
        .flushed = on_flushed,
        .cursor_changed = on_cursor_changed,
        .cursor_moved = on_cursor_moved,
    };
    if (fcntl(config->fd, F_SETFL, O_NONBLOCK) != 0 ||
        !loop_watch(config->loop, config->fd, EPOLLIN, on_viewer, view)) {
        free(view);
        return NULL;
    }
    if (!gpu_watch(config->gpu, &view->watcher)) {
        loop_unwatch(config->loop, config->fd);
        free(view);
        errno = EBUSY;
        return NULL;
    }
    begin(view);
    return view;
}

void
view_destroy(struct view *view)
{
    if (view == NULL) {
        return;
    }
    gpu_unwatch(view->config.gpu, &view->watcher);
    view->config.on_problem = NULL;
    end(view, "");
    (void)close(view->config.fd);
    free(view);
}
