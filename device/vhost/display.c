/*
 * display.c - scanouts, damage and cursors as messages of vhost-user-gpu.
 */
#include "device/vhost/display.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/vhost/wire.h"

enum {
    UPDATE_BYTES_MAX =
        256 << 10, /* pixels of one message: QEMU's main loop reads a message as a whole */
    OUT_BYTES_MAX = sizeof(struct vhost_display_header) + sizeof(struct vhost_display_update) +
                    UPDATE_BYTES_MAX,
    PIXEL_BYTES = 4,
};
static_assert(sizeof(struct vhost_display_cursor) < UPDATE_BYTES_MAX, "a cursor fits, too");
static_assert(GPU_SIDE_PX_MAX * PIXEL_BYTES <= UPDATE_BYTES_MAX, "so does a row");

/* What QEMU has not been told yet. */
struct shown {
    uint32_t width_px; /* as QEMU knows it; 0: nothing */
    uint32_t height_px;
    bool is_changed;
    bool is_cursor_changed;
    bool is_cursor_moved;
    struct gpu_rect damage; /* width_px 0: none */
};

struct vhost_display {
    struct vhost_display_config config;
    struct gpu_watcher watcher;
    bool is_gone;
    bool is_info_wanted;
    bool is_info_asked;
    struct shown shown[VIRTIO_GPU_SCANOUTS_MAX];
    size_t out_bytes;
    size_t sent_bytes;
    size_t in_bytes;
    uint8_t in[sizeof(struct vhost_display_header) + sizeof(struct virtio_gpu_resp_display_info)];
    uint8_t out[OUT_BYTES_MAX];
};

static void pump(struct vhost_display *display);
static void on_ready(void *user, uint32_t events);

static void
leave(struct vhost_display *display, const char *sentence)
{
    if (display->is_gone) {
        return;
    }
    display->is_gone = true; /* still watching: the device may be just telling us something */
    loop_unwatch(display->config.loop, display->config.fd);
    if (sentence != NULL) {
        display->config.say(display->config.user, sentence);
    }
}

/* --- what has happened --- */

static void
add_damage(struct shown *shown, const struct gpu_rect *rect)
{
    struct gpu_rect *damage = &shown->damage;
    if (damage->width_px == 0 || damage->height_px == 0) {
        *damage = *rect;
        return;
    }
    uint32_t right = damage->x + damage->width_px;
    uint32_t bottom = damage->y + damage->height_px;
    uint32_t rect_right = rect->x + rect->width_px;
    uint32_t rect_bottom = rect->y + rect->height_px;
    damage->x = rect->x < damage->x ? rect->x : damage->x;
    damage->y = rect->y < damage->y ? rect->y : damage->y;
    damage->width_px = (rect_right > right ? rect_right : right) - damage->x;
    damage->height_px = (rect_bottom > bottom ? rect_bottom : bottom) - damage->y;
}

static void
on_scanout(void *user, unsigned scanout_idx)
{
    struct vhost_display *display = user;
    const struct gpu_scanout *scanout = gpu_scanout(display->config.gpu, scanout_idx);
    struct shown *shown = &display->shown[scanout_idx];
    struct gpu_rect whole = { 0, 0, scanout->width_px, scanout->height_px };
    shown->is_changed = true;
    shown->damage = (struct gpu_rect){ 0 };
    if (scanout->resource_id != 0) {
        shown->damage = whole;
    }
    pump(display);
}

static void
on_flush(void *user, unsigned scanout_idx, const struct gpu_rect *rect)
{
    struct vhost_display *display = user;
    add_damage(&display->shown[scanout_idx], rect);
    pump(display);
}

static void
on_cursor(void *user, unsigned scanout_idx)
{
    struct vhost_display *display = user;
    display->shown[scanout_idx].is_cursor_changed = true;
    pump(display);
}

static void
on_move(void *user, unsigned scanout_idx)
{
    struct vhost_display *display = user;
    display->shown[scanout_idx].is_cursor_moved = true;
    pump(display);
}

/* --- messages --- */

/* Begins a message.  Returns: where its payload goes. */
static void *
begin(struct vhost_display *display, uint32_t request, size_t size_bytes)
{
    struct vhost_display_header header = { .request = request, .size_bytes = (uint32_t)size_bytes };
    memcpy(display->out, &header, sizeof(header));
    display->out_bytes = sizeof(header) + size_bytes;
    display->sent_bytes = 0;
    return display->out + sizeof(header);
}

static void
put(struct vhost_display *display, uint32_t request, const void *payload, size_t size_bytes)
{
    void *to = begin(display, request, size_bytes);
    if (size_bytes > 0) {
        memcpy(to, payload, size_bytes);
    }
}

