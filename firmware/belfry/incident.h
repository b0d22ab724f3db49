#ifndef BELFRY_INCIDENT_H
#define BELFRY_INCIDENT_H
/*
 * incident - what happens to a line beside bytes: marked in its transcript, on record, and told when it is
 * bad
 *
 * One object a line. Of each kind the first is recorded at once, and what follows within a minute as one sum
 * at its end: a port with the wrong speed fills no ledger. The transcript has all of them, ten marks of a
 * kind a second at most.
 */
#include "belfry/line/line.h"

enum incident_kind {
    INCIDENT_DROP,   /* bytes that are lost */
    INCIDENT_SHARED, /* somebody else uses the port */
    INCIDENT_NOISE,  /* bytes that came damaged */
    INCIDENT_BREAK,
    INCIDENT_MODEM,
    INCIDENTS
};

struct incident {
    int64_t told_ms; /* the last record; 0 for none */
    int64_t last_ms; /* the last time it happened */
    uint64_t value[2];
    bool waits;  /* something happened that is not on record */
    bool raised; /* it is an alarm */
};

struct incidents {
    struct incident at[INCIDENTS];
    int64_t marked_ms;          /* the last marks in the transcript */
    struct line_events waiting; /* not marked yet */
};

struct run_line;

/* What an earlier life raised is waited for to end. */
void incident_prepare(struct run_line *rl);

/* After a slice of `n` bytes was put into the transcript. */
void incident_take(struct run_line *rl, size_t n);

/* Once a second. */
void incident_tick(struct run_line *rl);

#endif
