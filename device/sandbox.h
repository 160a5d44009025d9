/*
 * sandbox.h - takes from a renderer process all that it does not need.
 *
 *      spawn.c: nothing stays open but what it is given ─▶
 *      sandbox_limit ─▶ sandbox_close_files ─▶ preload_vulkan ─▶ sandbox_close_calls ─▶ first byte of the client's
 *
 * Files by Landlock: only what Vulkan drivers read (their own files, /usr, a few of /proc and /sys), nothing for writing but
 * a GPU's device nodes and, where a person asked for one, a cache of compiled shaders.  System calls by seccomp: an allow-list,
 * each group with its reason (sandbox_calls.c).  Whatever a client makes of a driver's weakness, it cannot start a program,
 * reach a network, look at another process or change a file.
 *
 * Without Landlock it can read what its user can read; and with a GPU's driver, which opens nodes for writing where seccomp
 * sees no path, overwrite what its user can write.
 */
#ifndef DEVICE_SANDBOX_H
#define DEVICE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox_limits {
    uint64_t memory_bytes; /* of the process's own data; 0: half of the machine's memory */
    uint64_t cpu_s;        /* 0: no limit */
};

enum { SANDBOX_REASON_BYTES = 160 };

/* Resource limits, and no core file with a client's memory in it.  Context: before threads. */
void sandbox_limit(const struct sandbox_limits *limits);

struct sandbox {
    const char *driver_files; /* VK_DRIVER_FILES, whose files stay readable */
    const char
        *writable_directory; /* below which files may be made, written and removed; NULL: nowhere */
};

/*
 * Shuts the process off from files.
 * Context: before threads.
 * Returns: true, also where the kernel has no Landlock (*is_held says whether it holds); false and `reason`.
 */
bool sandbox_close_files(const struct sandbox *sandbox, bool *is_held,
                         char reason[SANDBOX_REASON_BYTES]);

/*
 * Shuts the process, all threads of it, off from system calls.  With hardware, whose drivers talk to device nodes, what is
 * not on the list fails; else it ends the process.  Making files is on it only where Landlock says in which directory.
 * Returns: true; false and `reason`.
 */
bool sandbox_close_calls(const struct sandbox *sandbox, char reason[SANDBOX_REASON_BYTES]);

/* Whether one of the drivers is not lavapipe. */
bool sandbox_has_hardware(const char *driver_files);

#endif
