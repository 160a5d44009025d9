/* Commands of the fake GPU's controlq and cursorq. VirtIO 1.3 §5.7.6. */
#include "tests/fake/fake_gpu.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_gpu_private.h"

/* What every command is, by its type; the request has its fixed part first. */
struct command {
    uint32_t type;
    uint16_t request_bytes;
    uint16_t response_bytes;
    int8_t feature; /* needed; -1: none */
    bool is_longer; /* entries follow */
    uint32_t (*run)(struct fake_gpu *gpu, struct fake_gpu_call *call);
};

#define HDR_BYTES sizeof(struct virtio_gpu_ctrl_hdr)

static const struct command commands[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO,         HDR_BYTES,                                         sizeof(struct virtio_gpu_resp_display_info), -1,
     false,                                                                                                                                                                      fake_gpu_get_display_info},
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,      sizeof(struct virtio_gpu_resource_create_2d),      HDR_BYTES,
     -1,                                                                                                                                                                  false, fake_gpu_create_2d       },
    { VIRTIO_GPU_CMD_RESOURCE_UNREF,          sizeof(struct virtio_gpu_resource_unref),          HDR_BYTES,                                   -1,                         false,
     fake_gpu_unref                                                                                                                                                                                       },
    { VIRTIO_GPU_CMD_SET_SCANOUT,             sizeof(struct virtio_gpu_set_scanout),             HDR_BYTES,                                   -1,                         false,
     fake_gpu_set_scanout                                                                                                                                                                                 },
    { VIRTIO_GPU_CMD_RESOURCE_FLUSH,          sizeof(struct virtio_gpu_resource_flush),          HDR_BYTES,                                   -1,                         false,
     fake_gpu_flush                                                                                                                                                                                       },
    { VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,     sizeof(struct virtio_gpu_transfer_to_host_2d),     HDR_BYTES,
     -1,                                                                                                                                                                  false, fake_gpu_transfer        },
    { VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, sizeof(struct virtio_gpu_resource_attach_backing),
     HDR_BYTES,                                                                                                                               -1,                         true,  fake_gpu_attach          },
    { VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, sizeof(struct virtio_gpu_resource_detach_backing),
     HDR_BYTES,                                                                                                                               -1,                         false, fake_gpu_detach          },
    { VIRTIO_GPU_CMD_GET_CAPSET_INFO,         sizeof(struct virtio_gpu_get_capset_info),
     sizeof(struct virtio_gpu_resp_capset_info),                                                                                              -1,                         false, fake_gpu_get_capset_info },
    { VIRTIO_GPU_CMD_GET_CAPSET,              sizeof(struct virtio_gpu_get_capset),              HDR_BYTES,                                   -1,                         false,
     fake_gpu_get_capset                                                                                                                                                                                  },
    { VIRTIO_GPU_CMD_GET_EDID,                sizeof(struct virtio_gpu_get_edid),
     sizeof(struct virtio_gpu_resp_edid),                                                                                                     VIRTIO_GPU_F_EDID,          false, fake_gpu_get_edid        },
    { VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,    sizeof(struct virtio_gpu_resource_assign_uuid),
     sizeof(struct virtio_gpu_resp_resource_uuid),                                                                                            VIRTIO_GPU_F_RESOURCE_UUID, false,
     fake_gpu_assign_uuid                                                                                                                                                                                 },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,    sizeof(struct virtio_gpu_resource_create_blob),
     HDR_BYTES,                                                                                                                               VIRTIO_GPU_F_RESOURCE_BLOB, true,  fake_gpu_create_blob     },
    { VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,        sizeof(struct virtio_gpu_set_scanout_blob),        HDR_BYTES,
     VIRTIO_GPU_F_RESOURCE_BLOB,                                                                                                                                          false, fake_gpu_set_scanout_blob},
    { VIRTIO_GPU_CMD_CTX_CREATE,              sizeof(struct virtio_gpu_ctx_create),              HDR_BYTES,
     VIRTIO_GPU_F_VIRGL,                                                                                                                                                  false, fake_gpu_ctx_create      },
    { VIRTIO_GPU_CMD_CTX_DESTROY,             sizeof(struct virtio_gpu_ctx_destroy),             HDR_BYTES,
     VIRTIO_GPU_F_VIRGL,                                                                                                                                                  false, fake_gpu_ctx_destroy     },
    { VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,     sizeof(struct virtio_gpu_ctx_resource),            HDR_BYTES,
     VIRTIO_GPU_F_VIRGL,                                                                                                                                                  false, fake_gpu_ctx_attach      },
    { VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,     sizeof(struct virtio_gpu_ctx_resource),            HDR_BYTES,
     VIRTIO_GPU_F_VIRGL,                                                                                                                                                  false, fake_gpu_ctx_detach      },
    { VIRTIO_GPU_CMD_SUBMIT_3D,               sizeof(struct virtio_gpu_cmd_submit),              HDR_BYTES,                                   VIRTIO_GPU_F_VIRGL,
     true,                                                                                                                                                                       fake_gpu_submit_3d       },
    { VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,       sizeof(struct virtio_gpu_resource_map_blob),
     sizeof(struct virtio_gpu_resp_map_info),                                                                                                 VIRTIO_GPU_F_RESOURCE_BLOB, false,
     fake_gpu_map_blob                                                                                                                                                                                    },
    { VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,     sizeof(struct virtio_gpu_resource_unmap_blob),     HDR_BYTES,
     VIRTIO_GPU_F_RESOURCE_BLOB,                                                                                                                                          false, fake_gpu_unmap_blob      },
    { VIRTIO_GPU_CMD_UPDATE_CURSOR,           sizeof(struct virtio_gpu_update_cursor),           0,                                           -1,                         false,
     fake_gpu_update_cursor                                                                                                                                                                               },
    { VIRTIO_GPU_CMD_MOVE_CURSOR,             sizeof(struct virtio_gpu_update_cursor),           0,                                           -1,                         false,
     fake_gpu_move_cursor                                                                                                                                                                                 },
};

