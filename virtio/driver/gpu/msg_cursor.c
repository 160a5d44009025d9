/*
 * The cursor: UPDATE_CURSOR and MOVE_CURSOR, on a queue of their own and without response. VirtIO
 * 1.3 §5.7.6.10.
 */
#include "virtio/driver/gpu/messages.h"

enum {
    POS = offsetof(struct virtio_gpu_update_cursor, pos),
    POS_SCANOUT_ID = POS + offsetof(struct virtio_gpu_cursor_pos, scanout_id),
    POS_X = POS + offsetof(struct virtio_gpu_cursor_pos, x),
    POS_Y = POS + offsetof(struct virtio_gpu_cursor_pos, y),
};

static const struct vgpu_field cursor_fields[] = {
    {"pos.scanout_id", POS_SCANOUT_ID, VGPU_FIELD_U32},
    { "pos.x",         POS_X,          VGPU_FIELD_U32},
    { "pos.y",         POS_Y,          VGPU_FIELD_U32},
    VGPU_FIELD_OF(update_cursor, resource_id, U32),
    VGPU_FIELD_OF(update_cursor, hot_x, U32),
    VGPU_FIELD_OF(update_cursor, hot_y, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_update_cursor = {
    .type = VIRTIO_GPU_CMD_UPDATE_CURSOR,
    .bytes = sizeof(struct virtio_gpu_update_cursor),
    .idx = VGPU_MSG_UPDATE_CURSOR,
    .queue = VIRTIO_GPU_CURSORQ,
    .name = "UPDATE_CURSOR",
    .fields = cursor_fields,
};

const struct vgpu_message vgpu_msg_move_cursor = {
    .type = VIRTIO_GPU_CMD_MOVE_CURSOR,
    .bytes = sizeof(struct virtio_gpu_update_cursor),
    .idx = VGPU_MSG_MOVE_CURSOR,
    .queue = VIRTIO_GPU_CURSORQ,
    .name = "MOVE_CURSOR",
    .fields = cursor_fields,
};

struct virtio_gpu_update_cursor
vgpu_encode_update_cursor(const struct vgpu_cursor *cursor)
{
    return (struct virtio_gpu_update_cursor){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_UPDATE_CURSOR),
        .pos = {.scanout_id = le32_from(cursor->scanout_id),
                .x = le32_from(cursor->x_px),
                .y = le32_from(cursor->y_px)},
        .resource_id = le32_from(cursor->resource_id),
        .hot_x = le32_from(cursor->hot_x_px),
        .hot_y = le32_from(cursor->hot_y_px),
    };
}

/*
 * The picture goes along as it is: some devices look at resource_id to tell whether the cursor is
 * hidden.
 */
struct virtio_gpu_update_cursor
vgpu_encode_move_cursor(const struct vgpu_cursor *cursor)
{
    struct virtio_gpu_update_cursor command = vgpu_encode_update_cursor(cursor);
    command.hdr = vgpu_encode_header(VIRTIO_GPU_CMD_MOVE_CURSOR);
    return command;
}
