/*
 * loop_device.c - a transport whose registers are function calls.
 */
#include "tests/loop/loop_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "abi/virtio_mmio.h"
#include "abi/virtio_ring.h"

#include "virtio/core/internal.h"

static struct loop_device *
host_of(const struct virtio_device *device)
{
    return (struct loop_device *)(uintptr_t)device->base;
}

static void
note(struct loop_device *host, const char *text, size_t bytes)
{
    (void)pthread_mutex_lock(&host->log_lock);
    if (host->log_bytes + bytes + 2 <= sizeof(host->log)) {
        memcpy(host->log + host->log_bytes, text, bytes);
        host->log_bytes += bytes;
        host->log[host->log_bytes++] = '\n';
        host->log[host->log_bytes] = '\0';
    }
    (void)pthread_mutex_unlock(&host->log_lock);
}

bool
loop_device_logged(struct loop_device *host, const char *text)
{
    (void)pthread_mutex_lock(&host->log_lock);
    bool is_there = strstr(host->log, text) != NULL;
    (void)pthread_mutex_unlock(&host->log_lock);
    return is_there;
}

/* --- the device's thread --- */

void
loop_device_call(struct loop_device *host, void (*carry_out)(void *user), void *user)
{
    struct loop_call call = { carry_out, user };
    if (!host->config.is_threaded) {
        carry_out(user);
        return;
    }
    (void)pthread_mutex_lock(&host->call_lock);
    (void)pthread_mutex_lock(&host->lock);
    host->call = &call; /* cppcheck-suppress autoVariables ; until it is NULL again, below */
    (void)eventfd_write(host->wake, 1);
    while (host->call != NULL) {
        (void)pthread_cond_wait(&host->changed, &host->lock);
    }
    (void)pthread_mutex_unlock(&host->lock);
    (void)pthread_mutex_unlock(&host->call_lock);
}

static void
on_wake(void *user, uint32_t events)
{
    struct loop_device *host = user;
    eventfd_t count;
    (void)events;
    (void)eventfd_read(host->wake, &count);
    (void)pthread_mutex_lock(&host->lock);
    if (host->call != NULL) {
        host->call->carry_out(host->call->user);
        host->call = NULL;
        (void)pthread_cond_signal(&host->changed);
    }
    bool is_ending = host->is_ending;
    (void)pthread_mutex_unlock(&host->lock);
    if (is_ending) {
        loop_stop(host->loop);
    }
}

static void
on_control(void *user, uint32_t events)
{
    struct loop_device *host = user;
    eventfd_t count;
    (void)events;
    (void)eventfd_read(host->notified[VIRTIO_GPU_CONTROLQ], &count);
    gpu_queue_ready(host->gpu, VIRTIO_GPU_CONTROLQ);
}

static void
on_cursor(void *user, uint32_t events)
{
    struct loop_device *host = user;
    eventfd_t count;
    (void)events;
    (void)eventfd_read(host->notified[VIRTIO_GPU_CURSORQ], &count);
    gpu_queue_ready(host->gpu, VIRTIO_GPU_CURSORQ);
}

static void *
run_device(void *user)
{
    struct loop_device *host = user;
    (void)loop_run(host->loop);
    return NULL;
}

static void
stop_turn(void *user)
{
    loop_stop(user);
}

void
loop_device_turn(struct loop_device *host, unsigned ms)
{
    if (host->config.is_threaded) {
        (void)usleep(ms * 1000);
        return;
    }
    host->turn_end = (struct loop_timer){ .on_late = stop_turn, .user = host->loop };
    loop_timer_set(host->loop, &host->turn_end, ms * UINT64_C(1000000));
    (void)loop_run(host->loop);
}

/* --- registers, each carried out where the device runs --- */

struct access {
    struct loop_device *host;
    uint64_t value;
    uint64_t offset;
    unsigned width;
};

static uint8_t
get_status(struct virtio_device *device)
{
    return host_of(device)->status; /* only the driver changes it */
}

static void
start_queue(struct loop_device *host, unsigned queue_idx)
{
    const struct virtio_queue_areas *areas = &host->areas[queue_idx];
    struct vq_layout layout = {
        .size = areas->size,
        .is_packed = (host->accepted >> VIRTIO_F_RING_PACKED & 1) != 0,
        .has_event_idx = (host->accepted >> VIRTIO_F_EVENT_IDX & 1) != 0,
        .has_indirect = (host->accepted >> VIRTIO_F_INDIRECT_DESC & 1) != 0,
    };
    layout.first_avail = layout.is_packed ? 0x80008000U : 0;
    layout.desc = guest_at(&host->guest, areas->desc_addr, vq_desc_bytes(&layout));
    layout.driver = guest_at(&host->guest, areas->driver_addr, vq_driver_bytes(&layout));
    layout.device = guest_at(&host->guest, areas->device_addr, vq_device_bytes(&layout));
    const char *why = vq_start(&host->vqs[queue_idx], &host->guest, &layout);
    if (why != NULL) {
        note(host, why, strlen(why));
        return;
    }
    gpu_set_queue(host->gpu, queue_idx, &host->vqs[queue_idx]);
}

