#ifndef BELFRY_PAGE_HTML_H
#define BELFRY_PAGE_HTML_H
/*
 * html - the pages for people: all lines, one line, the open alarms, and the same as plain text
 *
 * Whole documents. Everything that is not ours goes through sheet_text(). Nothing in them runs or styles
 * anything by itself: there is one script and one style sheet, files of their own (assets.h).
 */
#include "belfry/page/rows.h"
#include "belfry/page/sheet.h"

#define HTML_ROWS 512    /* on one page; the next ones follow on another */
#define HTML_PICTURES 50 /* of these, the worst ones, with a picture; each line's own page has one */
#define HTML_ALARMS 20   /* on the page of all lines */

struct html_view {
    const struct model *model;
    const struct rows *rows;
    unsigned from;    /* the first row to show */
    unsigned refresh; /* seconds, for browsers without scripts; 0 for none */
};

void html_overview(struct sheet *s, const struct html_view *v);
void html_alarms(struct sheet *s, const struct html_view *v);
void html_line(struct sheet *s, const struct html_view *v, const struct model_line *l);
void html_text(struct sheet *s, const struct html_view *v);

#endif
