/*
 * trace.h - vitrine trace: both sides' records as one.
 */
#ifndef TOOLS_VITRINE_TRACE_H
#define TOOLS_VITRINE_TRACE_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/vitrine/join.h"
#include "tools/vitrine/rings.h"

/* argv: "trace" and what follows it.  Returns: an exit status, see its --help. */
int trace_main(int argc, char **argv);

/* What is lost, the clocks, a line per command (unless only the summary is wanted), figures per type of command. */
void trace_report(FILE *to, const struct joined *joined, bool is_summary);

/* The same of the Vulkan commands in rings and streams. */
void trace_report_rings(FILE *to, const struct rings *rings, bool is_summary);

/* Chrome trace JSON, which Perfetto opens too.  Either may be empty.  Returns: false: it could not be written, errno. */
bool trace_write_json(FILE *to, const struct joined *joined, const struct rings *rings);

#endif
