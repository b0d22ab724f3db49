#ifndef BELFRY_TEXT_H
#define BELFRY_TEXT_H
/*
 * text - times and untrusted text in the form people and scripts get
 */
#include "wire/line.h"
#include <stddef.h>
#include <stdint.h>

#define TEXT_TIME 32

/* The end of a plural: "" for one. */
static inline const char *
text_s(unsigned long long count)
{
    return count == 1 ? "" : "s";
}

/* "2026-11-21T19:34:05.123Z". `out` has TEXT_TIME bytes. */
const char *text_time(int64_t utc_ms, char *out);

/* "4 s", "7 m", "3 h", "2 d". `out` has TEXT_TIME bytes. */
const char *text_age(int64_t ms, char *out);

/* Takes 2026-11-21, 2026-11-21T19:34, ...T19:34:05, all with or without Z, and 30s 15m 2h 7d for so long
 * before `now_ms`. */
bool text_time_parse(const char *src, int64_t now_ms, int64_t *utc_ms);

/*
 * Text of a sealed line, which has its values escaped already: what is printable stays, % included; every
 * other byte becomes %HH. Returns the length; `size` at least 24.
 */
size_t text_detail(char *out, size_t size, const char *src, size_t len);

/* JSON string with its quotes. `src` is NUL-terminated, any bytes: what is not printable ASCII becomes
 * \u00HH. */
size_t text_json(char *out, size_t size, const char *src);

#endif