static const struct command *
find_command(uint32_t type)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].type == type) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool
is_cursor_type(uint32_t type)
{
    return type == VIRTIO_GPU_CMD_UPDATE_CURSOR || type == VIRTIO_GPU_CMD_MOVE_CURSOR;
}

/* Returns: false when there is nothing to run. */
static bool
check(struct fake_device *device, const struct command *command, const struct fake_gpu_call *call)
{
    const struct fake_chain *chain = call->chain;
    uint32_t type = le32_get(call->request.hdr.type);
    if (is_cursor_type(type) != (chain->queue_idx == VIRTIO_GPU_CURSORQ)) {
        fake_violate(device->fp, FAKE_REQ_GPU_QUEUE, type);
        return false;
    }
    if (command == NULL) {
        return false;
    }
    bool is_long_enough = chain->readable_bytes >= command->request_bytes;
    if (!is_long_enough ||
        (!command->is_longer && chain->readable_bytes != command->request_bytes)) {
        fake_violate(device->fp, FAKE_REQ_GPU_REQUEST_BYTES, chain->readable_bytes);
        return false;
    }
    if (command->feature >= 0 && !fake_device_has(device, (unsigned)command->feature)) {
        fake_violate(device->fp, FAKE_REQ_GPU_FEATURE, type);
        return false;
    }
    if (chain->writable_bytes < command->response_bytes) {
        fake_violate(device->fp, FAKE_REQ_GPU_RESPONSE_ROOM, chain->writable_bytes);
    }
    return true;
}

static void
keep(struct fake_gpu *gpu, const struct fake_gpu_call *call, uint32_t response)
{
    const struct virtio_gpu_ctrl_hdr *hdr = &call->request.hdr;
    gpu->commands[gpu->command_count % FAKE_GPU_COMMANDS_KEPT] = (struct fake_gpu_command){
        .type = le32_get(hdr->type),
        .response = response,
        .resource_id = call->resource_id,
        .fence_id = le64_get(hdr->fence_id),
        .has_fence = (le32_get(hdr->flags) & VIRTIO_GPU_FLAG_FENCE) != 0,
    };
    gpu->command_count++;
}

/* The header of the response, §5.7.6.7: fence and context as they came. */
static void
put_header(const struct fake_gpu_call *call, struct virtio_gpu_ctrl_hdr *out, uint32_t response)
{
    const struct virtio_gpu_ctrl_hdr *in = &call->request.hdr;
    memset(out, 0, sizeof(*out));
    out->type = le32_from(response);
    if ((le32_get(in->flags) & VIRTIO_GPU_FLAG_FENCE) != 0) {
        out->flags = le32_from(VIRTIO_GPU_FLAG_FENCE);
        out->fence_id = in->fence_id;
        out->ctx_id = in->ctx_id;
    }
}

static void
falsify(struct fake_device *device, struct fake_gpu_call *call)
{
    struct virtio_gpu_ctrl_hdr *hdr = &call->response.hdr;
    uint64_t value = device->evil.value;
    if (fake_is_evil(device, FAKE_EVIL_RESPONSE_TYPE)) {
        hdr->type = le32_from(value != 0 ? (uint32_t)value : VIRTIO_GPU_RESP_OK_MAP_INFO);
    } else if (fake_is_evil(device, FAKE_EVIL_RESPONSE_SHORT)) {
        call->response_bytes = (uint32_t)value;
    } else if (fake_is_evil(device, FAKE_EVIL_RESPONSE_FENCE)) {
        hdr->fence_id = le64_from(~le64_get(hdr->fence_id));
    } else if (fake_is_evil(device, FAKE_EVIL_RESPONSE_NOISE)) {
        uint8_t *payload = (uint8_t *)&call->response + sizeof(*hdr);
        for (uint32_t i = 0; i + sizeof(*hdr) < call->response_bytes; i++) {
            payload[i] = (uint8_t)fake_random(device);
        }
    }
}