static void
change_status(void *user)
{
    const struct access *access = user;
    struct loop_device *host = access->host;
    uint8_t status = (uint8_t)access->value;
    uint8_t risen = (uint8_t)(status & ~host->status);
    if (status == 0) {
        gpu_reset(host->gpu);
        for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
            (void)vq_stop(&host->vqs[i]);
            host->areas[i].size = 0;
        }
    }
    if (risen & VIRTIO_STATUS_FEATURES_OK) {
        gpu_set_features(host->gpu, host->accepted);
    }
    for (unsigned i = 0; (risen & VIRTIO_STATUS_DRIVER_OK) && i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        if (host->areas[i].size != 0) {
            start_queue(host, i);
        }
    }
}

static void
set_status(struct virtio_device *device, uint8_t status)
{
    struct access access = { .host = host_of(device), .value = status };
    loop_device_call(access.host, change_status, &access);
    access.host->status = status;
}

static uint64_t
get_features(struct virtio_device *device)
{
    const struct loop_device *host = host_of(device);
    return gpu_features(host->gpu) | host->config.ring_features |
           VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
}

static void
set_features(struct virtio_device *device, uint64_t features)
{
    host_of(device)->accepted = features;
}

static uint16_t
queue_size_max(struct virtio_device *device, uint16_t queue_idx)
{
    (void)device;
    return queue_idx < VIRTIO_GPU_QUEUE_COUNT ? LOOP_QUEUE_SIZE_MAX : 0;
}

static enum virtio_err
queue_enable(struct virtio_device *device, uint16_t queue_idx,
             const struct virtio_queue_areas *areas)
{
    host_of(device)->areas[queue_idx] = *areas;
    return VIRTIO_OK;
}

static void
queue_notify(struct virtio_device *device, uint16_t queue_idx, uint32_t value)
{
    struct loop_device *host = host_of(device);
    (void)value;
    if (host->config.is_threaded) {
        (void)eventfd_write(host->notified[queue_idx], 1);
    } else {
        gpu_queue_ready(host->gpu, queue_idx);
    }
}

static uint32_t
take_interrupts(struct virtio_device *device)
{
    return __atomic_exchange_n(&host_of(device)->interrupts, 0, __ATOMIC_SEQ_CST);
}

static void
read_config(void *user)
{
    struct access *access = user;
    le32 bytes = { 0 };
    gpu_config_read(access->host->gpu, (uint32_t)access->offset, &bytes, access->width);
    access->value = le32_get(bytes);
}

static uint32_t
config_read(struct virtio_device *device, size_t offset, unsigned width)
{
    struct access access = { .host = host_of(device), .offset = offset, .width = width };
    loop_device_call(access.host, read_config, &access);
    return (uint32_t)access.value;
}

static void
write_config(void *user)
{
    const struct access *access = user;
    le32 bytes = le32_from((uint32_t)access->value);
    gpu_config_write(access->host->gpu, (uint32_t)access->offset, &bytes, access->width);
}

static void
config_write(struct virtio_device *device, size_t offset, unsigned width, uint32_t value)
{
    struct access access = { host_of(device), value, offset, width };
    loop_device_call(access.host, write_config, &access);
}

static uint32_t
config_generation(struct virtio_device *device)
{
    return __atomic_load_n(&host_of(device)->generation, __ATOMIC_ACQUIRE);
}

static enum virtio_err
shm(struct virtio_device *device, uint8_t id, uint64_t *phys, uint64_t *bytes)
{
    const struct loop_device *host = host_of(device);
    *phys = LOOP_WINDOW_ADDR;
    *bytes = host->config.gpu.window_bytes;
    return id == VIRTIO_GPU_SHM_ID_HOST_VISIBLE && *bytes != 0 ? VIRTIO_OK : VIRTIO_ERR_UNSUPPORTED;
}