/* A size that QEMU does not know yet.  Returns: whether there is a message. */
static bool
put_scanout(struct vhost_display *display, unsigned idx)
{
    const struct gpu_scanout *scanout = gpu_scanout(display->config.gpu, idx);
    struct shown *shown = &display->shown[idx];
    struct vhost_display_scanout message = { .scanout_idx = idx };
    if (scanout->resource_id != 0) {
        message.width_px = scanout->width_px;
        message.height_px = scanout->height_px;
    }
    shown->is_changed = false;
    if (message.width_px == shown->width_px && message.height_px == shown->height_px) {
        return false; /* another picture of this size: QEMU's surface stays, and nothing flickers */
    }
    shown->width_px = message.width_px;
    shown->height_px = message.height_px;
    put(display, VHOST_DISPLAY_SCANOUT, &message, sizeof(message));
    return true;
}

/* As many rows of the damage as fit.  Returns: whether there is a message. */
static bool
put_update(struct vhost_display *display, unsigned idx)
{
    struct shown *shown = &display->shown[idx];
    struct gpu_rect part = shown->damage;
    size_t row_bytes = (size_t)part.width_px * PIXEL_BYTES;
    uint32_t row_count = (uint32_t)(UPDATE_BYTES_MAX / row_bytes);
    part.height_px = part.height_px < row_count ? part.height_px : row_count;
    struct vhost_display_update update = { idx, part.x, part.y, part.width_px, part.height_px };
    uint8_t *to = begin(display, VHOST_DISPLAY_UPDATE, sizeof(update) + row_bytes * part.height_px);
    memcpy(to, &update, sizeof(update));
    if (shown->width_px == 0 ||
        !gpu_read_pixels(display->config.gpu, idx, &part, to + sizeof(update), row_bytes)) {
        shown->damage =
            (struct gpu_rect){ 0 }; /* no longer there: a change of the scanout follows */
        display->out_bytes = 0;
        return false;
    }
    shown->damage.y += part.height_px;
    shown->damage.height_px -= part.height_px;
    return true;
}

static bool
put_cursor(struct vhost_display *display, unsigned idx)
{
    const struct gpu_cursor *cursor = gpu_cursor(display->config.gpu, idx);
    struct shown *shown = &display->shown[idx];
    struct vhost_display_cursor_pos pos = { idx, cursor->x, cursor->y };
    bool is_image = shown->is_cursor_changed && cursor->is_shown;
    bool is_hidden = shown->is_cursor_changed && !cursor->is_shown;
    shown->is_cursor_changed = shown->is_cursor_moved = false;
    if (is_hidden || !cursor->is_shown) {
        put(display, VHOST_DISPLAY_CURSOR_POS_HIDE, &pos, sizeof(pos));
    } else if (!is_image) {
        put(display, VHOST_DISPLAY_CURSOR_POS, &pos, sizeof(pos));
    } else {
        uint8_t *to =
            begin(display, VHOST_DISPLAY_CURSOR_UPDATE, sizeof(struct vhost_display_cursor));
        const uint32_t hot[2] = { cursor->hot_x, cursor->hot_y };
        memcpy(to, &pos, sizeof(pos));
        memcpy(to + offsetof(struct vhost_display_cursor, hot_x), hot, sizeof(hot));
        memcpy(to + offsetof(struct vhost_display_cursor, pixels), cursor->pixels,
               sizeof(cursor->pixels));
    }
    return true;
}

/* The next message of a scanout: its size, then its pixels, then its cursor. */
static bool
put_next(struct vhost_display *display, unsigned idx)
{
    struct shown *shown = &display->shown[idx];
    if (shown->is_changed && put_scanout(display, idx)) {
        return true;
    }
    if (shown->damage.width_px != 0 && shown->damage.height_px != 0 && put_update(display, idx)) {
        return true;
    }
    return (shown->is_cursor_changed || shown->is_cursor_moved) && put_cursor(display, idx);
}

static bool
put_any(struct vhost_display *display)
{
    if (display->is_info_wanted && !display->is_info_asked) {
        display->is_info_wanted = false;
        display->is_info_asked = true;
        put(display, VHOST_DISPLAY_GET_DISPLAY_INFO, NULL, 0);
        return true;
    }
    for (unsigned i = 0; i < gpu_scanout_count(display->config.gpu); i++) {
        if (put_next(display, i)) {
            return true;
        }
    }
    return false;
}

