/*
 * Questions to the device with typed answers, waited for; and the display events that make us ask
 * again. VirtIO 1.3 §5.7.4.2, §5.7.6.8.
 */
#include "virtio/driver/gpu/driver.h"

/* An answer that contradicts itself is a broken rule like any other. */
static enum virtio_err
check_parsed(struct vgpu *vgpu, enum virtio_err err, const char *rule, uint64_t value)
{
    if (err == VIRTIO_ERR_BROKEN && vgpu->state == VGPU_RUNNING) {
        virtio_device_break(vgpu->device, rule, value);
        vgpu_fail(vgpu, VIRTIO_ERR_BROKEN);
    }
    return err;
}

static enum virtio_err
parse_display_info(struct vgpu_wait *wait, const void *bytes, size_t byte_count)
{
    return vgpu_parse_display_info(bytes, byte_count, wait->parsed);
}

enum virtio_err
vgpu_display_info_wait(struct vgpu *vgpu)
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = vgpu_wait_start(&wait);
    wait.parse = parse_display_info;
    wait.parsed = &vgpu->info;
    return vgpu_wait(vgpu, &wait, vgpu_cmd_get_display_info(vgpu, then));
}

static enum virtio_err
parse_edid(struct vgpu_wait *wait, const void *bytes, size_t byte_count)
{
    return vgpu_parse_edid(bytes, byte_count, wait->parsed, wait->parsed_bytes);
}

enum virtio_err
vgpu_edid_wait(struct vgpu *vgpu, uint32_t scanout_id, uint8_t *edid, size_t *edid_bytes)
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = vgpu_wait_start(&wait);
    if (!virtio_device_has(vgpu->device, VIRTIO_GPU_F_EDID)) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    wait.parse = parse_edid;
    wait.parsed = edid;
    wait.parsed_bytes = edid_bytes;
    enum virtio_err err = vgpu_wait(vgpu, &wait, vgpu_cmd_get_edid(vgpu, scanout_id, then));
    return check_parsed(vgpu, err, "EDID longer than its response (VirtIO 1.3 §5.7.6.8)",
                        wait.completion.response_bytes);
}

static enum virtio_err
parse_capset_info(struct vgpu_wait *wait, const void *bytes, size_t byte_count)
{
    return vgpu_parse_capset_info(bytes, byte_count, wait->parsed);
}

enum virtio_err
vgpu_capset_info_wait(struct vgpu *vgpu, uint32_t capset_idx, struct vgpu_capset_info *info)
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = vgpu_wait_start(&wait);
    wait.parse = parse_capset_info;
    wait.parsed = info;
    return vgpu_wait(vgpu, &wait, vgpu_cmd_get_capset_info(vgpu, capset_idx, then));
}

static enum virtio_err
parse_capset(struct vgpu_wait *wait, const void *bytes, size_t byte_count)
{
    return vgpu_parse_capset(bytes, byte_count, wait->parsed, *wait->parsed_bytes,
                             wait->parsed_bytes);
}

enum virtio_err
vgpu_capset_wait(struct vgpu *vgpu, const struct vgpu_capset_info *info, uint8_t *capset,
                 size_t *capset_bytes)
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = vgpu_wait_start(&wait);
    if (info->max_bytes > vgpu->config.capset_bytes_max) {
        return VIRTIO_ERR_BUFFER_TOO_SMALL;
    }
    wait.parse = parse_capset;
    wait.parsed = capset;
    wait.parsed_bytes = capset_bytes;
    return vgpu_wait(vgpu, &wait, vgpu_cmd_get_capset(vgpu, info->id, info->max_version, then));
}

static enum virtio_err
parse_uuid(struct vgpu_wait *wait, const void *bytes, size_t byte_count)
{
    return vgpu_parse_uuid(bytes, byte_count, wait->parsed);
}

enum virtio_err
vgpu_uuid_wait(struct vgpu *vgpu, uint32_t resource_id, uint8_t uuid[16])
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = vgpu_wait_start(&wait);
    if (!virtio_device_has(vgpu->device, VIRTIO_GPU_F_RESOURCE_UUID)) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    wait.parse = parse_uuid;
    wait.parsed = uuid;
    return vgpu_wait(vgpu, &wait, vgpu_cmd_assign_uuid(vgpu, resource_id, then));
}

static bool
is_same_display(const struct vgpu_display *a, const struct vgpu_display *b)
{
    return a->rect.x == b->rect.x && a->rect.y == b->rect.y && a->rect.width == b->rect.width &&
           a->rect.height == b->rect.height && a->is_enabled == b->is_enabled &&
           a->flags == b->flags;
}

/* What the display event was about. The event is gone: without an answer we ask again, by and by. */
static void
display_info_done(void *ctx, const struct vgpu_completion *completion)
{
    struct vgpu *vgpu = ctx;
    struct vgpu_display_info before = vgpu->info;
    uint32_t changed = 0;
    if (completion->err != VIRTIO_OK ||
        vgpu_parse_display_info(completion->response, completion->response_bytes, &vgpu->info) !=
            VIRTIO_OK) {
        vgpu->ask_again_ns = vgpu_now_ns(vgpu) + VGPU_ASK_AGAIN_NS;
        return;
    }
    for (unsigned i = 0; i < VIRTIO_GPU_SCANOUTS_MAX; i++) {
        if (!is_same_display(&before.displays[i], &vgpu->info.displays[i])) {
            changed |= 1U << i;
        }
    }
    if (vgpu->config.displays_changed != NULL) {
        vgpu->config.displays_changed(vgpu->config.ctx, changed);
    }
}

bool
vgpu_is_asking_due(const struct vgpu *vgpu)
{
    return vgpu->ask_again_ns != 0 && vgpu_now_ns(vgpu) >= vgpu->ask_again_ns;
}

/* The event is cleared before we ask, so that a change after the answer raises it again. */
enum virtio_err
vgpu_check_events(struct vgpu *vgpu)
{
    struct vgpu_then then = { .done = display_info_done, .ctx = vgpu };
    le32 events_read;
    enum virtio_err err = vgpu_usable(vgpu);
    if (err != VIRTIO_OK) {
        return err;
    }
    err = virtio_config_read(vgpu->device, offsetof(struct virtio_gpu_config, events_read), "\4",
                             &events_read, sizeof(events_read));
    uint32_t events = le32_get(events_read) & VIRTIO_GPU_EVENT_DISPLAY;
    if (err != VIRTIO_OK || (events == 0 && !vgpu_is_asking_due(vgpu))) {
        return err != VIRTIO_OK ? err : VIRTIO_EMPTY;
    }
    if (vgpu_room_for(vgpu, VIRTIO_GPU_CMD_GET_DISPLAY_INFO) == 0) {
        return VIRTIO_ERR_BUSY;
    }
    if (events != 0) {
        vgpu->display_event_count++;
        vgpu_trace(vgpu, TRACE_GPU_DISPLAY_EVENT, events, 0);
        virtio_config_write(vgpu->device, offsetof(struct virtio_gpu_config, events_clear), 4,
                            events);
    }
    vgpu->ask_again_ns = 0;
    err = vgpu_cmd_get_display_info(vgpu, &then);
    vgpu_notify(vgpu);
    return err;
}
