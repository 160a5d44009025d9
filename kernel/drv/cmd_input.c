/* input: keyboards and tablets, what they are and what they send. */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/input_dev.h"

enum {
    WATCH_S_DEFAULT = 10,
    WATCH_S_MAX = 3600,
    LED_MAX = 15,
};

static int
input_info(const struct shell_call *call)
{
    if (input_dev_at(0) == NULL) {
        return shell_fail(call, "there is no input device (see devices)");
    }
    for (uint32_t i = 0; input_dev_at(i) != NULL; i++) {
        const struct vinput *input = input_dev_at(i);

        console_print("input %u: \"%s\" bus %u vendor 0x%04x product 0x%04x, types 0x%x, %llu "
                      "events\n",
                      i, input->name, input->bustype, input->vendor, input->product, input->types,
                      (unsigned long long)input->stats.events);
        if (input->axis_x.min != input->axis_x.max) {
            console_print("  x %d to %d, y %d to %d\n", input->axis_x.min, input->axis_x.max,
                          input->axis_y.min, input->axis_y.max);
        }
    }
    return 0;
}

static int
input_latency(const struct shell_call *call)
{
    if (input_dev_at(0) == NULL) {
        return shell_fail(call, "there is no input device (see devices)");
    }
    for (uint32_t i = 0; input_dev_at(i) != NULL; i++) {
        const struct vinput *input = input_dev_at(i);

        console_print("input %u:", i);
        for (unsigned type = 0; type < VIRTIO_INPUT_EV_COUNT; type++) {
            uint64_t count = input->stats.events_by_type[type];

            if (count > 0) {
                console_print(" %s(%u) %llu", vinput_type_name((uint16_t)type), type,
                              (unsigned long long)count);
            }
        }
        console_print(" of %llu events\n", (unsigned long long)input->stats.events);
        if (vinput_has_type(input, VIRTIO_INPUT_EV_LED)) {
            print_histogram_head("status");
            print_histogram(vinput_type_name(VIRTIO_INPUT_EV_LED), &input->led_latency);
        }
    }
    return 0;
}

static const char *
type_name(uint16_t type)
{
    switch (type) {
    case VIRTIO_INPUT_EV_KEY: return "key";
    case VIRTIO_INPUT_EV_REL: return "relative";
    case VIRTIO_INPUT_EV_ABS: return "absolute";
    case VIRTIO_INPUT_EV_LED: return "led";
    default: return "type";
    }
}

static void
print_events(void)
{
    struct input_dev_event one;

    while (input_dev_take(&one) == 0) {
        console_print("input %u: %s(%u) code %u value %d\n", one.device_idx,
                      type_name(one.event.type), one.event.type, one.event.code,
                      (int32_t)one.event.value);
    }
}

static int
input_watch(const struct shell_call *call)
{
    uint32_t duration_s = WATCH_S_DEFAULT;

    if (call->argc > 1 && command_number(call, 1, WATCH_S_MAX, &duration_s) != 0) {
        return SHELL_FAILED;
    }
    uint64_t end_ns = time_deadline_ns(duration_s * NS_PER_S);
    input_dev_forget();
    console_print("watching for %u s; Ctrl-C ends it\n", duration_s);
    while (!time_has_passed(end_ns) && !shell_is_interrupted()) {
        idle_wait(end_ns);
        print_events();
    }
    while (console_read() >= 0) { /* the keys have been shown; they are no next command */
    }
    return 0;
}

static int
input_led(const struct shell_call *call)
{
    uint32_t idx;
    uint32_t led;
    bool is_on = strcmp(call->argv[3], "on") == 0;

    if (command_number(call, 1, INPUT_DEV_COUNT_MAX - 1, &idx) != 0 ||
        command_number(call, 2, LED_MAX, &led) != 0) {
        return SHELL_FAILED;
    }
    if (!is_on && strcmp(call->argv[3], "off") != 0) {
        return shell_fail(call, "led: \"%s\" is neither on nor off", call->argv[3]);
    }
    if (input_dev_at(idx) == NULL) {
        return shell_fail(call, "there is no input device %u", idx);
    }
    enum virtio_err err = vinput_set_led(input_dev_at(idx), (uint16_t)led, is_on);
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}

const struct subcommand cmd_input_table[] = {
    {"info",     "",                  input_info,    0, 0},
    { "watch",   "[SECONDS]",         input_watch,   0, 1},
    { "led",     "DEVICE LED on|off", input_led,     3, 3},
    { "latency", "",                  input_latency, 0, 0},
    { NULL,      NULL,                NULL,          0, 0},
};

int
cmd_input(const struct shell_call *call)
{
    return subcommand_run(cmd_input_table, call);
}
