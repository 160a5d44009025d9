/*
 * A driver of a few lines that can be told to do every single thing wrong: it proves that each check of the fake device
 * fires. It shares no code with the library.
 *
 *   mini_init(&m, 2, features, &fake_echo_model, NULL);
 *   mini_start(&m, MINI_DRIVER_OK);
 *   ... one wrong thing ...
 *   EXPECT_TRUE(mini_broke(&m, FAKE_REQ_...));      exactly this requirement, nothing else; ends the test
 */
#ifndef MINI_DRIVER_H
#define MINI_DRIVER_H

#include "tests/fake/fake_device.h"

enum {
    MINI_ARENA_BYTES = 0x40000,
    MINI_QUEUE_BYTES = 0x4000, /* of each queue in the arena */
    MINI_DEVICE_OFFSET = 0x1000,
    MINI_DATA = 0x20000, /* offset of buffers in the arena */
    MINI_QUEUE_SIZE = 8,
};

enum mini_step {
    MINI_PROBED,
    MINI_RESET,
    MINI_ACKNOWLEDGE,
    MINI_DRIVER,
    MINI_FEATURES,
    MINI_FEATURES_OK,
    MINI_QUEUES,
    MINI_DRIVER_OK,
};

struct mini {
    struct fake_platform fp;
    struct fake_device device;
    volatile uint8_t *regs;
    uint8_t *mem;
    uint64_t dma;
    uint64_t features; /* to accept: the offered ones, unless the test changes it */
    uint16_t queue_count;
    uint16_t avail_idx[FAKE_QUEUES_MAX];
    bool avail_wrap[FAKE_QUEUES_MAX];
};

/* One buffer element. */
struct mini_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next; /* packed: id */
};

void mini_init(struct mini *m, uint32_t version, uint64_t features, const struct fake_model *model,
               void *model_ctx);

uint32_t mini_read(struct mini *m, uint32_t offset);
void mini_write(struct mini *m, uint32_t offset, uint32_t value);

/* Do all steps of §3.1.1 up to and including `last`. */
void mini_start(struct mini *m, enum mini_step last);
/* Only this step. */
void mini_step(struct mini *m, enum mini_step step);

/* Tell the device where queue `queue_idx` lies, in the usual place. */
void mini_queue(struct mini *m, uint16_t queue_idx, uint32_t size);
uint8_t *mini_area(struct mini *m, uint16_t queue_idx, unsigned area);
uint64_t mini_area_dma(const struct mini *m, uint16_t queue_idx, unsigned area);
uint64_t mini_data(const struct mini *m, uint32_t offset);

/* Split: write a table entry, make a head available. */
void mini_entry(struct mini *m, uint16_t queue_idx, uint16_t idx, const struct mini_desc *desc);
void mini_expose(struct mini *m, uint16_t queue_idx, uint16_t head);
/* Packed: write the next slot with the right AVAIL and USED bits, whatever else flags say. */
void mini_slot(struct mini *m, uint16_t queue_idx, const struct mini_desc *desc);
void mini_notify(struct mini *m, uint16_t queue_idx);

/*
 * Offer `count` buffers' worth of one chain in whichever format, starting at entry `first` (split), and notify.
 */
void mini_offer(struct mini *m, uint16_t queue_idx, uint16_t first, const struct mini_desc *descs,
                uint16_t count);

/* Was `requirement` broken, and no other? Ends everything. */
bool mini_broke(struct mini *m, enum fake_requirement requirement);
/* Was nothing broken? Ends everything. */
bool mini_is_clean(struct mini *m);

/* Requirements of [first, last] that no mini_broke has seen yet; 0 proves that every check has fired. Prints them. */
unsigned mini_unproven(enum fake_requirement first, enum fake_requirement last);

#endif
