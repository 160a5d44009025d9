/*
 * environment.h - what renderer processes inherit: the host's driver, the cache of its compiled shaders, settings of malloc.
 */
#ifndef DEVICE_ENVIRONMENT_H
#define DEVICE_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "device/options.h"

/*
 * Prepares this process's environment for the workers that it will start, by --host-driver and --shader-cache.
 * shader_cache: NULL (--shader-cache none, or not given), or the directory's whole path, which exists; lives on.
 * Returns: true; false after one line on stderr.
 */
bool environment_prepare(const struct options *options, const char **shader_cache);

/* Tells Mesa's drivers where their cache is; directory: NULL: there is none.  Returns: whether they have been told. */
bool environment_set_cache(const char *directory);

/*
 * Where compiled shaders of one person's own programs are kept: ${XDG_CACHE_HOME:-$HOME/.cache}/vitrine/shaders, made when
 * it is not there, for this person alone.
 * Returns: true and `path`; false: it cannot be had.
 */
bool environment_own_cache(char *path, size_t size_bytes);

#endif
