/* The input driver against a keyboard and a tablet played by hand. VirtIO 1.3 §5.8. conformance: S0-17 S0-18 S2-12 */
#include "abi/virtio_input.h"

#include "virtio/input.h"

#include "tests/unit/driver_fixture.h"

enum { QUEUE_COUNT = 2 };

static const struct fake_config_field fields[] = {
    {0,     1, 2, -1, true },
    { 2,    1, 1, -1, false },
    { 8, 1, VIRTIO_INPUT_DATA_BYTES, -1, false },
    { 0   },
};

static const struct fake_dependency no_dependencies[] = { { 0 } };

/* What the configuration space shows for a selection. */
struct selection {
    uint8_t select;
    uint8_t subsel;
    uint8_t size;
    const char *data;
};

static const struct selection tablet[] = {
    {VIRTIO_INPUT_CFG_ID_NAME,    0, 7, "a touch" },
    { VIRTIO_INPUT_CFG_ID_SERIAL,                          0, 2, "42" },
    { VIRTIO_INPUT_CFG_ID_DEVIDS,                          0, 8, "\x06\0\x27\x06\x03\0\x02\0" },
    { VIRTIO_INPUT_CFG_EV_BITS, VIRTIO_INPUT_EV_ABS, 1, "\3" },
    { VIRTIO_INPUT_CFG_EV_BITS,                       VIRTIO_INPUT_EV_KEY, 3, "\0\0\1" },
    { VIRTIO_INPUT_CFG_EV_BITS, VIRTIO_INPUT_EV_LED, 1, "\7" },
    { VIRTIO_INPUT_CFG_ABS_INFO,                          0, 20, "\0\0\0\0\xff\x7f\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
    { VIRTIO_INPUT_CFG_ABS_INFO,                          1, 20, "\xff\xff\xff\xff\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
    { 0       },
};

static void
show(struct fake_device *device, uint32_t offset)
{
    (void)offset;
    device->config[2] = 0;
    for (const struct selection *s = tablet; s->size != 0; s++) {
        if (s->select == device->config[0] && s->subsel == device->config[1]) {
            device->config[2] = s->size;
            memcpy(device->config + 8, s->data, s->size);
        }
    }
}

/* A name longer than there is room for. */
static void
show_too_much(struct fake_device *device, uint32_t offset)
{
    (void)offset;
    device->config[2] = VIRTIO_INPUT_DATA_BYTES + 1;
}

static const struct fake_model tablet_model = {
    .name = "tablet by hand",
    .id = VIRTIO_ID_INPUT,
    .features = UINT64_MAX,
    .fields = fields,
    .dependencies = no_dependencies,
    .buffer = fixture_keep,
    .config_written = show,
};

static const struct fake_model liar_model = {
    .name = "tablet that lies",
    .id = VIRTIO_ID_INPUT,
    .features = UINT64_MAX,
    .fields = fields,
    .dependencies = no_dependencies,
    .buffer = fixture_keep,
    .config_written = show_too_much,
};

struct input_test {
    struct fixture f;
    struct vinput input;
    struct vinput_config config;
};

static enum virtio_err
start(struct input_test *t, const struct fake_model *model, const struct flavour *flavour)
{
    struct fixture_wish wish = { model, flavour, 0, QUEUE_COUNT, 0 };

    t->config.features = VIRTIO_FEATURES_LIBRARY;
    wish.arena_bytes = vinput_arena_bytes(&t->config);
    fixture_start(&t->f, &wish);
    return vinput_init(&t->input, t->f.device, &t->config, &t->f.arena);
}

static void
end(struct input_test *t)
{
    vinput_finish(&t->input);
    fixture_end(&t->f);
}

static void
emit(struct input_test *t, const struct vinput_event *event, uint32_t written_bytes)
{
    struct fake_chain *chain = fake_queue_oldest(&t->f.fake, VIRTIO_INPUT_EVENTQ);
    struct virtio_input_event wire = { le16_from(event->type), le16_from(event->code),
                                       le32_from(event->value) };

    if (EXPECT_TRUE(chain != NULL)) {
        EXPECT_EQ(fake_chain_write(chain, 0, &wire, sizeof(wire)), sizeof(wire));
        fake_chain_complete(&t->f.fake, chain, written_bytes);
    }
}

UTEST(a_zeroed_input_answers_not_initialized)
{
    struct vinput input = { 0 };
    struct vinput_event event;
    size_t size;

    EXPECT_EQ(vinput_next(&input, &event), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vinput_set_led(&input, 0, true), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vinput_query(&input, 1, 0, NULL, 0, &size), VIRTIO_ERR_NOT_INITIALIZED);
    vinput_finish(&input);
}

UTEST(init_asks_the_device_who_it_is)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct input_test t = { 0 };

        EXPECT_EQ(start(&t, &tablet_model, &flavours[i]), VIRTIO_OK);
        EXPECT_STREQ(t.input.name, "a touch");
        EXPECT_STREQ(t.input.serial, "42");
        EXPECT_EQ(t.input.bustype, 6);
        EXPECT_EQ(t.input.vendor, 0x627);
        EXPECT_EQ(t.input.product, 3);
        EXPECT_EQ(t.input.version, 2);
        EXPECT_TRUE(vinput_has_type(&t.input, VIRTIO_INPUT_EV_ABS));
        EXPECT_TRUE(vinput_has_type(&t.input, VIRTIO_INPUT_EV_KEY));
        EXPECT_FALSE(vinput_has_type(&t.input, VIRTIO_INPUT_EV_REL));
        EXPECT_EQ(t.input.axis_x.max, 0x7fff);
        EXPECT_EQ(t.input.axis_y.min, -1);
        end(&t);
    }
}

