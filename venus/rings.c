/*
 * The rings of a context: made, found, ended.  See venus/ring.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "venus/context.h"
#include "venus/os.h"
#include "venus/record.h"
#include "venus/ring.h"

/* Longer than anybody waits; twice that still fits. */
#define TIMEOUT_MAX_NS (UINT64_C(1) << 61)

int
vn_rings_init(struct vn_rings *rings, struct venus *venus)
{
    *rings = (struct vn_rings){ .venus = venus };
    (void)pthread_mutex_init(&rings->lock, NULL);
    return vn_os_cond_init(&rings->monitor_wake);
}

/* The client's words: aligned (checked with the layout), and the kernel maps whole pages. */
static _Atomic uint32_t *
word_at(const struct vn_resource *resource, uint64_t offset)
{
    return (_Atomic uint32_t *)(void *)(resource->map + offset);
}

static void
free_ring(struct vn_ring *ring)
{
    vn_exec_finish(&ring->exec);
    vn_resource_put(ring->resource);
    (void)pthread_cond_destroy(&ring->progress);
    (void)pthread_cond_destroy(&ring->wake);
    (void)pthread_mutex_destroy(&ring->lock);
    free(ring->copy);
    free(ring);
}

static struct vn_ring *
new_ring(struct venus *venus, const struct vn_ring_wish *wish, struct vn_resource *resource)
{
    const struct vn_ring_layout *layout = &wish->layout;
    struct vn_ring *ring = calloc(1, sizeof(*ring));
    if (!ring) {
        return NULL;
    }
    ring->copy = malloc(layout->buffer_bytes);
    if (!ring->copy || vn_os_cond_init(&ring->wake) != 0 || vn_os_cond_init(&ring->progress) != 0) {
        free(ring->copy);
        free(ring);
        return NULL;
    }
    (void)pthread_mutex_init(&ring->lock, NULL);
    ring->id = wish->id;
    ring->venus = venus;
    ring->resource = resource;
    ring->idle_timeout_ns =
        wish->idle_timeout_ns < TIMEOUT_MAX_NS ? wish->idle_timeout_ns : TIMEOUT_MAX_NS;
    ring->nice = wish->nice;
    ring->has_nice = wish->has_nice;
    ring->report_period_ns = wish->report_period_ns;
    ring->buffer_bytes = (uint32_t)layout->buffer_bytes;
    ring->buffer = resource->map + layout->buffer_offset;
    ring->extra_bytes = layout->extra_bytes;
    ring->extra = word_at(resource, layout->extra_offset);
    ring->shared_head = word_at(resource, layout->head_offset);
    ring->shared_tail = word_at(resource, layout->tail_offset);
    ring->shared_status = word_at(resource, layout->status_offset);
    ring->status_offset = layout->status_offset;
    vn_exec_init(&ring->exec, venus, ring);
    return ring;
}

static void
tell_front(const struct vn_ring *ring, int fd)
{
    const struct venus_config *config = &ring->venus->config;
    if (config->on_ring) {
        config->on_ring(config->user, ring->id, fd, ring->status_offset);
    }
}

/* rings->lock is held by the caller of both. */
static bool
is_number_taken(const struct vn_rings *rings, uint32_t number)
{
    const struct vn_ring *other = rings->first;
    while (other && other->number != number) {
        other = other->next;
    }
    return other != NULL;
}

static uint32_t
free_number(const struct vn_rings *rings)
{
    uint32_t number = 1;
    while (number < VN_STREAM_NONE && is_number_taken(rings, number)) {
        number++;
    }
    return number;
}

static void
link_ring(struct vn_rings *rings, struct vn_ring *ring)
{
    (void)pthread_mutex_lock(&rings->lock);
    ring->number = free_number(rings);
    ring->next = rings->first;
    rings->first = ring;
    rings->live_count++;
    rings->created_count++;
    (void)pthread_mutex_unlock(&rings->lock);
}

static void
add_counters(struct vn_ring_counters *to, const struct vn_ring_counters *from)
{
    vn_ring_count(&to->command_count, from->command_count);
    vn_ring_count(&to->byte_count, from->byte_count);
    vn_ring_count(&to->batch_count, from->batch_count);
    vn_ring_count(&to->nap_count, from->nap_count);
    vn_ring_count(&to->wakeup_count, from->wakeup_count);
}

static void
unlink_ring(struct vn_rings *rings, struct vn_ring *ring)
{
    (void)pthread_mutex_lock(&rings->lock);
    struct vn_ring **link = &rings->first;
    while (*link != ring) {
        link = &(*link)->next;
    }
    *link = ring->next;
    rings->live_count--;
    add_counters(&rings->gone, &ring->counters);
    (void)pthread_mutex_unlock(&rings->lock);
}

