/*
 * The life of a device: claim, reset, negotiate, start, release. Contract: virtio/device.h; VirtIO 1.3 §2.1, §3.1.
 */
#include "abi/virtio_mmio.h"

#include "virtio/core/barrier.h"
#include "virtio/core/internal.h"
#include "virtio/core/memory.h"
#include "virtio/queue.h"

/* allowed[from] has the bit of each state that may follow. */
#define TO(life) (1U << VIRTIO_LIFE_##life)
static const uint8_t allowed[VIRTIO_LIFE_COUNT] = {
    [VIRTIO_LIFE_SEEN] = TO(CLAIMED),
    [VIRTIO_LIFE_CLAIMED] = TO(SEEN) | TO(CLAIMED) | TO(NEGOTIATED) | TO(FAILED),
    [VIRTIO_LIFE_NEGOTIATED] = TO(SEEN) | TO(CLAIMED) | TO(RUNNING) | TO(FAILED),
    [VIRTIO_LIFE_RUNNING] = TO(SEEN) | TO(CLAIMED) | TO(FAILED),
    [VIRTIO_LIFE_FAILED] = TO(SEEN) | TO(CLAIMED) | TO(FAILED),
};
#undef TO

static const char life_names[VIRTIO_LIFE_COUNT][12] = {
    [VIRTIO_LIFE_SEEN] = "seen",
    [VIRTIO_LIFE_CLAIMED] = "claimed",
    [VIRTIO_LIFE_NEGOTIATED] = "negotiated",
    [VIRTIO_LIFE_RUNNING] = "running",
    [VIRTIO_LIFE_FAILED] = "failed",
};

const char *
virtio_life_name(enum virtio_life life)
{
    return (unsigned)life < VIRTIO_LIFE_COUNT ? life_names[life] : "unknown";
}

enum virtio_err
virtio_device_set_life(struct virtio_device *device, enum virtio_life life)
{
    if ((allowed[device->life] >> life & 1) == 0) {
        return VIRTIO_ERR_STATE;
    }
    device->life = life;
    return VIRTIO_OK;
}

static uint64_t
now_ns(const struct virtio_device *device)
{
    return device->bus->plat->now_ns(device->bus->plat->ctx);
}

/* A clock that stands would make each deadline endless: then turns are counted. */
static bool
is_late(struct virtio_device *device, uint64_t deadline_ns)
{
    uint64_t turn_ns = now_ns(device);
    if (turn_ns != device->turn_ns) {
        device->turn_ns = turn_ns;
        device->still_turns = 0;
    } else if (device->still_turns < VIRTIO_STILL_TURNS_MAX) {
        device->still_turns++;
    }
    return turn_ns >= deadline_ns || device->still_turns == VIRTIO_STILL_TURNS_MAX;
}

enum virtio_err
virtio_device_relax(struct virtio_device *device, uint64_t deadline_ns)
{
    const struct virtio_platform *plat = device->bus->plat;
    if (is_late(device, deadline_ns)) {
        return VIRTIO_ERR_TIMEOUT;
    }
    if (plat->relax != NULL) {
        plat->relax(plat->ctx, deadline_ns);
    }
    return VIRTIO_OK;
}

void
virtio_device_set_status(struct virtio_device *device, uint8_t status)
{
    device_trace(device, TRACE_DEVICE_STATUS, device->status, status);
    device->status = status;
    virtio_store_barrier(); /* buffers that were added before DRIVER_OK are seen with it */
    device->ops->set_status(device, status);
}

/* Names are kept in fixed fields, always terminated, the rest zero: so they compare as memory. */
static void
copy_who(char *to, const char *who)
{
    memset(to, 0, VIRTIO_WHO_BYTES);
    for (size_t i = 0; i < VIRTIO_WHO_BYTES - 1 && who[i] != '\0'; i++) {
        to[i] = who[i];
    }
}

static bool
is_owner(const struct virtio_device *device, const char *who)
{
    char name[VIRTIO_WHO_BYTES];
    copy_who(name, who);
    return memcmp(name, device->owner, sizeof(name)) == 0;
}

static void
trace_who(const struct virtio_device *device, enum virtio_trace_event event, const char *who)
{
    char name[VIRTIO_WHO_BYTES];
    le64 halves[2];
    copy_who(name, who);
    memcpy(halves, name, sizeof(halves));
    device_trace(device, event, le64_get(halves[0]), le64_get(halves[1]));
}

enum virtio_err
virtio_device_claim(struct virtio_device *device, const char *who)
{
    if (who[0] == '\0') {
        return VIRTIO_ERR_INVALID;
    }
    if (device->owner[0] != '\0') {
        return VIRTIO_ERR_OWNED;
    }
    (void)virtio_device_set_life(device, VIRTIO_LIFE_CLAIMED);
    copy_who(device->owner, who);
    trace_who(device, TRACE_DEVICE_CLAIMED, who);
    return VIRTIO_OK;
}

