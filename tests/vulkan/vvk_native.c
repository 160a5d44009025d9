/*
 * The kernel's Vulkan programs on this machine, by the kernel's client and the renderer in one process: the shortest way from a
 * command to the host's Vulkan that there is.
 *
 *    vvk_native LIBVULKAN ROUNDS [DIRECTORY]    DIRECTORY gets triangle.ppm and cube.ppm; exit status 0: every number is right
 */
#include "kernel/vulkan/compute.h"
#include "kernel/vulkan/picture.h"
#include "tests/fake/venus_way.h"

enum { SCRATCH_BYTES = 65536 };

static uint8_t scratch[SCRATCH_BYTES];

static int
compute(struct venus_way *way, uint32_t rounds, bool is_checked)
{
    struct vvk vvk;
    static struct vk_session session;
    struct vk_compute job = { .count = 65536, .rounds = rounds };
    const struct vvk_config config = { .way = &way->way,
                                       .scratch = scratch,
                                       .scratch_bytes = sizeof(scratch),
                                       .is_checked = is_checked };
    if (vvk_create(&vvk, &config) != VIRTIO_OK) {
        printf("no ring: %s\n", vvk.why);
        return 1;
    }
    VkResult result = vk_begin(&session, &vvk);
    if (result == VK_SUCCESS) {
        printf("device %s\n", session.properties.deviceName);
        result = vk_compute_run(&session, &job);
    }
    if (result != VK_SUCCESS || vvk.failure != VIRTIO_OK) {
        const char *renderer = venus_why(way->venus);
        printf("%s: %s; %s; %s; %s\n", session.step, vk_result_name(result),
               vvk.why != NULL ? vvk.why : "", vvk.refusal != NULL ? vvk.refusal : "",
               renderer != NULL ? renderer : "");
        return 1;
    }
    printf("%u numbers, %u rounds, %llu wrong, %llu us each, shortest %llu us\n", job.count,
           job.rounds, (unsigned long long)job.wrong_count,
           (unsigned long long)(job.total_ns / job.rounds / 1000),
           (unsigned long long)(job.shortest_ns / 1000));
    printf("%llu commands, %llu answers, %llu notifications\n",
           (unsigned long long)vvk.counters.commands, (unsigned long long)vvk.counters.waits,
           (unsigned long long)vvk.counters.notifications);
    vk_end(&session);
    vvk_destroy(&vvk);
    return job.wrong_count == 0 && venus_why(way->venus) == NULL ? 0 : 1;
}

/* Writes FILE.ppm for a look by eye. Returns: how many pixels are not the background. */
static unsigned
save(const struct vk_picture *picture, const char *path)
{
    const uint8_t *pixel = picture->pixels.blob.memory;
    unsigned drawn = 0;
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return 0;
    }
    (void)fprintf(file, "P6 %u %u 255\n", picture->size.width, picture->size.height);
    for (uint32_t i = 0; i < picture->size.width * picture->size.height; i++, pixel += 4) {
        const uint8_t rgb[3] = { pixel[2], pixel[1], pixel[0] };
        (void)fwrite(rgb, 1, sizeof(rgb), file);
        drawn += rgb[0] > 40 || rgb[1] > 40 || rgb[2] > 40;
    }
    return fclose(file) == 0 ? drawn : 0;
}

static int
draw(struct venus_way *way, enum vk_picture_kind kind, uint32_t frame, const char *path)
{
    struct vvk vvk;
    static struct vk_session session;
    struct vk_picture picture;
    const VkExtent2D size = { 640, 400 };
    const struct vvk_config config = { .way = &way->way,
                                       .scratch = scratch,
                                       .scratch_bytes = sizeof(scratch) };
    if (vvk_create(&vvk, &config) != VIRTIO_OK) {
        return 1;
    }
    VkResult result = vk_begin(&session, &vvk);
    result = result == VK_SUCCESS ? vk_picture_make(&session, kind, size, &picture) : result;
    result = result == VK_SUCCESS ? vk_picture_draw(&session, &picture, frame) : result;
    if (result != VK_SUCCESS) {
        printf("%s: %s; %s\n", session.step, vk_result_name(result),
               venus_why(way->venus) != NULL ? venus_why(way->venus) : "");
        return 1;
    }
    unsigned drawn = save(&picture, path);
    printf("%s: %u of %u pixels drawn\n", path, drawn, size.width * size.height);
    vk_picture_free(&session, &picture);
    vk_end(&session);
    vvk_destroy(&vvk);
    return drawn > 10000 ? 0 : 1;
}

static int
draw_all(const char *library, const char *directory)
{
    char path[512];
    int status = 0;
    for (unsigned kind = VK_PICTURE_TRIANGLE; kind <= VK_PICTURE_CUBE && status == 0; kind++) {
        struct venus_way way;
        (void)snprintf(path, sizeof(path), "%s/%s.ppm", directory,
                       kind == VK_PICTURE_CUBE ? "cube" : "triangle");
        if (!venus_way_open(&way, library)) {
            return 2;
        }
        status = draw(&way, (enum vk_picture_kind)kind, 40, path);
        venus_way_close(&way);
    }
    return status;
}

int
main(int argc, char **argv)
{
    int status = 2;
    uint32_t rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100;
    for (unsigned is_checked = 0; argc > 1 && is_checked < 2; is_checked++) {
        struct venus_way way;
        if (!venus_way_open(&way, argv[1])) {
            return 2;
        }
        status = compute(&way, rounds, is_checked != 0);
        venus_way_close(&way);
        if (status != 0) {
            return status;
        }
    }
    return argc > 3 ? draw_all(argv[1], argv[3]) : status;
}