static const struct virtio_transport_ops ops = {
    .name = "loop",
    .get_status = get_status,
    .set_status = set_status,
    .get_features = get_features,
    .set_features = set_features,
    .queue_size_max = queue_size_max,
    .queue_enable = queue_enable,
    .queue_notify = queue_notify,
    .take_interrupts = take_interrupts,
    .config_read = config_read,
    .config_write = config_write,
    .config_generation = config_generation,
    .shm = shm,
};

/* --- what the device asks of its host --- */

static void
raise(struct loop_device *host, uint32_t bit)
{
    (void)__atomic_fetch_or(&host->interrupts, bit, __ATOMIC_SEQ_CST);
    (void)__atomic_fetch_add(&host->interrupt_count, 1, __ATOMIC_SEQ_CST);
}

static void
on_interrupt(void *user, unsigned queue_idx)
{
    (void)queue_idx;
    raise(user, VIRTIO_INTERRUPT_USED_BUFFER);
}

static void
on_config_changed(void *user)
{
    struct loop_device *host = user;
    (void)__atomic_fetch_add(&host->generation, 1, __ATOMIC_RELEASE);
    raise(host, VIRTIO_INTERRUPT_CONFIG);
}

static void
on_problem(void *user, const char *sentence)
{
    struct loop_device *host = user;
    host->problem_count++;
    note(host, sentence, strlen(sentence));
}

static void
say_map_done(void *user)
{
    struct loop_device *host = user;
    gpu_map_done(host->gpu, host->map_token, !host->config.is_map_failing);
}

/* Done at once, told a little later, as a front-end would. */
static bool
answer(struct loop_device *host, uint64_t token)
{
    if (!host->config.is_map_deaf) {
        host->map_token = token;
        host->map_done = (struct loop_timer){ .on_late = say_map_done, .user = host };
        loop_timer_set(host->loop, &host->map_done, 1);
    }
    return true;
}

static bool
on_map(void *user, uint64_t token, int fd, uint64_t fd_offset, uint64_t shm_offset,
       uint64_t size_bytes)
{
    struct loop_device *host = user;
    if (!host->config.is_map_failing &&
        mmap(host->window + shm_offset, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             fd, (off_t)fd_offset) == MAP_FAILED) {
        return false;
    }
    return answer(host, token);
}

