/*
 * vnc_server.c - a VNC server per scanout, by libvncserver, for this machine only.
 *
 * The cursor is part of the pictures: what a client sees is the same whatever it understands.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <rfb/rfb.h>
#include <sys/select.h>

#include "tools/view/show.h"

enum {
    EMPTY_WIDTH_PX = 640,
    EMPTY_HEIGHT_PX = 400,
    TITLE_BYTES = 256,
    NO_SOCKET = -1,
    TAKE_MS_MAX = 2000
};

struct server {
    struct show *show;
    unsigned scanout_idx;
    rfbScreenInfo *screen; /* NULL: not yet shown */
    char title[TITLE_BYTES];
};

struct show {
    struct show_config config;
    struct server servers[VIEW_SCANOUT_COUNT_MAX];
    uint32_t empty[EMPTY_WIDTH_PX * EMPTY_HEIGHT_PX]; /* of a scanout that shows nothing */
};

static int
on_wanted_size(int width_px, int height_px, int screen_count, rfbExtDesktopScreen *screens,
               rfbClientRec *client)
{
    const struct server *server = client->screen->screenData;
    (void)screens;
    if (screen_count != 1 || width_px <= 0 || height_px <= 0) {
        return rfbExtDesktopSize_InvalidScreenLayout;
    }
    const struct show_config *config = &server->show->config;
    config->resize(config->user, server->scanout_idx, (uint32_t)width_px, (uint32_t)height_px);
    return rfbExtDesktopSize_Success;
}

static void
on_key(rfbBool is_down, rfbKeySym keysym, rfbClientRec *client)
{
    const struct server *server = client->screen->screenData;
    input_key(server->show->config.input, key_of_keysym(keysym), is_down != FALSE);
}

/* button_mask: a bit for each button from 0 on. */
static void
on_pointer(int button_mask, int x_px, int y_px, rfbClientRec *client)
{
    static const enum input_button buttons[] = { INPUT_LEFT, INPUT_MIDDLE, INPUT_RIGHT,
                                                 INPUT_WHEEL_UP, INPUT_WHEEL_DOWN };
    const struct server *server = client->screen->screenData;
    struct input *input = server->show->config.input;
    input_move(input, x_px, y_px, (uint32_t)client->screen->width,
               (uint32_t)client->screen->height);
    for (unsigned i = 0; i < sizeof(buttons) / sizeof(buttons[0]); i++) {
        input_press(input, buttons[i], (button_mask >> i & 1) != 0);
    }
}

/* A client that leaves with a key down would leave it down in the guest. */
static void
on_client_gone(rfbClientRec *client)
{
    const struct server *server = client->screen->screenData;
    input_release(server->show->config.input);
}

static enum rfbNewClientAction
on_client(rfbClientRec *client)
{
    client->clientGoneHook = on_client_gone;
    return RFB_CLIENT_ACCEPT;
}

static char *
memory_of(const uint32_t *pixels)
{
    char *memory;
    memcpy(&memory, &pixels, sizeof(memory)); /* the library does not write to it */
    return memory;
}

static void
set_format(rfbScreenInfo *screen)
{
    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
}

static bool
start_server(struct server *server)
{
    const struct show_config *config = &server->show->config;
    rfbScreenInfo *screen = rfbGetScreen(NULL, NULL, EMPTY_WIDTH_PX, EMPTY_HEIGHT_PX, 8, 3, 4);
    if (screen == NULL) {
        return false;
    }
    show_title(config, server->scanout_idx, NULL, server->title, sizeof(server->title));
    screen->screenData = server;
    screen->desktopName = server->title;
    screen->frameBuffer = memory_of(server->show->empty);
    screen->alwaysShared = TRUE;
    screen->cursor = NULL;
    screen->deferUpdateTime = 0;
    screen->port = config->port + (int)server->scanout_idx;
    screen->listenInterface = htonl(INADDR_LOOPBACK);
    screen->ipv6port = 0;
    screen->setDesktopSizeHook = on_wanted_size;
    screen->kbdAddEvent = on_key;
    screen->ptrAddEvent = on_pointer;
    screen->newClientHook = on_client;
    set_format(screen);
    rfbInitServer(screen);
    if (screen->listenSock == NO_SOCKET) {
        rfbScreenCleanup(screen);
        return false;
    }
    server->screen = screen;
    return true;
}

static struct show *
open_vnc(const struct show_config *config, char *reason, size_t reason_bytes)
{
    struct show *show = calloc(1, sizeof(*show));
    if (show == NULL) {
        return NULL;
    }
    show->config = *config;
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        show->servers[i].show = show;
        show->servers[i].scanout_idx = i;
    }
    rfbLogEnable(FALSE);
    rfbMaxClientWait =
        TAKE_MS_MAX; /* a client that takes nothing for so long is left: the others wait for it */
    if (!start_server(&show->servers[0])) {
        (void)snprintf(reason, reason_bytes,
                       "VNC cannot listen on 127.0.0.1:%u: choose another port with --view "
                       "vnc:PORT",
                       config->port);
        free(show);
        return NULL;
    }
    return show;
}

static void
close_vnc(struct show *show)
{
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        if (show->servers[i].screen != NULL) {
            rfbShutdownServer(show->servers[i].screen, TRUE);
            rfbScreenCleanup(show->servers[i].screen);
        }
    }
    free(show);
}

static void
picture_vnc(struct show *show, unsigned scanout_idx, const struct canvas *canvas)
{
    struct server *server = &show->servers[scanout_idx];
    bool is_shown = canvas->shown != NULL;
    if (server->screen == NULL && (!is_shown || !start_server(server))) {
        return;
    }
    show_title(&show->config, scanout_idx, canvas, server->title, sizeof(server->title));
    rfbNewFramebuffer(server->screen, memory_of(is_shown ? canvas->shown : show->empty),
                      is_shown ? (int)canvas->width_px : EMPTY_WIDTH_PX,
                      is_shown ? (int)canvas->height_px : EMPTY_HEIGHT_PX, 8, 3, 4);
    set_format(server->screen);
}

static void
damage_vnc(struct show *show, unsigned scanout_idx, const struct canvas_rect *rect)
{
    rfbScreenInfo *screen = show->servers[scanout_idx].screen;
    if (screen != NULL) {
        rfbMarkRectAsModified(screen, (int)rect->x, (int)rect->y, (int)(rect->x + rect->width_px),
                              (int)(rect->y + rect->height_px));
    }
}

static bool
wait_vnc(struct show *show, int fd, int timeout_ms)
{
    fd_set fds;
    int fd_max = fd;
    struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000L };
    FD_ZERO(&fds);
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        const rfbScreenInfo *screen = show->servers[i].screen;
        for (int client = 0; screen != NULL && client <= screen->maxFd; client++) {
            if (FD_ISSET(client, &screen->allFds)) {
                FD_SET(client, &fds);
                fd_max = client > fd_max ? client : fd_max;
            }
        }
    }
    FD_SET(fd, &fds);
    (void)select(fd_max + 1, &fds, NULL, NULL, timeout_ms >= 0 ? &timeout : NULL);
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        if (show->servers[i].screen != NULL) {
            (void)rfbProcessEvents(show->servers[i].screen, 0);
        }
    }
    return true;
}

const struct show_way show_vnc = {
    .open = open_vnc,
    .close = close_vnc,
    .picture = picture_vnc,
    .damage = damage_vnc,
    .wait = wait_vnc,
};
