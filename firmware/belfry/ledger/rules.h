#ifndef BELFRY_LEDGER_RULES_H
#define BELFRY_LEDGER_RULES_H
/*
 * rules - which record raises an alarm, which one ends it
 *
 * Pure functions of one record. Two records are about the same trouble when host, area and subject are the
 * same: a file that was changed and is then gone stays one alarm.
 */
#include "belfry/record.h"

enum rule_act {
    RULE_NONE,
    RULE_RAISE,
    RULE_CLOSE, /* the alarm that line `of` of the same session raised, or (RECORD_LOCAL) the one with area
                   and subject */
    RULE_MORE,  /* details for the alarm that line `of` raised */
};

struct rule {
    enum rule_act act;
    uint32_t of;
    enum wire_severity severity;
    char area[RECORD_CODE];
    char code[RECORD_CODE];
    char subject[RECORD_SUBJECT];
    char detail[RECORD_DETAIL];
};

void rule_of(const struct record *r, struct rule *out);

/* The number in of=, if there is one. */
bool rule_refers(const struct record *r, uint32_t *of);

/* A digest that an agent.run line tells. */
struct rule_pin {
    const char *what;
    char digest[PIN_DIGEST];
};

#define RULE_PINS 3

/* How many this line tells; 0 when it is none. */
unsigned rule_pins(const struct record *r, struct rule_pin out[RULE_PINS]);

/* True when no line and no later verdict would ever close an alarm of this code and detail: then an ack does.
 */
bool rule_only_ack_closes(const char *code, const char *detail);

#define RULE_SILENT "belfry.silent"
#define RULE_GAP "belfry.gap"
#define RULE_PIN "belfry.pin"
#define RULE_PATH "belfry.path"
#define RULE_CUT "belfry.cut"
#define RULE_NOTICE "notice." /* what every code of a notice begins with */

#endif