/* Write 0 and wait until the device reads as 0: only then it has let go of our memory, VirtIO 1.3 §2.4.2. */
static enum virtio_err
reset_and_wait(struct virtio_device *device)
{
    uint64_t deadline_ns = now_ns(device) + VIRTIO_RESET_TIMEOUT_MS * UINT64_C(1000000);
    device->ops->set_status(device, 0);
    while (device->ops->get_status(device) != 0) {
        if (virtio_device_relax(device, deadline_ns) != VIRTIO_OK) {
            virtio_log(device->bus->plat, VIRTIO_LOG_ERROR,
                       "virtio %s at 0x%llx: no reset within %d ms", virtio_device_kind(device->id),
                       (unsigned long long)device->base, (int)VIRTIO_RESET_TIMEOUT_MS);
            return VIRTIO_ERR_TIMEOUT;
        }
    }
    return VIRTIO_OK;
}

/* After a reset that the owner asked for nothing of the last life is left; its queues answer broken until set up again. */
static void
forget_life(struct virtio_device *device, const char *rule)
{
    for (size_t i = 0; i < VIRTIO_DEVICE_QUEUES_MAX; i++) {
        struct virtq *q = device->queues[i];
        if (q != NULL && q->fault.rule == NULL) {
            q->fault.rule = rule;
        }
        device->queues[i] = NULL;
    }
    device->status = 0;
    device->accepted = 0;
    device->fault = (struct virtio_fault){ .rule = NULL };
}

static void
end_life(struct virtio_device *device, bool is_reset)
{
    const char *stuck = "a reset does not complete (VirtIO 1.3 §2.4.2)";
    bool is_owned = device->owner[0] != '\0';
    device->has_memory = device->has_memory && !is_reset;
    forget_life(device, is_reset ? "the device was reset; set the queue up again (VirtIO 1.3 §2.4)"
                                 : stuck);
    if (is_owned) {
        (void)virtio_device_set_life(device, is_reset ? VIRTIO_LIFE_CLAIMED : VIRTIO_LIFE_FAILED);
    }
    if (!is_reset) {
        virtio_device_break(device, stuck, device->ops->get_status(device));
    }
}

enum virtio_err
virtio_device_reset(struct virtio_device *device, const char *who)
{
    bool is_strange = device->owner[0] != '\0' && !is_owner(device, who);
    trace_who(device, TRACE_DEVICE_RESET, who);
    if (is_strange) {
        virtio_log(device->bus->plat, VIRTIO_LOG_WARN,
                   "virtio %s at 0x%llx: %s resets it beneath its owner %s",
                   virtio_device_kind(device->id), (unsigned long long)device->base, who,
                   device->owner);
    }
    copy_who(device->last_reset.who, who);
    device->last_reset.time_ns = now_ns(device);
    device->reset_count++;
    enum virtio_err err = reset_and_wait(device);
    if (!is_strange) {
        end_life(device, err == VIRTIO_OK);
    }
    return err;
}

enum virtio_err
virtio_device_release(struct virtio_device *device, const char *who)
{
    if (device->owner[0] == '\0' || !is_owner(device, who)) {
        return VIRTIO_ERR_OWNED;
    }
    enum virtio_err err = virtio_device_reset(device, who);
    if (err != VIRTIO_OK && device->has_memory) {
        return err;
    }
    trace_who(device, TRACE_DEVICE_RELEASED, who);
    copy_who(device->owner, "");
    return virtio_device_set_life(device, VIRTIO_LIFE_SEEN);
}

enum virtio_err
virtio_device_start(struct virtio_device *device)
{
    enum virtio_err err = virtio_device_set_life(device, VIRTIO_LIFE_RUNNING);
    if (err == VIRTIO_OK) {
        virtio_device_set_status(device, device->status | VIRTIO_STATUS_DRIVER_OK);
    }
    return err;
}

void
virtio_device_give_up(struct virtio_device *device)
{
    if (virtio_device_set_life(device, VIRTIO_LIFE_FAILED) == VIRTIO_OK) {
        virtio_device_set_status(device, device->status | VIRTIO_STATUS_FAILED);
    }
}

void
virtio_device_fail(struct virtio_device *device, const char *why)
{
    virtio_log(device->bus->plat, VIRTIO_LOG_ERROR, "virtio %s at 0x%llx: given up: %s",
               virtio_device_kind(device->id), (unsigned long long)device->base, why);
    virtio_device_give_up(device);
}

uint32_t
virtio_device_take_interrupts(struct virtio_device *device)
{
    uint32_t bits = device->ops->take_interrupts(device);
    if (bits == 0) {
        return 0;
    }
    device->interrupt_count++;
    device_trace(device, TRACE_INTERRUPT, bits, 0);
    if ((bits & VIRTIO_INTERRUPT_CONFIG) != 0) {
        device->config_change_count++;
        device_trace(device, TRACE_CONFIG_CHANGED, device->ops->config_generation(device), 0);
    }
    return bits;
}
