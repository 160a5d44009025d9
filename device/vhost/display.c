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

#include "device/vhost/edid.h"
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
static_assert(sizeof(struct virtio_gpu_resp_display_info) <= sizeof(struct virtio_gpu_resp_edid),
              "an EDID is the longest answer");

/* What QEMU has not been told yet. */
struct shown {
    bool is_plugged;   /* as QEMU says */
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
    struct loop_timer gone; /* the guest's question is answered without QEMU */
    uint32_t asked;         /* the request that QEMU has not answered; 0: none */
    bool is_features_wanted;
    bool is_agreement_wanted;
    bool is_info_wanted;
    bool is_edid_wanted;
    bool has_edid;     /* QEMU's feature */
    uint64_t heard_ns; /* when QEMU answered last; or since when it has had anything to answer */
    bool is_silence_said;
    uint64_t question; /* the guest's, a token; 0: none */
    unsigned edid_idx; /* it asks for the EDID of this one */
    struct shown shown[VIRTIO_GPU_SCANOUTS_MAX];
    size_t out_bytes;
    size_t sent_bytes;
    size_t in_bytes;
    uint8_t in[sizeof(struct vhost_display_header) + sizeof(struct virtio_gpu_resp_edid)];
    uint8_t out[OUT_BYTES_MAX];
};

static void pump(struct vhost_display *display);
static void on_ready(void *user, uint32_t events);

/* The guest's question, if there is one, has an answer.  Never in a call of the device's. */
static void
tell(struct vhost_display *display, const uint8_t *edid, size_t edid_bytes)
{
    uint64_t token = display->question;
    display->question = 0;
    display->is_edid_wanted = false;
    gpu_display_told(display->config.gpu, token, edid, edid_bytes);
}

static void
on_gone(void *user)
{
    tell(user, NULL, 0);
}

