#include "belfry/events.h"
#include "belfry/ledger/rules.h"
#include "belfry/text.h"
#include "wire/subject.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int condition)
{
    if (!condition) {
        abort();
    }
}

/* A record as it comes out of a line: the first bytes choose its kind, the rest is code and details. */
static void
fill(struct record *r, const uint8_t *data, size_t size)
{
    size_t code = size > 3 ? data[2] % (WIRE_CODE_MAX + 1) : 0;

    memset(r, 0, sizeof *r);
    if (size < 3) {
        return;
    }
    r->kind = (enum record_kind)(data[0] % 3);
    r->verdict = (enum wire_verdict)(data[1] % WIRE_VERDICTS);
    r->severity = (enum wire_severity)(data[1] / 16 % WIRE_SEVERITIES);
    r->bad = data[0] > 127;
    r->over = data[0] > 63;
    data += 3;
    size -= 3;
    code = code < size ? code : size;
    memcpy(r->code, data, code);
    (void)text_detail(r->detail, sizeof r->detail, (const char *)data + code, size - code);
    memcpy(r->nonce, "K3QF", 5);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record *r = malloc(sizeof *r);
    struct rule *rule = malloc(sizeof *rule);
    char *text = malloc(EVENTS_TEXT);
    struct rule_pin pin[RULE_PINS];
    unsigned n;
    size_t len;

    fill(r, data, size);
    for (const char *c = r->detail; *c != '\0'; c++) {
        must(*c >= 0x20 && *c <= 0x7E);
    }
    rule_of(r, rule);
    must(strlen(rule->subject) < sizeof rule->subject && strlen(rule->area) < sizeof rule->area);
    must(strlen(rule->code) < sizeof rule->code && strlen(rule->detail) < sizeof rule->detail);
    if (r->kind == RECORD_LINE) {
        must(rule->act != RULE_RAISE || r->severity <= WIRE_WARN);
        must(strncmp(rule->subject, r->detail, strlen(rule->subject)) == 0 ||
                strspn(rule->subject + 3, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == WIRE_SUBJECT_ID ||
                strstr(r->detail, rule->subject) != NULL);
    } else if (r->kind == RECORD_EVENT) {
        must(rule->act == RULE_NONE || rule->act == RULE_RAISE);
    }
    n = rule_pins(r, pin);
    must(n <= RULE_PINS && (n == 0 || strcmp(r->code, "agent.run") == 0));
    for (unsigned i = 0; i < n; i++) {
        must(strstr(r->detail, pin[i].digest) != NULL && strlen(pin[i].digest) < sizeof pin[i].digest);
    }
    len = events_record(text, r);
    must(len > 0 && len < EVENTS_TEXT && strlen(text) <= len);
    (void)rule_only_ack_closes(r->code, r->detail);
    free(text);
    free(rule);
    free(r);
    return 0;
}
