#ifndef LOGGER_NOTE_H
#define LOGGER_NOTE_H
/*
 * note - a line in which the recorder speaks for itself (SPEC.md, section 2)
 *
 *     #1 CRIT E6614103E7452D2F 12.5@812 logger.silent host=web03 for=96 ~X8X6
 *
 * It proves nothing and cannot be taken for a sealed line: it begins with another character, holds no "!",
 * and ends behind four characters of check.
 */
#include "wire/line.h"

#define NOTE_MAX WIRE_LINE_MAX
#define NOTE_SERIAL_MAX 16
#define NOTE_DETAILS 6 /* most of them in a note */

struct note_place {
    const char *serial; /* 1 to NOTE_SERIAL_MAX of 0-9 A-Z */
    uint32_t boot;
    uint32_t number; /* of the note in this boot, from 0 */
    uint32_t uptime_s;
};

struct note_detail {
    const char *key;
    const char *text; /* of the set of a wire value; NULL: it is `number` */
    uint32_t number;
};

/*
 * Writes the note, without a line end; returns its length. A detail that does not fit is left out, and those
 * behind it.
 */
size_t note_compose(char out[NOTE_MAX], const struct note_place *place, enum wire_severity severity,
        const char *code, const struct note_detail *details, unsigned count);

/* True for a note with this code. */
bool note_is(const char *line, size_t len, const char *code);

#endif
