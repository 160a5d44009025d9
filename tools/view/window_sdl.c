/*
 * window_sdl.c - a window per scanout, by SDL2.
 *
 * A window has the size of its picture.  When a person makes it another, the guest is asked for that size once the dragging
 * is over; until the guest follows, and if it never does, its picture is stretched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <SDL2/SDL.h>
#include <poll.h>

#include "tools/view/show.h"

enum {
    EMPTY_WIDTH_PX = 640,
    EMPTY_HEIGHT_PX = 400,
    TITLE_BYTES = 256,
    EVENT_MS = 10,    /* how often windows are asked for events */
    SETTLED_MS = 250, /* a size is meant when it has been for this long */
};

struct window {
    SDL_Window *window;   /* NULL: not yet shown, or closed */
    SDL_Surface *picture; /* the canvas; NULL: nothing shown */
    bool is_closed;       /* by a person */
    Uint32 settles_ms;    /* when the size that a person chose is meant; 0: none */
};

struct show {
    struct show_config config;
    struct window windows[VIEW_SCANOUT_COUNT_MAX];
};

static bool
open_window(struct show *show, unsigned scanout_idx)
{
    char title[TITLE_BYTES];
    show_title(&show->config, scanout_idx, NULL, title, sizeof(title));
    struct window *window = &show->windows[scanout_idx];
    window->window = SDL_CreateWindow(title, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                                      EMPTY_WIDTH_PX, EMPTY_HEIGHT_PX, SDL_WINDOW_RESIZABLE);
    return window->window != NULL;
}

/* Without a desktop SDL takes a driver that shows nothing to nobody, which is right only for who asks for it. */
static bool
is_seen(void)
{
    const char *asked = getenv("SDL_VIDEODRIVER");
    const char *driver = SDL_GetCurrentVideoDriver();
    bool is_none = driver == NULL || strcmp(driver, "offscreen") == 0 ||
                   strcmp(driver, "dummy") == 0 || strcmp(driver, "evdev") == 0;
    return !is_none || (asked != NULL && asked[0] != '\0') ||
           SDL_SetError("SDL finds no display") == 0; /* which gives -1 */
}

static struct show *
open_sdl(const struct show_config *config, char *reason, size_t reason_bytes)
{
    struct show *show = calloc(1, sizeof(*show));
    if (show == NULL) {
        return NULL;
    }
    show->config = *config;
    (void)SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0"); /* a picture is copied, not drawn */
    (void)SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    (void)SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    if (SDL_Init(SDL_INIT_VIDEO) != 0 || !is_seen() || !open_window(show, 0)) {
        (void)snprintf(reason, reason_bytes,
                       "no window can be opened (%s): is there a desktop, and is DISPLAY or "
                       "WAYLAND_DISPLAY set? --view vnc needs neither",
                       SDL_GetError());
        SDL_Quit();
        free(show);
        return NULL;
    }
    return show;
}

static void
close_window(struct window *window)
{
    SDL_FreeSurface(window->picture);
    if (window->window != NULL) {
        SDL_DestroyWindow(window->window);
    }
    window->picture = NULL;
    window->window = NULL;
}

static void
close_sdl(struct show *show)
{
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        close_window(&show->windows[i]);
    }
    SDL_Quit();
    free(show);
}

/* --- drawing --- */

/* All of it, stretched where the window is not of the picture's size. */
static void
draw_all(const struct window *window)
{
    SDL_Surface *surface = SDL_GetWindowSurface(window->window);
    if (surface == NULL) {
        return;
    }
    if (window->picture == NULL) {
        (void)SDL_FillRect(surface, NULL, SDL_MapRGB(surface->format, 48, 48, 48));
    } else {
        (void)SDL_BlitScaled(window->picture, NULL, surface, NULL);
    }
    (void)SDL_UpdateWindowSurface(window->window);
}

static void
damage_sdl(struct show *show, unsigned scanout_idx, const struct canvas_rect *rect)
{
    const struct window *window = &show->windows[scanout_idx];
    if (window->window == NULL || window->picture == NULL) {
        return;
    }
    SDL_Surface *surface = SDL_GetWindowSurface(window->window);
    if (surface == NULL || surface->w != window->picture->w || surface->h != window->picture->h) {
        draw_all(window);
        return;
    }
    const SDL_Rect from = { (int)rect->x, (int)rect->y, (int)rect->width_px, (int)rect->height_px };
    SDL_Rect to = from;
    (void)SDL_BlitSurface(window->picture, &from, surface, &to);
    (void)SDL_UpdateWindowSurfaceRects(window->window, &from, 1);
}

/* The pixels are the canvas's, which outlives this. */
static SDL_Surface *
surface_of(const struct canvas *canvas)
{
    if (canvas->shown == NULL) {
        return NULL;
    }
    return SDL_CreateRGBSurfaceWithFormatFrom(canvas->shown, (int)canvas->width_px,
                                              (int)canvas->height_px, 32, (int)canvas->width_px * 4,
                                              SDL_PIXELFORMAT_RGB888);
}

