/*
 * Commands and responses as text, by the tables of fields. Total: reads nothing outside of the
 * bytes given.
 */
#include "virtio/core/text.h"
#include "virtio/driver/gpu/messages.h"

enum {
    BYTES_SHOWN_MAX = 32,
    PLANE_COUNT = 4,
    NAME_BYTES = 64,
};

/* What is being printed. */
struct view {
    struct text text;
    const uint8_t *bytes;
    size_t byte_count;
};

static void
put_named(struct view *view, const char *name)
{
    virtio_text_char(&view->text, ' ');
    virtio_text_string(&view->text, name);
    virtio_text_char(&view->text, ' ');
}

static void
put_decimal(struct view *view, uint64_t value)
{
    virtio_text_number(&view->text, value, 10, 0, ' ');
}

static void
put_hex(struct view *view, uint64_t value)
{
    virtio_text_string(&view->text, "0x");
    virtio_text_number(&view->text, value, 16, 0, '0');
}

static void
put_name_or_number(struct view *view, const char *name, uint32_t value)
{
    if (name != NULL) {
        virtio_text_string(&view->text, name);
    } else {
        put_decimal(view, value);
    }
}

static void
put_rect(struct view *view, size_t offset)
{
    struct vgpu_rect rect = vgpu_peek_rect(view->bytes, offset);
    virtio_text_char(&view->text, '(');
    put_decimal(view, rect.x);
    virtio_text_char(&view->text, ',');
    put_decimal(view, rect.y);
    virtio_text_char(&view->text, ' ');
    put_decimal(view, rect.width);
    virtio_text_char(&view->text, 'x');
    put_decimal(view, rect.height);
    virtio_text_char(&view->text, ')');
}

static void
put_bytes(struct view *view, size_t offset)
{
    size_t end = view->byte_count;
    size_t shown_end = end - offset > BYTES_SHOWN_MAX ? offset + BYTES_SHOWN_MAX : end;
    for (size_t i = offset; i < shown_end; i++) {
        virtio_text_number(&view->text, view->bytes[i], 16, 2, '0');
    }
    virtio_text_string(&view->text, shown_end < end ? "..." : "");
}

static void
put_entries(struct view *view, size_t offset)
{
    const size_t entry_bytes = sizeof(struct virtio_gpu_mem_entry);
    size_t count = (view->byte_count - offset) / entry_bytes;
    virtio_text_char(&view->text, '[');
    for (size_t i = 0; i < count && i < VGPU_ENTRIES_SHOWN_MAX; i++) {
        size_t at = offset + i * entry_bytes;
        virtio_text_string(&view->text, i > 0 ? " " : "");
        put_hex(view, vgpu_peek64(view->bytes, at));
        virtio_text_char(&view->text, '+');
        put_decimal(view,
                    vgpu_peek32(view->bytes, at + offsetof(struct virtio_gpu_mem_entry, length)));
    }
    virtio_text_string(&view->text, count > VGPU_ENTRIES_SHOWN_MAX ? " ...]" : "]");
}

static void
put_display(struct view *view, size_t at, size_t idx)
{
    struct vgpu_rect rect = vgpu_peek_rect(view->bytes, at);
    uint32_t enabled =
        vgpu_peek32(view->bytes, at + offsetof(struct virtio_gpu_display_one, enabled));
    uint32_t flags = vgpu_peek32(view->bytes, at + offsetof(struct virtio_gpu_display_one, flags));
    if ((rect.x | rect.y | rect.width | rect.height | enabled | flags) == 0) {
        return;
    }
    virtio_text_char(&view->text, '[');
    put_decimal(view, idx);
    virtio_text_string(&view->text, "]: ");
    put_rect(view, at);
    put_named(view, "enabled");
    put_decimal(view, enabled);
    put_named(view, "flags");
    put_hex(view, flags);
    virtio_text_char(&view->text, ' ');
}

static void
put_displays(struct view *view, size_t offset)
{
    const size_t one_bytes = sizeof(struct virtio_gpu_display_one);
    for (size_t i = 0; i < VIRTIO_GPU_SCANOUTS_MAX; i++) {
        size_t at = offset + i * one_bytes;
        if (at + one_bytes > view->byte_count) {
            return;
        }
        put_display(view, at, i);
    }
}

static void
put_planes(struct view *view, size_t offset)
{
    virtio_text_char(&view->text, '[');
    for (size_t i = 0; i < PLANE_COUNT; i++) {
        virtio_text_string(&view->text, i > 0 ? " " : "");
        put_decimal(view, vgpu_peek32(view->bytes, offset + i * 4));
    }
    virtio_text_char(&view->text, ']');
}

/* Somebody else's text: nothing of it may look like more of our line. */
static void
put_quoted_name(struct view *view, size_t offset)
{
    virtio_text_char(&view->text, '"');
    for (size_t i = offset; i < offset + NAME_BYTES; i++) {
        char c = (char)view->bytes[i];
        if (c < ' ' || c > '~' || c == '"') {
            break;
        }
        virtio_text_char(&view->text, c);
    }
    virtio_text_char(&view->text, '"');
}

