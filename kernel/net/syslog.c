/* Log lines to a syslog server: see syslog.h. */
#include "kernel/net/syslog.h"

#include <string.h>

#include <lwip/pbuf.h>
#include <lwip/udp.h>

#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/log.h"
#include "kernel/net/net.h"

enum {
    FACILITY_USER = 1,
    FACILITY_FACTOR = 8,
    LINES_PER_POLL = 16,
    /* "<15>1 - vitrine MODULE - - - [  123.456789] " before the text */
    DATAGRAM_BYTES = 64 + LOG_MODULE_BYTES + LOG_TEXT_BYTES,
};

static struct udp_pcb *pcb; /* NULL: off */
static uint64_t next_seq;
static struct syslog_counts counts;

/* RFC 5424, table 2. */
static unsigned
severity(uint8_t level)
{
    static const uint8_t severities[LOG_LEVEL_COUNT] = { 3, 4, 6, 7, 7 };

    return level < LOG_LEVEL_COUNT ? severities[level] : 7;
}

/* The kernel does not know the date: the timestamp is nil, and the time since boot stands in the text. */
static size_t
format_line(const struct log_entry *entry, char *text, size_t size)
{
    uint64_t us = entry->time_ns / 1000;

    return format_text(text, size, "<%u>1 - vitrine %s - - - [%5llu.%06llu] %s",
                       FACILITY_USER * FACILITY_FACTOR + severity(entry->level), entry->module,
                       (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000),
                       entry->text);
}

static err_t
send_line(const struct log_entry *entry)
{
    char text[DATAGRAM_BYTES];
    size_t bytes = min_u64(format_line(entry, text, sizeof(text)), sizeof(text) - 1);
    struct pbuf *pbuf = pbuf_alloc(PBUF_TRANSPORT, (u16_t)bytes, PBUF_RAM);
    err_t err;

    if (pbuf == NULL) {
        return ERR_MEM;
    }
    memcpy(pbuf->payload, text, bytes);
    err = udp_send(pcb, pbuf);
    (void)pbuf_free(pbuf);
    return err;
}

bool
syslog_poll(void)
{
    struct log_entry entry;

    if (pcb == NULL || !net_is_up()) {
        return false;
    }
    for (unsigned i = 0; i < LINES_PER_POLL; i++) {
        uint64_t wanted_seq = next_seq;

        if (log_read(&next_seq, &entry) != 0) {
            return false;
        }
        counts.lost += entry.seq - wanted_seq;
        if (send_line(&entry) == ERR_OK) {
            counts.sent++;
        } else {
            counts.failed++;
        }
    }
    return true;
}

int
syslog_start(const ip_addr_t *address, uint16_t port)
{
    syslog_stop();
    pcb = udp_new();
    if (pcb == NULL) {
        return -E_NOMEM;
    }
    if (udp_connect(pcb, address, port) != ERR_OK) {
        syslog_stop();
        return -E_NOMEM;
    }
    next_seq = 0;
    counts = (struct syslog_counts){ 0 };
    return 0;
}

void
syslog_stop(void)
{
    if (pcb != NULL) {
        udp_remove(pcb);
        pcb = NULL;
    }
}

bool
syslog_is_on(void)
{
    return pcb != NULL;
}

struct syslog_counts
syslog_get_counts(void)
{
    return counts;
}
