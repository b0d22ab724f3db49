#include "alarm/status.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool
printable(char c)
{
    return c >= 0x20 && c <= 0x7E;
}

static void
append(char text[STATUS_TEXT], const char *format, va_list args)
{
    size_t len = strlen(text);

    if (len > 0 && len + 2 < STATUS_TEXT) {
        memcpy(text + len, ", ", 3);
        len += 2;
    }
    vsnprintf(text + len, STATUS_TEXT - len, format, args);
    for (char *c = text + len; *c != '\0'; c++) {
        *c = printable(*c) ? *c : '?';
    }
}

void
status_init(struct detector_status *s, const char *name)
{
    memset(s, 0, sizeof(*s));
    snprintf(s->name, sizeof(s->name), "%s", name);
}

void
status_source(struct detector_status *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(s->sources, format, args);
    va_end(args);
}

void
status_note(struct detector_status *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(s->note, format, args);
    va_end(args);
}

void
status_lower(struct detector_status *s, enum status_state state)
{
    s->state = s->state > (uint8_t)state ? s->state : (uint8_t)state;
}

void
status_source_or(struct detector_status *s, const char *source, int error, const char *instead)
{
    if (error == 0) {
        status_source(s, "%s", source);
        return;
    }
    status_source(s, "%s missing (%s): %s", source, strerror(error < 0 ? -error : error), instead);
    status_lower(s, STATUS_REDUCED);
}

const char *
status_state_name(enum status_state state)
{
    static const char *const names[STATUS_STATES] = { "ok", "reduced", "blind" };

    return names[state];
}

static bool
text_valid(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    for (size_t i = 0; i < len; i++) {
        if (!printable(text[i])) {
            return false;
        }
    }
    return len < size;
}

bool
status_valid(const void *message, size_t len)
{
    struct detector_status s;

    if (len != sizeof(s)) {
        return false;
    }
    memcpy(&s, message, sizeof(s));
    return s.state < STATUS_STATES && s.left < STATUS_DETECTORS && s.pass_ms >= 0 && s.name[0] != '\0' &&
           text_valid(s.name, sizeof(s.name)) && text_valid(s.sources, sizeof(s.sources)) &&
           text_valid(s.note, sizeof(s.note));
}

void
status_keep(struct status_table *t, const struct detector_status *s, int64_t now_ms)
{
    unsigned i = 0;

    while (i < t->count && strcmp(t->entry[i].status.name, s->name) != 0) {
        i++;
    }
    if (i == STATUS_DETECTORS) {
        return;
    }
    t->count = i == t->count ? i + 1 : t->count;
    t->entry[i] = (struct status_entry){ .status = *s, .heard_ms = now_ms };
}
