/*
 * packet.h - packets with fds on a SOCK_SEQPACKET socket, for the render server's protocol.
 */
#ifndef DEVICE_PACKET_H
#define DEVICE_PACKET_H

#include <stddef.h>

enum { PACKET_FD_COUNT_MAX = 8 };

struct packet {
    size_t size_bytes;
    unsigned fd_count;
    int fds[PACKET_FD_COUNT_MAX]; /* the receiver's; -1 once taken */
};

enum packet_result { PACKET_GOT, PACKET_END, PACKET_CUT, PACKET_ERROR };

/*
 * Receives a packet of at most size_bytes.  Context: blocks.
 * Returns: PACKET_GOT; PACKET_END (the other end is gone); PACKET_CUT (it had more bytes or fds; nothing was kept);
 * PACKET_ERROR (errno).
 */
enum packet_result packet_receive(int socket, void *to, size_t size_bytes, struct packet *packet);

/* Closes the fds that nobody has taken. */
void packet_close_fds(struct packet *packet);

/* Sends a packet with fd (still the caller's; -1: none).  Returns: 0; -1 and errno. */
int packet_send(int socket, const void *bytes, size_t size_bytes, int fd);

/* The same with fd_count fds, up to PACKET_FD_COUNT_MAX. */
int packet_send_fds(int socket, const void *bytes, size_t size_bytes, const int *fds,
                    unsigned fd_count);

#endif
