/*
 * drivers.c - the search of the Vulkan loader's directories.
 */
#include "device/drivers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/beside.h"

static const char *const standard_directories[] = {
    "/usr/local/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/etc/vulkan/icd.d",
    "/usr/share/vulkan/icd.d",
};

static const char *
file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void
add_directory(struct driver_list *list, const char *directory)
{
    char pattern[DRIVER_PATH_BYTES];
    glob_t found;
    (void)snprintf(pattern, sizeof(pattern), "%s/*.json", directory);
    if (glob(pattern, 0, NULL, &found) != 0) {
        return;
    }
    for (size_t i = 0; i < found.gl_pathc && list->count < DRIVER_COUNT_MAX; i++) {
        if (strlen(found.gl_pathv[i]) < DRIVER_PATH_BYTES) {
            (void)snprintf(list->paths[list->count], DRIVER_PATH_BYTES, "%s", found.gl_pathv[i]);
            list->count++;
        }
    }
    globfree(&found);
}

/* In a built tree: the drivers that its tests fetched (build/bin/.. is where they lie). */
static void
add_own_directory(struct driver_list *list)
{
    char directory[DRIVER_PATH_BYTES];
    if (program_beside("../deps/mesa/icd.d", directory, sizeof(directory))) {
        add_directory(list, directory);
    }
}

void
drivers_list(struct driver_list *list)
{
    list->count = 0;
    const char *home = getenv("HOME");
    if (home != NULL) {
        char directory[DRIVER_PATH_BYTES];
        (void)snprintf(directory, sizeof(directory), "%s/.local/share/vulkan/icd.d", home);
        add_directory(list, directory);
    }
    for (unsigned i = 0; i < sizeof(standard_directories) / sizeof(char *); i++) {
        add_directory(list, standard_directories[i]);
    }
    add_own_directory(list);
}

static bool
is_named(const char *path, const char *name)
{
    return strncmp(file_name(path), name, strlen(name)) == 0;
}

static bool
is_software(const char *path)
{
    return is_named(path, "lvp") || is_named(path, "swrast");
}

static bool
is_venus_client(const char *path)
{
    return is_named(path, "virtio");
}

/* Drivers of hardware work only where there is a node of such hardware; loading them for nothing costs time. */
static bool
has_hardware(void)
{
    static const char *const nodes[] = { "/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kgsl-3d0",
                                         "/dev/mali0" };
    for (unsigned i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        if (access(nodes[i], F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static void
append(char *text, size_t size_bytes, const char *separator, const char *more)
{
    size_t used = strlen(text);
    (void)snprintf(text + used, size_bytes - used, "%s%s", used > 0 ? separator : "", more);
}

static bool
no_driver(const struct driver_list *list, const char *wanted, char *files, size_t size_bytes)
{
    char known[512] = "";
    for (unsigned i = 0; i < list->count; i++) {
        if (!is_venus_client(list->paths[i])) {
            append(known, sizeof(known), ", ", file_name(list->paths[i]));
        }
    }
    (void)snprintf(files, size_bytes, "no Vulkan driver %s%son this machine; there is: %s",
                   wanted != NULL ? wanted : "", wanted != NULL ? " " : "",
                   known[0] != '\0' ? known
                                    : "none (Debian's mesa-vulkan-drivers brings lavapipe)");
    return false;
}

/* What the person chose for everything, unless that is our own client. */
static bool
environment_drivers(char *files, size_t size_bytes)
{
    const char *chosen = getenv("VK_DRIVER_FILES");
    chosen = chosen != NULL ? chosen : getenv("VK_ICD_FILENAMES");
    if (chosen == NULL || chosen[0] == '\0' || strstr(chosen, "virtio") != NULL) {
        return false;
    }
    (void)snprintf(files, size_bytes, "%s", chosen);
    return true;
}

static bool
all_drivers(const struct driver_list *list, char *files, size_t size_bytes)
{
    files[0] = '\0';
    for (unsigned pass = 0; pass < 2; pass++) {
        bool is_for_software = pass == 1;
        for (unsigned i = 0; i < list->count; i++) {
            const char *path = list->paths[i];
            bool is_wanted = is_software(path) == is_for_software && !is_venus_client(path);
            if (is_wanted && (is_for_software || has_hardware())) {
                append(files, size_bytes, ":", path);
            }
        }
    }
    return files[0] != '\0' || no_driver(list, NULL, files, size_bytes);
}

/* A path must be there; the loader would only say "no driver" much later. */
static bool
check_file(const char *path, char *file, size_t size_bytes)
{
    char *whole = realpath(path, NULL);
    struct stat stat_of = { 0 };
    bool is_there = whole != NULL && access(whole, R_OK) == 0 && stat(whole, &stat_of) == 0;
    bool is_file = is_there && S_ISREG(stat_of.st_mode);
    if (is_file) {
        (void)snprintf(file, size_bytes, "%s", whole);
    } else {
        (void)snprintf(file, size_bytes, "cannot read the driver file %s: %s", path,
                       is_there ? "it is no file" : strerror(errno));
    }
    free(whole);
    return is_file;
}

bool
drivers_for_host(const char *wanted, char *files, size_t size_bytes)
{
    if (wanted == NULL && environment_drivers(files, size_bytes)) {
        return true;
    }
    if (wanted != NULL && strchr(wanted, '/') != NULL) {
        return check_file(wanted, files, size_bytes);
    }
    struct driver_list *list = malloc(sizeof(*list));
    if (list == NULL) {
        (void)snprintf(files, size_bytes, "there is no memory for a list of drivers");
        return false;
    }
    drivers_list(list);
    bool is_found = false;
    if (wanted == NULL) {
        is_found = all_drivers(list, files, size_bytes);
    } else {
        const char *name = strcmp(wanted, "lavapipe") == 0 ? "lvp" : wanted;
        for (unsigned i = 0; i < list->count && !is_found && name[0] != '\0'; i++) {
            if (is_named(list->paths[i], name) && !is_venus_client(list->paths[i])) {
                (void)snprintf(files, size_bytes, "%s", list->paths[i]);
                is_found = true;
            }
        }
        is_found = is_found || no_driver(list, wanted, files, size_bytes);
    }
    free(list);
    return is_found;
}

bool
drivers_for_client(const char *wanted, char *file, size_t size_bytes)
{
    wanted = wanted != NULL ? wanted : getenv("VITRINE_CLIENT_ICD");
    if (wanted != NULL && wanted[0] != '\0') {
        return check_file(wanted, file, size_bytes);
    }
    struct driver_list *list = malloc(sizeof(*list));
    bool is_found = false;
    if (list != NULL) {
        drivers_list(list);
        for (unsigned i = 0; i < list->count && !is_found; i++) {
            if (is_venus_client(list->paths[i])) {
                (void)snprintf(file, size_bytes, "%s", list->paths[i]);
                is_found = true;
            }
        }
    }
    free(list);
    if (!is_found) {
        (void)snprintf(
            file, size_bytes,
            "Mesa's Venus driver (virtio_icd.json) is not on this machine: Debian's package "
            "mesa-vulkan-drivers has it from 25.0 on (Debian 12: from bookworm-backports, its own "
            "22.3 "
            "lacks it); or give --client-driver FILE or VITRINE_CLIENT_ICD=FILE");
    }
    return is_found;
}
