/*
 * context.c - Vulkan contexts of the guest, each with a renderer process of its own.  VirtIO 1.3 §5.7.6.9.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "device/gpu/private.h"

enum { NAME_BYTES_MAX = 64 /* of debug_name */ };

struct gpu_context *
gpu_context_find(struct gpu *gpu, uint32_t id)
{
    for (unsigned i = 0; i < GPU_CONTEXT_SLOTS && id != 0; i++) {
        if (gpu->contexts[i].id == id) {
            return &gpu->contexts[i];
        }
    }
    return NULL;
}

struct gpu_context *
gpu_context_of(struct gpu *gpu, const struct gpu_command *command)
{
    struct gpu_context *context = gpu_context_find(gpu, command->ctx_id);
    if (context == NULL) {
        (void)gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
                         "context %u does not exist", command->ctx_id);
    }
    return context;
}

static uint32_t
refuse_dead(struct gpu *gpu, const struct gpu_command *command, const struct gpu_context *context)
{
    return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC, "context %u is dead: %s",
                      context->id, context->why);
}

void
gpu_context_die(struct gpu_context *context, const char *format, ...)
{
    struct gpu *gpu = context->gpu;
    va_list arguments;
    if (context->is_dead) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(context->why, sizeof(context->why), format, arguments);
    va_end(arguments);
    context->is_dead = true;
    gpu_problem(gpu, GPU_PROBLEM_CONTEXT,
                "context %u (%s): %s; the guest gets errors for it, others run on", context->id,
                context->name, context->why);
    gpu_renderer_stop(context);
    gpu_fences_end(context, VIRTIO_GPU_RESP_ERR_UNSPEC);
    if (gpu->wait.command != NULL && gpu->wait.context == context) {
        gpu_wait_fail(gpu);
    }
    const struct render_destroy_context request = { RENDER_SERVER_DESTROY_CONTEXT, context->id };
    (void)gpu_server_send(gpu, &request, sizeof(request));
    gpu_signal(gpu, VIRTIO_GPU_CONTROLQ);
    gpu_go_on(gpu);
}

/* --- creation and end --- */

static void
free_slot(struct gpu_context *context)
{
    struct gpu *gpu = context->gpu;
    memset(context, 0, sizeof(*context));
    gpu->context_count--;
}

static uint32_t
check_create(struct gpu *gpu, const struct gpu_command *command)
{
    const struct virtio_gpu_ctx_create *request = &command->request.ctx_create;
    bool has_init = (gpu->accepted >> VIRTIO_GPU_F_CONTEXT_INIT & 1) != 0;
    uint32_t capset_id =
        has_init ? le32_get(request->context_init) & VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK : 0;
    if (command->ctx_id == 0 || gpu_context_find(gpu, command->ctx_id) != NULL) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
                          "context id %u is %s", command->ctx_id,
                          command->ctx_id == 0 ? "none" : "taken");
    }
    if (le32_get(request->nlen) > NAME_BYTES_MAX ||
        (capset_id != 0 && capset_id != VIRTIO_GPU_CAPSET_VENUS)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "capability set %u, a name of %u bytes: there is %u, and 64 at most",
                          capset_id, le32_get(request->nlen), VIRTIO_GPU_CAPSET_VENUS);
    }
    if (gpu->context_count >= gpu->config.limits.context_count) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "the guest has %u contexts already, its limit", gpu->context_count);
    }
    return GPU_OK;
}

/* Printable, for sentences and for the names of processes. */
static void
copy_name(struct gpu_context *context, const struct virtio_gpu_ctx_create *request)
{
    for (unsigned i = 0; i < le32_get(request->nlen) && i < RENDER_NAME_BYTES - 1; i++) {
        uint8_t letter = (uint8_t)request->debug_name[i];
        if (letter == 0) {
            break;
        }
        context->name[i] = '?';
        if (letter >= ' ' && letter <= '~') {
            context->name[i] = request->debug_name[i];
        }
    }
}

static struct gpu_context *
take_slot(struct gpu *gpu, const struct gpu_command *command)
{
    const struct virtio_gpu_ctx_create *request = &command->request.ctx_create;
    struct gpu_context *context = gpu->contexts;
    while (context->id != 0) {
        context++; /* context_count says that there is one */
    }
    context->gpu = gpu;
    context->id = command->ctx_id;
    context->slot = (uint8_t)(context - gpu->contexts);
    context->socket = -1;
    context->event = -1;
    context->outbox_end = &context->outbox;
    copy_name(context, request);
    for (unsigned i = 0; i < GPU_TIMELINES; i++) {
        context->timelines[i].end = &context->timelines[i].first;
    }
    gpu->context_count++;
    return context;
}

