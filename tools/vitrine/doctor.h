/*
 * doctor.h - vitrine doctor: why the screen is black.
 */
#ifndef TOOLS_VITRINE_DOCTOR_H
#define TOOLS_VITRINE_DOCTOR_H

/* argv: "doctor" and what follows it.  Returns: an exit status, see its --help. */
int doctor_main(int argc, char **argv);

#endif
