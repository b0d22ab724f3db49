#ifndef LOGGER_LAMP_H
#define LOGGER_LAMP_H
/*
 * lamp - what one lamp says: patterns of LAMP_STEPS steps of LAMP_STEP_MS (SPEC.md, section 4)
 *
 * No pattern is always on or always off: a lamp that never changes is that of a dead device.
 */
#include <stdbool.h>

#define LAMP_STEP_MS 100
#define LAMP_STEPS 20

enum lamp_pattern {
    LAMP_OK,
    LAMP_ALARM,
    LAMP_SILENCE,
    LAMP_RESERVE, /* the reserve is full */
    LAMP_FAULT,
    LAMP_DUMP,      /* started to be read out */
    LAMP_DUMPED,    /* read to the end: a long press marks it harvested */
    LAMP_HARVESTED, /* marked */
    LAMP_PATTERNS
};

/* step: 0 to LAMP_STEPS - 1. */
bool lamp_lit(enum lamp_pattern pattern, unsigned step);

#endif
