#ifndef BELFRY_CTL_SCREEN_H
#define BELFRY_CTL_SCREEN_H
/*
 * screen - what `belfry top` shows, as text and escape sequences for a terminal of a given size
 *
 * Nothing but printable ASCII, cursor moves, "erase" and three attributes: any terminal there is. No line is
 * longer than the screen, so that nothing wraps, and what is left of an earlier picture is erased.
 */
#include "belfry/page/rows.h"
#include "belfry/page/sheet.h"

#define SCREEN_COLUMNS_MAX 400
#define SCREEN_LINES_MAX 400

struct screen {
    const struct model *model;
    const struct rows *rows;
    unsigned columns; /* at most SCREEN_COLUMNS_MAX */
    unsigned lines;   /* at most SCREEN_LINES_MAX */
    unsigned first;   /* row at the top */
    int error;        /* errno of the last question to belfry; 0: it answered */
};

/* How many rows of the table fit. */
unsigned screen_room(const struct screen *v);

/* From the upper left corner to the end of the screen. */
void screen_draw(struct sheet *s, const struct screen *v);

#endif
