# The network interface of lwIP, with all of lwIP that the kernel has, on the fake device.
net_stack_test_srcs := $(kernel_host_all) kernel/net/link.c kernel/net/port.c $(lwip_srcs)

# The reader of a web server's answer.
http_test_srcs := $(kernel_host_all) kernel/net/http.c
