#ifndef BELFRY_EVENTS_H
#define BELFRY_EVENTS_H
/*
 * events - the text of `belfry run --events`: one line a record, fields separated by tabs, printable ASCII
 * only
 *
 * The format is in DESIGN.md; scripts rely on it.
 */
#include "belfry/record.h"

#define EVENTS_TEXT 1024

/* Each writes one line with its line end and returns its length. */
size_t events_record(char out[EVENTS_TEXT], const struct record *r);
size_t events_alarm(char out[EVENTS_TEXT], const struct alarm *a, bool closed, int64_t utc_us);
size_t events_line(char out[EVENTS_TEXT], int64_t utc_us, const char *name, bool up, const char *detail);
size_t events_simple(char out[EVENTS_TEXT], const char *word, int64_t utc_us, const char *detail);

/* "17-K3QF.42", "17-K3QF.42-45", "-" when there is no nonce. `out` has 64 bytes. */
const char *events_number(char *out, uint32_t session, const char *nonce, uint32_t first, uint32_t last);

#endif
