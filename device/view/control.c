/*
 * control.c - clients of the control socket: one request in, one answer out.
 *
 *      READING ──a line──▶ (COPYING, a screenshot) ──▶ ANSWERING ──all taken──▶ READING
 *         └── the client closed, or takes nothing for CONTROL_TAKE_MS_MAX ──▶ gone
 */
#include "device/view/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/gpu/gpu.h"
#include "device/loop.h"
#include "device/packet.h"
#include "device/view/control_request.h"
#include "device/view/picture.h"

enum { SENTENCE_BYTES_MAX = 512, NO_FDS_MS = 1000 };

struct client {
    struct control *control;
    int fd; /* -1: a free place */
    uint64_t heard_ns;
    char request[CONTROL_REQUEST_BYTES_MAX + 1];
    size_t request_bytes;
    char *answer; /* NULL: READING */
    size_t answer_bytes;
    size_t sent_bytes;
    struct picture picture; /* goes with the answer's first byte */
    unsigned scanout_idx;   /* which it shows */
    struct gpu_rect left;   /* of it, to copy; height_px 0: nothing, it is not COPYING */
    bool is_last;           /* after this answer it is closed */
    struct loop_timer late;
};

struct control {
    struct control_config config;
    struct loop_timer later; /* while there are no file descriptors for new clients */
    struct loop_timer again; /* copying goes on, in the next round of the loop */
    struct client clients[CONTROL_CLIENT_COUNT_MAX];
};

static void
forget_answer(struct client *client)
{
    free(client->answer);
    client->answer = NULL;
    client->answer_bytes = 0;
    client->sent_bytes = 0;
    picture_finish(&client->picture);
    client->left = (struct gpu_rect){ 0 };
    loop_timer_clear(client->control->config.loop, &client->late);
}

static bool
is_copying(const struct client *client)
{
    return client->left.height_px != 0;
}

static void
drop(struct client *client)
{
    if (client->fd >= 0) {
        forget_answer(client);
        loop_unwatch(client->control->config.loop, client->fd);
        (void)close(client->fd);
        client->fd = -1;
    }
}

static void
on_late(void *user)
{
    drop(user);
}

/* --- answers: text becomes the client's to free --- */

/* One line: a newline within JSON is a blank. */
static void
set_answer(struct client *client, char *text)
{
    if (text == NULL) {
        client->is_last = true; /* no memory: nothing can be said */
        return;
    }
    size_t length = strlen(text);
    for (size_t i = 0; i + 1 < length; i++) {
        if ((unsigned char)text[i] < ' ') {
            text[i] = ' ';
        }
    }
    client->answer = text;
    client->answer_bytes = length;
    loop_timer_set(client->control->config.loop, &client->late,
                   (uint64_t)CONTROL_TAKE_MS_MAX * 1000000);
}

/* Our sentences, which may have quotes from elsewhere in them. */
static void
answer_error(struct client *client, const char *sentence)
{
    char safe[SENTENCE_BYTES_MAX];
    size_t used = 0;
    for (const char *at = sentence; *at != '\0' && used + 2 < sizeof(safe); at++) {
        if (*at == '"' || *at == '\\') {
            safe[used++] = '\\';
        }
        safe[used++] = *at;
    }
    safe[used] = '\0';
    char *text = NULL;
    if (asprintf(&text, "{\"ok\":false,\"error\":\"%s\"}\n", safe) < 0) {
        text = NULL;
    }
    set_answer(client, text);
}

static void
answer_done(struct client *client)
{
    set_answer(client, strdup("{\"ok\":true}\n"));
}

static size_t
front_status(const struct control_config *config, char *text, size_t size_bytes)
{
    static const char nothing[] = "{}";
    if (config->front_status != NULL) {
        return config->front_status(config->user, text, size_bytes);
    }
    if (size_bytes >= sizeof(nothing)) {
        memcpy(text, nothing, sizeof(nothing));
    }
    return sizeof(nothing) - 1;
}

