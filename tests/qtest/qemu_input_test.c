/*
 * The input driver on QEMU's keyboard and tablet, in each transport and ring; QMP presses the keys.
 */
#include <string.h>

#include "virtio/input.h"

#include "tests/qtest/rig.h"
#include "tests/unit/utest.h"

enum {
    WAIT_TURNS = 20000,
    COMBINATION_COUNT = 5,
    EV_SYN = 0,
    EV_KEY = 1,
    EV_ABS = 3,
    EV_LED = 0x11,
    KEY_A = 30,
    KEY_LEFTSHIFT = 42,
    BTN_LEFT = 0x110,
    ABS_X = 0,
    ABS_Y = 1,
};

struct combination {
    const char *name;
    uint64_t features;
    enum rig_mmio mmio;
};

#define PACKED    VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)
#define EVENT_IDX VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)

static const struct combination combinations[COMBINATION_COUNT] = {
    {"v1 split",             0,                  RIG_MMIO_LEGACY},
    { "v2 split event_idx",  EVENT_IDX,          RIG_MMIO_MODERN},
    { "v2 packed",           PACKED,             RIG_MMIO_MODERN},
    { "v2 packed event_idx", PACKED | EVENT_IDX, RIG_MMIO_MODERN},
    { "pci split event_idx", EVENT_IDX,          RIG_PCI        },
};

static const char *const keyboard_args[] = { "-device", "virtio-keyboard-device,id=in0,packed=on",
                                             NULL };
static const char *const tablet_args[] = { "-device", "virtio-tablet-device,id=in0,packed=on",
                                           NULL };

static struct rig rig;
static struct vinput input;

static void
in_every_combination(const char *const *args, void (*body)(void))
{
    for (size_t i = 0; i < COMBINATION_COUNT; i++) {
        const struct vinput_config config = { .features = combinations[i].features };
        bool had_failed = utest.has_failed;
        rig_start(&rig, combinations[i].mmio, args);
        struct virtio_device *device = rig_device(&rig, VIRTIO_ID_INPUT);
        if (EXPECT_TRUE(device != NULL) &&
            EXPECT_EQ(vinput_init(&input, device, &config, &rig.arena), VIRTIO_OK)) {
            body();
            EXPECT_EQ(device->fault.rule, NULL);
        }
        rig_stop(&rig);
        if (utest.has_failed && !had_failed) {
            printf("        first with %s\n", combinations[i].name);
        }
    }
}

/* Send an event by QMP; `event` is the JSON of one InputEvent. */
static void
happen(const char *event)
{
    EXPECT_TRUE(qemu_commandf(&rig.qemu,
                              "{\"execute\": \"input-send-event\", \"arguments\": {\"events\": "
                              "[%s]}}",
                              event));
}

/* The next event that is not a SYN is this one. */
static bool
expect_event(uint16_t type, uint16_t code, uint32_t value)
{
    const struct virtio_platform *plat = &rig.platform.table;
    struct vinput_event event = { .type = EV_SYN };
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++) {
        enum virtio_err err = vinput_next(&input, &event);
        if (err == VIRTIO_OK && event.type != EV_SYN) {
            break;
        }
        if (err == VIRTIO_EMPTY) {
            plat->relax(plat->ctx, 0);
        }
    }
    return EXPECT_EQ(event.type, type) && EXPECT_EQ(event.code, code) &&
           EXPECT_EQ(event.value, value);
}

static void
tell_who_it_is(void)
{
    EXPECT_STREQ(input.name, "QEMU Virtio Keyboard");
    EXPECT_TRUE(vinput_has_type(&input, EV_KEY));
    EXPECT_TRUE(vinput_has_type(&input, EV_LED));
    EXPECT_FALSE(vinput_has_type(&input, EV_ABS));
}

UTEST(the_keyboard_says_who_it_is)
{
    in_every_combination(keyboard_args, tell_who_it_is);
}

static const char a_down[] = "{\"type\": \"key\", \"data\": {\"down\": true, \"key\": {\"type\": "
                             "\"qcode\", \"data\": \"a\"}}}";
static const char a_up[] = "{\"type\": \"key\", \"data\": {\"down\": false, \"key\": {\"type\": "
                           "\"qcode\", \"data\": \"a\"}}}";
static const char shift_down[] = "{\"type\": \"key\", \"data\": {\"down\": true, \"key\": "
                                 "{\"type\": \"qcode\", \"data\": \"shift\"}}}";

static void
press_keys(void)
{
    happen(a_down);
    EXPECT_TRUE(expect_event(EV_KEY, KEY_A, 1));
    happen(a_up);
    EXPECT_TRUE(expect_event(EV_KEY, KEY_A, 0));
    happen(shift_down);
    EXPECT_TRUE(expect_event(EV_KEY, KEY_LEFTSHIFT, 1));
}

UTEST(keys_pressed_by_the_host_arrive)
{
    in_every_combination(keyboard_args, press_keys);
}

/* More events than there are buffers, as long as they are taken: each buffer goes back to the device. */
static void
type_a_lot(void)
{
    for (unsigned i = 0; i < 200; i++) {
        happen(i % 2 == 0 ? a_down : a_up);
        if (!expect_event(EV_KEY, KEY_A, i % 2 == 0)) {
            return;
        }
    }
    EXPECT_TRUE(input.stats.events >= 399); /* each with its SYN, but for the last */
}

UTEST(buffers_go_back_to_the_device)
{
    in_every_combination(keyboard_args, type_a_lot);
}

static void
turn_on_leds(void)
{
    const struct virtio_platform *plat = &rig.platform.table;
    unsigned sent = 0;
    for (unsigned turn = 0; turn < WAIT_TURNS && sent < 50; turn++) {
        enum virtio_err err = vinput_set_led(&input, VIRTIO_INPUT_LED_CAPS_LOCK, sent % 2 == 0);
        if (err == VIRTIO_ERR_BUSY) {
            plat->relax(plat->ctx, 0);
        } else if (EXPECT_EQ(err, VIRTIO_OK)) {
            sent++;
        } else {
            return;
        }
    }
    EXPECT_EQ(input.stats.leds, 50);
}

UTEST(leds_are_set)
{
    in_every_combination(keyboard_args, turn_on_leds);
}

static void
move_the_pen(void)
{
    EXPECT_TRUE(vinput_has_type(&input, EV_ABS));
    EXPECT_EQ(input.axis_x.min, 0);
    EXPECT_EQ(input.axis_x.max, 0x7fff);
    EXPECT_EQ(input.axis_y.max, 0x7fff);
    happen("{\"type\": \"abs\", \"data\": {\"axis\": \"x\", \"value\": 12345}}");
    EXPECT_TRUE(expect_event(EV_ABS, ABS_X, 12345));
    happen("{\"type\": \"abs\", \"data\": {\"axis\": \"y\", \"value\": 32767}}");
    EXPECT_TRUE(expect_event(EV_ABS, ABS_Y, 32767));
    happen("{\"type\": \"btn\", \"data\": {\"down\": true, \"button\": \"left\"}}");
    EXPECT_TRUE(expect_event(EV_KEY, BTN_LEFT, 1));
}

UTEST(the_tablet_tells_where_it_points)
{
    in_every_combination(tablet_args, move_the_pen);
}
