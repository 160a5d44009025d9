/*
 * fault.h - why somebody else's message was refused: one sentence with what was found and what is right.
 */
#ifndef DEVICE_FAULT_H
#define DEVICE_FAULT_H

#include <stdbool.h>

enum { FAULT_BYTES = 256 };

struct fault {
    char text[FAULT_BYTES];
};

/* Writes a printf sentence; always false, so that a refusal is one statement. */
bool refuse(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
