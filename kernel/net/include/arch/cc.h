/*
 * lwIP's view of the compiler and of what lies around it. Its functions are in kernel/net/port.c and port_libc.c.
 */
#ifndef KERNEL_NET_ARCH_CC_H
#define KERNEL_NET_ARCH_CC_H

#include <stddef.h>
#include <stdint.h>

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_CTYPE_H    1

#define X8_F  "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "zu"

/* lwIP asserts its own logic, not what the network says: a failure is a fault of ours. */
_Noreturn void net_port_assert_failed(const char *what, const char *file, int line);
uint32_t net_port_random(void);

/* The function of a libc's that lwIP uses and <string.h> does not have. */
int atoi(const char *text);

#define LWIP_PLATFORM_ASSERT(what) net_port_assert_failed(what, __FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(what)   ((void)0)
#define LWIP_RAND()                net_port_random()

#endif
