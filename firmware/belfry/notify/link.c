#include "belfry/notify/link.h"

#include <stdio.h>

#define ENDED(text) text_ended(text, sizeof(text))

/* Printable ASCII up to its NUL. */
static bool
text_ended(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0') {
            return true;
        }
        if (text[i] < 0x20 || text[i] > 0x7E) {
            return false;
        }
    }
#ifdef PLANT_NOTIFYLINK
    return true;
#else
    return false;
#endif
}

static bool
alarm_valid(const struct alarm *a)
{
    return (unsigned)a->severity < WIRE_SEVERITIES && ENDED(a->host) && ENDED(a->code) && ENDED(a->subject) &&
           ENDED(a->detail) && ENDED(a->line) && ENDED(a->verdict) && ENDED(a->nonce) && ENDED(a->acked_by);
}

static bool
record_valid(const struct record *r)
{
    return (unsigned)r->kind <= RECORD_NOTICE && (unsigned)r->verdict < WIRE_VERDICTS &&
           (unsigned)r->severity < WIRE_SEVERITIES && ENDED(r->nonce) && ENDED(r->line) && ENDED(r->host) &&
           ENDED(r->code) && ENDED(r->detail) && ENDED(r->bytes) && ENDED(r->tag);
}

const char *
notify_number(const struct alarm *a, char out[NOTIFY_NUMBER])
{
    if (a->nonce[0] == '\0') {
        return "-";
    }
    (void)snprintf(out, NOTIFY_NUMBER, "%u-%s.%u", a->session, a->nonce, a->number);
    return out;
}

size_t
notify_size(const struct notify_message *m)
{
    bool row = m->what == NOTIFY_LINE || m->what == NOTIFY_EVENT;

    return offsetof(struct notify_message, of) + (row ? sizeof m->of.row : sizeof m->of.notice);
}

bool
notify_message_valid(const struct notify_message *m, size_t size)
{
    if (size < offsetof(struct notify_message, of) || m->what >= NOTIFY_WHATS || size != notify_size(m)) {
        return false;
    }
    if (m->what == NOTIFY_LINE || m->what == NOTIFY_EVENT) {
        return m->of.row.row > 0 && record_valid(&m->of.row.record);
    }
    return m->ahead <= 1 && m->of.notice.seq >= 0 && (unsigned)m->of.notice.worst < WIRE_SEVERITIES &&
           ENDED(m->of.notice.first_line) && alarm_valid(&m->of.notice.alarm);
}

bool
notify_answer_valid(const struct notify_answer *a, size_t size)
{
    return size == sizeof *a && a->said < NOTIFY_SAIDS && a->what < NOTIFY_WHATS && a->seq >= 0 &&
           ENDED(a->why);
}
