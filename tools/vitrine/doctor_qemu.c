/*
 * doctor_qemu.c - what QEMU tells by QMP of its virtio GPUs and its consoles.
 *
 * Looking must not hurt.  Two commands are left out where they would:
 *   x-query-virtio-status        ends QEMU 11.1 with a failed assertion; 7.2 and 10.0 answer.  What lies between is not known,
 *                                so after 10.0 the status is read from the device's registers, as the guest reads it
 *   x-query-virtio-queue-status  of a vhost-user device asks its process for the queue's base, which stops the queue
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <time.h>

#include "abi/virtio.h"
#include "abi/virtio_gpu.h"

#include "tools/vitrine/doctor_evidence.h"
#include "tools/vitrine/gpu_names.h"
#include "tools/vitrine/qmp.h"

enum {
    REQUEST_WORDS = 14,
    MODERN_BAR_BYTES = 0x4000, /* of QEMU's virtio-pci: the common configuration is its beginning */
    PCI_STATUS_OFFSET = 0x14,  /* struct virtio_pci_common_cfg, VirtIO 1.3 §4.1.4.3 */
    MMIO_STATUS_OFFSET = 0x70, /* VirtIO 1.3 §4.2.2 */
    STILL_MS = 300,
};

static void
copy_text(char *to, size_t bytes, const cJSON *string)
{
    const char *text = cJSON_GetStringValue(string);
    (void)snprintf(to, bytes, "%s", text == NULL ? "" : text);
}

static unsigned
number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(object, name);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (unsigned)item->valuedouble : 0;
}

static uint64_t
address_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(object, name);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

static cJSON *
path_argument(const char *path)
{
    cJSON *arguments = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(arguments, "path", path);
    return arguments;
}

static cJSON *
queue_argument(const struct doctor_gpu *gpu, unsigned q)
{
    cJSON *arguments = path_argument(gpu->path);
    (void)cJSON_AddNumberToObject(arguments, "queue", q);
    return arguments;
}

