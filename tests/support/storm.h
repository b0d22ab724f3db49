#ifndef TESTS_SUPPORT_STORM_H
#define TESTS_SUPPORT_STORM_H
/*
 * storm - a core under more findings than it can tell, with two wires: one as slow as a line of 9600 baud,
 * one that takes all, and by which everything is counted
 *
 * Half of the findings are ports, half are files, which fold; each is another one. A third source raises a
 * graver one now and then.
 */
#include "support/core_alone.h"

#define STORM_RATE 10000 /* a second */
#define STORM_BAUD 9600
#define STORM_GRAVES 256
#define STORM_FOLDS 64

struct storm_grave {
    int64_t raised_us;
    int64_t begun_us; /* its line on the slow wire; 0: not yet */
    unsigned before;  /* lines that were begun between */
};

struct storm_fold {
    char under[64];
    unsigned files; /* as told last */
};

struct storm {
    struct core_alone core;
    struct conf conf;
    int slow;
    int fast;
    int files;
    int ports;
    int daemons;
    uint64_t sent;      /* findings of the storm */
    unsigned begun;     /* lines on the slow wire */
    uint32_t under_way; /* the line that is on it; 0: none */
    int64_t free_us;    /* when it will be out */
    struct storm_grave grave[STORM_GRAVES];
    unsigned graves;
    uint64_t told;    /* findings that a line told singly, */
    uint64_t dropped; /* and that agent.flood counted: found no room, */
    uint64_t untold;  /* or not told, by the last of these lines */
    struct storm_fold fold[STORM_FOLDS];
    unsigned folds;
    uint8_t seen[65536]; /* numbers of lines: copies tell nothing new */
};

/* False when there is no room for it. */
bool storm_begin(struct storm *s);

/* Lines until the core's table of them is full: from here on it takes no more memory for them. */
void storm_fill(struct storm *s);

/* Goes on for so long. `raining` says whether findings come. */
void storm_go_on(struct storm *s, int64_t ms, bool raining);

/* An event that is graver than those of the storm. */
void storm_raise(struct storm *s);

/* Ends the core; its status. */
int storm_end(struct storm *s);

/* Findings that a fold told of. */
uint64_t storm_folded(const struct storm *s);

/* Memory of the core that is its own, in kB; 0 when it cannot be read. */
long storm_memory_kb(const struct storm *s);

#endif
