/*
 * pNext chains in an executor's arena: private to the command, so that links may be taken out and put in.
 *
 * Every function takes the struct that the chain hangs on (its sType and pNext first, as all of Vulkan's extensible structs).
 */
#ifndef VENUS_CHAIN_H
#define VENUS_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

/* What the decoder made for this command alone may be changed, although Vulkan's structs say const. */
static inline void *
vn_mutable(const void *argument)
{
    return (void *)(uintptr_t)argument;
}

/* The first struct of this type behind head, or NULL. */
static inline void *
vn_chain_find(const void *head, VkStructureType type)
{
    const VkBaseInStructure *link = ((const VkBaseInStructure *)head)->pNext;
    while (link && link->sType != type) {
        link = link->pNext;
    }
    return vn_mutable(link);
}

/* Takes the first struct of this type out of the chain.  Returns: it, or NULL when there is none. */
static inline void *
vn_chain_take(const void *head, VkStructureType type)
{
    VkBaseOutStructure *before = vn_mutable(head);
    while (before->pNext && before->pNext->sType != type) {
        before = before->pNext;
    }
    VkBaseOutStructure *link = before->pNext;
    if (link) {
        before->pNext = link->pNext;
        link->pNext = NULL;
    }
    return link;
}

/* Puts `link` right behind head; it must live as long as head is used. */
static inline void
vn_chain_add(const void *head, void *link)
{
    VkBaseOutStructure *first = vn_mutable(head);
    VkBaseOutStructure *added = link;
    added->pNext = first->pNext;
    first->pNext = added;
}

#endif
