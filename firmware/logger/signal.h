#ifndef LOGGER_SIGNAL_H
#define LOGGER_SIGNAL_H
/*
 * signal - a level that is told when it changes, but not more often than each SIGNAL_REST_S
 *
 * One a level: DTR, VBUS. Sampled each BUTTON_SAMPLE_MS; counts when it was the same for SIGNAL_STABLE
 * samples. What changed and changed back while nothing might be told is told as a number of changes.
 */
#include <stdbool.h>
#include <stdint.h>

#define SIGNAL_STABLE 5 /* samples */
#define SIGNAL_REST_S 10

struct signal {
    bool level;
    bool last;        /* sample */
    uint8_t same;     /* samples */
    uint32_t changes; /* since it was told */
    uint32_t next_s;  /* not told before */
};

/* The first level is for the caller to tell. */
void signal_init(struct signal *s, bool level);

/* True when `level` is to be told now, and how often it changed since it was told. */
bool signal_sample(struct signal *s, bool level, uint32_t now_s, uint32_t *changes);

#endif
