/*
 * The kernel's own <string.h>, without memcpy and memset, which the architecture writes in assembly.
 * Compiled with -fno-tree-loop-distribute-patterns in effect (below), lest a loop here become a call to itself.
 */
#include <stdint.h>
#include <string.h>

#pragma GCC optimize("no-tree-loop-distribute-patterns")

void *
memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;

    if (t <= f || t >= f + bytes) {
        /* Forward is safe: memcpy copies in rising order, and reads each block before it writes it. */
        return t == f ? to : memcpy(to, from, bytes);
    }
    while (bytes-- > 0) {
        t[bytes] = f[bytes];
    }
    return to;
}

int
memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a;
    const unsigned char *y = b;

    for (size_t i = 0; i < bytes; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

void *
memchr(const void *memory, int value, size_t bytes)
{
    const unsigned char *m = memory;

    for (size_t i = 0; i < bytes; i++) {
        if (m[i] == (unsigned char)value) {
            return (void *)(uintptr_t)(m + i);
        }
    }
    return NULL;
}

size_t
strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0') {
        length++;
    }
    return length;
}

size_t
strnlen(const char *text, size_t max_bytes)
{
    size_t length = 0;

    while (length < max_bytes && text[length] != '\0') {
        length++;
    }
    return length;
}

int
strncmp(const char *a, const char *b, size_t max_bytes)
{
    for (size_t i = 0; i < max_bytes; i++) {
        if (a[i] != b[i]) {
            return (unsigned char)a[i] - (unsigned char)b[i];
        }
        if (a[i] == '\0') {
            return 0;
        }
    }
    return 0;
}

int
strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}

char *
strchr(const char *text, int value)
{
    for (;; text++) {
        if (*text == (char)value) {
            return (char *)(uintptr_t)text;
        }
        if (*text == '\0') {
            return NULL;
        }
    }
}

char *
strrchr(const char *text, int value)
{
    const char *found = NULL;

    for (;; text++) {
        if (*text == (char)value) {
            found = text;
        }
        if (*text == '\0') {
            return (char *)(uintptr_t)found;
        }
    }
}

char *
strstr(const char *text, const char *part)
{
    size_t length = strlen(part);

    for (; strncmp(text, part, length) != 0; text++) {
        if (*text == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)text;
}
