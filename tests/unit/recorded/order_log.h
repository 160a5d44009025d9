/*
 * What the driver did to memory that it shares with a device, to the device's registers, and between: in program order.
 *
 * The headers under tests/unit/recorded/virtio stand in for those of the library of the same names (by include path), note
 * each access and each barrier here, and do the access. A buffer's contents are the driver's matter: tests note them.
 */
#ifndef TESTS_UNIT_RECORDED_ORDER_LOG_H
#define TESTS_UNIT_RECORDED_ORDER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum order_kind {
    ORDER_LOAD,         /* of ring memory */
    ORDER_STORE,        /* to ring memory */
    ORDER_BUFFER_READ,  /* what the device wrote is looked at */
    ORDER_BUFFER_WRITE, /* what the device will look at is written; also: ring memory was zeroed */
    ORDER_REG_READ,
    ORDER_REG_WRITE,
    ORDER_STORE_BARRIER,
    ORDER_LOAD_BARRIER,
    ORDER_RELEASE_BARRIER,
    ORDER_FULL_BARRIER,
};

struct order_event {
    enum order_kind kind;
    const volatile void *at; /* NULL: nothing in particular */
    uint64_t value;
};

/* Put an event at the end of the log. */
void order_note(enum order_kind kind, const volatile void *at, uint64_t value);

/* Around each access to ring memory: outside of these, that memory may be closed, so that an access past them shows. */
void order_open(void);
void order_close(void);

/* The registers, played by the test. */
uint32_t order_reg_read(const volatile void *reg, unsigned width);
void order_reg_write(volatile void *reg, unsigned width, uint32_t value);

#endif
