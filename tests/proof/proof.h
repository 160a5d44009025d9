/*
 * What the proofs share. A proof is a function `proof_*` without arguments; CBMC runs it for every value that its nondet_*
 * calls may give, within the loop bounds of the comment `cbmc: unwind N, LOOP:N` above it (4 where there is none), and with every C-level check: bounds,
 * pointers, overflow, shifts, conversions of enumerations, and that the loops' bounds suffice.
 *
 * A proof includes the library's own .c files: what is proved is the code that runs.
 */
#ifndef TESTS_PROOF_PROOF_H
#define TESTS_PROOF_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Known to CBMC. */
void __CPROVER_assume(_Bool condition);
void __CPROVER_assert(_Bool condition, const char *what);
bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);

#define ASSUME(condition) __CPROVER_assume(condition)
#define PROVE(condition)  __CPROVER_assert(condition, #condition)

#endif
