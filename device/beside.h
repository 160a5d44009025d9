/*
 * beside.h - programs that were installed together find one another.
 */
#ifndef DEVICE_BESIDE_H
#define DEVICE_BESIDE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The path of the program that runs, whatever it is called and by whichever link it was started.
 * Returns: true and `path`; false: it is not there any more, or the path is too long.
 */
bool program_self(char *path, size_t size_bytes);

/*
 * The path of a program beside the one that runs.
 * Returns: true and `path`; false: there is none that can be executed.
 */
bool program_beside(const char *name, char *path, size_t size_bytes);

#endif
