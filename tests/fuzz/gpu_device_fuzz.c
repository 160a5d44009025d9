/*
 * The whole GPU device under a guest that says anything, renderers that answer anything, and memory that runs out.
 *
 * The data: how many allocations succeed (255: all), ring features, then operations:
 *   0 a command, field by field   1 one of raw bytes   2 a renderer answers   3 fences pass   4 the front-end has mapped
 *   5 a renderer ends   6 displays and configuration   7 somebody looks   8 reset   9 the server answers
 * After each the loop turns.  A field is a byte, or what 0xf0 to 0xff stand for.
 */
#include <errno.h>
#include <stdatomic.h>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "venus/venus.h"
#include "virtio/queue.h"

#include "device/gpu/private.h"
#include "device/packet.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/short_memory.h"
#include "tests/loop/loop_device.h"

enum {
    SLOT_COUNT = 16,
    SLOT_BYTES = 1024,
    RESPONSE_BYTES = 1200,
    OPERATION_COUNT_MAX = 200,
    RENDERER_COUNT_MAX = 8,
    FIELD_COUNT_MAX = 40,
    WINDOW = 1 << 16,
    OPERATIONS = 10,
};

struct renderer {
    int socket; /* -1: none */
    int event;
    uint32_t *values;
};

struct slot {
    uint8_t *request;
    uint8_t *response;
    uint32_t room;
    bool is_busy;
};

static struct bench {
    struct loop_device host;
    struct virtio_bus bus;
    struct virtio_device *device;
    struct virtio_arena arena;
    struct virtq queues[VIRTIO_GPU_QUEUE_COUNT];
    struct slot slots[SLOT_COUNT];
    struct fuzz_input in;
    int server;
    struct renderer renderers[RENDERER_COUNT_MAX];
} bench;

/* --- the guest --- */

static void
check_answer(const struct slot *slot, uint32_t written_bytes)
{
    struct virtio_gpu_ctrl_hdr header;
    fuzz_expect(written_bytes <= slot->room);
    if (written_bytes < sizeof(header)) {
        return;
    }
    memcpy(&header, slot->response, sizeof(header));
    uint32_t type = le32_get(header.type);
    fuzz_expect(
        (type >= VIRTIO_GPU_RESP_OK_NODATA && type <= VIRTIO_GPU_RESP_OK_MAP_INFO) ||
        (type >= VIRTIO_GPU_RESP_ERR_UNSPEC && type <= VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER));
}

static void
take_answers(void)
{
    struct virtq_done done;
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        while (virtq_take_used(&bench.queues[i], &done) == VIRTIO_OK) {
            struct slot *slot = done.token;
            check_answer(slot, done.written_bytes);
            slot->is_busy = false;
        }
        fuzz_expect(bench.queues[i].fault.rule == NULL);
    }
}

static void
send_command(unsigned queue_idx, uint32_t request_bytes, uint32_t room)
{
    struct slot *slot = bench.slots;
    while (slot < bench.slots + SLOT_COUNT - 1 && slot->is_busy) {
        slot++;
    }
    if (slot->is_busy) {
        return; /* its memory is the device's: all answers are still to come */
    }
    const struct virtq_seg segs[2] = {
        {loop_device_addr(&bench.host,  slot->request),  request_bytes},
        { loop_device_addr(&bench.host, slot->response), room         }
    };
    const struct virtq_chain chain = {
        .segs = segs, .readable_count = 1, .writable_count = room != 0, .token = slot
    };
    slot->room = room;
    slot->is_busy = true;
    if (virtq_add(&bench.queues[queue_idx], &chain) == VIRTIO_OK) {
        (void)virtq_notify(&bench.queues[queue_idx]);
    }
}

/* Where the next command goes; all of it is shared memory, so a busy one may change under the device. */
static uint8_t *
next_request(void)
{
    unsigned i = 0;
    while (i < SLOT_COUNT - 1 && bench.slots[i].is_busy) {
        i++;
    }
    return bench.slots[i].request;
}

static uint32_t
field(void)
{
    static const uint32_t special[16] = {
        0,          0xffffffff, 0x80000000, 4096,  8192,       16384,     65536, 0x10000,
        0x01000000, 0x7fffffff, 0xfffff000, 16385, 0x0fffffff, 256 << 10, 64,    0,
    };
    uint8_t byte = fuzz_u8(&bench.in);
    if (byte == 0xff) {
        return fuzz_u32(&bench.in);
    }
    return byte >= 0xf0 ? special[byte - 0xf0] : byte;
}

static void
do_command(void)
{
    static const uint32_t firsts[3] = { 0x100, 0x200, 0x300 };
    uint32_t words[6 + FIELD_COUNT_MAX] = { 0 };
    uint8_t what = fuzz_u8(&bench.in);
    unsigned count = fuzz_u8(&bench.in) % FIELD_COUNT_MAX;
    unsigned queue_idx = (what & 0x20) != 0;
    words[0] = firsts[what / 64 % 3] + what % 16;
    words[1] = field();
    words[2] = field();
    words[4] = field() % 4;
    words[5] = field();
    for (unsigned i = 0; i < count; i++) {
        words[6 + i] = field();
    }
    memcpy(next_request(), words, sizeof(words));
    send_command(queue_idx, 24 + count * 4, RESPONSE_BYTES);
}