static bool
on_unmap(void *user, uint64_t token, uint64_t shm_offset, uint64_t size_bytes)
{
    struct loop_device *host = user;
    (void)mmap(host->window + shm_offset, size_bytes, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return answer(host, token);
}

static void
say_display(void *user)
{
    struct loop_device *host = user;
    static const struct gpu_scanout_config own = { 800, 600, true };
    if (host->display_edid == NULL) {
        (void)gpu_set_display(host->gpu, 0, &own);
    }
    gpu_display_told(host->gpu, host->display_token - 1, NULL, 0); /* somebody else's */
    gpu_display_told(host->gpu, host->display_token, host->display_edid, 128);
}

static bool
ask_display(struct loop_device *host, uint64_t token, const uint8_t *edid)
{
    host->display_token = token;
    host->display_edid = edid;
    host->display_told = (struct loop_timer){ .on_late = say_display, .user = host };
    if (host->config.edid != NULL && !host->config.is_map_deaf) {
        loop_timer_set(host->loop, &host->display_told, 1);
    }
    return host->config.edid != NULL;
}

static bool
on_ask_displays(void *user, uint64_t token)
{
    return ask_display(user, token, NULL);
}

static bool
on_ask_edid(void *user, uint64_t token, unsigned scanout_idx)
{
    struct loop_device *host = user;
    return scanout_idx == 0 && ask_display(host, token, host->config.edid);
}

/* --- the driver's platform --- */

static volatile void *
plat_map(void *ctx, uint64_t phys, size_t size)
{
    (void)ctx;
    (void)phys;
    (void)size;
    return NULL;
}

static void *
plat_map_cached(void *ctx, uint64_t phys, uint64_t size)
{
    const struct loop_device *host = ctx;
    (void)size;
    return host->window + (phys - LOOP_WINDOW_ADDR);
}

uint64_t
loop_device_addr(const struct loop_device *host, const volatile void *memory)
{
    return LOOP_MEMORY_ADDR + ((uintptr_t)memory - (uintptr_t)host->arena.base);
}

static uint64_t
plat_dma_addr(void *ctx, const volatile void *ptr, size_t bytes)
{
    const struct loop_device *host = ctx;
    uint64_t offset = (uintptr_t)ptr - (uintptr_t)host->arena.base;
    bool is_within = offset <= LOOP_MEMORY_BYTES && bytes <= LOOP_MEMORY_BYTES - offset;
    return is_within ? LOOP_MEMORY_ADDR + offset : UINT64_MAX;
}

static uint64_t
plat_now_ns(void *ctx)
{
    (void)ctx;
    return loop_now_ns();
}

static void
plat_log(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    (void)level;
    note(ctx, text, bytes);
}

static void
plat_relax(void *ctx, uint64_t deadline_ns)
{
    (void)deadline_ns;
    loop_device_turn(ctx, 1);
}

struct virtio_device *
loop_device_probe(struct loop_device *host, struct virtio_bus *bus)
{
    const struct virtio_device seen = {
        .ops = &ops,
        .config_bytes = sizeof(struct virtio_gpu_config),
        .base = (uintptr_t)host,
        .id = VIRTIO_ID_GPU,
    };
    return virtio_bus_add(bus, &seen);
}

/* --- life --- */

static bool
make_memory(struct loop_device *host)
{
    size_t window_bytes = host->config.gpu.window_bytes;
    host->arena.base =
        mmap(NULL, LOOP_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    host->arena.bytes = LOOP_MEMORY_BYTES;
    host->window = mmap(NULL, window_bytes != 0 ? window_bytes : 1, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const struct guest_region region = { .guest_addr = LOOP_MEMORY_ADDR,
                                         .size_bytes = LOOP_MEMORY_BYTES,
                                         .host = host->arena.base };
    return host->arena.base != MAP_FAILED && host->window != MAP_FAILED &&
           guest_add(&host->guest, &region) == NULL;
}

static bool
make_gpu(struct loop_device *host)
{
    struct gpu_config config = host->config.gpu;
    const char *why = NULL;
    config.loop = host->loop;
    config.guest = &host->guest;
    config.host = (struct gpu_host){ .user = host,
                                     .interrupt = on_interrupt,
                                     .config_changed = on_config_changed,
                                     .map = config.window_bytes != 0 ? on_map : NULL,
                                     .unmap = config.window_bytes != 0 ? on_unmap : NULL,
                                     .ask_displays = on_ask_displays,
                                     .ask_edid = on_ask_edid };
    config.on_problem = on_problem;
    host->gpu = gpu_create(&config, &why);
    if (host->gpu == NULL) {
        (void)fprintf(stderr, "loop device: %s\n", why != NULL ? why : "no memory");
    }
    return host->gpu != NULL;
}

static bool
start_thread(struct loop_device *host)
{
    host->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    host->notified[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    host->notified[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return loop_watch(host->loop, host->wake, EPOLLIN, on_wake, host) &&
           loop_watch(host->loop, host->notified[0], EPOLLIN, on_control, host) &&
           loop_watch(host->loop, host->notified[1], EPOLLIN, on_cursor, host) &&
           pthread_create(&host->thread, NULL, run_device, host) == 0;
}

bool
loop_device_init(struct loop_device *host, const struct loop_device_config *config)
{
    memset(host, 0, sizeof(*host));
    host->config = *config;
    (void)pthread_mutex_init(&host->log_lock, NULL);
    (void)pthread_mutex_init(&host->call_lock, NULL);
    (void)pthread_mutex_init(&host->lock, NULL);
    (void)pthread_cond_init(&host->changed, NULL);
    host->plat = (struct virtio_platform){ .ctx = host,
                                           .map = plat_map,
                                           .map_cached = plat_map_cached,
                                           .dma_addr = plat_dma_addr,
                                           .now_ns = plat_now_ns,
                                           .log = plat_log,
                                           .relax = plat_relax };
    host->loop = loop_create();
    return host->loop != NULL && make_memory(host) && make_gpu(host) &&
           (!config->is_threaded || start_thread(host));
}

void
loop_device_finish(struct loop_device *host)
{
    if (host->config.is_threaded) {
        (void)pthread_mutex_lock(&host->lock);
        host->is_ending = true;
        (void)pthread_mutex_unlock(&host->lock);
        (void)eventfd_write(host->wake, 1);
        (void)pthread_join(host->thread, NULL);
        (void)close(host->wake);
        (void)close(host->notified[0]);
        (void)close(host->notified[1]);
    }
    gpu_destroy(host->gpu);
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        (void)vq_stop(&host->vqs[i]);
    }
    loop_timer_clear(host->loop, &host->map_done);
    loop_timer_clear(host->loop, &host->display_told);
    loop_destroy(host->loop);
    guest_finish(&host->guest);
    (void)munmap(host->arena.base, LOOP_MEMORY_BYTES);
    (void)munmap(host->window,
                 host->config.gpu.window_bytes != 0 ? host->config.gpu.window_bytes : 1);
}
