/*
 * sandbox_files.c - resource limits, and Landlock: which files a renderer may read.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device/quota.h"
#include "device/sandbox.h"

enum {
    FILES_MAX = 65536,
    DRIVER_TEXT_BYTES_MAX = 16384,
};

/* Beside a client's memory: the driver's code and compiler, and the library's tables. */
static const uint64_t own_memory_bytes = 1ULL << 30;

/* What drivers and the loader read on the way to a device; all of it public on any system. */
static const char *const readable[] = {
    "/usr",         "/lib",           "/lib64",       "/etc/vulkan",    "/etc/ld.so.cache",
    "/etc/drirc",   "/etc/localtime", "/proc/self",   "/proc/cpuinfo",  "/proc/meminfo",
    "/proc/driver", "/sys/devices",   "/sys/bus/pci", "/sys/class/drm", "/sys/dev/char",
};

/* Nodes of GPUs, and of memory for them. */
static const char *const writable[] = {
    "/dev/dri",
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
    "/dev/nvidia-modeset",
    "/dev/nvidia0",
    "/dev/nvidia1",
    "/dev/nvidia2",
    "/dev/nvidia3",
    "/dev/kgsl-3d0",
    "/dev/mali0",
    "/dev/dxg",
    "/dev/udmabuf",
    "/dev/nvidia-uvm-tools",
    "/dev/dma_heap",
    "/dev/null",
};

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING LANDLOCK_ACCESS_FS_WRITE_FILE
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
# define CUTTING LANDLOCK_ACCESS_FS_TRUNCATE
#else
# define CUTTING 0
#endif
#define MAKING                                                                                     \
 (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |     \
  CUTTING)

static void
limit(int resource, uint64_t value)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) == 0) {
        rlim_t most = now.rlim_max < value ? now.rlim_max : value;
        (void)setrlimit((__rlimit_resource_t)resource, &(struct rlimit){ most, most });
    }
}

/* Should the machine run out of memory, the kernel is to take this process and not a bystander. */
static void
volunteer(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, "500", 3) != 3) {
            errno = 0; /* a wish, no more */
        }
        (void)close(fd);
    }
}

void
sandbox_limit(const struct sandbox_limits *limits)
{
    uint64_t memory = limits->memory_bytes > 0 ? limits->memory_bytes : quota_default_bytes();
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    limit(RLIMIT_DATA, memory + own_memory_bytes);
    if (limits->cpu_s > 0) {
        /* A signal that can still be reported, and the end two seconds later. */
        (void)setrlimit(RLIMIT_CPU, &(struct rlimit){ limits->cpu_s, limits->cpu_s + 2 });
    }
    volunteer();
}

/* A path that is not there needs no rule. */
static void
allow(int ruleset, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
    int result = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    if (result != 0 && (access & LANDLOCK_ACCESS_FS_READ_DIR) != 0) { /* not a directory */
        rule.allowed_access = access & ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
        (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    (void)close(fd);
}

static void
allow_directory_of(int ruleset, const char *path)
{
    char directory[PATH_MAX];
    (void)snprintf(directory, sizeof(directory), "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash != NULL && slash != directory) {
        *slash = '\0';
        allow(ruleset, directory, READING);
    }
}

/* The text of "library_path" in a driver's JSON file, within `text`; NULL. */
static char *
find_library(char *text)
{
    char *key = strstr(text, "\"library_path\"");
    char *colon = key != NULL ? strchr(key, ':') : NULL;
    char *first = colon != NULL ? strchr(colon, '"') : NULL;
    char *last = first != NULL ? strchr(first + 1, '"') : NULL;
    if (last == NULL) {
        return NULL;
    }
    *last = '\0';
    return first + 1;
}

/* Where the library of a driver lies, should that not be below /usr. */
static void
allow_library_of(int ruleset, const char *json)
{
    char text[DRIVER_TEXT_BYTES_MAX + 1];
    char path[PATH_MAX];
    int fd = open(json, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, DRIVER_TEXT_BYTES_MAX) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    const char *library = find_library(text);
    if (library == NULL || strchr(library, '/') == NULL) {
        return;
    }
    const char *slash = strrchr(json, '/');
    int directory = library[0] == '/' || slash == NULL ? 0 : (int)(slash - json) + 1;
    (void)snprintf(path, sizeof(path), "%.*s%s", directory, json, library);
    allow_directory_of(ruleset, path);
}

static void
allow_drivers(int ruleset, const char *driver_files)
{
    char *files = driver_files != NULL ? strdup(driver_files) : NULL;
    char *rest = NULL;
    for (char *file = files != NULL ? strtok_r(files, ":", &rest) : NULL; file != NULL;
         file = strtok_r(NULL, ":", &rest)) {
        allow(ruleset, file, READING); /* not what lies beside it: that may be a person's own */
        allow_library_of(ruleset, file);
    }
    free(files);
    const char *layers = getenv("VK_LAYER_PATH");
    if (layers != NULL) {
        allow(ruleset, layers, READING);
    }
}

/* All rights that this kernel can deny, as far as our headers know them. */
static uint64_t
handled_rights(long version)
{
    uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
#ifdef LANDLOCK_ACCESS_FS_REFER
    rights |= version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
#endif
    if (version >= 3) {
        rights |= CUTTING;
    }
    return rights;
}

/* rights: the answer, all that the rules may name. */
static int
open_ruleset(uint64_t *rights)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        return -1;
    }
    *rights = handled_rights(version);
    struct landlock_ruleset_attr attributes = { .handled_access_fs = *rights };
    return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
}

bool
sandbox_close_files(const struct sandbox *sandbox, bool *is_held, char reason[SANDBOX_REASON_BYTES])
{
    *is_held = false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        (void)snprintf(reason, SANDBOX_REASON_BYTES, "no_new_privs: %s", strerror(errno));
        return false;
    }
    uint64_t rights = 0;
    int ruleset = open_ruleset(&rights);
    if (ruleset < 0) {
        return true; /* a kernel before 5.13, or without it: the system calls are still closed */
    }
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
        allow(ruleset, readable[i], READING);
    }
    for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
        allow(ruleset, writable[i], READING | WRITING);
    }
    allow_drivers(ruleset, sandbox->driver_files);
    if (sandbox->writable_directory != NULL) {
        allow(ruleset, sandbox->writable_directory, (READING | WRITING | MAKING) & rights);
    }
    *is_held = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    (void)close(ruleset);
    if (!*is_held) {
        (void)snprintf(reason, SANDBOX_REASON_BYTES, "Landlock: %s", strerror(errno));
    }
    return *is_held;
}

bool
sandbox_has_hardware(const char *driver_files)
{
    char *files = driver_files != NULL ? strdup(driver_files) : NULL;
    char *rest = NULL;
    bool has_hardware = files == NULL;
    for (char *file = files != NULL ? strtok_r(files, ":", &rest) : NULL; file != NULL;
         file = strtok_r(NULL, ":", &rest)) {
        const char *slash = strrchr(file, '/');
        const char *name = slash != NULL ? slash + 1 : file;
        has_hardware = has_hardware || strncmp(name, "lvp", 3) != 0;
    }
    free(files);
    return has_hardware;
}
