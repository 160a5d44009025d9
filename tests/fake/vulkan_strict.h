/*
 * A host's Vulkan that believes nothing: for the whole renderer, unmodified, without a driver.
 *
 *    config.vulkan_library = VULKAN_STRICT_LIBRARY      the program itself: link with $(vulkan_strict_libs)
 *    vulkan_strict_reset(seed) ... venus_create ... venus_destroy
 *    vulkan_strict_fault() == NULL                      no rule was broken
 *
 * Every function that the protocol names is there.  Each walks its arguments by the renderer's own tables as a driver would by
 * vk.xml: reads all that it is given, writes all that it is asked for, makes handles, and remembers them.  It notes the first of:
 * a handle that is unknown, of another type or device, destroyed before, or destroyed twice; an array that is NULL but has a
 * length; a private struct of the protocol in a chain; a struct twice in a chain; a device or instance destroyed before what
 * lives on it; imported memory unmapped too early.
 */
#ifndef TESTS_FAKE_VULKAN_STRICT_H
#define TESTS_FAKE_VULKAN_STRICT_H

#include <stdint.h>

/* dlopen's name for the program itself. */
#define VULKAN_STRICT_LIBRARY ""

/* Forgets everything.  seed: 0: every call succeeds; else some fail, in an order that follows from it. */
void vulkan_strict_reset(uint32_t seed);

/* The first broken rule, or NULL. */
const char *vulkan_strict_fault(void);

/* Handles that were made and not destroyed (queues and physical devices go with their owners). */
uint32_t vulkan_strict_live_count(void);

/* Calls since the reset. */
uint64_t vulkan_strict_call_count(void);

/*
 * Until the reset, only what makes or destroys is looked at; all else is done at once, without a lock: so that a sanitizer sees the
 * renderer's threads as they are.
 */
void vulkan_strict_relax(void);

#endif