/* How many bytes a field takes at the least. */
static size_t
field_bytes(uint16_t kind)
{
    switch (kind) {
    case VGPU_FIELD_U32:
    case VGPU_FIELD_HEX32:
    case VGPU_FIELD_FORMAT:
    case VGPU_FIELD_BLOB_MEM:
    case VGPU_FIELD_CAPSET: return 4;
    case VGPU_FIELD_PLANES: return PLANE_COUNT * sizeof(le32);
    case VGPU_FIELD_NAME: return NAME_BYTES;
    case VGPU_FIELD_U64: return 8;
    case VGPU_FIELD_RECT: return sizeof(struct virtio_gpu_rect);
    default: return 0;
    }
}

static const char *
capset_name(uint32_t id)
{
    static const char *const names[] = { "none",      "virgl", "virgl2",
                                         "gfxstream", "venus", "cross-domain" };
    return id < sizeof(names) / sizeof(names[0]) ? names[id] : NULL;
}

static const char *
blob_mem_name(uint32_t mem)
{
    static const char *const names[] = { NULL, "GUEST", "HOST3D", "HOST3D_GUEST" };
    return mem < sizeof(names) / sizeof(names[0]) ? names[mem] : NULL;
}

static void
put_number_field(struct view *view, const struct vgpu_field *field)
{
    uint32_t value = vgpu_peek32(view->bytes, field->offset);
    switch (field->kind) {
    case VGPU_FIELD_FORMAT: put_name_or_number(view, vgpu_format_name(value), value); break;
    case VGPU_FIELD_CAPSET: put_name_or_number(view, capset_name(value), value); break;
    case VGPU_FIELD_BLOB_MEM: put_name_or_number(view, blob_mem_name(value), value); break;
    case VGPU_FIELD_HEX32: put_hex(view, value); break;
    default: put_decimal(view, value); break;
    }
}

static void
put_field(struct view *view, const struct vgpu_field *field)
{
    put_named(view, field->name);
    if (field->offset + field_bytes(field->kind) > view->byte_count) {
        virtio_text_string(&view->text, "(cut)");
        return;
    }
    switch (field->kind) {
    case VGPU_FIELD_U64: put_decimal(view, vgpu_peek64(view->bytes, field->offset)); break;
    case VGPU_FIELD_RECT: put_rect(view, field->offset); break;
    case VGPU_FIELD_BYTES: put_bytes(view, field->offset); break;
    case VGPU_FIELD_PLANES: put_planes(view, field->offset); break;
    case VGPU_FIELD_NAME: put_quoted_name(view, field->offset); break;
    case VGPU_FIELD_ENTRIES: put_entries(view, field->offset); break;
    case VGPU_FIELD_DISPLAYS: put_displays(view, field->offset); break;
    default: put_number_field(view, field); break;
    }
}

static const struct vgpu_field header_fields[] = {
    VGPU_FIELD_OF(ctrl_hdr, flags, HEX32),
    VGPU_FIELD_OF(ctrl_hdr, fence_id, U64),
    VGPU_FIELD_OF(ctrl_hdr, ctx_id, U32),
    VGPU_FIELDS_END,
};

static void
put_fields(struct view *view, const struct vgpu_field *fields)
{
    for (const struct vgpu_field *field = fields; field != NULL && field->kind != VGPU_FIELD_END;
         field++) {
        put_field(view, field);
    }
}

static void
put_type(struct view *view, uint32_t type)
{
    const char *name = vgpu_known_type_name(type);
    virtio_text_string(&view->text, name != NULL ? name : "unknown type ");
    if (name == NULL) {
        put_hex(view, type);
    }
}

/* Only where the flag says that it is there: as commands of 2D have it. */
static void
put_ring_idx(struct view *view)
{
    uint32_t flags = vgpu_peek32(view->bytes, offsetof(struct virtio_gpu_ctrl_hdr, flags));
    if ((flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0) {
        put_named(view, "ring_idx");
        put_decimal(view, view->bytes[offsetof(struct virtio_gpu_ctrl_hdr, ring_idx)]);
    }
}

/* `fields_of` gives the fields that belong to a type. */
static size_t
format(struct view *view, const struct vgpu_field *(*fields_of)(uint32_t type))
{
    if (view->byte_count < sizeof(struct virtio_gpu_ctrl_hdr)) {
        virtio_text_string(&view->text, "cut message of ");
        put_decimal(view, view->byte_count);
        virtio_text_string(&view->text, " bytes");
        return view->text.used;
    }
    uint32_t type = vgpu_peek32(view->bytes, offsetof(struct virtio_gpu_ctrl_hdr, type));
    put_type(view, type);
    put_fields(view, header_fields);
    put_ring_idx(view);
    put_fields(view, fields_of(type));
    return view->text.used;
}

static const struct vgpu_field *
request_fields(uint32_t type)
{
    const struct vgpu_message *message = vgpu_message_find(type);
    return message != NULL ? message->fields : NULL;
}

static const struct vgpu_field *
response_fields(uint32_t type)
{
    const struct vgpu_answer *answer = vgpu_answer_find(type);
    return answer != NULL ? answer->fields : NULL;
}

size_t
vgpu_format_request(const void *bytes, size_t request_bytes, char *text, size_t text_bytes)
{
    struct view view = { virtio_text_start(text, text_bytes), bytes, request_bytes };
    return format(&view, request_fields);
}

size_t
vgpu_format_response(const void *bytes, size_t response_bytes, char *text, size_t text_bytes)
{
    struct view view = { virtio_text_start(text, text_bytes), bytes, response_bytes };
    return format(&view, response_fields);
}
