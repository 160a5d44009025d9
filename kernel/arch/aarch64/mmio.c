/*
 * Register access: see core/mmio.h. Written in assembly, so that each is one plain load or store: a hypervisor that emulates
 * the device cannot decode the write-back and paired forms that a compiler may choose.
 */
#include "kernel/core/mmio.h"

static inline uintptr_t
at(const volatile void *base, uint32_t offset)
{
    return (uintptr_t)base + offset;
}

uint8_t
mmio_read8(const volatile void *base, uint32_t offset)
{
    uint32_t value;

    __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(at(base, offset)) : "memory");
    return (uint8_t)value;
}

uint16_t
mmio_read16(const volatile void *base, uint32_t offset)
{
    uint32_t value;

    __asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(at(base, offset)) : "memory");
    return (uint16_t)value;
}

uint32_t
mmio_read32(const volatile void *base, uint32_t offset)
{
    uint32_t value;

    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at(base, offset)) : "memory");
    return value;
}

uint64_t
mmio_read64(const volatile void *base, uint32_t offset)
{
    uint64_t value;

    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(at(base, offset)) : "memory");
    return value;
}

void
mmio_write8(volatile void *base, uint32_t offset, uint8_t value)
{
    __asm__ volatile("strb %w0, [%1]" : : "r"(value), "r"(at(base, offset)) : "memory");
}

void
mmio_write16(volatile void *base, uint32_t offset, uint16_t value)
{
    __asm__ volatile("strh %w0, [%1]" : : "r"(value), "r"(at(base, offset)) : "memory");
}

void
mmio_write32(volatile void *base, uint32_t offset, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" : : "r"(value), "r"(at(base, offset)) : "memory");
}

void
mmio_write64(volatile void *base, uint32_t offset, uint64_t value)
{
    __asm__ volatile("str %0, [%1]" : : "r"(value), "r"(at(base, offset)) : "memory");
}
