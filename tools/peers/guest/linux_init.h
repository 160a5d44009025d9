/*
 * The Linux peer: what its init (linux_init.c) can be asked for on the kernel's command line, `bench=NAME:SECONDS,...`.
 * Each figure is one line on the console, in the form that our own kernel's shell uses: `bench NAME key=value ...`.
 */
#ifndef TOOLS_PEERS_GUEST_LINUX_INIT_H
#define TOOLS_PEERS_GUEST_LINUX_INIT_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_S 1000000000ULL

/* One measured run: what was counted, over what time, and each item's own time. */
struct samples {
    uint32_t *item_ns; /* caller's memory, item_capacity of them */
    size_t item_capacity;
    size_t item_count;
    uint64_t elapsed_ns;
};

/* Monotonic time. */
uint64_t now_ns(void);

/* Adds one item's time; beyond the capacity items are counted no more (a run is sized so that this does not happen). */
void samples_add(struct samples *s, uint64_t item_ns);

/* Prints `bench NAME UNIT=count elapsed_ns=... p50_ns=... p99_ns=... max_ns=...`; sorts the samples. */
void samples_print(struct samples *s, const char *name, const char *unit);

/* Prints why and powers the machine off: a peer that cannot measure must not look like one that measured. */
void die(const char *what) __attribute__((noreturn));

/* The figures; each prints its own line. */
void gpu_full(unsigned seconds, struct samples *s);
void gpu_damage(unsigned seconds, struct samples *s);
void gpu_scene(unsigned seconds, struct samples *s);
void gpu_paced(unsigned seconds, struct samples *s);
void gpu_still(unsigned seconds, struct samples *s);
void net_tx(unsigned seconds, struct samples *s);
void net_tx_batched(unsigned seconds, struct samples *s);
void net_rx(unsigned seconds, struct samples *s);
void net_rtt(unsigned seconds, struct samples *s);

#endif