static uint32_t
answer(struct fake_device *device, const struct command *command, struct fake_gpu_call *call)
{
    struct fake_gpu *gpu = device->ctx;
    uint32_t type = le32_get(call->request.hdr.type);
    if (gpu->fail_response != 0 && type == gpu->fail_type) {
        return gpu->fail_response;
    }
    if (!check(device, command, call) || command->run == NULL) {
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
    return command->run(gpu, call);
}

static void
gpu_buffer(struct fake_device *device, struct fake_chain *chain)
{
    struct fake_gpu *gpu = device->ctx;
    struct fake_gpu_call call;
    memset(&call, 0, sizeof(call));
    gpu->device = device;
    call.chain = chain;
    uint32_t got = fake_chain_read(chain, 0, &call.request, sizeof(call.request));
    call.response_bytes = HDR_BYTES;
    uint32_t response = VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (got < HDR_BYTES) {
        fake_violate(device->fp, FAKE_REQ_GPU_REQUEST_BYTES, got);
    } else {
        response = answer(device, find_command(le32_get(call.request.hdr.type)), &call);
    }
    if (response >= VIRTIO_GPU_RESP_ERR_UNSPEC) {
        call.response_bytes = HDR_BYTES;
    }
    put_header(&call, &call.response.hdr, response);
    keep(gpu, &call, response);
    falsify(device, &call);
    uint32_t written = 0;
    if (chain->queue_idx == VIRTIO_GPU_CONTROLQ) {
        written = fake_chain_write(chain, 0, &call.response, call.response_bytes);
    }
    fake_chain_complete(device, chain, written);
}

static void
gpu_config_read(struct fake_device *device, uint32_t offset)
{
    const struct fake_gpu *gpu = device->ctx;
    struct virtio_gpu_config config;
    (void)offset;
    memcpy(&config, device->config, sizeof(config));
    config.num_scanouts = le32_from(gpu->scanout_count);
    config.num_capsets = le32_from(gpu->capset_count);
    memcpy(device->config, &config, sizeof(config));
}

/* §5.7.4.1: bits written to events_clear go from events_read. */
static void
gpu_config_written(struct fake_device *device, uint32_t offset)
{
    struct virtio_gpu_config config;
    (void)offset;
    memcpy(&config, device->config, sizeof(config));
    config.events_read = le32_from(le32_get(config.events_read) & ~le32_get(config.events_clear));
    config.events_clear = le32_from(0);
    memcpy(device->config, &config, sizeof(config));
}

static void
gpu_reset(struct fake_device *device)
{
    struct fake_gpu *gpu = device->ctx;
    gpu->device = device;
    fake_gpu_forget_resources(gpu);
}

void
fake_gpu_resize(struct fake_device *device, uint32_t scanout, uint32_t width, uint32_t height)
{
    struct fake_gpu *gpu = device->ctx;
    struct virtio_gpu_config config;
    gpu->scanouts[scanout].display.width = width;
    gpu->scanouts[scanout].display.height = height;
    gpu->scanouts[scanout].is_enabled = width != 0 && height != 0;
    memcpy(&config, device->config, sizeof(config));
    config.events_read = le32_from(le32_get(config.events_read) | VIRTIO_GPU_EVENT_DISPLAY);
    memcpy(device->config, &config, sizeof(config));
    fake_device_config_changed(device);
}

static const struct fake_config_field gpu_fields[] = {
    {0,  4, 1, -1, false}, /* events_read */
    { 4, 4, 1, -1, true }, /* events_clear */
    { 8, 4, 2, -1, false}, /* num_scanouts, num_capsets */
    { 0, 0, 0, 0,  false},
};

static const struct fake_dependency gpu_dependencies[] = {
    {VIRTIO_GPU_F_CONTEXT_INIT, VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL)},
    { 0,                        0                                 },
};

const struct fake_model fake_gpu_model = {
    .name = "gpu",
    .id = VIRTIO_ID_GPU,
    .features = 0x1f,
    .fields = gpu_fields,
    .dependencies = gpu_dependencies,
    .reset = gpu_reset,
    .buffer = gpu_buffer,
    .config_read = gpu_config_read,
    .config_written = gpu_config_written,
};
