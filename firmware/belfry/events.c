#include "belfry/events.h"

#include "belfry/ledger/rules.h"
#include "belfry/text.h"

#include <stdio.h>
#include <string.h>

static const char *
or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static size_t
bounded(int n)
{
    return n < 0 ? 0 : n < EVENTS_TEXT ? (size_t)n : EVENTS_TEXT - 1;
}

const char *
events_number(char *out, uint32_t session, const char *nonce, uint32_t first, uint32_t last)
{
    if (nonce[0] == '\0') {
        memcpy(out, "-", 2);
    } else if (first == last) {
        (void)snprintf(out, 64, "%u-%s.%u", session, nonce, first);
    } else {
        (void)snprintf(out, 64, "%u-%s.%u-%u", session, nonce, first, last);
    }
    return out;
}

/* Is the verdict about lines, and not about the session as a whole? */
static bool
about_lines(const struct record *r)
{
    return r->kind == RECORD_LINE || r->verdict == WIRE_GAP || r->verdict == WIRE_FORGED ||
           r->verdict == WIRE_CLONE || r->verdict == WIRE_UNKNOWN || r->verdict == WIRE_TAMPERED_SPOOL;
}

static const char *
number_of(char out[64], const struct record *r)
{
    if (about_lines(r) || r->nonce[0] == '\0') {
        return events_number(out, r->session, r->nonce, r->first, r->last);
    }
    (void)snprintf(out, 64, "%u-%s", r->session, r->nonce);
    return out;
}

size_t
events_record(char out[EVENTS_TEXT], const struct record *r)
{
    char number[64];
    char detail[RECORD_DETAIL];
    struct rule rule;
    const char *severity = "-";
    const char *code = r->code;
    const char *verdict = record_verdict(r);

    if (r->kind == RECORD_EVENT) {
        rule_of(r, &rule);
        code = rule.code;
        severity = rule.act == RULE_RAISE ? wire_severity_name(rule.severity) : "-";
    } else {
        severity = wire_severity_name(r->severity);
    }
    (void)text_detail(detail, sizeof detail, r->detail, strlen(r->detail));
    return bounded(snprintf(out, EVENTS_TEXT, "EVENT\t%lld\t%s\t%s\t%s\t%s\t%s\t%s\t%s%s\n",
            (long long)r->seen_us, or_dash(r->line), or_dash(r->host), verdict, severity, or_dash(code),
            number_of(number, r), detail, r->over ? " over=yes" : ""));
}

size_t
events_alarm(char out[EVENTS_TEXT], const struct alarm *a, bool closed, int64_t utc_us)
{
    char number[64];
    char detail[RECORD_DETAIL];

    (void)text_detail(detail, sizeof detail, a->detail, strlen(a->detail));
    return bounded(snprintf(out, EVENTS_TEXT, "ALARM\t%lld\t%lld\t%s\t%s\t%s\t%s\t%s\t%s\n",
            (long long)utc_us, (long long)a->id, closed ? "closed" : "open", or_dash(a->host),
            wire_severity_name(a->severity), a->code,
            events_number(number, a->session, a->nonce, a->number, a->number), detail));
}

size_t
events_line(char out[EVENTS_TEXT], int64_t utc_us, const char *name, bool up, const char *detail)
{
    char shown[RECORD_DETAIL];

    (void)text_detail(shown, sizeof shown, detail, strlen(detail));
    return bounded(snprintf(out, EVENTS_TEXT, "LINE\t%lld\t%s\t%s\t%s\n", (long long)utc_us, name,
            up ? "up" : "lost", shown));
}

size_t
events_simple(char out[EVENTS_TEXT], const char *word, int64_t utc_us, const char *detail)
{
    return bounded(snprintf(out, EVENTS_TEXT, "%s\t%lld\t%s\n", word, (long long)utc_us, detail));
}
