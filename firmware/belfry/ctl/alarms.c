#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/events.h"
#include "belfry/ledger/ledger.h"
#include "belfry/state.h"
#include "belfry/text.h"

#include <stdio.h>
#include <string.h>

struct listing {
    bool json;
    unsigned count;
    unsigned open; /* and not acknowledged */
};

static void
print_json(const struct alarm *a, bool first)
{
    char text[8][2 * RECORD_DETAIL];
    char number[64];
    char opened[TEXT_TIME];
    char closed[TEXT_TIME];
    char acked[TEXT_TIME];

    (void)text_json(text[0], sizeof text[0], a->host);
    (void)text_json(text[1], sizeof text[1], a->code);
    (void)text_json(text[2], sizeof text[2], a->subject);
    (void)text_json(text[3], sizeof text[3], a->detail);
    (void)text_json(text[4], sizeof text[4], a->line);
    (void)text_json(text[5], sizeof text[5], a->verdict);
    (void)text_json(text[6], sizeof text[6], a->acked_by);
    (void)text_json(
            text[7], sizeof text[7], events_number(number, a->session, a->nonce, a->number, a->number));
    (void)printf(
            "%s\n {\"id\":%lld,\"state\":\"%s\",\"severity\":\"%s\",\"host\":%s,\"code\":%s,\"subject\":%s,"
            "\"detail\":%s,\"line\":%s,\"verdict\":%s,\"number\":%s,\"count\":%u,\"opened\":\"%s\"",
            first ? "" : ",", (long long)a->id, a->open ? "open" : "closed", wire_severity_name(a->severity),
            text[0], text[1], text[2], text[3], text[4], text[5], text[7], a->count,
            text_time(a->opened_ms, opened));
    if (!a->open) {
        (void)printf(",\"closed\":\"%s\"", text_time(a->closed_ms, closed));
    }
    if (a->acked_ms != 0) {
        (void)printf(",\"acked\":\"%s\",\"acked_by\":%s", text_time(a->acked_ms, acked), text[6]);
    }
    (void)printf("}");
}

static void
print_text(const struct alarm *a, bool first)
{
    char opened[TEXT_TIME];
    char detail[RECORD_DETAIL];
    char note[80] = "";

    if (first) {
        (void)printf("%-6s %-7s %-4s %-15s %-20s %-24s %5s  %s\n", "ID", "STATE", "SEVR", "HOST", "CODE",
                "SINCE", "COUNT", "DETAIL");
    }
    if (a->acked_ms != 0) {
        (void)snprintf(note, sizeof note, "  [ack %s]", a->acked_by);
    }
    (void)text_detail(detail, sizeof detail, a->detail, strlen(a->detail));
    (void)printf("%-6lld %-7s %-4s %-15s %-20s %-24s %5u  %s%s\n", (long long)a->id,
            a->open ? "open" : "closed", wire_severity_name(a->severity), a->host[0] != '\0' ? a->host : "-",
            a->code, text_time(a->opened_ms, opened), a->count, detail, note);
}

static void
print_one(void *to, const struct alarm *a)
{
    struct listing *l = to;

    if (l->json) {
        print_json(a, l->count == 0);
    } else {
        print_text(a, l->count == 0);
    }
    l->count++;
    l->open += a->open && a->acked_ms == 0;
}

static bool
read_filter(const struct command *c, struct ledger_filter *f)
{
    f->severity = -1;
    f->host = c->host;
    f->open_only = c->open;
    if (c->since != NULL && !text_time_parse(c->since, clock_utc_us() / 1000, &f->since_ms)) {
        (void)command_error("\"%s\" is no time; expected 2026-11-21, 2026-11-21T19:34:05 or 30m, 12h, 7d",
                command_shown(c->since));
        return false;
    }
    if (c->severity != NULL) {
        f->severity = wire_severity_from(c->severity, strlen(c->severity));
        if (f->severity < 0) {
            (void)command_error("\"%s\" is no severity; expected EMRG, ALRT, CRIT, ERRO, WARN, NOTE or INFO",
                    command_shown(c->severity));
            return false;
        }
    }
    return true;
}

int
command_alarms(const struct command *c)
{
    struct ledger_filter filter = { .since_ms = 0 };
    struct listing listing = { .json = c->json };
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    struct ledger *l;
    int r;

    if (!read_filter(c, &filter)) {
        return COMMAND_ERROR;
    }
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, false, &l, error) != 0) {
        return command_error("%s", error);
    }
    if (c->json) {
        (void)printf("[");
    }
    r = ledger_alarms(l, &filter, print_one, &listing);
    if (c->json) {
        (void)printf("\n]\n");
    } else if (r == 0 && listing.count == 0) {
        (void)printf("no alarms\n");
    }
    if (r != 0) {
        r = command_error("%s", ledger_error(l));
    }
    ledger_close(l);
    return r != 0 ? r : listing.open > 0 ? COMMAND_FINDINGS : COMMAND_WELL;
}
