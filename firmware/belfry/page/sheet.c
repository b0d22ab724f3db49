#include "belfry/page/sheet.h"

#include "belfry/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 16384
#define PRINT_MAX 1024
#define TEXT_MAX 1400 /* of one value, escaped */

static bool
make_room(struct sheet *s, size_t len)
{
    size_t room = s->room == 0 ? FIRST : s->room;
    char *at;

    while (room - s->len <= len) {
        room *= 2;
    }
    if (room == s->room) {
        return true;
    }
    at = room <= SHEET_MAX ? realloc(s->at, room) : NULL;
    if (at == NULL) {
        s->spoilt = true;
        return false;
    }
    s->at = at;
    s->room = room;
    return true;
}

void
sheet_bytes(struct sheet *s, const char *src, size_t len)
{
    if (s->spoilt || len >= SHEET_MAX || !make_room(s, len)) {
        s->spoilt = true;
        return;
    }
    memcpy(s->at + s->len, src, len);
    s->len += len;
    s->at[s->len] = '\0';
}

void
sheet_put(struct sheet *s, const char *text)
{
    sheet_bytes(s, text, strlen(text));
}

void
sheet_print(struct sheet *s, const char *format, ...)
{
    char text[PRINT_MAX];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || n >= PRINT_MAX) {
        s->spoilt = true;
        return;
    }
    sheet_bytes(s, text, (size_t)n);
}

static const char *
entity(char c)
{
#ifdef PLANT_PAGE_RAW
    return NULL;
#endif
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void
sheet_text(struct sheet *s, const char *src)
{
    char text[TEXT_MAX];
    const char *from = text;

    (void)text_detail(text, sizeof text, src, strlen(src));
    for (const char *c = text; *c != '\0'; c++) {
        const char *safe = entity(*c);

        if (safe != NULL) {
            sheet_bytes(s, from, (size_t)(c - from));
            sheet_put(s, safe);
            from = c + 1;
        }
    }
    sheet_put(s, from);
}

void
sheet_label(struct sheet *s, const char *src)
{
    char text[TEXT_MAX];

    (void)text_detail(text, sizeof text, src, strlen(src));
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            sheet_put(s, "\\");
        }
        sheet_bytes(s, c, 1);
    }
}

bool
sheet_sound(const struct sheet *s)
{
    return !s->spoilt && s->at != NULL;
}

void
sheet_free(struct sheet *s)
{
    free(s->at);
    memset(s, 0, sizeof *s);
}
