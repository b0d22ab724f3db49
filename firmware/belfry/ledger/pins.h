#ifndef BELFRY_LEDGER_PINS_H
#define BELFRY_LEDGER_PINS_H
/*
 * pins - what program, configuration and baseline a host was first seen with, or a person has accepted since.
 * For ledger/ only.
 */
#include "belfry/ledger/ledger.h"

/* A new line that says what runs: pins what is seen first, raises and ends belfry.pin. 0 or LEDGER_E_*. */
int pins_take(struct ledger *l, const struct record *r, struct ledger_changes *changes);

#endif
