#ifndef BELFRY_DIAL_COMMAND_H
#define BELFRY_DIAL_COMMAND_H
/*
 * command - lines that are programs: IPMI serial over LAN, virsh console, ssh to a console server
 *
 * Each is executed without a shell in a session of its own, with a pseudo-terminal (raw, 80 columns and 24
 * rows) as standard input and output, which belfry gets the other end of. What it writes to standard error is
 * told on ours, escaped and bounded. It is killed, with all of its session's group, when the line is over or
 * we are.
 */
#include "belfry/dial/link.h"

void command_begin(const struct dial_message *m);
void command_end(uint32_t number);

/* A second has passed. */
void command_tick(void);

/* Frees those that are over. After loop_turn(). */
void command_sweep(void);

/* Ends all, and waits for them a second at most. */
void command_end_all(void);

#endif