static void
picture_sdl(struct show *show, unsigned scanout_idx, const struct canvas *canvas)
{
    char title[TITLE_BYTES];
    struct window *window = &show->windows[scanout_idx];
    SDL_FreeSurface(window->picture);
    window->picture = surface_of(canvas);
    if (window->is_closed || (window->window == NULL && window->picture == NULL) ||
        (window->window == NULL && !open_window(show, scanout_idx))) {
        return;
    }
    show_title(&show->config, scanout_idx, canvas, title, sizeof(title));
    SDL_SetWindowTitle(window->window, title);
    if (window->picture != NULL) {
        window->settles_ms = 0;
        SDL_SetWindowSize(window->window, window->picture->w, window->picture->h);
    }
    draw_all(window);
}

/* --- what people do --- */

static struct window *
find_window(struct show *show, Uint32 id)
{
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        if (show->windows[i].window != NULL && SDL_GetWindowID(show->windows[i].window) == id) {
            return &show->windows[i];
        }
    }
    return NULL;
}

static void
on_window_event(struct show *show, const SDL_WindowEvent *event)
{
    struct window *window = find_window(show, event->windowID);
    if (window == NULL) {
        return;
    }
    if (event->event == SDL_WINDOWEVENT_CLOSE) {
        window->is_closed = true;
        close_window(window);
    } else if (event->event == SDL_WINDOWEVENT_RESIZED) {
        window->settles_ms = (SDL_GetTicks() + SETTLED_MS) | 1;
        draw_all(window);
    } else if (event->event == SDL_WINDOWEVENT_EXPOSED) {
        draw_all(window);
    }
}

/* A size that a person chose and has kept, and that is not the picture's already. */
static void
ask_for_sizes(struct show *show)
{
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        struct window *window = &show->windows[i];
        int width_px = 0;
        int height_px = 0;
        if (window->window == NULL || window->settles_ms == 0 ||
            !SDL_TICKS_PASSED(SDL_GetTicks(), window->settles_ms)) {
            continue;
        }
        window->settles_ms = 0;
        SDL_GetWindowSize(window->window, &width_px, &height_px);
        if (window->picture == NULL || window->picture->w != width_px ||
            window->picture->h != height_px) {
            show->config.resize(show->config.user, i, (uint32_t)width_px, (uint32_t)height_px);
        }
    }
}

static void
on_motion(struct show *show, Uint32 id, int x_px, int y_px)
{
    const struct window *window = find_window(show, id);
    int width_px = 0;
    int height_px = 0;
    if (window != NULL && window->picture != NULL) {
        SDL_GetWindowSize(window->window, &width_px, &height_px);
        input_move(show->config.input, x_px, y_px, (uint32_t)width_px, (uint32_t)height_px);
    }
}

static void
on_button(struct show *show, const SDL_MouseButtonEvent *event)
{
    bool is_down = event->state == SDL_PRESSED;
    on_motion(show, event->windowID, event->x, event->y);
    if (event->button >= SDL_BUTTON_LEFT && event->button <= SDL_BUTTON_RIGHT) {
        input_press(show->config.input, INPUT_LEFT + (event->button - SDL_BUTTON_LEFT), is_down);
    }
}

/* A guest knows a wheel's notch as a button, pressed and released. */
static void
on_wheel(struct show *show, const SDL_MouseWheelEvent *event)
{
    enum input_button button = event->y > 0 ? INPUT_WHEEL_UP : INPUT_WHEEL_DOWN;
    if (event->y != 0) {
        input_press(show->config.input, button, true);
        input_press(show->config.input, button, false);
    }
}

/* A key that is held repeats in the guest by itself. */
static void
on_event(struct show *show, const SDL_Event *event)
{
    if (event->type == SDL_WINDOWEVENT) {
        on_window_event(show, &event->window);
    } else if ((event->type == SDL_KEYDOWN || event->type == SDL_KEYUP) && event->key.repeat == 0) {
        input_key(show->config.input, (unsigned)event->key.keysym.scancode,
                  event->type == SDL_KEYDOWN);
    } else if (event->type == SDL_MOUSEMOTION) {
        on_motion(show, event->motion.windowID, event->motion.x, event->motion.y);
    } else if (event->type == SDL_MOUSEBUTTONDOWN || event->type == SDL_MOUSEBUTTONUP) {
        on_button(show, &event->button);
    } else if (event->type == SDL_MOUSEWHEEL) {
        on_wheel(show, &event->wheel);
    }
}

static bool
has_window(const struct show *show)
{
    for (unsigned i = 0; i < VIEW_SCANOUT_COUNT_MAX; i++) {
        if (show->windows[i].window != NULL) {
            return true;
        }
    }
    return false;
}

static bool
wait_sdl(struct show *show, int fd, int timeout_ms)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    SDL_Event event;
    (void)poll(&wait, 1, timeout_ms >= 0 && timeout_ms < EVENT_MS ? timeout_ms : EVENT_MS);
    while (SDL_PollEvent(&event) != 0) {
        on_event(show, &event);
    }
    ask_for_sizes(show);
    return has_window(show);
}

const struct show_way show_window = {
    .open = open_sdl,
    .close = close_sdl,
    .picture = picture_sdl,
    .damage = damage_sdl,
    .wait = wait_sdl,
};