static void
leave(struct vhost_display *display, const char *sentence)
{
    if (display->is_gone) {
        return;
    }
    display->is_gone = true; /* still watching: the device may be just telling us something */
    loop_unwatch(display->config.loop, display->config.fd);
    loop_timer_set(display->config.loop, &display->gone, 1);
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
is_answer_due(const struct vhost_display *display)
{
    return display->asked != 0 || display->is_features_wanted || display->is_info_wanted ||
           display->is_edid_wanted;
}

/* The next question to QEMU, in the order of the protocol.  Returns: whether there is a message. */
static bool
put_question(struct vhost_display *display)
{
    const uint64_t agreed = display->has_edid ? UINT64_C(1) << VHOST_DISPLAY_F_EDID : 0;
    const uint32_t edid_idx = display->edid_idx;
    if (display->asked != 0) {
        return false;
    }
    if (display->is_features_wanted) {
        display->is_features_wanted = false;
        display->asked = VHOST_DISPLAY_GET_PROTOCOL_FEATURES;
        put(display, display->asked, NULL, 0);
    } else if (display->is_agreement_wanted) {
        display->is_agreement_wanted = false;
        put(display, VHOST_DISPLAY_SET_PROTOCOL_FEATURES, &agreed, sizeof(agreed));
    } else if (display->is_info_wanted) {
        display->is_info_wanted = false;
        display->asked = VHOST_DISPLAY_GET_DISPLAY_INFO;
        put(display, display->asked, NULL, 0);
    } else if (display->is_edid_wanted) {
        display->is_edid_wanted = false;
        display->asked = VHOST_DISPLAY_GET_EDID;
        put(display, display->asked, &edid_idx, sizeof(edid_idx));
    } else {
        return false;
    }
    return true;
}

static bool
put_any(struct vhost_display *display)
{
    if (put_question(display)) {
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
take_features(struct vhost_display *display, const uint8_t *payload)
{
    uint64_t features;
    memcpy(&features, payload, sizeof(features));
    display->has_edid = (features >> VHOST_DISPLAY_F_EDID & 1) != 0;
    display->is_agreement_wanted = true;
}

static void
take_size(struct vhost_display *display, unsigned idx, const struct virtio_gpu_display_one *mode)
{
    const struct gpu_scanout_config *known = &gpu_scanout(display->config.gpu, idx)->display;
    struct gpu_scanout_config wanted = { .width_px = le32_get(mode->r.width),
                                         .height_px = le32_get(mode->r.height),
                                         .is_enabled = le32_get(mode->enabled) != 0 };
    display->shown[idx].is_plugged = wanted.is_enabled;
    if (wanted.width_px == 0 ||
        wanted.height_px == 0) { /* it is plugged out, or has no window yet */
        wanted.width_px = known->width_px;
        wanted.height_px = known->height_px;
    }
    if (wanted.width_px != known->width_px || wanted.height_px != known->height_px ||
        wanted.is_enabled != known->is_enabled) {
        (void)gpu_set_display(display->config.gpu, idx, &wanted);
    }
}

/* QEMU is silent when asked for an EDID of a display that it does not have. */
static bool
can_have_edid(const struct vhost_display *display, unsigned idx)
{
    return display->has_edid && display->shown[idx].is_plugged;
}

/* The guest may have asked again since: then a newer answer comes. */
static void
take_info(struct vhost_display *display, const uint8_t *payload)
{
    struct virtio_gpu_resp_display_info info;
    memcpy(&info, payload, sizeof(info));
    for (unsigned i = 0; i < gpu_scanout_count(display->config.gpu); i++) {
        take_size(display, i, &info.pmodes[i]);
    }
    bool is_edid_next = display->is_edid_wanted && can_have_edid(display, display->edid_idx);
    if (!display->is_info_wanted && !is_edid_next) {
        tell(display, NULL, 0);
    }
}

static void
take_edid(struct vhost_display *display, const uint8_t *payload)
{
    struct virtio_gpu_resp_edid response;
    memcpy(&response, payload, sizeof(response));
    if (display->is_info_wanted || display->is_edid_wanted) {
        return; /* nobody wants it any more: the guest's question is another one */
    }
    if (vhost_is_edid(&response)) {
        tell(display, response.edid, le32_get(response.size));
        return;
    }
    display->has_edid = false;
    display->config.say(display->config.user,
                        "QEMU's display answered with no EDID: the guest gets ours");
    tell(display, NULL, 0);
}

static size_t
answer_bytes(uint32_t request)
{
    switch (request) {
    case VHOST_DISPLAY_GET_PROTOCOL_FEATURES: return sizeof(uint64_t);
    case VHOST_DISPLAY_GET_DISPLAY_INFO: return sizeof(struct virtio_gpu_resp_display_info);
    default: return sizeof(struct virtio_gpu_resp_edid);
    }
}

static void
take_answer(struct vhost_display *display)
{
    const uint8_t *payload = display->in + sizeof(struct vhost_display_header);
    uint32_t request = display->asked;
    display->in_bytes = 0;
    display->asked = 0;
    display->heard_ns = loop_now_ns();
    display->is_silence_said = false;
    switch (request) {
    case VHOST_DISPLAY_GET_PROTOCOL_FEATURES: take_features(display, payload); break;
    case VHOST_DISPLAY_GET_DISPLAY_INFO: take_info(display, payload); break;
    default: take_edid(display, payload); break;
    }
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
    if (display->asked == 0 || header.request != display->asked || header.flags != VHOST_REPLY ||
        header.size_bytes != answer_bytes(display->asked)) {
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
            take_answer(display);
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
    display->gone = (struct loop_timer){ .on_late = on_gone, .user = display };
    display->is_features_wanted = display->is_info_wanted = true;
    display->heard_ns = loop_now_ns();
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
    pump(display);
    return display;
}

/*
 * Whether QEMU has let its time pass.  Then it is asked nothing more, and the guest gets what we know at once, until an answer
 * comes: one that is late is no newer question's, as there is none.
 */
static bool
is_silent(struct vhost_display *display)
{
    uint64_t patience_ns = display->config.patience_ms * UINT64_C(1000000);
    if (!is_answer_due(display) || loop_now_ns() - display->heard_ns < patience_ns) {
        return false;
    }
    if (!display->is_silence_said) {
        display->is_silence_said = true;
        display->config.say(display->config.user, "QEMU's display is silent: until it answers, the "
                                                  "guest gets the last sizes and our EDID");
    }
    return true;
}

static bool
ask(struct vhost_display *display, uint64_t token, bool is_edid)
{
    if (display->is_gone || is_silent(display)) {
        return false;
    }
    if (!is_answer_due(display)) {
        display->heard_ns = loop_now_ns();
    }
    display->question = token;
    display->is_info_wanted = display->is_info_wanted || !is_edid;
    display->is_edid_wanted = is_edid;
    pump(display);
    return !display->is_gone;
}

bool
vhost_display_ask_sizes(struct vhost_display *display, uint64_t token)
{
    return ask(display, token, false);
}

/* A driver may ask for it first of all, before QEMU has said which displays there are. */
bool
vhost_display_ask_edid(struct vhost_display *display, uint64_t token, unsigned scanout_idx)
{
    bool are_sizes_coming = display->is_features_wanted || display->is_info_wanted ||
                            display->asked == VHOST_DISPLAY_GET_PROTOCOL_FEATURES ||
                            display->asked == VHOST_DISPLAY_GET_DISPLAY_INFO;
    display->edid_idx = scanout_idx;
    return (are_sizes_coming || can_have_edid(display, scanout_idx)) && ask(display, token, true);
}

void
vhost_display_destroy(struct vhost_display *display)
{
    if (display == NULL) {
        return;
    }
    leave(display, NULL);
    loop_timer_clear(display->config.loop, &display->gone);
    tell(display, NULL, 0);
    gpu_unwatch(display->config.gpu, &display->watcher);
    (void)close(display->config.fd);
    free(display);
}
