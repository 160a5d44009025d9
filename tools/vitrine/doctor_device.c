/*
 * doctor_device.c - what our device says of itself ("status" on its control socket: gpu_status in device/gpu/gpu.h), and what
 * the driver's own records say of resets.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <time.h>

#include "virtio/trace.h"

#include "tools/vitrine/doctor_evidence.h"
#include "tools/vitrine/line_socket.h"
#include "tools/vitrine/trace_file.h"
#include "tools/vitrine/trace_load.h"

static uint64_t
number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(object, name);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

static bool
is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItem(object, name));
}

static void
copy_text(char *to, size_t bytes, const cJSON *string)
{
    const char *text = cJSON_GetStringValue(string);
    (void)snprintf(to, bytes, "%s", text == NULL ? "" : text);
}

static uint64_t
age_ms(uint64_t time_ns)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    return time_ns != 0 && time_ns < now_ns ? (now_ns - time_ns) / 1000000 : 0;
}

/* A resource of the host's own memory needs no backing. */
static bool
has_backing(const cJSON *gpu, uint32_t resource_id)
{
    const cJSON *resource;
    cJSON_ArrayForEach(resource, cJSON_GetObjectItem(gpu, "resources"))
    {
        if (number_of(resource, "id") == resource_id) {
            const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(resource, "kind"));
            bool is_of_guest =
                kind == NULL || strcmp(kind, "2d") == 0 || strcmp(kind, "guest blob") == 0;
            return !is_of_guest || number_of(resource, "backing_bytes") > 0;
        }
    }
    return false;
}

static void
read_scanouts(const cJSON *gpu, struct doctor_device *device)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(gpu, "scanouts"))
    {
        if (device->scanout_count == DOCTOR_SCANOUT_COUNT_MAX) {
            return;
        }
        uint32_t resource_id = (uint32_t)number_of(one, "resource_id");
        device->scanouts[device->scanout_count++] = (struct doctor_scanout){
            .is_plugged = is_true(cJSON_GetObjectItem(one, "display"), "is_enabled"),
            .resource_id = resource_id,
            .has_backing = has_backing(gpu, resource_id),
            .width_px = (uint32_t)number_of(one, "width_px"),
            .height_px = (uint32_t)number_of(one, "height_px"),
            .flush_count = number_of(one, "flush_count"),
            .flush_age_ms = age_ms(number_of(one, "flush_ns")),
        };
    }
}

static void
read_queues(const cJSON *gpu, struct doctor_device *device)
{
    const cJSON *one;
    unsigned q = 0;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(gpu, "queues"))
    {
        if (q == DOCTOR_QUEUE_COUNT) {
            return;
        }
        uint64_t taken = number_of(one, "pop_count");
        uint64_t given = number_of(one, "push_count");
        device->queues[q].is_running = is_true(one, "is_running");
        device->queues[q].avail_idx = (uint16_t)number_of(one, "avail_idx");
        device->queues[q].error_count = number_of(one, "error_count");
        device->queues[q].in_flight_count = taken > given ? taken - given : 0;
        copy_text(device->queues[q].fault, sizeof(device->queues[q].fault),
                  cJSON_GetObjectItem(one, "fault"));
        q++;
    }
}

static void
read_problems(const cJSON *gpu, struct doctor_device *device)
{
    const cJSON *problems = cJSON_GetObjectItem(gpu, "problems");
    device->problem_count = number_of(gpu, "problem_count");
    for (int i = cJSON_GetArraySize(problems) - 1;
         i >= 0 && device->kept_count < DOCTOR_PROBLEM_COUNT_MAX; i--) {
        copy_text(device->problems[device->kept_count++], DOCTOR_TEXT_BYTES,
                  cJSON_GetArrayItem(problems, i));
    }
}

static void
read_contexts(const cJSON *gpu, struct doctor_device *device)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(gpu, "contexts"))
    {
        if (is_true(one, "is_dead")) {
            copy_text(device->dead_context, sizeof(device->dead_context),
                      cJSON_GetObjectItem(one, "why"));
        }
    }
}

/* Each front-end agrees on something with our device before a guest can see it. */
static void
read_front(const cJSON *answer, struct doctor_device *device)
{
    const cJSON *front = cJSON_GetObjectItem(answer, "front");
    const char *agreed = cJSON_GetStringValue(cJSON_GetObjectItem(front, "protocol_features"));
    device->is_alone = cJSON_IsFalse(cJSON_GetObjectItem(front, "connected"));
    device->is_unplugged =
        is_true(front, "connected") && agreed != NULL && strcmp(agreed, "0x0") == 0;
}

bool
doctor_look_at_device(struct line_socket *line, struct doctor_evidence *evidence)
{
    struct doctor_device *device = &evidence->device;
    cJSON *answer = line_send(line, "status\n") ? line_read(line) : NULL;
    const cJSON *gpu = cJSON_GetObjectItem(answer, "gpu");
    if (answer == NULL) {
        return false;
    }
    if (!cJSON_IsObject(gpu)) {
        copy_text(line->why, sizeof(line->why), cJSON_GetObjectItem(answer, "error"));
        if (line->why[0] == '\0') {
            (void)snprintf(line->why, sizeof(line->why), "what answers there is no device of ours");
        }
        cJSON_Delete(answer);
        return false;
    }
    *device =
        (struct doctor_device){ .is_known = true, .reset_count = number_of(gpu, "reset_count") };
    copy_text(device->waits_for, sizeof(device->waits_for), cJSON_GetObjectItem(gpu, "waits_for"));
    read_front(answer, device);
    read_scanouts(gpu, device);
    read_queues(gpu, device);
    read_problems(gpu, device);
    read_contexts(gpu, device);
    cJSON_Delete(answer);
    return true;
}

/* --- the driver's records --- */

static bool
is_of_gpu(const struct trace_file *file, uint8_t origin)
{
    for (size_t i = 0; i < file->record_count; i++) {
        if (file->records[i].origin == origin &&
            le16_get(file->records[i].event) == TRACE_GPU_REQUEST) {
            return true;
        }
    }
    return false;
}

/* Sixteen characters, in a and b; fewer end with a zero. */
static void
copy_name(char to[DOCTOR_NAME_BYTES], const struct trace_record *record)
{
    char name[TRACE_BYTES_PER_RECORD + 1] = { 0 };
    memcpy(name, &record->a, sizeof(record->a));
    memcpy(name + sizeof(record->a), &record->b, sizeof(record->b));
    for (char *c = name; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    (void)snprintf(to, DOCTOR_NAME_BYTES, "%s", name);
}

bool
doctor_look_at_records(const char *path, struct doctor_evidence *evidence, char *why,
                       size_t why_bytes)
{
    struct trace_bytes bytes;
    struct trace_file file;
    if (trace_load(path, &bytes, &file, why, why_bytes) != TRACE_LOADED) {
        return false;
    }
    for (size_t i = 0; file.side == TRACE_FILE_DRIVER && i < file.record_count; i++) {
        const struct trace_record *record = &file.records[i];
        unsigned event = le16_get(record->event);
        if (event == TRACE_DEVICE_RESET && is_of_gpu(&file, record->origin)) {
            copy_name(evidence->reset_by, record);
        } else if (event == TRACE_DEVICE_CLAIMED && is_of_gpu(&file, record->origin)) {
            evidence->reset_by[0] = '\0'; /* and somebody has driven it since */
        }
    }
    trace_unload(&bytes);
    return true;
}