UTEST(events_arrive_in_order_for_as_long_as_they_come)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct input_test t = { .config = { .event_count = 8 } };
        struct vinput_event seen;

        EXPECT_EQ(start(&t, &tablet_model, &flavours[i]), VIRTIO_OK);
        EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_EMPTY);
        for (uint32_t round = 0; round < 50; round++) {
            for (uint32_t k = 0; k < 5; k++) {
                emit(&t, &(struct vinput_event){ VIRTIO_INPUT_EV_KEY, (uint16_t)(30 + k), round },
                     8);
            }
            for (uint32_t k = 0; k < 5; k++) {
                EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_OK);
                EXPECT_EQ(seen.type, VIRTIO_INPUT_EV_KEY);
                EXPECT_EQ(seen.code, 30 + k);
                EXPECT_EQ(seen.value, round);
            }
            EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_EMPTY);
        }
        EXPECT_EQ(t.input.stats.events, 250);
        EXPECT_TRUE(fixture_has_event(&t.f, TRACE_INPUT_EVENT));
        end(&t);
    }
}

UTEST(an_event_of_another_size_breaks_the_device)
{
    struct input_test t = { 0 };
    struct vinput_event seen;

    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    emit(&t, &(struct vinput_event){ 0 }, 4);
    EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vinput_set_led(&t.input, 0, true), VIRTIO_ERR_BROKEN);
    EXPECT_TRUE(fake_platform_logged(&t.f.fp, "event is not eight bytes"));
    end(&t);
}