static bool
is_one_of(const char *word, const char *const words[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* --- the status register --- */

static int
status_of_names(const cJSON *status)
{
    static const struct {
        const char *name;
        int bit;
    } names[] = {
        {"VIRTIO_CONFIG_S_ACKNOWLEDGE:",  VIRTIO_STATUS_ACKNOWLEDGE       },
        { "VIRTIO_CONFIG_S_DRIVER:",      VIRTIO_STATUS_DRIVER            },
        { "VIRTIO_CONFIG_S_FEATURES_OK:", VIRTIO_STATUS_FEATURES_OK       },
        { "VIRTIO_CONFIG_S_DRIVER_OK:",   VIRTIO_STATUS_DRIVER_OK         },
        { "VIRTIO_CONFIG_S_NEEDS_RESET:", VIRTIO_STATUS_DEVICE_NEEDS_RESET},
        { "VIRTIO_CONFIG_S_FAILED:",      VIRTIO_STATUS_FAILED            },
    };
    const cJSON *one;
    int bits = 0;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(status, "statuses"))
    {
        const char *text = cJSON_GetStringValue(one);
        for (size_t i = 0; text != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
            bits |= strncmp(text, names[i].name, strlen(names[i].name)) == 0 ? names[i].bit : 0;
        }
    }
    return bits;
}

static void
ask_status(struct qmp *qmp, struct doctor_gpu *gpu)
{
    cJSON *value = qmp_ask(qmp, "x-query-virtio-status", path_argument(gpu->path));
    if (value != NULL) {
        gpu->status = status_of_names(cJSON_GetObjectItem(value, "status"));
        gpu->is_broken = cJSON_IsTrue(cJSON_GetObjectItem(value, "broken"));
    }
    cJSON_Delete(value);
}

/* "mmio 000000000a003e00/0000000000000200" of the transport that stands before the device in the tree. */
static uint64_t
mmio_address(struct qmp *qmp, const struct doctor_gpu *gpu)
{
    char wanted[DOCTOR_NAME_BYTES + 16];
    (void)snprintf(wanted, sizeof(wanted), "id \"%s\"", gpu->name);
    char *tree = qmp_ask_human(qmp, "info qtree");
    char *end = tree == NULL ? NULL : strstr(tree, wanted);
    uint64_t address = 0;
    if (end != NULL) {
        *end = '\0';
        const char *transport = NULL;
        for (char *at = strstr(tree, "dev: "); at != NULL; at = strstr(at + 1, "dev: ")) {
            transport = strncmp(at, "dev: virtio-mmio", 16) == 0 ? at : transport;
        }
        const char *mmio = transport == NULL ? NULL : strstr(transport, " mmio ");
        address = mmio == NULL ? 0 : strtoull(mmio + 6, NULL, 16);
    }
    free(tree);
    return address;
}

static const cJSON *
find_pci(const cJSON *devices, const char *id)
{
    const cJSON *device;
    cJSON_ArrayForEach(device, devices)
    {
        const char *its = cJSON_GetStringValue(cJSON_GetObjectItem(device, "qdev_id"));
        if (its != NULL && strcmp(its, id) == 0) {
            return device;
        }
        const cJSON *behind =
            cJSON_GetObjectItem(cJSON_GetObjectItem(device, "pci_bridge"), "devices");
        const cJSON *found = behind == NULL ? NULL : find_pci(behind, id);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

/* Returns: whether it is on PCI; *address 0: its BAR is not assigned. */
static bool
pci_address(struct qmp *qmp, const struct doctor_gpu *gpu, uint64_t *address)
{
    cJSON *buses = qmp_ask(qmp, "query-pci", NULL);
    const cJSON *bus;
    const cJSON *device = NULL;
    *address = 0;
    cJSON_ArrayForEach(bus, buses)
    {
        device = device != NULL ? device : find_pci(cJSON_GetObjectItem(bus, "devices"), gpu->name);
    }
    const cJSON *region;
    cJSON_ArrayForEach(region, cJSON_GetObjectItem(device, "regions"))
    {
        if (number_of(region, "size") == MODERN_BAR_BYTES) {
            *address = address_of(region, "address");
        }
    }
    bool is_on_pci = device != NULL;
    cJSON_Delete(buses);
    return is_on_pci;
}

static void
read_status(struct qmp *qmp, struct doctor_gpu *gpu)
{
    uint64_t address;
    uint32_t word;
    if (!gpu->has_id) {
        return; /* by its id it is found among registers */
    }
    bool is_on_pci = pci_address(qmp, gpu, &address);
    if (is_on_pci && address == 0) {
        gpu->status = 0; /* nobody has even given it an address */
        return;
    }
    uint64_t at =
        is_on_pci ? address + PCI_STATUS_OFFSET : mmio_address(qmp, gpu) + MMIO_STATUS_OFFSET;
    if (at != MMIO_STATUS_OFFSET && qmp_read_words(qmp, at, 1, &word)) {
        gpu->status = (int)(word & 0xff);
    }
}

/* --- queues --- */

/* flags and index: the first two 16-bit fields of an available and of a used ring, VirtIO 1.3 §2.7.6, §2.7.8. */
static bool
ring_idx(struct qmp *qmp, uint64_t guest_addr, uint16_t *idx)
{
    uint32_t word;
    bool is_read = guest_addr != 0 && qmp_read_words(qmp, guest_addr, 1, &word);
    if (is_read) {
        *idx = (uint16_t)(word >> 16);
    }
    return is_read;
}

static struct doctor_queue
ask_queue(struct qmp *qmp, const struct doctor_gpu *gpu, unsigned q)
{
    struct doctor_queue queue = { 0 };
    cJSON *value = qmp_ask(
        qmp, gpu->is_vhost ? "x-query-virtio-vhost-queue-status" : "x-query-virtio-queue-status",
        queue_argument(gpu, q));
    if (value == NULL) {
        return queue;
    }
    uint64_t avail = address_of(value, gpu->is_vhost ? "avail-phys" : "vring-avail");
    uint64_t used = address_of(value, gpu->is_vhost ? "used-phys" : "vring-used");
    queue.is_set_up = address_of(value, gpu->is_vhost ? "desc-phys" : "vring-desc") != 0;
    queue.size = (uint16_t)number_of(value, gpu->is_vhost ? "num" : "vring-num");
    queue.taken_idx = (uint16_t)number_of(value, "last-avail-idx");
    queue.used_idx = (uint16_t)number_of(value, "used-idx");
    queue.is_known = !queue.is_set_up || ring_idx(qmp, avail, &queue.offered_idx);
    if (gpu->is_vhost && queue.is_set_up) {
        queue.is_known = queue.is_known && ring_idx(qmp, used, &queue.used_idx);
    }
    cJSON_Delete(value);
    return queue;
}

static bool
is_packed(struct qmp *qmp, const struct doctor_gpu *gpu)
{
    cJSON *arguments = path_argument(gpu->path);
    (void)cJSON_AddStringToObject(arguments, "property", "packed");
    cJSON *value = qmp_ask(qmp, "qom-get", arguments);
    bool is_on = cJSON_IsTrue(value);
    cJSON_Delete(value);
    return is_on;
}

static void
look_at_queues(struct qmp *qmp, struct doctor_gpu *gpu)
{
    gpu->is_packed = is_packed(qmp, gpu);
    if (gpu->is_packed) {
        return; /* without indices; QEMU does not tell where it stands */
    }
    for (unsigned q = 0; q < DOCTOR_QUEUE_COUNT; q++) {
        gpu->queues[q] = ask_queue(qmp, gpu, q);
    }
}

static void
look_again_at_queues(struct qmp *qmp, struct doctor_gpu *gpu)
{
    for (unsigned q = 0; q < DOCTOR_QUEUE_COUNT; q++) {
        struct doctor_queue *first = &gpu->queues[q];
        if (first->is_known && first->is_set_up) {
            struct doctor_queue now = ask_queue(qmp, gpu, q);
            first->is_still = now.is_known && now.offered_idx == first->offered_idx &&
                              now.taken_idx == first->taken_idx && now.used_idx == first->used_idx;
        }
    }
}

/* --- commands that still lie in memory --- */

struct pieces {
    uint64_t request;
    uint64_t response;
    unsigned request_words;
};

/* QEMU lists a chain's descriptors from its end to its head. */
static bool
pieces_of(const cJSON *element, struct pieces *pieces)
{
    const cJSON *descs = cJSON_GetObjectItem(element, "descs");
    *pieces = (struct pieces){ 0 };
    for (int i = cJSON_GetArraySize(descs) - 1; i >= 0; i--) {
        const cJSON *desc = cJSON_GetArrayItem(descs, i);
        const cJSON *flag;
        bool is_writable = false;
        cJSON_ArrayForEach(flag, cJSON_GetObjectItem(desc, "flags"))
        {
            is_writable |= strcmp(cJSON_GetStringValue(flag), "write") == 0;
        }
        if (is_writable && pieces->response == 0) {
            pieces->response = address_of(desc, "addr");
        } else if (!is_writable && pieces->request == 0) {
            pieces->request = address_of(desc, "addr");
            pieces->request_words = number_of(desc, "len") / sizeof(uint32_t);
        }
    }
    return pieces->request != 0 && pieces->response != 0 && pieces->request_words >= 6;
}

/* Where a command has its resource, in words from its beginning: VirtIO 1.3 §5.7.6.8. */
static unsigned
resource_word(uint32_t type)
{
    switch (type) {
    case VIRTIO_GPU_CMD_SET_SCANOUT: return 11;
    case VIRTIO_GPU_CMD_RESOURCE_FLUSH: return 10;
    case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D: return 12;
    default: return 6;
    }
}

static bool
read_command(struct qmp *qmp, const struct pieces *pieces, struct doctor_command *command)
{
    uint32_t words[REQUEST_WORDS] = { 0 };
    unsigned count = pieces->request_words < REQUEST_WORDS ? pieces->request_words : REQUEST_WORDS;
    if (!qmp_read_words(qmp, pieces->request, count, words) ||
        !qmp_read_words(qmp, pieces->response, 1, &command->response)) {
        return false;
    }
    command->type = words[0];
    command->resource_id = words[resource_word(words[0])];
    memcpy(command->rect, &words[6], sizeof(command->rect));
    return words[0] < VIRTIO_GPU_RESP_OK_NODATA && gpu_type_name(words[0]) != NULL &&
           gpu_type_name(command->response) != NULL;
}

/*
 * The control queue's chains from the newest on.  Memory that the driver has used again since holds a newer command, which
 * was met before.
 */
static void
look_at_commands(struct qmp *qmp, struct doctor_gpu *gpu)
{
    uint64_t seen[DOCTOR_COMMAND_COUNT_MAX];
    unsigned seen_count = 0;
    const struct doctor_queue *queue = &gpu->queues[0];
    unsigned look_count =
        queue->size < DOCTOR_COMMAND_COUNT_MAX ? queue->size : DOCTOR_COMMAND_COUNT_MAX;
    look_count = queue->used_idx < look_count ? queue->used_idx : look_count;
    for (unsigned i = 0; !gpu->is_vhost && queue->is_set_up && i < look_count; i++) {
        cJSON *arguments = queue_argument(gpu, 0);
        struct pieces pieces;
        (void)cJSON_AddNumberToObject(arguments, "index",
                                      (uint16_t)(queue->used_idx - 1 - i) % queue->size);
        cJSON *element = qmp_ask(qmp, "x-query-virtio-queue-element", arguments);
        bool is_new = element != NULL && pieces_of(element, &pieces);
        cJSON_Delete(element);
        for (unsigned j = 0; is_new && j < seen_count; j++) {
            is_new = seen[j] != pieces.request;
        }
        if (is_new) {
            seen[seen_count++] = pieces.request;
            gpu->command_count +=
                read_command(qmp, &pieces, &gpu->commands[gpu->command_count]) ? 1 : 0;
        }
    }
}

/* --- which devices --- */

static void
name_gpu(struct doctor_gpu *gpu)
{
    static const char by_id[] = "/machine/peripheral/";
    gpu->has_id = strncmp(gpu->path, by_id, sizeof(by_id) - 1) == 0;
    const char *name = gpu->has_id ? gpu->path + sizeof(by_id) - 1 : gpu->path;
    (void)snprintf(gpu->name, sizeof(gpu->name), "%.*s",
                   gpu->has_id ? (int)strcspn(name, "/") : DOCTOR_NAME_BYTES - 1, name);
}

static bool
add_gpu(struct qmp *qmp, struct doctor_evidence *evidence, const char *path)
{
    static const char *const types[] = { "virtio-gpu-device", "virtio-gpu-gl-device",
                                         "virtio-gpu-rutabaga-device", "vhost-user-gpu",
                                         "vhost-user-test-device" };
    struct doctor_gpu *gpu = &evidence->gpus[evidence->gpu_count];
    cJSON *arguments = path_argument(path);
    (void)cJSON_AddStringToObject(arguments, "property", "type");
    cJSON *value = qmp_ask(qmp, "qom-get", arguments);
    const char *type = cJSON_GetStringValue(value);
    bool is_gpu = type != NULL && is_one_of(type, types, sizeof(types) / sizeof(types[0]));
    if (is_gpu) {
        *gpu = (struct doctor_gpu){ .status = DOCTOR_STATUS_UNKNOWN,
                                    .is_vhost = strncmp(type, "vhost", 5) == 0 };
        (void)snprintf(gpu->path, sizeof(gpu->path), "%s", path);
        name_gpu(gpu);
    }
    cJSON_Delete(value);
    return is_gpu;
}

static bool
find_gpus(struct qmp *qmp, struct doctor_evidence *evidence)
{
    cJSON *devices = qmp_ask(qmp, "x-query-virtio", NULL);
    const cJSON *device;
    cJSON_ArrayForEach(device, devices)
    {
        const char *path = cJSON_GetStringValue(cJSON_GetObjectItem(device, "path"));
        if (path != NULL && evidence->gpu_count < DOCTOR_GPU_COUNT_MAX &&
            add_gpu(qmp, evidence, path)) {
            evidence->gpu_count++;
        }
    }
    bool is_known = devices != NULL;
    cJSON_Delete(devices);
    return is_known;
}

static void
look_at_gpu(struct qmp *qmp, struct doctor_gpu *gpu)
{
    bool is_deadly = qmp->major > 10 || (qmp->major == 10 && qmp->minor > 0);
    if (is_deadly) {
        read_status(qmp, gpu);
    } else {
        ask_status(qmp, gpu);
    }
    look_at_queues(qmp, gpu);
    if (gpu->queues[0].is_known) {
        look_at_commands(qmp, gpu);
    }
}

static bool
look_at_run_state(struct qmp *qmp, struct doctor_evidence *evidence)
{
    cJSON *value = qmp_ask(qmp, "query-status", NULL);
    copy_text(evidence->run_state, sizeof(evidence->run_state),
              cJSON_GetObjectItem(value, "status"));
    evidence->is_running = cJSON_IsTrue(cJSON_GetObjectItem(value, "running"));
    bool is_known = value != NULL;
    cJSON_Delete(value);
    return is_known;
}

bool
doctor_look_at_qemu(struct qmp *qmp, struct doctor_evidence *evidence)
{
    const struct timespec still = { .tv_nsec = STILL_MS * 1000000L };
    evidence->has_qemu = true;
    if (!look_at_run_state(qmp, evidence) || !find_gpus(qmp, evidence)) {
        return false;
    }
    for (unsigned i = 0; i < evidence->gpu_count; i++) {
        look_at_gpu(qmp, &evidence->gpus[i]);
    }
    doctor_look_at_screens(qmp, evidence);
    (void)nanosleep(&still, NULL);
    for (unsigned i = 0; i < evidence->gpu_count; i++) {
        look_again_at_queues(qmp, &evidence->gpus[i]);
    }
    evidence->saw_panic = qmp->saw_panic;
    evidence->saw_reset = qmp->saw_reset;
    evidence->was_guests_wish = qmp->was_guests_wish;
    return true;
}
