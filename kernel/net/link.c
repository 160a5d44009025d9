/* lwIP's network interface over our driver: see link.h. */
#include "kernel/net/link.h"

#include <string.h>

#include <lwip/etharp.h>
#include <lwip/pbuf.h>
#include <netif/ethernet.h>

#include "kernel/core/check.h"
#include "kernel/core/log.h"

enum { POLL_FRAMES_MAX = 64 };

/* A pbuf whose memory is a buffer of the driver's. */
struct rx_pbuf {
    struct pbuf_custom pbuf; /* first: lwIP hands back a pointer to its own part */
    struct vnet_buffer *buffer;
    struct rx_pbuf *next_free;
};

static struct vnet *vnet;
static struct netif netif;
static struct link_tap tap;
static struct rx_pbuf
    rx_pbufs[VNET_QUEUE_SIZE_MAX]; /* one for each buffer that the driver can lend */
static struct rx_pbuf *free_rx_pbufs;
static bool is_polling; /* the device is told at the end of link_poll */

static void
free_rx_pbuf(struct pbuf *pbuf)
{
    struct rx_pbuf *rx = CONTAINER_OF(pbuf, struct rx_pbuf, pbuf.pbuf);

    vnet_recycle_rx_buffer(vnet, rx->buffer);
    rx->next_free = free_rx_pbufs;
    free_rx_pbufs = rx;
}

static struct pbuf *
wrap_piece(const struct vnet_seg *seg)
{
    struct rx_pbuf *rx = free_rx_pbufs;

    CHECK(rx != NULL);
    free_rx_pbufs = rx->next_free;
    rx->buffer = seg->buffer;
    rx->pbuf.custom_free_function = free_rx_pbuf;
    return pbuf_alloced_custom(PBUF_RAW, (u16_t)seg->bytes, PBUF_REF, &rx->pbuf, seg->data,
                               (u16_t)seg->bytes);
}

static struct pbuf *
wrap(const struct vnet_frame *frame)
{
    struct pbuf *whole = wrap_piece(&frame->segs[0]);

    for (uint16_t i = 1; i < frame->seg_count; i++) {
        pbuf_cat(whole, wrap_piece(&frame->segs[i]));
    }
    return whole;
}

static void
receive(const struct vnet_frame *frame)
{
    struct pbuf *pbuf = wrap(frame);

    if (tap.frame != NULL) {
        tap.frame(tap.ctx, pbuf);
    }
    if (netif.input(pbuf, &netif) != ERR_OK) {
        (void)pbuf_free(pbuf);
    }
}

static err_t
err_from_virtio(enum virtio_err err)
{
    switch (err) {
    case VIRTIO_OK: return ERR_OK;
    case VIRTIO_ERR_BUSY: return ERR_MEM; /* lwIP tries again later */
    case VIRTIO_ERR_INVALID: return ERR_ARG;
    default: return ERR_IF;
    }
}

/* netif.linkoutput */
static err_t
link_output(struct netif *netif_out, struct pbuf *frame)
{
    struct vnet_slot slot;
    enum virtio_err err = vnet_reserve(vnet, &slot);

    (void)netif_out;
    if (err != VIRTIO_OK) {
        return err_from_virtio(err);
    }
    if (frame->tot_len > slot.bytes) {
        vnet_cancel(vnet, &slot);
        return ERR_ARG;
    }
    (void)pbuf_copy_partial(frame, slot.data, frame->tot_len, 0);
    err = vnet_commit(vnet, &slot, frame->tot_len);
    if (!is_polling) {
        vnet_flush(vnet);
    }
    return err_from_virtio(err);
}

/* netif_add's init */
static err_t
link_init(struct netif *netif_new)
{
    netif_new->name[0] = 'e';
    netif_new->name[1] = 'n';
    netif_new->hostname = "vitrine";
    netif_new->mtu = (u16_t)min_u64(vnet_mtu(vnet), vnet->send_bytes_max - SIZEOF_ETH_HDR);
    netif_new->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(netif_new->hwaddr, vnet_mac(vnet), ETH_HWADDR_LEN);
    netif_new->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif_new->output = etharp_output;
    netif_new->linkoutput = link_output;
    return ERR_OK;
}

static void
follow_link(void)
{
    bool is_up = vnet_is_link_up(vnet);

    if (is_up == (netif_is_link_up(&netif) != 0)) {
        return;
    }
    log_info("net", "link %s", is_up ? "up" : "down");
    if (is_up) {
        netif_set_link_up(&netif);
    } else {
        netif_set_link_down(&netif);
    }
}

void
link_start(struct vnet *net)
{
    vnet = net;
    for (size_t i = 0; i < ARRAY_COUNT(rx_pbufs); i++) {
        rx_pbufs[i].next_free = free_rx_pbufs;
        free_rx_pbufs = &rx_pbufs[i];
    }
    CHECK(netif_add(&netif, NULL, NULL, NULL, NULL, link_init, ethernet_input) != NULL);
    netif_set_default(&netif);
    netif_set_up(&netif);
    if (vnet_is_link_up(vnet)) {
        netif_set_link_up(&netif);
    }
}

struct netif *
link_netif(void)
{
    return vnet != NULL ? &netif : NULL;
}

bool
link_poll(void)
{
    struct vnet_frame frame;
    unsigned count = 0;

    follow_link();
    is_polling = true;
    while (count < POLL_FRAMES_MAX && vnet_receive_frame(vnet, &frame) == VIRTIO_OK) {
        receive(&frame);
        count++;
    }
    is_polling = false;
    vnet_flush(vnet);
    return vnet_can_recv(vnet);
}

void
link_set_tap(const struct link_tap *new_tap)
{
    tap = new_tap != NULL ? *new_tap : (struct link_tap){ 0 };
}
