/*
 * A Vulkan driver that is another one, $CRASHING_DRIVER, until vkCreateInstance is called by any thread but the first: then it
 * crashes as $CRASH says, "segv" or "sys" (a system call that no driver makes).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

/* The loader's interface to drivers, and vkCreateInstance: without a header, as all is passed on. */
typedef void function_fn(void);
typedef function_fn *get_proc_fn(void *instance, const char *name);
typedef int32_t negotiate_fn(uint32_t *version);
typedef int32_t create_fn(const void *info, const void *allocator, void **instance);
get_proc_fn get_instance_proc __asm__("vk_icdGetInstanceProcAddr");
get_proc_fn get_device_proc __asm__("vk_icdGetPhysicalDeviceProcAddr");
negotiate_fn negotiate_version __asm__("vk_icdNegotiateLoaderICDInterfaceVersion");

static void
look_up(const char *name, void *function)
{
    void *library = dlopen(getenv("CRASHING_DRIVER"), RTLD_NOW | RTLD_LOCAL);
    void *address = library != NULL ? dlsym(library, name) : NULL;
    if (address == NULL) {
        abort();
    }
    memcpy(function, &address, sizeof(address));
}

static int32_t
create_instance(const void *info, const void *allocator, void **instance)
{
    get_proc_fn *get_proc;
    const char *how = getenv("CRASH");
    bool is_first = gettid() == getpid();
    if (!is_first && how != NULL && strcmp(how, "segv") == 0) {
        *(volatile int *)mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
    }
    if (!is_first) {
        (void)umount("");
    }
    look_up("vk_icdGetInstanceProcAddr", (void *)&get_proc);
    return ((create_fn *)get_proc(NULL, "vkCreateInstance"))(info, allocator, instance);
}

function_fn *
get_instance_proc(void *instance, const char *name)
{
    get_proc_fn *get_proc;
    if (strcmp(name, "vkCreateInstance") == 0) {
        return (function_fn *)create_instance;
    }
    look_up("vk_icdGetInstanceProcAddr", (void *)&get_proc);
    return get_proc(instance, name);
}

function_fn *
get_device_proc(void *instance, const char *name)
{
    get_proc_fn *get_proc;
    look_up("vk_icdGetPhysicalDeviceProcAddr", (void *)&get_proc);
    return get_proc(instance, name);
}

int32_t
negotiate_version(uint32_t *version)
{
    negotiate_fn *negotiate;
    look_up("vk_icdNegotiateLoaderICDInterfaceVersion", (void *)&negotiate);
    return negotiate(version);
}
