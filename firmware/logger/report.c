#include "logger/report.h"

#include <string.h>

static const struct {
    const char *code;
    enum wire_severity severity;
} kinds[REPORT_KINDS] = {
    [REPORT_BOOT] = { "logger.boot", WIRE_NOTE },
    [REPORT_REBOOT] = { "logger.boot", WIRE_ERRO },
    [REPORT_SILENT] = { "logger.silent", WIRE_CRIT },
    [REPORT_BACK] = { "logger.back", WIRE_NOTE },
    [REPORT_HOSTS] = { "logger.hosts", WIRE_WARN },
    [REPORT_ACK] = { "logger.ack", WIRE_NOTE },
    [REPORT_DTR_LOST] = { "logger.dtr", WIRE_WARN },
    [REPORT_DTR_BACK] = { "logger.dtr", WIRE_NOTE },
    [REPORT_VBUS_LOST] = { "logger.vbus", WIRE_WARN },
    [REPORT_VBUS_BACK] = { "logger.vbus", WIRE_NOTE },
    [REPORT_RESERVE_FULL] = { "logger.reserve", WIRE_ERRO },
    [REPORT_RESERVE_FREE] = { "logger.reserve", WIRE_NOTE },
    [REPORT_LOST] = { "logger.lost", WIRE_ERRO },
    [REPORT_OUT] = { "logger.out", WIRE_WARN },
    [REPORT_FAULT] = { "logger.fault", WIRE_CRIT },
    [REPORT_HARVESTED] = { "logger.harvested", WIRE_NOTE },
    [REPORT_BEAT] = { "logger.beat", WIRE_INFO },
};

void
report_init(struct report *r, const char *serial, uint32_t boot)
{
    memset(r, 0, sizeof(*r));
    r->place.serial = serial;
    r->place.boot = boot;
}

void
report_add(struct report *r, enum report_kind kind, const struct note_detail *details, unsigned count,
        uint32_t uptime_s)
{
    struct note_detail with[NOTE_DETAILS];
    struct report_note *n = &r->waiting[(r->first + r->count) % REPORT_WAITING];

    if (r->count == REPORT_WAITING) {
        r->dropped += r->dropped < UINT32_MAX;
        return;
    }
    count = count < NOTE_DETAILS - 1 ? count : NOTE_DETAILS - 1;
    for (unsigned i = 0; i < count; i++) {
        with[i] = details[i];
    }
    if (r->dropped > 0) {
        with[count++] = (struct note_detail){ "more", NULL, r->dropped };
    }
    r->dropped = 0;
    r->place.uptime_s = uptime_s;
    n->len = (uint8_t)note_compose(n->line, &r->place, kinds[kind].severity, kinds[kind].code, with, count);
    n->store = kind != REPORT_BEAT;
    n->keep = r->told[kind] < REPORT_KEPT;
    r->told[kind] = (uint8_t)(r->told[kind] + n->keep);
    r->place.number++;
    r->count++;
}

const struct report_note *
report_next(const struct report *r)
{
    return r->count > 0 ? &r->waiting[r->first] : NULL;
}

void
report_done(struct report *r)
{
    r->first = (uint8_t)((r->first + 1) % REPORT_WAITING);
    r->count--;
}
