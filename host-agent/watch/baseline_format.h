#ifndef WATCH_BASELINE_FORMAT_H
#define WATCH_BASELINE_FORMAT_H
/*
 * baseline_format - numbers and rules that reading and writing a baseline share (BASELINE.md)
 *
 * Private to baseline*.c and their tests.
 */
#include "watch/baseline.h"

#define BASELINE_MAGIC "TOCSINBL"
#define BASELINE_HEADER 24 /* magic, version, zero, time of creation */
#define BASELINE_FOOTER 48 /* number of entries, end of the entries, digest */
#define BASELINE_ENTRY 32  /* an entry without digest, path and link target */
#define BASELINE_STRIDE 16 /* every 16th entry is in the index */
#define BASELINE_OWN_BIT 0x80u

bool baseline_path_valid(const uint8_t *path, size_t len);

/* What is wrong with an entry, or NULL. */
const char *baseline_entry_fault(const struct baseline_entry *e);

#endif