static void
ask(struct vn_ring *ring, uint32_t what)
{
    (void)pthread_mutex_lock(&ring->lock);
    (void)atomic_fetch_or_explicit(&ring->asked, what, memory_order_acq_rel);
    (void)pthread_cond_broadcast(&ring->wake);
    (void)pthread_cond_broadcast(&ring->progress);
    (void)pthread_mutex_unlock(&ring->lock);
}

/* It stays in the list until its thread is gone, so that vn_rings_fatal reaches it even then. */
static void
end_ring(struct vn_rings *rings, struct vn_ring *ring, uint32_t how)
{
    ask(ring, how);
    (void)pthread_join(ring->thread, NULL);
    vn_record(rings->venus, VN_EVENT_RING_GONE, ring->number, 0, 0);
    unlink_ring(rings, ring);
    tell_front(ring, -1);
    free_ring(ring);
}

void
vn_ring_destroy(struct vn_rings *rings, struct vn_ring *ring)
{
    end_ring(rings, ring, VN_RING_DRAIN);
}

void
vn_rings_finish(struct vn_rings *rings)
{
    if (!rings->venus) {
        return;
    }
    for (struct vn_ring *ring = rings->first; ring; ring = ring->next) {
        ask(ring, VN_RING_CUT); /* all at once, so that they end side by side */
    }
    while (rings->first) {
        end_ring(rings, rings->first, VN_RING_CUT);
    }
    vn_monitor_stop(rings);
    (void)pthread_cond_destroy(&rings->monitor_wake);
    (void)pthread_mutex_destroy(&rings->lock);
    rings->venus = NULL;
}

void
vn_rings_fatal(struct vn_rings *rings)
{
    (void)pthread_mutex_lock(&rings->lock);
    for (struct vn_ring *ring = rings->first; ring; ring = ring->next) {
        atomic_fetch_or_explicit(ring->shared_status, VN_RING_FATAL, memory_order_seq_cst);
        ask(ring, VN_RING_CUT);
    }
    (void)pthread_mutex_unlock(&rings->lock);
}

static int
start(struct vn_rings *rings, struct vn_ring *ring)
{
    int error = 0;
    if (ring->report_period_ns) {
        atomic_fetch_or_explicit(ring->shared_status, VN_RING_ALIVE, memory_order_seq_cst);
        error = vn_monitor_add(rings, ring->report_period_ns);
    }
    return error ? error : vn_os_thread_start(&ring->thread, vn_ring_main, ring);
}

int
vn_ring_create(struct vn_rings *rings, const struct vn_ring_wish *wish,
               struct vn_resource *resource)
{
    struct vn_ring *ring = new_ring(rings->venus, wish, resource);
    if (!ring) {
        return ENOMEM;
    }
    /* In the list before it can fail and before we look: a context that dies tells every ring in the list. */
    link_ring(rings, ring);
    vn_record(rings->venus, VN_EVENT_RING, ring->number, ring->id, ring->buffer_bytes);
    int error = start(rings, ring);
    if (error != 0) {
        vn_record(rings->venus, VN_EVENT_RING_GONE, ring->number, 0, 0);
        unlink_ring(rings, ring);
        ring->resource = NULL; /* stays the caller's */
        free_ring(ring);
        return error;
    }
    if (atomic_load(&rings->venus->is_fatal)) {
        vn_rings_fatal(rings);
    }
    tell_front(ring, resource->fd);
    return 0;
}

struct vn_ring *
vn_ring_find(struct vn_rings *rings, uint64_t id)
{
    (void)pthread_mutex_lock(&rings->lock);
    struct vn_ring *ring = rings->first;
    while (ring && ring->id != id) {
        ring = ring->next;
    }
    (void)pthread_mutex_unlock(&rings->lock);
    return ring;
}

bool
vn_rings_find_in(struct vn_rings *rings, const struct vn_resource *resource, uint64_t *id)
{
    (void)pthread_mutex_lock(&rings->lock);
    struct vn_ring *ring = rings->first;
    while (ring && ring->resource != resource) {
        ring = ring->next;
    }
    if (ring) {
        *id = ring->id;
    }
    (void)pthread_mutex_unlock(&rings->lock);
    return ring != NULL;
}

void
vn_rings_sum(struct vn_rings *rings, struct vn_ring_counters *sum)
{
    (void)pthread_mutex_lock(&rings->lock);
    *sum = (struct vn_ring_counters){ 0 };
    add_counters(sum, &rings->gone);
    for (const struct vn_ring *ring = rings->first; ring; ring = ring->next) {
        add_counters(sum, &ring->counters);
    }
    (void)pthread_mutex_unlock(&rings->lock);
}

void
vn_rings_add_counts(struct vn_rings *rings, struct vn_counts *sum)
{
    (void)pthread_mutex_lock(&rings->lock);
    for (const struct vn_ring *ring = rings->first; ring; ring = ring->next) {
        vn_counts_add(sum, &ring->exec.counts);
    }
    (void)pthread_mutex_unlock(&rings->lock);
}