static void
do_raw(void)
{
    uint8_t bytes = fuzz_u8(&bench.in);
    uint8_t room = fuzz_u8(&bench.in);
    fuzz_take(&bench.in, next_request(), bytes);
    send_command(room & 1, bytes == 0 ? 1 : bytes, room);
}

static bool
start_device(void)
{
    const struct virtio_feature_request features = { .wanted = ~VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) };
    const struct virtq_config config = { .size_max = 64, .indirect_max = 4 };
    bool is_up = virtio_device_claim(bench.device, "fuzz") == VIRTIO_OK &&
                 virtio_device_negotiate(bench.device, &features) == VIRTIO_OK;
    bench.arena.used_bytes = (size_t)SLOT_COUNT * 4096;
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        is_up = is_up && virtq_setup(&bench.queues[i], bench.device, (uint16_t)i, &config,
                                     &bench.arena) == VIRTIO_OK;
    }
    return is_up && virtio_device_start(bench.device) == VIRTIO_OK;
}

/* All that the guest had is gone, to the last byte. */
static void
check_empty(const struct gpu *gpu)
{
    fuzz_expect(gpu->resource_count == 0 && gpu->memory_bytes == 0 && gpu->blob_bytes == 0 &&
                gpu->span_count == 0);
    fuzz_expect(gpu->context_count == 0 && gpu->fence_count == 0 && gpu->blocked_count == 0);
    fuzz_expect(gpu->mapped == NULL && gpu->wait.command == NULL);
    for (unsigned i = 0; i < gpu->config.scanout_count; i++) {
        fuzz_expect(gpu->scanouts[i].shown.resource_id == 0 && !gpu->cursors[i].is_shown);
    }
}

static void
do_reset(void)
{
    fuzz_expect(virtio_device_release(bench.device, "fuzz") == VIRTIO_OK);
    check_empty(bench.host.gpu);
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        virtq_finish(&bench.queues[i], NULL, NULL);
    }
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        bench.slots[i].is_busy = false;
    }
    fuzz_expect(start_device());
}

/* --- the renderers --- */

static void
drop_renderer(struct renderer *renderer)
{
    if (renderer->socket >= 0) {
        (void)close(renderer->socket);
    }
    if (renderer->event >= 0) {
        (void)close(renderer->event);
    }
    if (renderer->values != NULL) {
        (void)munmap(renderer->values, 256);
    }
    *renderer = (struct renderer){ -1, -1, NULL };
}

/* What it was told; of INIT it keeps the two fds. */
static void
listen_to(struct renderer *renderer)
{
    uint8_t bytes[512];
    struct packet packet;
    for (;;) {
        enum packet_result result = packet_receive(renderer->socket, bytes, sizeof(bytes), &packet);
        if (result == PACKET_END || result == PACKET_ERROR) {
            return;
        }
        if (result == PACKET_GOT && packet.fd_count == 2 && renderer->values == NULL) {
            void *values = mmap(NULL, 256, PROT_READ | PROT_WRITE, MAP_SHARED, packet.fds[0], 0);
            renderer->values = values == MAP_FAILED ? NULL : values;
            renderer->event = packet.fds[1];
            packet.fds[1] = -1;
        }
        packet_close_fds(&packet);
    }
}

static struct renderer *
pick_renderer(void)
{
    struct renderer *renderer = &bench.renderers[fuzz_u8(&bench.in) % RENDERER_COUNT_MAX];
    if (renderer->socket >= 0) {
        listen_to(renderer);
    }
    return renderer;
}

