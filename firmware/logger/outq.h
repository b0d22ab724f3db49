#ifndef LOGGER_OUTQ_H
#define LOGGER_OUTQ_H
/*
 * outq - lines that wait for the console's transmitter: the recorder's own first, then the grave ones
 *
 * One per image. Whole lines only; one that does not fit is counted, and those that wait stay. Of
 * OUTQ_TURN lines from outside one is a lesser one while both wait: a flood of alarms shall not look like
 * silence. What the recorder says itself is bounded by how seldom it says it (report.h).
 */
#include "wire/line.h"

#define OUTQ_OWN_BYTES 1024
#define OUTQ_GRAVE_BYTES 4096
#define OUTQ_OTHER_BYTES 2048
#define OUTQ_TURN 8

enum outq_rank {
    OUTQ_OWN,
    OUTQ_GRAVE, /* ERRO and worse */
    OUTQ_OTHER,
    OUTQ_RANKS
};

struct outq_ring {
    uint16_t first; /* index of the oldest byte: a line's length, then the line */
    uint16_t used;
    uint32_t lost; /* lines that found no room; stops at its largest value */
};

struct outq {
    struct outq_ring ring[OUTQ_RANKS];
    uint8_t own[OUTQ_OWN_BYTES];
    uint8_t grave[OUTQ_GRAVE_BYTES];
    uint8_t other[OUTQ_OTHER_BYTES];
    uint8_t turn; /* grave lines since a lesser one */
};

void outq_init(struct outq *q);

/* len: 1 to WIRE_LINE_MAX. False when there is no room; nothing was put then, and it is counted. */
bool outq_put(struct outq *q, enum outq_rank rank, const char *line, size_t len);

/* Takes the next line. Returns its length; 0 when none waits. */
size_t outq_take(struct outq *q, char line[WIRE_LINE_MAX]);

bool outq_empty(const struct outq *q);

#endif
