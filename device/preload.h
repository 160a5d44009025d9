/*
 * preload.h - loads the host's Vulkan drivers before a process shuts itself off from the file system.
 */
#ifndef DEVICE_PRELOAD_H
#define DEVICE_PRELOAD_H

/*
 * Makes an instance of the host's Vulkan and counts its devices, so that every library, cache and list of processors
 * which drivers read once has been read.  The instance stays: without it the loader would unload the drivers again.
 * library: NULL: "libvulkan.so.1".
 * Returns: the number of devices (0: the client will see none); -1: no Vulkan loader here.
 */
int preload_vulkan(const char *library);

#endif