/* Returns: false: the other end is gone; else whatever it takes now has been sent. */
static bool
send_rest(struct vhost_display *display)
{
    while (display->sent_bytes < display->out_bytes) {
        ssize_t sent = send(display->config.fd, display->out + display->sent_bytes,
                            display->out_bytes - display->sent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
        display->sent_bytes += (size_t)sent;
    }
    display->out_bytes = display->sent_bytes = 0;
    return true;
}

static void
pump(struct vhost_display *display)
{
    if (display->is_gone) {
        return;
    }
    do {
        if (!send_rest(display)) {
            leave(display, NULL); /* QEMU closes it whenever the guest's driver stops */
            return;
        }
    } while (display->out_bytes == 0 && put_any(display));
    uint32_t events = EPOLLIN | (display->out_bytes != 0 ? EPOLLOUT : 0);
    (void)loop_watch(display->config.loop, display->config.fd, events, on_ready, display);
}

/* --- QEMU's answers --- */

static void
take_info(struct vhost_display *display, const uint8_t *payload)
{
    struct virtio_gpu_resp_display_info info;
    memcpy(&info, payload, sizeof(info));
    for (unsigned i = 0; i < gpu_scanout_count(display->config.gpu); i++) {
        struct gpu_scanout_config wanted = { .width_px = le32_get(info.pmodes[i].r.width),
                                             .height_px = le32_get(info.pmodes[i].r.height),
                                             .is_enabled = le32_get(info.pmodes[i].enabled) != 0 };
        const struct gpu_scanout_config *known = &gpu_scanout(display->config.gpu, i)->display;
        if (wanted.width_px == 0 ||
            wanted.height_px == 0) { /* none: it is plugged out, or has no window yet */
            wanted.width_px = known->width_px;
            wanted.height_px = known->height_px;
        }
        bool is_new = wanted.width_px != known->width_px || wanted.height_px != known->height_px ||
                      wanted.is_enabled != known->is_enabled;
        if (is_new) {
            (void)gpu_set_display(display->config.gpu, i, &wanted);
        }
    }
    display->is_info_asked = false;
}

/* A whole answer, or what is wrong with what is there.  Returns: bytes that are still wanted; 0: done. */
static size_t
wanted_bytes(struct vhost_display *display)
{
    struct vhost_display_header header;
    if (display->in_bytes < sizeof(header)) {
        return sizeof(header) - display->in_bytes;
    }
    memcpy(&header, display->in, sizeof(header));
    if (!display->is_info_asked || header.request != VHOST_DISPLAY_GET_DISPLAY_INFO ||
        header.flags != VHOST_REPLY ||
        header.size_bytes != sizeof(struct virtio_gpu_resp_display_info)) {
        char sentence[160];
        (void)snprintf(
            sentence, sizeof(sentence),
            "QEMU's display said message %u of %u bytes, which was not asked: it is left",
            header.request, header.size_bytes);
        leave(display, sentence);
        return 0;
    }
    return sizeof(header) + header.size_bytes - display->in_bytes;
}

static void
read_answers(struct vhost_display *display)
{
    while (!display->is_gone) {
        size_t wanted = wanted_bytes(display);
        if (display->is_gone) {
            return;
        }
        if (wanted == 0) {
            display->in_bytes = 0;
            take_info(display, display->in + sizeof(struct vhost_display_header));
            continue;
        }
        ssize_t got =
            recv(display->config.fd, display->in + display->in_bytes, wanted, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return;
        }
        if (got <= 0) {
            leave(display, NULL);
            return;
        }
        display->in_bytes += (size_t)got;
    }
}

static void
on_ready(void *user, uint32_t events)
{
    struct vhost_display *display = user;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read_answers(display);
    }
    pump(display);
}

/* --- life --- */

struct vhost_display *
vhost_display_create(const struct vhost_display_config *config)
{
    struct vhost_display *display = calloc(1, sizeof(*display));
    if (display == NULL) {
        return NULL;
    }
    display->config = *config;
    display->watcher = (struct gpu_watcher){ .user = display,
                                             .scanout_changed = on_scanout,
                                             .flushed = on_flush,
                                             .cursor_changed = on_cursor,
                                             .cursor_moved = on_move };
    if (!loop_watch(config->loop, config->fd, EPOLLIN, on_ready, display)) {
        free(display);
        return NULL;
    }
    if (!gpu_watch(config->gpu, &display->watcher)) {
        loop_unwatch(config->loop, config->fd);
        free(display);
        errno = EMFILE;
        return NULL;
    }
    for (unsigned i = 0; i < gpu_scanout_count(config->gpu); i++) {
        on_scanout(display, i);
    }
    vhost_display_refresh(display);
    return display;
}

void
vhost_display_refresh(struct vhost_display *display)
{
    display->is_info_wanted = true;
    pump(display);
}

void
vhost_display_destroy(struct vhost_display *display)
{
    if (display == NULL) {
        return;
    }
    leave(display, NULL);
    gpu_unwatch(display->config.gpu, &display->watcher);
    (void)close(display->config.fd);
    free(display);
}