static void
do_reply(void)
{
    const struct renderer *renderer = pick_renderer();
    uint8_t how = fuzz_u8(&bench.in);
    struct render_resource_reply reply = { .fd_kind = (int8_t)(how & 3),
                                           .caching = fuzz_u8(&bench.in) };
    int fd = -1;
    if (renderer->socket < 0) {
        return;
    }
    if (how & 4) {
        fd = memfd_create("blob", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        (void)ftruncate(fd, (off_t)fuzz_u16(&bench.in) * 16);
        if (how & 8) {
            (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
        }
    }
    (void)packet_send(renderer->socket, &reply, how & 16 ? 5 : sizeof(reply), fd);
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void
do_fences(void)
{
    const struct renderer *renderer = pick_renderer();
    uint8_t timeline = fuzz_u8(&bench.in) % GPU_TIMELINES;
    uint32_t value = field();
    if (renderer->values != NULL) {
        __atomic_store_n(&renderer->values[timeline], value, __ATOMIC_RELEASE);
        (void)eventfd_write(renderer->event, 1);
    }
}

/* Each request for a context gets a renderer, a refusal, or nothing yet. */
static void
do_server(void)
{
    uint8_t bytes[64];
    struct packet packet;
    uint8_t how = fuzz_u8(&bench.in);
    struct renderer *renderer = &bench.renderers[how % RENDERER_COUNT_MAX];
    int pair[2] = { -1, -1 };
    uint8_t is_made = how < 0xe0;
    while (packet_receive(bench.server, bytes, sizeof(bytes), &packet) == PACKET_GOT) {
        packet_close_fds(&packet);
    }
    if (how >= 0xf8) {
        (void)shutdown(bench.server, SHUT_RDWR);
        return;
    }
    if (is_made) {
        drop_renderer(renderer);
        fuzz_expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) ==
                    0);
        renderer->socket = pair[0];
    }
    (void)packet_send(bench.server, &is_made, 1, pair[1]);
    if (pair[1] >= 0) {
        (void)close(pair[1]);
    }
}

/* --- the world --- */

static void
do_mapped(void)
{
    uint8_t how = fuzz_u8(&bench.in);
    gpu_map_done(bench.host.gpu, bench.host.gpu->last_token - how / 2, how & 1);
}

static void
do_end(void)
{
    drop_renderer(pick_renderer());
}

static void
do_display(void)
{
    const struct gpu_scanout_config display = { field(), field(), (fuzz_u8(&bench.in) & 1) != 0 };
    uint8_t bytes[32];
    uint32_t offset = field();
    uint8_t size = fuzz_u8(&bench.in) % sizeof(bytes);
    (void)gpu_set_display(bench.host.gpu, fuzz_u8(&bench.in) % 3, &display);
    fuzz_take(&bench.in, bytes, size);
    gpu_config_write(bench.host.gpu, offset, bytes, size);
    gpu_config_read(bench.host.gpu, offset, bytes, size);
}

static void
do_look(void)
{
    static uint32_t pixels[64 * 64];
    char text[512];
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    const struct gpu_rect rect = { field(), field(), field() % 64, field() % 64 };
    for (unsigned i = 0; i < 2; i++) {
        (void)gpu_read_pixels(bench.host.gpu, i, &rect, pixels, sizeof(uint32_t) * 64);
        fuzz_expect(gpu_edid(bench.host.gpu, i, edid) == 128);
    }
    (void)gpu_status(bench.host.gpu, text, sizeof(text));
    fuzz_expect(memchr(text, 0, sizeof(text)) != NULL);
}

static void
plug(uint64_t ring_features)
{
    static uint8_t capset[VENUS_CAPSET_BYTES] = { 1 };
    int pair[2];
    fuzz_expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    const struct loop_device_config config = {
        .gpu = {.scanout_count = 2,
                .scanouts = { { 64, 64, true }, { 32, 32, true } },
                .window_bytes = WINDOW,
                .render_server = pair[0],
                .capset = capset,
                .capset_bytes = sizeof(capset),
                .limits = { .memory_bytes = 1 << 20,
                             .resource_count = 32,
                             .backing_count = 64,
                             .context_count = 4,
                             .fence_count = 8 }},
        .ring_features = ring_features,
        .is_map_deaf = true,
    };
    bench.server = pair[1];
    for (unsigned i = 0; i < RENDERER_COUNT_MAX; i++) {
        bench.renderers[i] = (struct renderer){ -1, -1, NULL };
    }
    fuzz_expect(loop_device_init(&bench.host, &config));
    fuzz_expect(virtio_bus_init(&bench.bus, &bench.host.plat, NULL) == VIRTIO_OK);
    bench.device = loop_device_probe(&bench.host, &bench.bus);
    bench.arena = bench.host.arena;
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        uint8_t *memory = bench.arena.base + (size_t)i * 4096;
        bench.slots[i] = (struct slot){ memory, memory + SLOT_BYTES, 0, false };
    }
    fuzz_expect(start_device());
}

static void
unplug(void)
{
    for (unsigned i = 0; i < RENDERER_COUNT_MAX; i++) {
        drop_renderer(&bench.renderers[i]);
    }
    loop_device_finish(&bench.host);
    (void)close(bench.server);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const operations[OPERATIONS])(
        void) = { do_command, do_raw,     do_reply, do_fences, do_mapped,
                  do_end,     do_display, do_look,  do_reset,  do_server };
    memset(&bench, 0, sizeof(bench));
    bench.in = (struct fuzz_input){ data, size };
    uint8_t allocations = fuzz_u8(&bench.in);
    plug((uint64_t)(fuzz_u8(&bench.in) & 3) << VIRTIO_F_INDIRECT_DESC);
    atomic_store(&allocations_left, allocations == 255 ? -1 : allocations);
    for (unsigned i = 0; i < OPERATION_COUNT_MAX && bench.in.left > 0; i++) {
        operations[fuzz_u8(&bench.in) % OPERATIONS]();
        loop_device_turn(&bench.host, 0);
        take_answers();
    }
    atomic_store(&allocations_left, -1);
    do_reset();
    unplug();
    return 0;
}