/* A reply of the render server: whether it made a process, and that one's socket. */
static uint32_t
on_made(struct gpu *gpu, struct gpu_command *command, const void *result)
{
    int fd = *(const int *)result;
    struct gpu_context *context = gpu_context_find(gpu, command->ctx_id);
    gpu_record(gpu, GPU_EVENT_RENDERER_ANSWERED, command, gpu_halves(command->ctx_id, fd >= 0), 0);
    if (fd < 0) {
        free_slot(context);
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "the render server starts no renderer for context %u", command->ctx_id);
    }
    if (!gpu_renderer_start(context, fd)) {
        free_slot(context);
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
    return GPU_OK;
}

static void
abandon_made(struct gpu *gpu, const struct gpu_command *command)
{
    const struct render_destroy_context request = { RENDER_SERVER_DESTROY_CONTEXT,
                                                    command->ctx_id };
    gpu->stale_context_count++; /* its reply may still come */
    (void)gpu_server_send(gpu, &request, sizeof(request));
    free_slot(gpu_context_find(gpu, command->ctx_id));
}

uint32_t
gpu_on_ctx_create(struct gpu *gpu, struct gpu_command *command)
{
    struct render_create_context request = { .op = RENDER_SERVER_CREATE_CONTEXT,
                                             .context_id = command->ctx_id };
    uint32_t type = check_create(gpu, command);
    if (type != GPU_OK) {
        return type;
    }
    struct gpu_context *context = take_slot(gpu, command);
    memcpy(request.name, context->name, sizeof(request.name));
    gpu_record(gpu, GPU_EVENT_RENDERER_ASKED, command, gpu_halves(context->id, request.op), 0);
    if (!gpu_server_send(gpu, &request, sizeof(request))) {
        free_slot(context);
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "the render server is gone or does not listen");
    }
    return gpu_wait_begin(gpu, command,
                          &(struct gpu_wait){ .for_server = true,
                                              .whom = "the render server",
                                              .resume = on_made,
                                              .abandon = abandon_made });
}

/* Fences of work that nobody will see done are answered well: what they fence is over. */
static void
end_context(struct gpu_context *context)
{
    struct gpu *gpu = context->gpu;
    const struct render_destroy_context request = { RENDER_SERVER_DESTROY_CONTEXT, context->id };
    uint64_t bit = gpu_context_bit(context);
    gpu_fences_end(context, GPU_OK);
    gpu_renderer_stop(context);
    (void)gpu_server_send(gpu, &request, sizeof(request));
    for (unsigned i = 0; i < GPU_BUCKETS; i++) {
        for (struct gpu_resource *resource = gpu->buckets[i]; resource != NULL;
             resource = resource->next) {
            resource->attached &= ~bit;
            resource->rendered &= ~bit;
        }
    }
    free_slot(context);
}

void
gpu_contexts_end(struct gpu *gpu)
{
    for (unsigned i = 0; i < GPU_CONTEXT_SLOTS; i++) {
        if (gpu->contexts[i].id != 0) {
            end_context(&gpu->contexts[i]);
        }
    }
}

uint32_t
gpu_on_ctx_destroy(struct gpu *gpu, struct gpu_command *command)
{
    struct gpu_context *context = gpu_context_of(gpu, command);
    if (context == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    }
    end_context(context);
    return GPU_OK;
}

/* --- resources --- */

static void
drop_from(struct gpu_context *context, struct gpu_resource *resource)
{
    const struct render_destroy_resource request = { RENDER_CONTEXT_DESTROY_RESOURCE,
                                                     resource->id };
    uint64_t bit = gpu_context_bit(context);
    bool is_known = (resource->rendered & bit) != 0 && !context->is_dead;
    resource->attached &= ~bit;
    resource->rendered &= ~bit;
    if (is_known) {
        (void)gpu_renderer_send(context, &request, sizeof(request), -1);
    }
}

void
gpu_contexts_drop(struct gpu *gpu, struct gpu_resource *resource)
{
    for (unsigned i = 0; i < GPU_CONTEXT_SLOTS && resource->rendered != 0; i++) {
        if (gpu->contexts[i].id != 0) {
            drop_from(&gpu->contexts[i], resource);
        }
    }
}

