/*
 * control_path.c - names of control sockets.
 */
#include "device/view/control_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(CONTROL_PATH_BYTES == sizeof(((struct sockaddr_un *)NULL)->sun_path),
               "the kernel takes paths of this size");

enum { NAME_BYTES_MAX = 32 }; /* "/gpu-4194304.control" */

/* Where our sockets lie; may not exist. */
static bool
directory_name(char path[CONTROL_PATH_BYTES])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int length = 0;
    if (runtime != NULL && runtime[0] == '/') {
        length = snprintf(path, CONTROL_PATH_BYTES, "%s/vitrine", runtime);
    } else {
        length = snprintf(path, CONTROL_PATH_BYTES, "/tmp/vitrine-%u", (unsigned)getuid());
    }
    return length > 0 && length + NAME_BYTES_MAX < CONTROL_PATH_BYTES;
}

/* In /tmp anybody may have made it first. */
static bool
is_ours(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == getuid() &&
           (status.st_mode & 077) == 0;
}

static bool
sentence(char path[CONTROL_PATH_BYTES], const char *text)
{
    (void)snprintf(path, CONTROL_PATH_BYTES, "%s", text);
    return false;
}

bool
control_path_own(char path[CONTROL_PATH_BYTES])
{
    char directory[CONTROL_PATH_BYTES];
    if (!directory_name(directory)) {
        return sentence(path, "$XDG_RUNTIME_DIR is too long for a socket: name one with --control");
    }
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return sentence(path, "cannot make the directory of control sockets: name one with "
                              "--control");
    }
    if (!is_ours(directory)) {
        return sentence(path, "the place for control sockets is no directory of yours alone: name "
                              "one with --control");
    }
    int length =
        snprintf(path, CONTROL_PATH_BYTES, "%s/gpu-%ld.control", directory, (long)getpid());
    return length > 0 && length < CONTROL_PATH_BYTES;
}

/* A socket that a killed device left behind is no use to anybody. */
static bool
is_served(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    int result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    int error = result != 0 ? errno : 0;
    (void)close(fd);
    if (error == ECONNREFUSED) {
        (void)unlink(path);
    }
    return error == 0 || error == EAGAIN;
}

static bool
is_control_name(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, "gpu-", 4) == 0 && length < NAME_BYTES_MAX - 1 && length > 8 &&
           strcmp(name + length - 8, ".control") == 0;
}

void
control_path_find(struct control_found *found)
{
    char directory[CONTROL_PATH_BYTES];
    found->count = 0;
    DIR *list = directory_name(directory) && is_ours(directory) ? opendir(directory) : NULL;
    for (struct dirent *entry = NULL; list != NULL && (entry = readdir(list)) != NULL;) {
        char path[CONTROL_PATH_BYTES];
        if (!is_control_name(entry->d_name) || found->count == CONTROL_FOUND_COUNT_MAX) {
            continue;
        }
        int length = snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (length > 0 && length < CONTROL_PATH_BYTES && is_served(path)) {
            memcpy(found->paths[found->count++], path, sizeof(path));
        }
    }
    if (list != NULL) {
        (void)closedir(list);
    }
}
