/*
 * The smallest front: a context that makes a Vulkan instance on the host from eighty bytes of Venus, as a client would send them, and
 * then one that sends nonsense and is told why it died.
 *
 *   cc hello.c $(pkg-config --cflags --libs libvenus) -o hello && ./hello
 */
#include <stdio.h>
#include <string.h>

#include <venus/venus.h>

/* vkCreateInstance: command 0, no reply, a VkInstanceCreateInfo of zeros, and 1 as the new instance's id. */
static const unsigned create_instance[] = {
    0, 0,       /* command, flags */
    1, 0,       /* pCreateInfo: there */
    1,          /* VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO */
    0, 0,       /* pNext: none */
    0,          /* flags */
    0, 0,       /* pApplicationInfo: none */
    0, 0, 0,    /* no layers: count, array of 0 */
    0, 0, 0,    /* no extensions */
    0, 0,       /* pAllocator: none */
    1, 0, 1, 0, /* pInstance: there, id 1 */
};

static const unsigned nonsense[] = { 4711, 0 };

static int
submit(struct venus *venus, const unsigned *words, size_t size)
{
    enum venus_status status = venus_submit(venus, words, size);
    const char *why = venus_why(venus);
    printf("%s\n", status == VENUS_OK ? "executed" : why ? why : "not executed");
    return status == VENUS_OK;
}

int
main(void)
{
    struct venus_config config = { .name = "hello" };
    struct venus *good;
    struct venus *bad;
    if (venus_create(&config, &good) || venus_create(&config, &bad)) {
        (void)fprintf(stderr, "hello: out of memory\n");
        return 1;
    }
    int is_right = submit(good, create_instance, sizeof(create_instance));
    is_right = !submit(bad, nonsense, sizeof(nonsense)) && is_right;
    venus_destroy(bad);
    venus_destroy(good);
    return is_right ? 0 : 1;
}
