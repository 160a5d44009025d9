/*
 * environment.c - see environment.h.
 *
 * A shader cache holds machine code.  A client that took its renderer over could leave there what the next renderer runs:
 * inside the same sandbox, but for another client.  So a cache belongs to clients who may do to one another what they like:
 * the programs of one person (vitrine exec), and not those of a server for many.
 */
#include "device/environment.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "device/drivers.h"

enum { PATH_BYTES = 4096 };

static bool
choose_driver(const struct options *options)
{
    char files[PATH_BYTES];
    if (!drivers_for_host(options_get(options, "host-driver"), files, sizeof(files))) {
        (void)fprintf(stderr, "%s: %s\n", options->program, files);
        return false;
    }
    return setenv("VK_DRIVER_FILES", files, 1) == 0 && setenv("VK_ICD_FILENAMES", files, 1) == 0;
}

bool
environment_set_cache(const char *directory)
{
    (void)setenv("MESA_SHADER_CACHE_DISABLE", directory != NULL ? "false" : "true", 1);
    return directory == NULL || setenv("MESA_SHADER_CACHE_DIR", directory, 1) == 0;
}

/* Makes the directory when its parent is there.  Returns: whether it can be written. */
static bool
make_directory(const char *path)
{
    return (mkdir(path, 0700) == 0 || errno == EEXIST) && access(path, R_OK | W_OK | X_OK) == 0;
}

/* Returns: true and *shader_cache; false after one line. */
static bool
choose_cache(const struct options *options, const char **shader_cache)
{
    static char whole_path[PATH_MAX];
    const char *wanted = options_get(options, "shader-cache");
    *shader_cache = NULL;
    if (wanted == NULL || strcmp(wanted, "none") == 0) {
        return environment_set_cache(NULL);
    }
    if (!make_directory(wanted) || realpath(wanted, whole_path) == NULL) {
        (void)fprintf(stderr, "%s: cannot use %s for --shader-cache: %s\n", options->program,
                      wanted, strerror(errno));
        return false;
    }
    *shader_cache = whole_path;
    return environment_set_cache(whole_path);
}

/*
 * Software drivers allocate for each command that is recorded, and free all of them at once.  glibc's malloc is set to keep
 * what is freed for the thread that will want it again, instead of merging it and giving it back to the system.
 */
static bool
set_malloc(void)
{
    return setenv("GLIBC_TUNABLES",
                  "glibc.malloc.tcache_count=60000:glibc.malloc.trim_threshold=268435456:"
                  "glibc.malloc.top_pad=16777216",
                  0) == 0;
}

bool
environment_prepare(const struct options *options, const char **shader_cache)
{
    return choose_driver(options) && choose_cache(options, shader_cache) && set_malloc();
}

bool
environment_own_cache(char *path, size_t size_bytes)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    bool has_cache = cache != NULL && cache[0] == '/';
    if (!has_cache && (home == NULL || home[0] != '/')) {
        return false;
    }
    static const char *const parts[] = { "", "/vitrine", "/shaders" };
    int length =
        snprintf(path, size_bytes, "%s%s", has_cache ? cache : home, has_cache ? "" : "/.cache");
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t used = (size_t)length;
        if (length < 0 || used + strlen(parts[i]) >= size_bytes) {
            return false;
        }
        length += snprintf(path + used, size_bytes - used, "%s", parts[i]);
        if (!make_directory(path)) {
            return false;
        }
    }
    return true;
}
