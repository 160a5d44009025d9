/*
 * The four functions that any freestanding C compiler needs from its surroundings. Declared here because <string.h> is
 * not one of the headers that a freestanding implementation has (C17 §4).
 */
#ifndef VIRTIO_CORE_MEMORY_H
#define VIRTIO_CORE_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
