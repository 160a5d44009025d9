/*
 * The tests of vkt_stress: each a row of a table; whatever is wrong ends the program with a sentence.
 */
#pragma once

#include "tests/vulkan/vkt.h"

struct vkt_stress {
    struct vkt t;
    uint32_t loop_count;
    uint32_t thread_count;
    uint32_t memory_gib; /* where the exhaustion of memory gives up */
};

/* vkt_stress_objects.c */
void vkt_stress_objects(struct vkt_stress *s);
void vkt_stress_order(struct vkt_stress *s);
void vkt_stress_pools(struct vkt_stress *s);
void vkt_stress_cache(struct vkt_stress *s);

/* vkt_stress_commands.c */
void vkt_stress_copies(struct vkt_stress *s);
void vkt_stress_secondary(struct vkt_stress *s);
void vkt_stress_update(struct vkt_stress *s);
void vkt_stress_large(struct vkt_stress *s);
void vkt_stress_reuse(struct vkt_stress *s);

/* vkt_stress_sync.c */
void vkt_stress_queries(struct vkt_stress *s);
void vkt_stress_events(struct vkt_stress *s);
void vkt_stress_timeline(struct vkt_stress *s);
void vkt_stress_fences(struct vkt_stress *s);

/* vkt_stress_descriptors.c */
void vkt_stress_descriptors(struct vkt_stress *s);

/* vkt_stress_threads.c */
void vkt_stress_threads(struct vkt_stress *s);
void vkt_stress_rings(struct vkt_stress *s);

/* vkt_stress_memory.c */
void vkt_stress_map(struct vkt_stress *s);
void vkt_stress_exhaust(struct vkt_stress *s);
