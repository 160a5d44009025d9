/*
 * exec.h - vitrine exec: a Vulkan program through a private renderer.
 */
#ifndef TOOLS_VITRINE_EXEC_H
#define TOOLS_VITRINE_EXEC_H

/* argv: "exec" and what follows it.  Returns: an exit status, see its --help. */
int exec_main(int argc, char **argv);

#endif
