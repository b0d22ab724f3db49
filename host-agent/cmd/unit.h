#ifndef CMD_UNIT_H
#define CMD_UNIT_H
/*
 * unit - the shipped service unit, for a disguised program
 */
#include <stdio.h>

/*
 * Writes it for the program FOLDER/NAME with its state in `state`: the same rights, and nothing of what it
 * is. 0 or -errno.
 */
int unit_write(FILE *out, const char *folder, const char *name, const char *state);

#endif
