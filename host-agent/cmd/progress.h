#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H
/*
 * progress - one line on standard error that shows how far a command is, when that is a terminal
 *
 * One in the process. Whoever prints something else clears it first; it comes back by itself.
 */
#include <stdint.h>

/* How far it is, of how many (0: unknown). Cheap: may be called at every step; draws a few times a second. */
void cmd_progress(uint64_t looked, uint64_t total, uint64_t bytes);

/* Takes the line away. */
void cmd_progress_clear(void);

#endif
