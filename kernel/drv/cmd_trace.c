/* trace: what went to the devices and what came back, as text or as Chrome trace JSON. */
#include <string.h>

#include "kernel/core/bootargs.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/virtio_bus.h"

static int
trace_on(const struct shell_call *call)
{
    (void)call;
    virtio_trace_enable(virtio_bus_trace(), true);
    return 0;
}

static int
trace_off(const struct shell_call *call)
{
    (void)call;
    virtio_trace_enable(virtio_bus_trace(), false);
    return 0;
}

static int
trace_clear(const struct shell_call *call)
{
    (void)call;
    virtio_trace_clear(virtio_bus_trace());
    return 0;
}

static int
trace_info(const struct shell_call *call)
{
    const struct virtio_trace *trace = virtio_bus_trace();

    (void)call;
    console_print("trace %s: %llu records written, the last %u are kept\n",
                  trace->is_on ? "on" : "off", (unsigned long long)trace->written, trace->capacity);
    return 0;
}

/* Printing must not be traced: the screen would show its own drawing for ever. */
static struct virtio_trace_reader
start_reading(bool *was_on)
{
    struct virtio_trace *trace = virtio_bus_trace();

    *was_on = trace->is_on;
    virtio_trace_enable(trace, false);
    return virtio_trace_read_start(trace);
}

/* Records that newer ones have overwritten: what is printed begins after them. */
static uint64_t
lost_count(void)
{
    const struct virtio_trace *trace = virtio_bus_trace();

    return trace->written > trace->capacity ? trace->written - trace->capacity : 0;
}

static int
trace_dump(const struct shell_call *call)
{
    static char line[VIRTIO_TRACE_TEXT_BYTES];
    struct trace_record record;
    bool was_on;
    struct virtio_trace_reader reader = start_reading(&was_on);

    (void)call;
    if (lost_count() > 0) {
        console_print("(%llu older records are gone)\n", (unsigned long long)lost_count());
    }
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK && !shell_is_interrupted()) {
        if (virtio_trace_print(&reader, &record, line, sizeof(line)) > 0) {
            console_print("%s\n", line);
        }
    }
    virtio_trace_enable(virtio_bus_trace(), was_on);
    return 0;
}

/* What a viewer shows for processes (devices) and threads (queues) instead of numbers. */
static void
print_names(void)
{
    const struct virtio_bus *bus = virtio_bus_get();

    console_print("{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":255,"
                  "\"args\":{\"name\":\"bus\"}}\n");
    for (uint32_t i = 0; i < bus->device_count; i++) {
        const struct virtio_device *device = &bus->devices[i];

        console_print(",{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%u,"
                      "\"args\":{\"name\":\"%s %u\"}}\n",
                      i, virtio_device_kind(device->id), i);
        console_print(",{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%u,\"tid\":%u,"
                      "\"args\":{\"name\":\"device\"}}\n",
                      i, TRACE_QUEUE_NONE);
        for (uint32_t q = 0; q < VIRTIO_DEVICE_QUEUES_MAX; q++) {
            if (device->queues[q] != NULL) {
                console_print(",{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%u,\"tid\":%u,"
                              "\"args\":{\"name\":\"queue %u\"}}\n",
                              i, q, q);
            }
        }
    }
}

static int
trace_json(const struct shell_call *call)
{
    static char line[VIRTIO_TRACE_TEXT_BYTES];
    struct trace_record record;
    bool was_on;
    struct virtio_trace_reader reader = start_reading(&was_on);

    (void)call;
    console_print("---TRACE BEGIN---%s\n{\"traceEvents\":[\n", bootargs_token_mark());
    print_names();
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        if (virtio_trace_json(&reader, &record, line, sizeof(line)) > 0) {
            console_print(",%s\n", line);
        }
    }
    console_print("],\n\"otherData\":{\"lost_records\":%llu}}\n---TRACE END---%s\n",
                  (unsigned long long)lost_count(), bootargs_token_mark());
    virtio_trace_enable(virtio_bus_trace(), was_on);
    return 0;
}

const struct subcommand cmd_trace_table[] = {
    {"on",     "",   trace_on,    0, 0},
    { "off",   "",   trace_off,   0, 0},
    { "dump",  "",   trace_dump,  0, 0},
    { "json",  "",   trace_json,  0, 0},
    { "clear", "",   trace_clear, 0, 0},
    { "info",  "",   trace_info,  0, 0},
    { NULL,    NULL, NULL,        0, 0},
};

int
cmd_trace(const struct shell_call *call)
{
    if (virtio_bus_trace() == NULL) {
        return shell_fail(call, "there was no memory for a trace at boot");
    }
    return subcommand_run(cmd_trace_table, call);
}
