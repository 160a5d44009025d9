/* The kernel's input devices: see input_dev.h. */
#include "kernel/drv/input_dev.h"

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/log.h"
#include "kernel/drv/keymap.h"
#include "kernel/drv/virtio_bus.h"
#include "kernel/mm/pages.h"

enum { KEPT_COUNT = 64 };

static struct {
    struct vinput input;
    struct keymap keymap;
} inputs[INPUT_DEV_COUNT_MAX];

static uint32_t input_count;
static struct input_dev_event kept[KEPT_COUNT];
static uint64_t kept_written;
static uint64_t kept_taken;

static void
on_interrupt(uint32_t irq, void *ctx)
{
    struct vinput *input = ctx;

    (void)irq;
    (void)vinput_take_events(input);
}

static void
keep(uint32_t device_idx, const struct vinput_event *event)
{
    kept[kept_written++ % KEPT_COUNT] =
        (struct input_dev_event){ .device_idx = device_idx, .event = *event };
    if (kept_written - kept_taken > KEPT_COUNT) {
        kept_taken = kept_written - KEPT_COUNT;
    }
}

static void
handle(uint32_t device_idx, const struct vinput_event *event)
{
    char text[KEYMAP_TEXT_BYTES];

    if (event->type == VIRTIO_INPUT_EV_SYN) {
        return;
    }
    keep(device_idx, event);
    if (event->type != VIRTIO_INPUT_EV_KEY || event->code >= VIRTIO_INPUT_BTN_FIRST) {
        return;
    }
    unsigned count = keymap_feed(&inputs[device_idx].keymap, event->code, event->value, text);
    for (unsigned i = 0; i < count; i++) {
        console_input(text[i]);
    }
}

/* Returns: 0 after an event: who waits for keys waits below this hook, and is not to sleep over them. */
static uint64_t
input_poll(void *ctx)
{
    struct vinput_event event;
    uint64_t wake_ns = UINT64_MAX;

    (void)ctx;
    for (uint32_t i = 0; i < input_count; i++) {
        while (vinput_next(&inputs[i].input, &event) == VIRTIO_OK) {
            handle(i, &event);
            wake_ns = 0;
        }
    }
    return wake_ns;
}

static struct idle_hook hook = { .name = "input", .poll = input_poll };

int
input_dev_start(struct virtio_device *device)
{
    struct vinput_config config = { .features = virtio_bus_ring_features(),
                                    .is_interrupting = true };
    struct virtio_arena arena;

    if (input_count == INPUT_DEV_COUNT_MAX) {
        log_warn("input", "device %u: not driven, %u are the most", device->index,
                 INPUT_DEV_COUNT_MAX);
        return -E_NOSPC;
    }
    if (drv_arena(&arena, vinput_arena_bytes(&config)) != 0) {
        return -E_NOMEM;
    }
    struct vinput *input = &inputs[input_count].input;
    enum virtio_err err = vinput_init(input, device, &config, &arena);
    if (err != VIRTIO_OK) {
        if (arena.used_bytes == 0) { /* else the device did not reset and still has it */
            dma_free(arena.base, arena.bytes);
        }
        log_error("input", "device %u: %s", device->index, virtio_err_text(err));
        return errno_from_virtio(err);
    }
    if (input_count++ == 0) {
        idle_register(&hook);
    }
    log_info("input", "%s", input->name);
    return drv_interrupt(device, on_interrupt, input, "virtio-input");
}

struct vinput *
input_dev_at(uint32_t idx)
{
    return idx < input_count ? &inputs[idx].input : NULL;
}

int
input_dev_take(struct input_dev_event *event)
{
    if (kept_taken == kept_written) {
        return -E_AGAIN;
    }
    *event = kept[kept_taken++ % KEPT_COUNT];
    return 0;
}

void
input_dev_forget(void)
{
    kept_taken = kept_written;
}
