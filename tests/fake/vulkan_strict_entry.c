/* By which the renderer comes in: functions by name.  See tests/fake/vulkan_strict.h. */
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include "venus/os.h"

#include "tests/fake/vulkan_strict_private.h"

#define COMMANDS_MAX 400u

static VkResult
get_memory_fd(VkDevice device, const VkMemoryGetFdInfoKHR *info, int *fd)
{
    (void)device;
    (void)info;
    *fd = vn_os_memory_create("strict-export", 4096);
    return *fd < 0 ? VK_ERROR_TOO_MANY_OBJECTS : VK_SUCCESS;
}

static VkResult
get_pointer_properties(VkDevice device, VkExternalMemoryHandleTypeFlagBits type,
                       const void *pointer, VkMemoryHostPointerPropertiesEXT *properties)
{
    (void)device;
    (void)type;
    (void)pointer;
    properties->memoryTypeBits = UINT32_MAX;
    return VK_SUCCESS;
}

/* A callee cannot tell by which name it was called: so there is one function for each command. */
#define ONE(n)                                                                                     \
 static uint64_t call_##n(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,  \
                          uint64_t g, uint64_t h, uint64_t i, uint64_t j, uint64_t k, uint64_t l,  \
                          double w, double x, double y, double z)                                  \
 {                                                                                                 \
  return strict_call(1##n - 1000,                                                                  \
                     (uint64_t[STRICT_INTEGERS]){ a, b, c, d, e, f, g, h, i, j, k, l },            \
                     (double[STRICT_FLOATS]){ w, x, y, z });                                       \
 }
#define TEN(of, n)                                                                                 \
 of(n##0) of(n##1) of(n##2) of(n##3) of(n##4) of(n##5) of(n##6) of(n##7) of(n##8) of(n##9)
#define HUNDRED(of, n)                                                                             \
 TEN(of, n##0)                                                                                     \
 TEN(of, n##1)                                                                                     \
 TEN(of, n##2)                                                                                     \
 TEN(of, n##3) TEN(of, n##4) TEN(of, n##5) TEN(of, n##6) TEN(of, n##7) TEN(of, n##8) TEN(of, n##9)
#define FOUR_HUNDRED(of) HUNDRED(of, 0) HUNDRED(of, 1) HUNDRED(of, 2) HUNDRED(of, 3)
#define NAME(n)          (PFN_vkVoidFunction)(void (*)(void)) call_##n,

// NOLINTNEXTLINE(readability-function-size): whatever is passed, in registers and on the stack
FOUR_HUNDRED(ONE)

static const PFN_vkVoidFunction functions[COMMANDS_MAX] = { FOUR_HUNDRED(NAME) };

static PFN_vkVoidFunction get_device_proc(VkDevice device, const char *name);

/* Command indices by name; contexts ask for thousands of names. */
static uint16_t sorted[COMMANDS_MAX];
static uint32_t sorted_count;

static int
compare(const void *a, const void *b)
{
    return strcmp(vn_commands[*(const uint16_t *)a].name, vn_commands[*(const uint16_t *)b].name);
}

static int
compare_name(const void *name, const void *index)
{
    return strcmp(name, vn_commands[*(const uint16_t *)index].name);
}

static void
sort_commands(void)
{
    for (uint16_t i = 0; i < vn_command_count && i < COMMANDS_MAX; i++) {
        if (vn_commands[i].on) {
            sorted[sorted_count++] = i;
        }
    }
    qsort(sorted, sorted_count, sizeof(sorted[0]), compare);
}

static PFN_vkVoidFunction
find_function(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, sort_commands);
    const uint16_t *index = bsearch(name, sorted, sorted_count, sizeof(sorted[0]), compare_name);
    if (index) {
        return functions[*index];
    }
    if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
        return (PFN_vkVoidFunction)get_device_proc;
    }
    if (strcmp(name, "vkGetMemoryFdKHR") == 0) {
        return (PFN_vkVoidFunction)get_memory_fd;
    }
    if (strcmp(name, "vkGetMemoryHostPointerPropertiesEXT") == 0) {
        return (PFN_vkVoidFunction)get_pointer_properties;
    }
    return NULL;
}

static PFN_vkVoidFunction
get_device_proc(VkDevice device, const char *name)
{
    (void)device;
    return find_function(name);
}

__attribute__((visibility("default"))) PFN_vkVoidFunction
// NOLINTNEXTLINE(readability-identifier-naming): Vulkan's name, which the renderer asks dlsym for
vkGetInstanceProcAddr(VkInstance instance, const char *name)
{
    (void)instance;
    return find_function(name);
}

/* Here, so that whoever links an archive gets vkGetInstanceProcAddr with it. */
void
vulkan_strict_reset(uint32_t seed)
{
    memset(strict.records, 0, strict.count * sizeof(strict.records[0]));
    strict.count = 0;
    strict.state = seed;
    strict.may_fail = seed != 0;
    strict.is_relaxed = false;
    strict.call_count = 0;
    strict.fault[0] = '\0';
}
