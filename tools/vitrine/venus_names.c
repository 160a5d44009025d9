/*
 * venus_names.c - what the numbers of Venus commands are called: venus/protocol/ids.tsv.
 */
#include "tools/vitrine/rings.h"

#define VENUS_COMMAND(id, name) [id] = #name,
static const char *const names[] = {
#include "venus_commands.def"
};
#undef VENUS_COMMAND

const char *
venus_command_name(uint32_t id)
{
    if (id == RING_ID_FENCE) {
        return "(fence)";
    }
    return id < sizeof(names) / sizeof(names[0]) && names[id] != NULL ? names[id] : "?";
}
