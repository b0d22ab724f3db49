#ifndef BELFRY_LEDGER_NOTICES_H
#define BELFRY_LEDGER_NOTICES_H
/*
 * notices - rows of what is to be told, made where alarms change. For ledger/ only.
 */
#include "belfry/ledger/db.h"

/* In the order in which alarm_read() takes them, from column 0. */
#define ALARM_COLUMNS                                                                                     \
    "id, host, severity, code, subject, detail, line, verdict, session, nonce, number, open, opened_ms, " \
    "closed_ms, "                                                                                         \
    "acked_ms, acked_by, count"

void alarm_read(sqlite3_stmt *st, struct alarm *a);

/* The alarm as it is now is news. */
int notice_make(struct ledger *l, int64_t alarm, bool closed, int64_t now_ms);

/* What is known of an alarm has grown: whoever is told from now on is told all. */
int notice_detail(struct ledger *l, int64_t alarm, const char *detail);

#endif
