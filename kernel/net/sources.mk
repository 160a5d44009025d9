# TCP/IP: our port and, of lwIP's sources, the parts for IPv4 without an operating system.
kernel_net_srcs := \
    kernel/net/bench.c \
    kernel/net/cmd_frames.c \
    kernel/net/cmd_net.c \
    kernel/net/fetch.c \
    kernel/net/http.c \
    kernel/net/link.c \
    kernel/net/net.c \
    kernel/net/pcapng.c \
    kernel/net/ping.c \
    kernel/net/port.c \
    kernel/net/port_libc.c \
    kernel/net/syslog.c

kernel_lwip_srcs := \
    core/def.c core/dns.c core/inet_chksum.c core/init.c core/ip.c core/mem.c core/memp.c core/netif.c \
    core/pbuf.c core/raw.c core/stats.c core/sys.c core/tcp.c core/tcp_in.c core/tcp_out.c \
    core/timeouts.c core/udp.c \
    core/ipv4/acd.c core/ipv4/dhcp.c core/ipv4/etharp.c core/ipv4/icmp.c core/ipv4/ip4.c \
    core/ipv4/ip4_addr.c core/ipv4/ip4_frag.c \
    netif/ethernet.c

kernel_srcs += $(kernel_net_srcs)
kernel_incs += -isystem kernel/net/include
kernel_host_incs += -isystem kernel/net/include
