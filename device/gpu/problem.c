/*
 * problem.c - sentences for people, of each kind one in a second: a guest that errs without end fills no disk.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device/gpu/private.h"

enum { QUIET_NS = 1000000000 };

static void
tell(struct gpu *gpu, enum gpu_problem_kind kind, const char *sentence)
{
    uint64_t now_ns = loop_now_ns();
    char *kept = gpu->problems[gpu->problem_count % GPU_PROBLEMS_KEPT];
    (void)snprintf(kept, GPU_PROBLEM_BYTES, "%s", sentence);
    gpu->problem_count++;
    if (gpu->problem_ns[kind] != 0 && now_ns - gpu->problem_ns[kind] < QUIET_NS) {
        return;
    }
    gpu->problem_ns[kind] = now_ns;
    if (gpu->config.on_problem != NULL) {
        gpu->config.on_problem(gpu->config.host.user, kept);
    }
}

static void __attribute__((format(printf, 3, 0)))
tell_with(struct gpu *gpu, enum gpu_problem_kind kind, const char *format, va_list arguments)
{
    char sentence[GPU_PROBLEM_BYTES];
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    tell(gpu, kind, sentence);
}

void
gpu_problem(struct gpu *gpu, enum gpu_problem_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell_with(gpu, kind, format, arguments);
    va_end(arguments);
}

void
gpu_tell(struct gpu *gpu, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell_with(gpu, GPU_PROBLEM_FRONT, format, arguments);
    va_end(arguments);
}

uint32_t
gpu_refuse(struct gpu *gpu, const struct gpu_command *command, uint32_t type, const char *format,
           ...)
{
    char sentence[GPU_PROBLEM_BYTES];
    int used = command->rule != NULL
                   ? snprintf(sentence, sizeof(sentence), "%s: ", command->rule->name)
                   : snprintf(sentence, sizeof(sentence), "command 0x%x: ", command->type);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence + used, sizeof(sentence) - (size_t)used, format, arguments);
    va_end(arguments);
    tell(gpu, type == VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY ? GPU_PROBLEM_QUOTA : GPU_PROBLEM_REQUEST,
         sentence);
    return type;
}
