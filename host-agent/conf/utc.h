#ifndef CONF_UTC_H
#define CONF_UTC_H
/* utc - a moment as text, in UTC, as ISO 8601 has it */
#include <stdint.h>

#define UTC_TEXT 32 /* bytes, its NUL among them */

/* Seconds since 1970 as 20261123T150300Z. Returns `out`. */
const char *utc_text(int64_t seconds, char out[UTC_TEXT]);

/* The same as 2026-11-23T15:03:00Z. */
const char *utc_text_long(int64_t seconds, char out[UTC_TEXT]);

#endif
