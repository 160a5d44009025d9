/* trace: what went to the devices and what came back, as text as Chrome trace JSON, or as a file. */
#include <string.h>

#include "abi/trace_file.h"

#include "virtio/queue.h"

#include "kernel/core/bootargs.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/virtio_bus.h"

/* How far each queue has come: who joins this trace with the device's numbers the commands by it. */
static void
record_counts(void)
{
    const struct virtio_bus *bus = virtio_bus_get();

    for (uint32_t i = 0; i < bus->device_count; i++) {
        for (uint32_t q = 0; q < VIRTIO_DEVICE_QUEUES_MAX; q++) {
            const struct virtq *queue = bus->devices[i].queues[q];

            if (queue != NULL) {
                virtio_trace_emit(virtio_bus_trace(), TRACE_VIRTQ_COUNT, 0,
                                  (uint16_t)(bus->devices[i].index << 8 | q), queue->stats.added,
                                  queue->stats.used);
            }
        }
    }
}

static int
trace_on(const struct shell_call *call)
{
    bool was_on = virtio_bus_trace()->is_on;

    (void)call;
    virtio_trace_enable(virtio_bus_trace(), true);
    if (!was_on) {
        record_counts();
    }
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

#define CRC_START      UINT32_C(0xffffffff)
#define CRC_POLYNOMIAL UINT32_C(0xedb88320)

enum { BYTES_PER_LINE = 32 };
_Static_assert(sizeof(struct trace_record) == BYTES_PER_LINE &&
                   sizeof(struct trace_file_header) == BYTES_PER_LINE,
               "a line of hexadecimal is a record, or the header");

/* One line of the file, and the checksum (that of IEEE 802.3) up to it. */
static uint32_t
print_hex_line(const void *data, uint32_t crc)
{
    const uint8_t *bytes = data;
    char line[2 * BYTES_PER_LINE + 1];

    for (size_t i = 0; i < BYTES_PER_LINE; i++) {
        line[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        line[2 * i + 1] = "0123456789abcdef"[bytes[i] & 0xf];
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? CRC_POLYNOMIAL : 0);
        }
    }
    line[sizeof(line) - 1] = '\0';
    console_print("%s\n", line);
    return crc;
}

/* The records as they are, as a file (abi/trace_file.h) in hexadecimal; ./run --trace-records saves it. */
static int
trace_raw(const struct shell_call *call)
{
    struct trace_file_header header = { .magic = TRACE_FILE_MAGIC_BYTES,
                                        .version = le16_from(TRACE_FILE_VERSION),
                                        .side = TRACE_FILE_DRIVER,
                                        .record_bytes = le32_from(sizeof(struct trace_record)),
                                        .ticks_per_second = le64_from(NS_PER_S) };
    struct trace_record record;
    bool was_on;

    (void)call;
    record_counts();
    struct virtio_trace_reader reader = start_reading(&was_on);
    header.lost_count = le64_from(lost_count() + virtio_bus_trace()->dropped);
    console_print("---TRACE BEGIN---%s\n", bootargs_token_mark());
    uint32_t crc = print_hex_line(&header, CRC_START);
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        crc = print_hex_line(&record, crc);
    }
    console_print("crc32 %08x\n---TRACE END---%s\n", ~crc, bootargs_token_mark());
    virtio_trace_enable(virtio_bus_trace(), was_on);
    return 0;
}

const struct subcommand cmd_trace_table[] = {
    {"on",     "",   trace_on,    0, 0},
    { "off",   "",   trace_off,   0, 0},
    { "dump",  "",   trace_dump,  0, 0},
    { "json",  "",   trace_json,  0, 0},
    { "raw",   "",   trace_raw,   0, 0},
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
