/*
 * In the place of the library's header of this name: each access to ring memory is noted.
 */
#ifndef TESTS_UNIT_RECORDED_SHARED_H
#define TESTS_UNIT_RECORDED_SHARED_H

#include "abi/endian.h"

#include "tests/unit/recorded/order_log.h"

static inline uint16_t
le16_read(const volatile le16 *field)
{
    order_open();
    uint16_t value = le16_get((le16){ field->raw });
    order_close();
    order_note(ORDER_LOAD, field, value);
    return value;
}

static inline uint32_t
le32_read(const volatile le32 *field)
{
    order_open();
    uint32_t value = le32_get((le32){ field->raw });
    order_close();
    order_note(ORDER_LOAD, field, value);
    return value;
}

static inline void
le16_write(volatile le16 *field, uint16_t value)
{
    order_note(ORDER_STORE, field, value);
    order_open();
    field->raw = le16_from(value).raw;
    order_close();
}

static inline void
le32_write(volatile le32 *field, uint32_t value)
{
    order_note(ORDER_STORE, field, value);
    order_open();
    field->raw = le32_from(value).raw;
    order_close();
}

static inline void
le64_write(volatile le64 *field, uint64_t value)
{
    order_note(ORDER_STORE, field, value);
    order_open();
    field->raw = le64_from(value).raw;
    order_close();
}

#endif
