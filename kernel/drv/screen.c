/* The text console on the GPU: see screen.h. */
#include "kernel/drv/screen.h"

#include <string.h>

#include "font_8x16.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"

enum {
    PENDING_BYTES = 32768,
    CHUNK_BYTES = 512,
};

/* The console is redrawn this often at most, so that a flood of text costs a few frames, not one per line. */
#define FRAME_NS (16 * NS_PER_MS)

/* Text that was written and not drawn: a ring. When it is full the oldest goes, as on a terminal that scrolls. */
static struct {
    struct spinlock lock;
    char text[PENDING_BYTES];
    uint64_t written;
    uint64_t taken;
} pending;

static struct display *display;
static struct display_console console;
static struct display_cell *cells;
static bool is_enabled;
static bool is_drawing;
static uint64_t next_frame_ns;

static void
screen_write(void *ctx, const char *text, size_t bytes)
{
    (void)ctx;
    uint64_t irq_state = spin_lock_irq(&pending.lock);

    for (size_t i = 0; i < bytes; i++) {
        pending.text[pending.written++ % PENDING_BYTES] = text[i];
    }
    if (pending.written - pending.taken > PENDING_BYTES) {
        pending.taken = pending.written - PENDING_BYTES;
    }
    spin_unlock_irq(&pending.lock, irq_state);
}

static size_t
take_pending(char *text, size_t size)
{
    uint64_t irq_state = spin_lock_irq(&pending.lock);
    size_t count = 0;

    while (count < size && pending.taken < pending.written) {
        text[count++] = pending.text[pending.taken++ % PENDING_BYTES];
    }
    spin_unlock_irq(&pending.lock, irq_state);
    return count;
}

/* Returns: whether there was any. */
static bool
take_text(void)
{
    char chunk[CHUNK_BYTES];
    bool took = false;

    for (;;) {
        size_t count = take_pending(chunk, sizeof(chunk));

        if (count == 0) {
            return took;
        }
        display_console_write(&console, chunk, count);
        took = true;
    }
}

/*
 * Before power-off and in a panic. A panic may have come from within the GPU driver, which is then in no state to be called:
 * the picture stays as it was, and the serial line has the text.
 */
static void
screen_flush(void *ctx)
{
    (void)ctx;
    if (display == NULL || !is_enabled || is_drawing || display->vgpu->state != VGPU_RUNNING) {
        return;
    }
    is_drawing = true;
    (void)take_text();
    display_console_draw(&console, &display->target);
    (void)display_present_wait(display);
    (void)display_drain(display);
    is_drawing = false;
}

static const struct console_ops screen_ops = {
    .name = "screen",
    .write = screen_write,
    .flush = screen_flush,
};

static struct console_sink sink = { .ops = &screen_ops };

int
screen_attach(struct display *target)
{
    const struct display_font *font = &font_8x16;
    size_t count = display_console_cells(font, (uint32_t)target->target.width_px,
                                         (uint32_t)target->target.height_px);
    struct display_console_config config = { .font = font, .cell_count = count };

    cells = kzalloc(count * sizeof(*cells));
    if (cells == NULL) {
        return -E_NOMEM;
    }
    config.cells = cells;
    enum virtio_err err = display_console_init(&console, &target->target, &config);
    if (err != VIRTIO_OK) {
        kfree(cells);
        cells = NULL;
        return errno_from_virtio(err);
    }
    console.has_cursor = true;
    log_replay(screen_write, NULL);
    console_add(&sink);
    display = target;
    is_enabled = true;
    return 0;
}

void
screen_detach(void)
{
    if (display == NULL) {
        return;
    }
    console_remove(&sink);
    display = NULL;
    is_enabled = false;
    kfree(cells);
    cells = NULL;
}

void
screen_enable(bool on)
{
    if (display == NULL) {
        return;
    }
    if (on && !is_enabled) {
        display_fill(&display->target, &display->target.clip, 0);
        display_console_damage(&console);
    }
    is_enabled = on;
}

uint64_t
screen_poll(void)
{
    if (display == NULL) {
        return UINT64_MAX;
    }
    uint64_t now_ns = time_now_ns();
    if (is_enabled && now_ns < next_frame_ns) {
        return pending.taken < pending.written ? next_frame_ns : UINT64_MAX;
    }
    is_drawing = true;
    bool took = take_text();
    enum virtio_err err = VIRTIO_OK;
    if (is_enabled) {
        display_console_draw(&console, &display->target);
        err = display_present(display);
        next_frame_ns = took ? now_ns + FRAME_NS : next_frame_ns;
    }
    is_drawing = false;
    return err == VIRTIO_ERR_BUSY ? now_ns + NS_PER_MS : UINT64_MAX;
}
