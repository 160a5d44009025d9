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

enum { REFUSAL_NS = 1000000000 };

struct screen {
    struct picture picture;
    uint64_t held_bytes;     /* for it, counted as the guest's */
    uint64_t old_held_bytes; /* for the one before, until the viewer has let go of it */
    bool is_picture_new;     /* the viewer does not have it */
    bool is_cursor_moved;    /* nor knows its place */
    bool is_cursor_new;      /* nor its pixels */
    bool is_viewer_busy;     /* it copies, or maps: the picture must stay as it is */
    bool is_refused;         /* there is no memory for the picture, as far as we know */
    bool is_refusal_said;    /* since there was one */
    struct gpu_rect damage;  /* width_px 0: none */
    struct gpu_rect told;    /* what the viewer is to take next; width_px 0: nothing */
    struct gpu_rect left;    /* of that, what is not copied yet */
};

struct view {
    struct view_config config;
    struct gpu_watcher watcher;
    unsigned screen_count;
    bool is_full;            /* the socket takes no more now */
    bool is_over;            /* the viewer has ended */
    size_t work_bytes;       /* left in this round of the loop, for all screens */
    struct loop_timer again; /* the next round */
    unsigned first;          /* whose turn it is then */
    uint64_t refusal_ns;     /* when one was last said */
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
        loop_timer_clear(view->config.loop, &view->again);
        for (unsigned i = 0; i < view->screen_count; i++) {
            struct screen *screen = &view->screens[i];
            picture_finish(&screen->picture);
            gpu_memory_give_back(view->config.gpu, screen->held_bytes + screen->old_held_bytes);
            screen->held_bytes = screen->old_held_bytes = 0;
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
tell_damage(struct view *view, unsigned idx)
{
    const struct gpu_rect *rect = &view->screens[idx].told;
    const struct view_message message = {
        .kind = VIEW_DAMAGE,
        .scanout_idx = idx,
        .x = (int32_t)rect->x,
        .y = (int32_t)rect->y,
        .width_px = rect->width_px,
        .height_px = rect->height_px,
    };
    return tell(view, &message, sizeof(message), -1);
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

/* --- pictures, a piece in each round of the loop --- */

/* Of what the scanout shows; 0 × 0: nothing. */
static struct gpu_rect
wanted(const struct view *view, unsigned idx)
{
    const struct gpu_scanout *scanout = gpu_scanout(view->config.gpu, idx);
    bool is_shown = scanout->resource_id != 0 && scanout->width_px != 0 && scanout->height_px != 0;
    return is_shown ? (struct gpu_rect){ 0, 0, scanout->width_px, scanout->height_px }
                    : (struct gpu_rect){ 0 };
}

/* It is tried again when the guest shows something. */
static void
refuse(struct view *view, struct screen *screen)
{
    char sentence[160];
    uint64_t now_ns = loop_now_ns();
    screen->is_refused = true;
    if (!screen->is_refusal_said && now_ns - view->refusal_ns >= REFUSAL_NS) {
        screen->is_refusal_said = true;
        view->refusal_ns = now_ns;
        (void)snprintf(sentence, sizeof(sentence),
                       "there is no memory left to the guest (--max-memory) for the viewer's "
                       "picture of scanout %u: it shows none",
                       (unsigned)(screen - view->screens));
        problem(view, sentence);
    }
}

/* The picture is no more; the viewer may have it still. */
static void
drop_picture(struct view *view, struct screen *screen)
{
    picture_finish(&screen->picture);
    if (screen->is_picture_new) {
        gpu_memory_give_back(view->config.gpu, screen->held_bytes);
    } else {
        screen->old_held_bytes = screen->held_bytes;
    }
    screen->held_bytes = 0;
    screen->is_picture_new = true;
    screen->told = screen->left = (struct gpu_rect){ 0 };
}

/* Another one where the size is another.  Where there is no room for both, the viewer is told of none first. */
static void
fit_picture(struct view *view, unsigned idx)
{
    struct screen *screen = &view->screens[idx];
    const struct gpu_rect whole = wanted(view, idx);
    uint64_t bytes = (uint64_t)whole.width_px * whole.height_px * 4 * VIEW_COPY_COUNT;
    if ((whole.width_px == screen->picture.width_px &&
         whole.height_px == screen->picture.height_px) ||
        (screen->is_refused && screen->picture.pixels == NULL)) {
        return;
    }
    bool is_known =
        screen->picture.pixels == NULL && !screen->is_picture_new; /* that there is none */
    drop_picture(view, screen);
    screen->damage = whole;
    if (bytes == 0) {
        return;
    }
    if (!gpu_memory_take(view->config.gpu, bytes)) {
        screen->is_picture_new = !is_known;
        if (screen->old_held_bytes == 0) {
            refuse(view, screen);
        }
    } else if (!picture_init(&screen->picture, whole.width_px, whole.height_px)) {
        gpu_memory_give_back(view->config.gpu, bytes);
        screen->is_picture_new = !is_known;
        refuse(view, screen);
    } else {
        screen->held_bytes = bytes;
    }
}

/* Its memory first, then the viewer is told. */
static void
give_picture(struct view *view, unsigned idx)
{
    struct screen *screen = &view->screens[idx];
    struct picture *picture = &screen->picture;
    if (picture->pixels != NULL && !picture_make_ready(picture, &view->work_bytes)) {
        drop_picture(view, screen);
        refuse(view, screen);
    }
    if ((picture->pixels == NULL || picture_is_ready(picture)) && tell_picture(view, idx)) {
        screen->is_picture_new = false;
        screen->is_viewer_busy = true;
        screen->is_refusal_said = screen->is_refusal_said && picture->pixels == NULL;
    }
}

/* The picture is written here and nowhere else: while the viewer is not busy with it. */
static void
give_damage(struct view *view, unsigned idx)
{
    struct screen *screen = &view->screens[idx];
    if (screen->told.width_px == 0) {
        screen->told = screen->left = screen->damage;
        screen->damage = (struct gpu_rect){ 0 };
    }
    if (screen->left.height_px != 0 &&
        !picture_copy(&screen->picture, view->config.gpu, idx, &screen->left, &view->work_bytes)) {
        screen->told = screen->left = (struct gpu_rect){ 0 };
    }
    if (screen->told.width_px != 0 && screen->left.height_px == 0 && tell_damage(view, idx)) {
        screen->told = (struct gpu_rect){ 0 };
        screen->is_viewer_busy = true;
    }
}

static bool
is_deaf(const struct view *view)
{
    return view->is_over || view->is_full;
}

/* Tells what the viewer does not know of a scanout, as far as it takes it and there is time. */
static void
tell_news(struct view *view, unsigned idx)
{
    struct screen *screen = &view->screens[idx];
    if ((screen->is_cursor_moved || screen->is_cursor_new) && !is_deaf(view) &&
        tell_cursor(view, idx, screen->is_cursor_new)) {
        screen->is_cursor_moved = false;
        screen->is_cursor_new = false;
    }
    if (!is_deaf(view) && !screen->is_viewer_busy) {
        fit_picture(view, idx);
    }
    if (screen->is_picture_new && !is_deaf(view) && !screen->is_viewer_busy) {
        give_picture(view, idx);
    }
    if ((screen->damage.width_px != 0 || screen->told.width_px != 0) && !is_deaf(view) &&
        !screen->is_viewer_busy && !screen->is_picture_new) {
        give_damage(view, idx);
    }
    if (view->work_bytes != PICTURE_WORK_BYTES && !view->is_over && view->again.deadline_ns == 0) {
        loop_timer_set(view->config.loop, &view->again, 0);
    }
}

static void
on_again(void *user)
{
    struct view *view = user;
    view->work_bytes = PICTURE_WORK_BYTES;
    view->first = (view->first + 1) % view->screen_count;
    for (unsigned i = 0; i < view->screen_count; i++) {
        tell_news(view, (view->first + i) % view->screen_count);
    }
}

/* --- from the device --- */

static void
on_scanout_changed(void *user, unsigned scanout_idx)
{
    struct view *view = user;
    if (!view->is_over && scanout_idx < view->screen_count) {
        view->screens[scanout_idx].damage = wanted(view, scanout_idx);
        view->screens[scanout_idx].is_refused = false;
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
        screen->is_refused = false;
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
        struct screen *screen = &view->screens[message->scanout_idx];
        screen->is_viewer_busy = false;
        gpu_memory_give_back(view->config.gpu, screen->old_held_bytes);
        screen->old_held_bytes = 0;
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
        view->screens[i].damage = wanted(view, i);
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
    view->work_bytes = PICTURE_WORK_BYTES;
    view->again = (struct loop_timer){ .on_late = on_again, .user = view };
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