/*
 * Memory of the guest's has no fd that a renderer could map; it is attached by name only, since guests attach whatever
 * their programs open, and Vulkan never asks for these.
 */
static uint32_t
import(struct gpu *gpu, struct gpu_command *command, struct gpu_context *context,
       struct gpu_resource *resource)
{
    const struct render_import_resource request = {
        .op = RENDER_CONTEXT_IMPORT_RESOURCE,
        .res_id = resource->id,
        .fd_kind = resource->fd_kind,
        .size_bytes = resource->size_bytes,
    };
    gpu_record(gpu, GPU_EVENT_RENDERER_ASKED, command, gpu_halves(context->id, request.op), 0);
    if (!gpu_renderer_send(context, &request, sizeof(request), resource->fd)) {
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
    resource->rendered |= gpu_context_bit(context);
    return GPU_OK;
}

uint32_t
gpu_on_ctx_attach(struct gpu *gpu, struct gpu_command *command)
{
    struct gpu_context *context = gpu_context_of(gpu, command);
    struct gpu_resource *resource =
        context != NULL
            ? gpu_resource_of(gpu, command, le32_get(command->request.ctx_resource.resource_id))
            : NULL;
    if (context == NULL || resource == NULL) {
        return context == NULL ? VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID
                               : VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (context->is_dead) {
        return refuse_dead(gpu, command, context);
    }
    resource->attached |= gpu_context_bit(context);
    bool is_there = (resource->rendered & gpu_context_bit(context)) != 0;
    return is_there || resource->fd < 0 ? GPU_OK : import(gpu, command, context, resource);
}

uint32_t
gpu_on_ctx_detach(struct gpu *gpu, struct gpu_command *command)
{
    struct gpu_context *context = gpu_context_of(gpu, command);
    struct gpu_resource *resource =
        context != NULL
            ? gpu_resource_of(gpu, command, le32_get(command->request.ctx_resource.resource_id))
            : NULL;
    if (context == NULL || resource == NULL) {
        return context == NULL ? VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID
                               : VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    drop_from(context, resource);
    return GPU_OK;
}

/* --- streams --- */

static uint32_t
check_submit(struct gpu *gpu, const struct gpu_command *command, const struct gpu_context *context)
{
    uint32_t bytes = le32_get(command->request.submit.size);
    uint64_t there = command->chain->readable_bytes - command->rule->request_bytes;
    if (bytes % 4 != 0 || bytes > there) {
        return gpu_refuse(
            gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
            "a stream of %u bytes, right is a multiple of 4 up to the %llu that follow", bytes,
            (unsigned long long)there);
    }
    if (bytes > context->stream_bytes_max) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "a stream of %u bytes, a renderer takes %u at once", bytes,
                          context->stream_bytes_max);
    }
    return GPU_OK;
}

/* The first bytes go with the request, the rest in a packet of its own. */
static bool
send_stream(struct gpu *gpu, struct gpu_context *context, uint32_t bytes)
{
    struct render_submit_cmd request = { .op = RENDER_CONTEXT_SUBMIT_CMD, .size_bytes = bytes };
    uint32_t part = bytes < RENDER_INLINE_BYTES ? bytes : RENDER_INLINE_BYTES;
    memcpy(request.bytes, gpu->stream, part);
    return gpu_renderer_send(context, &request, sizeof(request), -1) &&
           (bytes == part || gpu_renderer_send(context, gpu->stream + part, bytes - part, -1));
}

uint32_t
gpu_on_submit(struct gpu *gpu, struct gpu_command *command)
{
    struct gpu_context *context = gpu_context_of(gpu, command);
    uint32_t bytes = le32_get(command->request.submit.size);
    if (context == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    }
    if (context->is_dead) {
        return refuse_dead(gpu, command, context);
    }
    uint32_t type = check_submit(gpu, command, context);
    if (type != GPU_OK || bytes == 0) {
        return type;
    }
    (void)vq_read(command->chain, command->rule->request_bytes, gpu->stream, bytes);
    context->submit_count++;
    context->submit_bytes += bytes;
    gpu_record(gpu, GPU_EVENT_RENDERER_ASKED, command,
               gpu_halves(context->id, RENDER_CONTEXT_SUBMIT_CMD), bytes);
    return send_stream(gpu, context, bytes) ? GPU_OK : VIRTIO_GPU_RESP_ERR_UNSPEC;
}
