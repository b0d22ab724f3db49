#ifndef CMD_EXPLAIN_H
#define CMD_EXPLAIN_H
/*
 * explain - what each code on the wire means to the person who reads it
 *
 * One table for the codes of the agent, the verdicts of the receiver and the receiver's own alarms.
 */
#include <stdbool.h>

struct explanation {
    const char *code;
    const char *verdict; /* the receiver's word for it, as "GAP"; NULL when it is none */
    const char *means;
    const char *raised; /* when exactly */
    const char *causes; /* the likely ones, the harmless first */
    const char *act;    /* what to do */
    const char *guard;  /* what keeps it from being a false alarm; NULL when there is no such thing */
};

/* From 0; NULL behind the last. */
const struct explanation *explain_entry(unsigned i);

/* True when `name` asks for this entry: its code, its verdict in any case, or its area ("mount"). */
bool explain_matches(const struct explanation *e, const char *name);

#endif