UTEST(leds_go_out_until_too_many_are_in_flight)
{
    struct input_test t = { 0 };
    struct virtio_input_event wire;

    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    for (int i = 0; i < VINPUT_STATUS_COUNT; i++) {
        EXPECT_EQ(vinput_set_led(&t.input, VIRTIO_INPUT_LED_CAPS_LOCK, i % 2 == 0), VIRTIO_OK);
    }
    EXPECT_EQ(vinput_set_led(&t.input, VIRTIO_INPUT_LED_CAPS_LOCK, true), VIRTIO_ERR_BUSY);
    for (int i = 0; i < VINPUT_STATUS_COUNT; i++) {
        struct fake_chain *chain = fake_queue_oldest(&t.f.fake, VIRTIO_INPUT_STATUSQ);

        EXPECT_EQ(fake_chain_read(chain, 0, &wire, sizeof(wire)), sizeof(wire));
        EXPECT_EQ(le16_get(wire.type), VIRTIO_INPUT_EV_LED);
        EXPECT_EQ(le16_get(wire.code), VIRTIO_INPUT_LED_CAPS_LOCK);
        EXPECT_EQ(le32_get(wire.value), i % 2 == 0);
        fake_chain_complete(&t.f.fake, chain, 0);
    }
    EXPECT_EQ(vinput_set_led(&t.input, VIRTIO_INPUT_LED_NUM_LOCK, true), VIRTIO_OK);
    end(&t);
}

/* What the device sent, what it was sent, and when it had that. */
UTEST(the_trace_tells_events_and_leds)
{
    static const enum virtio_trace_event event_life[] = { TRACE_VIRTQ_ADD, TRACE_VIRTQ_USED,
                                                          TRACE_INPUT_EVENT, TRACE_NONE };
    static const enum virtio_trace_event led_life[] = { TRACE_INPUT_STATUS, TRACE_VIRTQ_ADD,
                                                        TRACE_VIRTQ_USED, TRACE_INPUT_STATUS_USED,
                                                        TRACE_NONE };
    struct input_test t = { 0 };
    struct vinput_event seen;
    struct fake_chain *chain;
    char wanted[80];
    const char *text;

    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    emit(&t, &(struct vinput_event){ VIRTIO_INPUT_EV_KEY, 30, 1 }, 8);
    emit(&t, &(struct vinput_event){ VIRTIO_INPUT_EV_ABS, VIRTIO_INPUT_AXIS_Y, (uint32_t)-5 }, 8);
    emit(&t, &(struct vinput_event){ VIRTIO_INPUT_EV_COUNT, 1, 2 }, 8);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_OK);
    }
    EXPECT_EQ(vinput_set_led(&t.input, VIRTIO_INPUT_LED_CAPS_LOCK, true), VIRTIO_OK);
    chain = fake_queue_oldest(&t.f.fake, VIRTIO_INPUT_STATUSQ);
    fake_platform_advance(&t.f.fp, 23000);
    fake_chain_complete(&t.f.fake, chain, 0);
    EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_EMPTY);
    EXPECT_EQ(t.input.led_latency.count, 1);
    EXPECT_TRUE(t.input.led_latency.min_ns >= 23000);
    EXPECT_EQ(t.input.stats.events, 3);
    EXPECT_EQ(t.input.stats.events_by_type[VIRTIO_INPUT_EV_KEY], 1);
    EXPECT_EQ(t.input.stats.events_by_type[VIRTIO_INPUT_EV_ABS], 1);
    text = fixture_printed(&t.f, false);
    EXPECT_CONTAINS(text, " input event type 1 code 30 value 1: KEY 30 = 1\n");
    EXPECT_CONTAINS(text, ": ABS 1 = -5\n");
    EXPECT_CONTAINS(text, ": other type 1 = 2\n");
    EXPECT_CONTAINS(text, " input status type 17 code 1 value 1: LED 1 = 1\n");
    (void)snprintf(wanted, sizeof(wanted),
                   " input status type 17 code 1 taken after %llu ns: LED\n",
                   (unsigned long long)t.input.led_latency.sum_ns);
    EXPECT_CONTAINS(text, wanted);
    EXPECT_TRUE(fixture_has_command(&t.f, event_life));
    EXPECT_TRUE(fixture_has_command(&t.f, led_life));
    EXPECT_CONTAINS(fixture_printed(&t.f, true),
                    "{\"name\":\"LED\",\"cat\":\"input\",\"ph\":\"X\",");
    end(&t);
}

