/*
 * gpu_names.h - names of the GPU's commands and responses, VirtIO 1.3 §5.7.6.7.
 */
#ifndef TOOLS_VITRINE_GPU_NAMES_H
#define TOOLS_VITRINE_GPU_NAMES_H

#include <stdint.h>

/* Without VIRTIO_GPU_CMD_ or VIRTIO_GPU_RESP_.  Returns: a constant; NULL: the type is none. */
const char *gpu_type_name(uint32_t type);

#endif
