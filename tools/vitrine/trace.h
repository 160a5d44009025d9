/*
 * trace.h - vitrine trace: both sides' records as one.
 */
#ifndef TOOLS_VITRINE_TRACE_H
#define TOOLS_VITRINE_TRACE_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/vitrine/join.h"

/* argv: "trace" and what follows it.  Returns: an exit status, see its --help. */
int trace_main(int argc, char **argv);

/* What is lost, the clocks, a line per command (unless only the summary is wanted), figures per type of command. */
void trace_report(FILE *to, const struct joined *joined, bool is_summary);

/* Chrome trace JSON, which Perfetto opens too.  Returns: false: it could not be written, errno. */
bool trace_write_json(FILE *to, const struct joined *joined);

#endif
