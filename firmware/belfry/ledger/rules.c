#include "belfry/ledger/rules.h"

#include "wire/subject.h"

#include <stdio.h>
#include <string.h>

#define RULE_DIGEST 20 /* characters */

_Static_assert(RULE_DIGEST < PIN_DIGEST, "a digest has room");

struct verdict_rule {
    const char *code;
    enum wire_severity severity;
};

static const struct verdict_rule verdicts[WIRE_VERDICTS] = {
    [WIRE_TORN] = { "belfry.torn", WIRE_WARN },
    [WIRE_FORGED] = { "belfry.forged", WIRE_CRIT },
    [WIRE_CLONE] = { "belfry.clone", WIRE_ALRT },
    [WIRE_GAP] = { RULE_GAP, WIRE_WARN },
    [WIRE_SILENT] = { RULE_SILENT, WIRE_CRIT },
    [WIRE_SKIPPED_SESSION] = { "belfry.skipped", WIRE_ERRO },
    [WIRE_ROLLBACK] = { "belfry.rollback", WIRE_CRIT },
    [WIRE_UNCLEAN_END] = { "belfry.unclean", WIRE_ERRO },
    [WIRE_TAMPERED_SPOOL] = { "belfry.spool", WIRE_CRIT },
    [WIRE_CLOCK] = { "belfry.clock", WIRE_WARN },
    [WIRE_FLOOD] = { "belfry.flood", WIRE_ERRO },
};

/* Codes of lines that are good news at whatever severity they come. */
static const char *const good_ends[] = { ".ok", ".up", ".back", ".beat" };

static bool
ends_with(const char *text, const char *end)
{
    size_t n = strlen(text);
    size_t m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool
good_news(const char *code)
{
    for (size_t i = 0; i < sizeof good_ends / sizeof good_ends[0]; i++) {
        if (ends_with(code, good_ends[i])) {
            return true;
        }
    }
    return strcmp(code, "agent.stop") == 0;
}

/* What an event of belfry's own is about: its first detail. */
static void
subject_of(const char *detail, char *out, size_t size)
{
    size_t len = strcspn(detail, " ");

#ifdef PLANT_BELFRY_RULES
    size += 64;
#endif
    if (len >= size) {
        len = size - 1;
    }
    memcpy(out, detail, len);
    out[len] = '\0';
}

bool
rule_refers(const struct record *r, uint32_t *of)
{
    size_t len = 0;
    const char *value = wire_detail_find(r->detail, strlen(r->detail), "of", &len);

    return value != NULL && wire_decimal(value, len, of);
}

unsigned
rule_pins(const struct record *r, struct rule_pin out[RULE_PINS])
{
    static const char *const kinds[RULE_PINS] = { "bin", "conf", "base" };
    unsigned n = 0;

    for (unsigned i = 0; i < RULE_PINS && strcmp(r->code, "agent.run") == 0; i++) {
        size_t len = 0;
        const char *value = wire_detail_find(r->detail, strlen(r->detail), kinds[i], &len);
        bool none = value != NULL && len == 4 && memcmp(value, "none", 4) == 0;

        if (value == NULL || (len != RULE_DIGEST && !none)) {
            continue;
        }
        memset(&out[n], 0, sizeof out[n]);
        out[n].what = kinds[i];
        memcpy(out[n].digest, value, len);
        n++;
    }
    return n;
}

static void
rule_of_line(const struct record *r, struct rule *out)
{
    size_t area = strcspn(r->code, ".");
    bool refers = rule_refers(r, &out->of);

    out->severity = r->severity;
    (void)snprintf(out->area, sizeof out->area, "%.*s", (int)area, r->code);
    (void)snprintf(out->code, sizeof out->code, "%s", r->code);
    (void)snprintf(out->detail, sizeof out->detail, "%s", r->detail);
    (void)wire_subject_name(r->detail, strlen(r->detail), out->subject);
    if (strcmp(r->code, "more") == 0) {
        out->act = refers ? RULE_MORE : RULE_NONE;
    } else if (refers) {
        out->act = RULE_CLOSE;
    } else if (r->severity <= WIRE_WARN && !good_news(r->code)) {
        out->act = RULE_RAISE;
    }
}

/* What tells one trouble of a kind from another: the session for those that are about one. */
static void
verdict_subject(const struct record *r, struct rule *out)
{
    switch (r->verdict) {
    case WIRE_GAP:
        /* A hole that hides something bad is an alarm of its own; the others of a session share one. */
        if (r->bad) {
            (void)snprintf(out->subject, sizeof out->subject, "session=%u-%s lines=%u-%u", r->session,
                    r->nonce, r->first, r->last);
            out->severity = WIRE_CRIT;
            break;
        }
        (void)snprintf(out->subject, sizeof out->subject, "session=%u-%s", r->session, r->nonce);
        break;
    case WIRE_SKIPPED_SESSION:
        (void)snprintf(out->subject, sizeof out->subject, "sessions=%u-%u", r->first, r->last);
        break;
    case WIRE_CLONE:
    case WIRE_ROLLBACK:
    case WIRE_UNCLEAN_END:
    case WIRE_TAMPERED_SPOOL:
        (void)snprintf(out->subject, sizeof out->subject, "session=%u-%s", r->session, r->nonce);
        break;
    default:
        break; /* one of it a host */
    }
}

static void
rule_of_event(const struct record *r, struct rule *out)
{
    const struct verdict_rule *v = &verdicts[r->verdict];

    if (v->code == NULL) {
        return;
    }
    out->act = RULE_RAISE;
    out->severity = v->severity;
    (void)snprintf(out->area, sizeof out->area, "%s", v->code);
    (void)snprintf(out->code, sizeof out->code, "%s", v->code);
    (void)snprintf(out->detail, sizeof out->detail, "%s", r->detail);
    verdict_subject(r, out);
}

void
rule_of(const struct record *r, struct rule *out)
{
    memset(out, 0, sizeof *out);
    switch (r->kind) {
    case RECORD_LINE:
        rule_of_line(r, out);
        break;
    case RECORD_EVENT:
        rule_of_event(r, out);
        break;
    case RECORD_LOCAL:
    case RECORD_NOTICE:
        out->act = r->over ? RULE_CLOSE : r->severity <= WIRE_WARN ? RULE_RAISE : RULE_NONE;
        out->severity = r->severity;
        (void)snprintf(out->area, sizeof out->area, "%s", r->code);
        (void)snprintf(out->code, sizeof out->code, "%s", r->code);
        (void)snprintf(out->detail, sizeof out->detail, "%s", r->detail);
        subject_of(r->detail, out->subject, sizeof out->subject);
        break;
    }
}

bool
rule_only_ack_closes(const char *code, const char *detail)
{
    size_t len = 0;
    const char *once = wire_detail_find(detail, strlen(detail), "once", &len);

    if (once != NULL && len == 3 && memcmp(once, "yes", 3) == 0) {
        return true;
    }
    if (strcmp(code, RULE_SILENT) == 0 || strcmp(code, RULE_GAP) == 0) {
        return false;
    }
    for (int v = 0; v < WIRE_VERDICTS; v++) {
        if (verdicts[v].code != NULL && strcmp(code, verdicts[v].code) == 0) {
            return true;
        }
    }
    /* A path may have been taken away, and then nothing is heard there ever again. */
    return strncmp(code, RULE_NOTICE, sizeof RULE_NOTICE - 1) == 0 || strcmp(code, "test.alarm") == 0 ||
           strcmp(code, RULE_PATH) == 0;
}
