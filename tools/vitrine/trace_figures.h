/*
 * trace_figures.h - of each kind of command: how many, the mean of each stage, the total's percentiles.
 */
#ifndef TOOLS_VITRINE_TRACE_FIGURES_H
#define TOOLS_VITRINE_TRACE_FIGURES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FIGURES_STAGE_COUNT_MAX = 9 };

struct figures_sample {
    uint32_t kind;
    uint64_t total_ns;
    uint64_t stage_ns[FIGURES_STAGE_COUNT_MAX];
};

/* How a kind of sample is called, and its stages. */
struct figures_words {
    unsigned stage_count;
    const char *(*stage_name)(unsigned stage);
    const char *(*kind_name)(uint32_t kind);
    int kind_width; /* of the first column, in characters */
};

/* Microseconds of each stage and of all, in columns. */
void figures_put_stages(FILE *to, const struct figures_words *words, const uint64_t *stage_ns,
                        uint64_t total_ns);

/* The stages' names above such columns. */
void figures_put_names(FILE *to, const struct figures_words *words);

/* samples: sorted here. */
void figures_report(FILE *to, const struct figures_words *words, struct figures_sample *samples,
                    size_t count);

#endif