static void
answer_status(struct client *client)
{
    static const char open[] = "{\"ok\":true,\"gpu\":";
    static const char middle[] = ",\"front\":";
    const struct control_config *config = &client->control->config;
    char one = '\0';
    size_t gpu_bytes = gpu_status(config->gpu, &one, sizeof(one)) + 1;
    size_t front_bytes = front_status(config, &one, sizeof(one)) + 1;
    if (gpu_bytes + front_bytes > CONTROL_ANSWER_BYTES_MAX) {
        answer_error(client, "the status is too large to send");
        return;
    }
    char *text = malloc(sizeof(open) + sizeof(middle) + gpu_bytes + front_bytes + 3);
    if (text == NULL) {
        set_answer(client, NULL);
        return;
    }
    size_t used = sizeof(open) - 1;
    memcpy(text, open, used);
    (void)gpu_status(config->gpu, text + used, gpu_bytes);
    used += strlen(text + used);
    memcpy(text + used, middle, sizeof(middle) - 1);
    used += sizeof(middle) - 1;
    (void)front_status(config, text + used, front_bytes);
    used += strlen(text + used);
    memcpy(text + used, "}\n", 3);
    set_answer(client, text);
}

/* People ask for them, and not the guest; but it chooses their size. */
static bool
has_room(const struct control *control, const struct gpu_rect *size)
{
    uint64_t left_bytes = gpu_memory_limit(control->config.gpu);
    for (unsigned i = 0; i < CONTROL_CLIENT_COUNT_MAX; i++) {
        const struct picture *picture = &control->clients[i].picture;
        left_bytes -= picture->row_bytes * picture->height_px;
    }
    return (uint64_t)size->width_px * size->height_px * 4 <= left_bytes;
}

static void
begin_picture(struct client *client, unsigned scanout_idx)
{
    struct control *control = client->control;
    const struct gpu_scanout *scanout = gpu_scanout(control->config.gpu, scanout_idx);
    const struct gpu_rect all = { 0, 0, scanout->width_px, scanout->height_px };
    if (scanout->resource_id == 0 || all.width_px == 0 || all.height_px == 0) {
        answer_error(client, "this scanout shows nothing: the guest has set no picture on it");
    } else if (!has_room(control, &all)) {
        answer_error(client, "the picture is larger than the guest's memory may be (--max-memory), "
                             "or other screenshots are being taken");
    } else if (!picture_init(&client->picture, all.width_px, all.height_px)) {
        answer_error(client, "there is no memory for the picture");
    } else {
        client->scanout_idx = scanout_idx;
        client->left = all;
        loop_timer_set(control->config.loop, &control->again, 0);
    }
}

static void
fail_picture(struct client *client, const char *sentence)
{
    picture_finish(&client->picture);
    client->left = (struct gpu_rect){ 0 };
    answer_error(client, sentence);
}

/* A part of it; all that there is is answered. */
static void
go_on_with_picture(struct client *client, size_t *work_bytes)
{
    const struct gpu *gpu = client->control->config.gpu;
    const struct gpu_scanout *scanout = gpu_scanout(gpu, client->scanout_idx);
    struct picture *picture = &client->picture;
    char *text = NULL;
    if (scanout->resource_id == 0 || scanout->width_px != picture->width_px ||
        scanout->height_px != picture->height_px) {
        fail_picture(client, "the guest has just changed what it shows: ask again");
    } else if (!picture_make_ready(picture, work_bytes)) {
        fail_picture(client, "there is no memory for the picture");
    } else if (picture_is_ready(picture) &&
               !picture_copy(picture, gpu, client->scanout_idx, &client->left, work_bytes)) {
        fail_picture(client, "the picture cannot be read: its memory in the guest is gone");
    } else if (client->left.height_px == 0) {
        if (asprintf(&text, "{\"ok\":true,\"width_px\":%u,\"height_px\":%u}\n", picture->width_px,
                     picture->height_px) < 0) {
            text = NULL;
        }
        set_answer(client, text);
    }
}

