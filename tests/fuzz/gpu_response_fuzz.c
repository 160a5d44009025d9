/*
 * The GPU protocol's parsers and printers over any bytes: total, within bounds, always terminated. VirtIO 1.3 §5.7.6.
 * First byte: which command the bytes answer; second: how much room the text has.
 */
#include "virtio/gpu_protocol.h"

#include "tests/fuzz/fuzz_input.h"

/* An exact copy on the heap, so that reading one byte too many is seen. */
static void *
copy_of(const struct fuzz_input *in)
{
    uint8_t *copy = malloc(in->left + 1);
    fuzz_expect(copy != NULL);
    memcpy(copy, in->data, in->left);
    return realloc(copy, in->left == 0 ? 1 : in->left);
}

static void
parse(const struct vgpu_message *message, const void *bytes, size_t byte_count)
{
    struct vgpu_response response;
    struct vgpu_display_info info;
    struct vgpu_capset_info capset_info;
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    uint8_t capset[64];
    uint8_t uuid[16];
    size_t got = 0;
    enum virtio_err err = vgpu_parse_response(message, bytes, byte_count, &response);
    fuzz_expect((err == VIRTIO_ERR_BROKEN) == (response.rule != NULL));
    fuzz_expect(err == VIRTIO_OK || err == VIRTIO_ERR_REFUSED || err == VIRTIO_ERR_BROKEN);
    if (err != VIRTIO_OK) {
        return;
    }
    switch (message->idx) {
    case VGPU_MSG_GET_DISPLAY_INFO: (void)vgpu_parse_display_info(bytes, byte_count, &info); break;
    case VGPU_MSG_GET_EDID:
        if (vgpu_parse_edid(bytes, byte_count, edid, &got) == VIRTIO_OK) {
            fuzz_expect(got <= sizeof(edid));
        }
        break;
    case VGPU_MSG_GET_CAPSET_INFO:
        (void)vgpu_parse_capset_info(bytes, byte_count, &capset_info);
        break;
    case VGPU_MSG_GET_CAPSET:
        if (vgpu_parse_capset(bytes, byte_count, capset, sizeof(capset), &got) == VIRTIO_OK) {
            fuzz_expect(got <= sizeof(capset));
        }
        break;
    case VGPU_MSG_RESOURCE_ASSIGN_UUID: (void)vgpu_parse_uuid(bytes, byte_count, uuid); break;
    default: break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    enum vgpu_message_idx idx = (enum vgpu_message_idx)(fuzz_u8(&in) % VGPU_MSG_COUNT);
    size_t room = fuzz_u8(&in) + 1U;
    size_t byte_count = in.left;
    void *bytes = copy_of(&in);
    char *text = malloc(room);
    fuzz_expect(text != NULL);
    parse(vgpu_message_at(idx), bytes, byte_count);
    size_t length = vgpu_format_response(bytes, byte_count, text, room);
    fuzz_expect(length < room && text[length] == '\0');
    length = vgpu_format_request(bytes, byte_count, text, room);
    fuzz_expect(length < room && text[length] == '\0');
    free(text);
    free(bytes);
    return 0;
}
