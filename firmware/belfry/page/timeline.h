#ifndef BELFRY_PAGE_TIMELINE_H
#define BELFRY_PAGE_TIMELINE_H
/*
 * timeline - what a line did in the last six hours, as a picture (SVG) and in words
 *
 * From left to right, oldest first: along the top a bar where lines were proved, below it how many bytes came
 * (by magnitude), a rule along the bottom where the host was silent or the line lost, a triangle where an
 * alarm was raised. No scripts, no styles, colours that are told apart on white and on black, and shapes that
 * are told apart without colours.
 */
#include "belfry/page/model.h"
#include "belfry/page/sheet.h"

#define TIMELINE_WIDTH PAST_SPANS
#define TIMELINE_HEIGHT 24

/* The whole picture. `alone`: it is a file of its own; else it is within a page and says its words as title
 * and desc. */
void timeline_svg(struct sheet *s, const struct model_line *l, int64_t now_ms, bool alone);

/* "beats 178, bytes 180 of 180, silent or lost now, alarms 14:02 14:40": in how many spans, and when. */
void timeline_words(struct sheet *s, const struct model_line *l, int64_t now_ms);

/* A row for each hour of a table: hour, lines proved, bytes, alarms, trouble. */
void timeline_hours(struct sheet *s, const struct model_line *l, int64_t now_ms);

#endif