static void
set_display(struct client *client, const struct control_request *request)
{
    const struct control_config *config = &client->control->config;
    struct gpu *gpu = config->gpu;
    struct gpu_scanout_config display = gpu_scanout(gpu, request->scanout_idx)->display;
    const char *sentence =
        config->front_refusal != NULL ? config->front_refusal(config->user) : NULL;
    if (sentence != NULL) {
        answer_error(client, sentence);
        return;
    }
    if (request->verb == CONTROL_RESIZE && !display.is_enabled) {
        answer_error(client, "no display is plugged in there: plug SCANOUT WxH plugs one in");
        return;
    }
    display.is_enabled = request->verb != CONTROL_UNPLUG;
    if (display.is_enabled) {
        display.width_px = request->width_px;
        display.height_px = request->height_px;
    }
    sentence = gpu_set_display(gpu, request->scanout_idx, &display);
    if (sentence != NULL) {
        answer_error(client, sentence);
    } else {
        answer_done(client);
    }
}

static void
answer_request(struct client *client, const struct control_request *request)
{
    char sentence[128];
    unsigned scanout_count = gpu_scanout_count(client->control->config.gpu);
    if (request->scanout_idx >= scanout_count) {
        (void)snprintf(sentence, sizeof(sentence),
                       "there is no scanout %u: this device has %u, counted from 0",
                       request->scanout_idx, scanout_count);
        answer_error(client, sentence);
    } else if (request->verb == CONTROL_STATUS) {
        answer_status(client);
    } else if (request->verb == CONTROL_SCREENSHOT) {
        begin_picture(client, request->scanout_idx);
    } else {
        set_display(client, request);
    }
}

/* --- bytes --- */

/* Answers the first line that is there.  Returns: whether there was one. */
static bool
answer_line(struct client *client)
{
    const char *newline = memchr(client->request, '\n', client->request_bytes);
    if (newline == NULL && client->request_bytes < CONTROL_REQUEST_BYTES_MAX) {
        return false;
    }
    if (newline == NULL) {
        client->request_bytes = 0;
        client->is_last = true;
        answer_error(client, "a request has at most 128 bytes");
        return true;
    }
    size_t length = (size_t)(newline - client->request);
    struct control_request request;
    const char *wrong = control_parse(client->request, length, &request);
    client->request_bytes -= length + 1;
    memmove(client->request, newline + 1, client->request_bytes);
    if (wrong != NULL) {
        answer_error(client, wrong);
    } else {
        answer_request(client, &request);
    }
    return true;
}

