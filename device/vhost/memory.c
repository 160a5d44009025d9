/*
 * memory.c - the guest's memory, as the front-end tells it: region by region, each with an fd.
 */
#include <errno.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/vhost/session.h"

/* Whether the region lies within its file: beyond its end a touch would kill us. */
static bool
is_within_file(const struct stat *status, const struct vhost_region *region)
{
    return !S_ISREG(status->st_mode) ||
           (region->fd_offset <= (uint64_t)status->st_size &&
            region->size_bytes <= (uint64_t)status->st_size - region->fd_offset);
}

/* From the fd's offset, or, where pages are large, from its beginning. */
static bool
map_region(const struct vhost_region *region, int fd, struct guest_region *out)
{
    uint64_t lead_bytes = region->fd_offset % (uint64_t)sysconf(_SC_PAGESIZE);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        out->mapping_bytes = region->size_bytes + lead_bytes;
        out->mapping =
            mmap(NULL, out->mapping_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                 (off_t)(region->fd_offset - lead_bytes));
        if (out->mapping != MAP_FAILED) {
            out->host = (uint8_t *)out->mapping + lead_bytes;
            return true;
        }
        lead_bytes = region->fd_offset;
    }
    return false;
}

/*
 * Adds a region to the table.  What is mapped in the host-visible window comes back as regions of their own: no ring and no
 * buffer lies there, and its file is a renderer's, which could cut it short under us.
 */
static bool
add(struct vhost *vhost, struct guest_memory *guest, const struct vhost_region *region, int fd,
    struct fault *fault)
{
    struct stat status;
    struct guest_region added = { .guest_addr = region->guest_addr,
                                  .size_bytes = region->size_bytes,
                                  .front_addr = region->front_addr };
    if (fd < 0 || fstat(fd, &status) != 0) {
        return refuse(fault, "a memory region comes without a file");
    }
    if (vhost_is_mapped(vhost, status.st_dev, status.st_ino)) {
        return true;
    }
    if (region->size_bytes > SIZE_MAX - region->fd_offset || !is_within_file(&status, region)) {
        return refuse(fault, "a memory region of 0x%llx bytes at 0x%llx is longer than its file",
                      (unsigned long long)region->size_bytes,
                      (unsigned long long)region->fd_offset);
    }
    if (region->size_bytes != 0 && !map_region(region, fd, &added)) {
        return refuse(fault, "a memory region of 0x%llx bytes cannot be mapped: %s",
                      (unsigned long long)region->size_bytes, strerror(errno));
    }
    const char *why = guest_add(guest, &added);
    if (why != NULL) {
        if (added.mapping != NULL) {
            (void)munmap(added.mapping, added.mapping_bytes);
        }
        return refuse(fault, "%s: 0x%llx bytes at guest address 0x%llx", why,
                      (unsigned long long)region->size_bytes,
                      (unsigned long long)region->guest_addr);
    }
    return true;
}

bool
vhost_set_table(struct vhost *vhost, struct vhost_message *message, struct fault *fault)
{
    const struct vhost_mem_table *table = &message->payload.table;
    struct guest_memory fresh = { .region_count = 0 };
    for (uint32_t i = 0; i < table->count; i++) {
        if (!add(vhost, &fresh, &table->regions[i], message->fds[i], fault)) {
            guest_finish(&fresh);
            return false;
        }
    }
    guest_finish(&vhost->guest);
    vhost->guest = fresh;
    vhost_queues_move(vhost);
    return true;
}

bool
vhost_add_region(struct vhost *vhost, struct vhost_message *message, struct fault *fault)
{
    return add(vhost, &vhost->guest, &message->payload.region.region, message->fds[0], fault);
}

/* One that is not there was in the window. */
void
vhost_remove_region(struct vhost *vhost, const struct vhost_region *region)
{
    (void)guest_remove(&vhost->guest, region->guest_addr, region->size_bytes);
    vhost_queues_move(vhost);
}
