/*
 * The loader, the device, and how a program ends.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tests/vulkan/vkt.h"

struct vkt_functions vk;

static const char *program_name = "vkt";

void
vkt_fail(const char *format, ...)
{
    va_list list;

    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: ", program_name);
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fputc('\n', stderr);
    _exit(1); /* not exit: a driver's own handlers may wait for a server that is gone */
}

void
vkt_must(VkResult result, const char *what)
{
    if (result < 0) {
        vkt_fail("%s gave VkResult %d", what, result);
    }
}

static void
on_deadline(int signal_number)
{
    static const char text[] = "the deadline passed; the driver or its server does not answer\n";

    (void)signal_number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(VKT_STATUS_DEADLINE);
}

void
vkt_deadline(unsigned seconds)
{
    struct sigaction action = { .sa_handler = on_deadline };

    (void)sigaction(SIGALRM, &action, NULL);
    (void)alarm(seconds);
}

uint64_t
vkt_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static PFN_vkGetInstanceProcAddr
open_loader(void)
{
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    PFN_vkGetInstanceProcAddr get = NULL;

    if (library == NULL) {
        vkt_fail("there is no Vulkan loader: %s", dlerror());
    }
    *(void **)&get = dlsym(library, "vkGetInstanceProcAddr");
    if (get == NULL) {
        vkt_fail("libvulkan.so.1 has no vkGetInstanceProcAddr");
    }
    return get;
}

static void
create_instance(struct vkt *t, PFN_vkGetInstanceProcAddr get)
{
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = program_name,
        .apiVersion = VK_API_VERSION_1_2,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &application,
    };

#define VKT_LOAD(name) vk.name = (PFN_vk##name)get(NULL, "vk" #name);
    VKT_GLOBAL_FUNCTIONS(VKT_LOAD)
#undef VKT_LOAD
    VKT_MUST(vk.CreateInstance(&info, NULL, &t->instance));
#define VKT_LOAD(name) vk.name = (PFN_vk##name)get(t->instance, "vk" #name);
    VKT_INSTANCE_FUNCTIONS(VKT_LOAD)
#undef VKT_LOAD
}

static void
find_physical_device(struct vkt *t)
{
    uint32_t count = 1;
    VkResult result = vk.EnumeratePhysicalDevices(t->instance, &count, &t->physical);

    if (result < 0 || count == 0) {
        vkt_fail("there is no Vulkan device (vkEnumeratePhysicalDevices: VkResult %d)", result);
    }
    vk.GetPhysicalDeviceProperties(t->physical, &t->properties);
    vk.GetPhysicalDeviceMemoryProperties(t->physical, &t->memory);
}

static uint32_t
find_family(const struct vkt *t)
{
    VkQueueFamilyProperties families[16];
    uint32_t count = 16;

    vk.GetPhysicalDeviceQueueFamilyProperties(t->physical, &count, families);
    for (uint32_t i = 0; i < count; i++) {
        VkQueueFlags both = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;

        if ((families[i].queueFlags & both) == both) {
            return i;
        }
    }
    vkt_fail("no queue family of %s can both draw and compute", t->properties.deviceName);
}

/* Of the features only those that the programs use. */
static VkPhysicalDeviceVulkan12Features
wanted_features(const struct vkt *t)
{
    VkPhysicalDeviceVulkan12Features has = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &has,
    };
    VkPhysicalDeviceVulkan12Features wanted = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES
    };

    if (t->properties.apiVersion >= VK_API_VERSION_1_2) {
        vk.GetPhysicalDeviceFeatures2(t->physical, &features);
    }
    wanted.timelineSemaphore = has.timelineSemaphore;
    wanted.hostQueryReset = has.hostQueryReset;
    return wanted;
}

/* Written as a walk over a table: the members of struct vkt_functions stand in the same order. */
static void
load_device_functions(const struct vkt *t)
{
    static const char *const names[] = {
#define VKT_NAME(name) "vk" #name,
        VKT_DEVICE_FUNCTIONS(VKT_NAME)
#undef VKT_NAME
    };
    PFN_vkVoidFunction *functions = (PFN_vkVoidFunction *)&vk.DestroyDevice;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        functions[i] = vk.GetDeviceProcAddr(t->device, names[i]);
    }
}

static void
create_device(struct vkt *t)
{
    float priority = 1.0F;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = t->family_idx,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = t->properties.apiVersion >= VK_API_VERSION_1_2 ? &t->features12 : NULL,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };

    t->features12 = wanted_features(t);
    VKT_MUST(vk.CreateDevice(t->physical, &info, NULL, &t->device));
    load_device_functions(t);
    vk.GetDeviceQueue(t->device, t->family_idx, 0, &t->queue);
}

void
vkt_open(struct vkt *t, const char *program)
{
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
    };

    program_name = program;
    memset(t, 0, sizeof(*t));
    create_instance(t, open_loader());
    find_physical_device(t);
    t->family_idx = find_family(t);
    create_device(t);
    pool.queueFamilyIndex = t->family_idx;
    VKT_MUST(vk.CreateCommandPool(t->device, &pool, NULL, &t->pool));
}

void
vkt_close(struct vkt *t)
{
    VKT_MUST(vk.DeviceWaitIdle(t->device));
    vk.DestroyCommandPool(t->device, t->pool, NULL);
    vk.DestroyDevice(t->device, NULL);
    vk.DestroyInstance(t->instance, NULL);
}
