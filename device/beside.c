/*
 * beside.c - by way of the running program's own file.
 */
#include "device/beside.h"

#include <string.h>

#include <unistd.h>

bool
program_self(char *path, size_t size_bytes)
{
    ssize_t length = readlink("/proc/self/exe", path, size_bytes - 1);
    if (length <= 0) {
        return false;
    }
    path[length] = '\0';
    return access(path, X_OK) == 0;
}

bool
program_beside(const char *name, char *path, size_t size_bytes)
{
    if (!program_self(path, size_bytes)) {
        return false;
    }
    char *slash = strrchr(path, '/');
    size_t directory = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    if (directory + strlen(name) >= size_bytes) {
        return false;
    }
    memcpy(path + directory, name, strlen(name) + 1);
    return access(path, X_OK) == 0;
}
