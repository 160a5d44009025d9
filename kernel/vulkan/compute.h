/*
 * Numbers computed by a shader on the host's GPU and checked against this CPU.
 */
#ifndef KERNEL_VULKAN_COMPUTE_H
#define KERNEL_VULKAN_COMPUTE_H

#include "kernel/vulkan/session.h"

struct vk_compute {
    uint32_t count;       /* numbers; rounded up to whole groups of 64 */
    uint32_t rounds;      /* submit and wait, so many times */
    uint64_t wrong_count; /* numbers that are not what this CPU has */
    uint32_t first_wrong; /* index of the first of them */
    uint32_t found;
    uint32_t expected;
    uint64_t total_ns;    /* of all rounds */
    uint64_t shortest_ns; /* of one */
};

/*
 * `compute`: count and rounds (1 or more) filled in. Each round squares every number and adds its index, so a lost or repeated
 * round shows.
 * Returns: VK_SUCCESS, also where numbers are wrong; why not.
 */
VkResult vk_compute_run(struct vk_session *session, struct vk_compute *compute);

#endif
