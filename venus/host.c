/* Loads the host's Vulkan and fills in function tables by name: the core's name first, then its aliases. */
#include "venus/host.h"

#include <string.h>

#include <dlfcn.h>

#include "venus/table.h"

#define LIBRARY "libvulkan.so.1"

const char *
vn_host_load(struct vn_host *host, const char *library)
{
    if (host->library) {
        return NULL;
    }
    host->library = dlopen(library ? library : LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!host->library) {
        return dlerror();
    }
    void *symbol = dlsym(host->library, "vkGetInstanceProcAddr");
    memcpy(&host->get_instance_proc, &symbol, sizeof(symbol));
    if (!symbol) {
        vn_host_unload(host);
        return "it has no vkGetInstanceProcAddr";
    }
    return NULL;
}

void
vn_host_unload(struct vn_host *host)
{
    if (host->library) {
        dlclose(host->library);
    }
    *host = (struct vn_host){ 0 };
}

void
vn_host_fill_instance(const struct vn_host *host, VkInstance instance, struct vn_instance_vk *vk)
{
    for (uint32_t i = 0; i < vn_proc_count; i++) {
        const struct vn_proc *proc = &vn_procs[i];
        PFN_vkVoidFunction function = NULL;
        for (unsigned n = 0; !proc->is_device && n < 4 && proc->names[n] && !function; n++) {
            function = host->get_instance_proc(instance, proc->names[n]);
        }
        if (!proc->is_device) {
            memcpy((char *)vk + proc->offset, &function, sizeof(function));
        }
    }
}

void
vn_host_fill_device(PFN_vkGetDeviceProcAddr get, VkDevice device, struct vn_device_vk *vk)
{
    for (uint32_t i = 0; i < vn_proc_count; i++) {
        const struct vn_proc *proc = &vn_procs[i];
        PFN_vkVoidFunction function = NULL;
        for (unsigned n = 0; proc->is_device && n < 4 && proc->names[n] && !function; n++) {
            function = get(device, proc->names[n]);
        }
        if (proc->is_device) {
            memcpy((char *)vk + proc->offset, &function, sizeof(function));
        }
    }
}
