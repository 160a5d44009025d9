/*
 * How lwIP is built: no operating system beneath it, everything in the main thread, IPv4, memory of its own and fixed.
 * The meaning of each: lwip/opt.h.
 */
#ifndef KERNEL_NET_LWIPOPTS_H
#define KERNEL_NET_LWIPOPTS_H

#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0

#define MEM_ALIGNMENT        8
#define MEM_SIZE             (256 * 1024)
#define MEMP_NUM_PBUF        64
#define MEMP_NUM_TCP_PCB     8
#define MEMP_NUM_TCP_SEG     128
#define MEMP_NUM_UDP_PCB     8
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 4)
#define PBUF_POOL_SIZE       8

/*
 * Received frames stay in the driver's buffers until the last reference is gone; lwIP's own pool of receive buffers, whose
 * size it would compare with the window, is not used for them.
 */
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1
#define LWIP_SUPPORT_CUSTOM_PBUF       1

#define LWIP_IPV4     1
#define LWIP_IPV6     0
#define LWIP_ARP      1
#define ARP_QUEUEING  1
#define IP_REASSEMBLY 1
#define IP_FRAG       1
#define LWIP_ICMP     1
#define LWIP_RAW      1
#define LWIP_UDP      1
#define LWIP_TCP      1
#define LWIP_DNS      1
#define LWIP_DHCP     1
#define LWIP_ALTCP    0

/* An address offered is taken as it is: probing it would cost seconds at every boot. */
#define LWIP_DHCP_DOES_ACD_CHECK 0

#define TCP_MSS          1460
#define TCP_WND          (32 * TCP_MSS)
#define TCP_SND_BUF      (16 * TCP_MSS)
#define TCP_SND_QUEUELEN 64
#define TCP_QUEUE_OOSEQ  1

#define LWIP_NETIF_HOSTNAME   1
#define LWIP_CHKSUM_ALGORITHM 3
#define LWIP_STATS            0

#endif
