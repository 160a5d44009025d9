/*
 * drivers.h - which Vulkan drivers this machine has: the JSON files that the Vulkan loader would find.
 */
#ifndef DEVICE_DRIVERS_H
#define DEVICE_DRIVERS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    DRIVER_COUNT_MAX = 64,
    DRIVER_PATH_BYTES = 512,
};

struct driver_list {
    unsigned count;
    char paths[DRIVER_COUNT_MAX][DRIVER_PATH_BYTES]; /* sorted */
};

/* Lists the files *.json of the loader's standard directories. */
void drivers_list(struct driver_list *list);

/*
 * Finds the value for VK_DRIVER_FILES that makes the loader use the host's driver.
 * wanted: a path of a JSON file; or a name, matched against the files' names ("lavapipe" is "lvp"); or NULL:
 * $VK_DRIVER_FILES, else all that can work here but for Venus's own client, software last.
 * Returns: true and `files`; false and `files` is a sentence that says what there is.
 */
bool drivers_for_host(const char *wanted, char *files, size_t size_bytes);

/*
 * Finds Mesa's Venus client.  wanted: a path, or NULL: $VITRINE_CLIENT_ICD or the standard directories.
 * Returns: true and `file`; false and `file` is a sentence that says which package brings it.
 */
bool drivers_for_client(const char *wanted, char *file, size_t size_bytes);

#endif
