#ifndef BELFRY_PAGE_SHEET_H
#define BELFRY_PAGE_SHEET_H
/*
 * sheet - text that is written to its end, bounded
 *
 * A sheet without memory, or beyond SHEET_MAX, is spoilt: what was written is kept, what comes is left out,
 * and sheet_sound() says so.
 */
#include <stdbool.h>
#include <stddef.h>

#define SHEET_MAX (4 << 20)

struct sheet {
    char *at; /* NUL-terminated once something was written; free(3) it, or sheet_free() */
    size_t len;
    size_t room;
    bool spoilt;
};

void sheet_put(struct sheet *s, const char *text);
void sheet_bytes(struct sheet *s, const char *src, size_t len);
__attribute__((format(printf, 2, 3))) void sheet_print(struct sheet *s, const char *format, ...);

/*
 * Text from outside for HTML and SVG, in elements and in attributes between double quotes: every byte that is
 * not printable ASCII becomes %HH, and then & < > " ' become entities.
 */
void sheet_text(struct sheet *s, const char *src);

/* The same for a label's value in the Prometheus text format: \ " and line feeds cannot end it. */
void sheet_label(struct sheet *s, const char *src);

bool sheet_sound(const struct sheet *s);
void sheet_free(struct sheet *s);

#endif