UTEST(a_query_tells_what_it_does_not_fit)
{
    struct input_test t = { 0 };
    uint8_t data[4];
    size_t size;

    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    EXPECT_EQ(vinput_query(&t.input, VIRTIO_INPUT_CFG_ID_NAME, 0, data, sizeof(data), &size),
              VIRTIO_ERR_BUFFER_TOO_SMALL);
    EXPECT_EQ(size, 7);
    EXPECT_EQ(vinput_query(&t.input, VIRTIO_INPUT_CFG_PROP_BITS, 0, data, sizeof(data), &size),
              VIRTIO_EMPTY);
    EXPECT_EQ(size, 0);
    end(&t);
}

UTEST(a_configuration_too_long_breaks_the_device)
{
    struct input_test t = { 0 };

    EXPECT_EQ(start(&t, &liar_model, &flavours[0]), VIRTIO_ERR_BROKEN);
    EXPECT_TRUE(fake_platform_logged(&t.f.fp, "above 128 bytes"));
    EXPECT_EQ(t.f.device->owner[0], '\0');
    end(&t);
}

UTEST(what_cannot_be_is_refused_at_init)
{
    struct input_test t = { .config = { .event_count = 5 } };

    EXPECT_EQ(vinput_arena_bytes(&t.config), 0);
    t.config.event_count = 16;
    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    vinput_finish(&t.input);
    t.f.arena.used_bytes = 0;
    t.f.arena.bytes = 512;
    EXPECT_EQ(vinput_init(&t.input, t.f.device, &t.config, &t.f.arena), VIRTIO_ERR_NO_MEMORY);
    t.f.device->id = VIRTIO_ID_GPU;
    EXPECT_EQ(vinput_init(&t.input, t.f.device, &t.config, &t.f.arena), VIRTIO_ERR_NO_DEVICE);
    end(&t);
}

UTEST(a_device_that_needs_a_reset_is_noticed_when_it_says_so)
{
    struct input_test t = { 0 };
    struct vinput_event seen;

    EXPECT_EQ(vinput_take_events(&t.input), 0);
    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    fake_device_need_reset(&t.f.fake);
    EXPECT_EQ(vinput_take_events(&t.input), VINPUT_EVENT_CONFIG);
    EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(vinput_set_led(&t.input, 0, true), VIRTIO_ERR_NEEDS_RESET);
    end(&t);
}

UTEST(a_device_that_died_with_an_led_in_flight_is_noticed)
{
    struct input_test t = { 0 };
    struct vinput_event seen;

    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    EXPECT_EQ(vinput_set_led(&t.input, 0, true), VIRTIO_OK);
    fake_device_vanish(&t.f.fake);
    EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_EMPTY);
    fake_platform_advance(&t.f.fp, VIRTIO_SILENCE_MS * UINT64_C(1000000));
    EXPECT_EQ(vinput_next(&t.input, &seen), VIRTIO_ERR_LOST);
    end(&t);
}

UTEST(a_device_that_died_with_nothing_in_flight_is_noticed)
{
    struct input_test t = { 0 };
    struct vinput_event seen;
    enum virtio_err err = VIRTIO_EMPTY;

    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    fake_device_vanish(&t.f.fake);
    for (unsigned i = 0; i < 2 * VIRTIO_IDLE_TURNS && err == VIRTIO_EMPTY; i++) {
        err = vinput_next(&t.input, &seen);
        fake_platform_advance(&t.f.fp, VIRTIO_SILENCE_MS * UINT64_C(1000000));
    }
    EXPECT_EQ(err, VIRTIO_ERR_LOST);
    end(&t);
}

UTEST(a_device_that_does_not_reset_keeps_its_memory)
{
    struct input_test t = { 0 };

    EXPECT_EQ(start(&t, &tablet_model, &flavours[0]), VIRTIO_OK);
    t.f.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_RESET_STUCK };
    EXPECT_EQ(vinput_finish(&t.input), VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(t.f.device->life, VIRTIO_LIFE_FAILED);
    t.f.fake.evil = (struct fake_evil){ 0 };
    EXPECT_EQ(vinput_finish(&t.input), VIRTIO_OK);
    end(&t);
}