/* Returns: false: it is gone. */
static bool
read_request(struct client *client)
{
    ssize_t got = recv(client->fd, client->request + client->request_bytes,
                       CONTROL_REQUEST_BYTES_MAX - client->request_bytes, MSG_DONTWAIT);
    if (got > 0) {
        client->request_bytes += (size_t)got;
        client->heard_ns = loop_now_ns();
        return true;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* An answer with a picture is so short that a Unix socket takes all of it or nothing. */
static bool
send_answer(struct client *client)
{
    size_t left = client->answer_bytes - client->sent_bytes;
    ssize_t sent;
    if (client->picture.pixels != NULL) {
        int result = packet_send(client->fd, client->answer, left, client->picture.fd);
        sent = result == 0 ? (ssize_t)left : -1;
    } else {
        sent = send(client->fd, client->answer + client->sent_bytes, left,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    client->sent_bytes += (size_t)sent;
    if (client->sent_bytes == client->answer_bytes) {
        forget_answer(client);
    }
    return true;
}

static void on_client(void *user, uint32_t events);

/* EPOLLOUT while there is something to do without its bytes: an answer to send, a line to answer. */
static bool
watch(struct client *client)
{
    bool is_busy =
        client->answer != NULL || memchr(client->request, '\n', client->request_bytes) != NULL;
    uint32_t events = is_busy ? EPOLLOUT : EPOLLIN;
    return loop_watch(client->control->config.loop, client->fd, is_copying(client) ? 0 : events,
                      on_client, client);
}

/* One request each time, so that nobody is kept waiting by a client that has many. */
static void
on_client(void *user, uint32_t events)
{
    struct client *client = user;
    bool is_there = (events & EPOLLERR) == 0 &&
                    ((events & EPOLLHUP) == 0 || (events & EPOLLIN) != 0 || client->answer == NULL);
    if (is_there && is_copying(client)) {
        is_there = (events & EPOLLHUP) == 0;
    } else if (is_there && client->answer == NULL && (events & (EPOLLIN | EPOLLHUP)) != 0) {
        is_there = read_request(client);
    }
    if (is_there && client->answer == NULL && !is_copying(client)) {
        (void)answer_line(client);
    }
    if (is_there && client->answer != NULL) {
        is_there = send_answer(client);
    }
    bool is_over = client->is_last && client->answer == NULL && !is_copying(client);
    if (!is_there || is_over || !watch(client)) {
        drop(client);
    }
}

/* All who wait for a screenshot share what is copied in a round. */
static void
on_again(void *user)
{
    struct control *control = user;
    size_t work_bytes = PICTURE_WORK_BYTES;
    bool is_more = false;
    for (unsigned i = 0; i < CONTROL_CLIENT_COUNT_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0 || !is_copying(client)) {
            continue;
        }
        go_on_with_picture(client, &work_bytes);
        is_more = is_more || is_copying(client);
        bool is_over = client->is_last && client->answer == NULL;
        if (!is_copying(client) && (is_over || !watch(client))) {
            drop(client);
        }
    }
    if (is_more) {
        loop_timer_set(control->config.loop, &control->again, 0);
    }
}

/* A free place, or that of who was silent longest. */
static struct client *
find_place(struct control *control)
{
    struct client *oldest = &control->clients[0];
    for (unsigned i = 0; i < CONTROL_CLIENT_COUNT_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0) {
            return client;
        }
        oldest = client->heard_ns < oldest->heard_ns ? client : oldest;
    }
    drop(oldest);
    return oldest;
}

static void
on_listener(void *user, uint32_t events)
{
    struct control *control = user;
    (void)events;
    int fd = accept4(control->config.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        loop_unwatch(control->config.loop, control->config.listener);
        loop_timer_set(control->config.loop, &control->later, (uint64_t)NO_FDS_MS * 1000000);
    }
    if (fd < 0) {
        return;
    }
    struct client *client = find_place(control);
    *client = (struct client){
        .control = control,
        .fd = fd,
        .heard_ns = loop_now_ns(),
        .picture = {.fd = -1       },
        .late = { .on_late = on_late, .user = client },
    };
    if (!watch(client)) {
        (void)close(fd);
        client->fd = -1;
    }
}

static void
on_later(void *user)
{
    struct control *control = user;
    (void)loop_watch(control->config.loop, control->config.listener, EPOLLIN, on_listener, control);
}

struct control *
control_create(const struct control_config *config)
{
    struct control *control = calloc(1, sizeof(*control));
    if (control == NULL) {
        return NULL;
    }
    control->config = *config;
    control->again = (struct loop_timer){ .on_late = on_again, .user = control };
    control->later = (struct loop_timer){ .on_late = on_later, .user = control };
    for (unsigned i = 0; i < CONTROL_CLIENT_COUNT_MAX; i++) {
        control->clients[i].fd = -1;
    }
    if (!loop_watch(config->loop, config->listener, EPOLLIN, on_listener, control)) {
        free(control);
        return NULL;
    }
    return control;
}

void
control_destroy(struct control *control)
{
    if (control == NULL) {
        return;
    }
    for (unsigned i = 0; i < CONTROL_CLIENT_COUNT_MAX; i++) {
        drop(&control->clients[i]);
    }
    loop_timer_clear(control->config.loop, &control->later);
    loop_timer_clear(control->config.loop, &control->again);
    loop_unwatch(control->config.loop, control->config.listener);
    (void)close(control->config.listener);
    free(control);
}
