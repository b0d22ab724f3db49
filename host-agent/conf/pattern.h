#ifndef CONF_PATTERN_H
#define CONF_PATTERN_H
/*
 * pattern - absolute paths with wildcards
 *
 * Between two slashes * stands for any number of any bytes, ? for one, [a-z] for one of these and [!a-z] for
 * one of all others; ** alone stands for any number of names, behind the last slash for one at least. A
 * leading dot is a byte like the others, and there is no escape: [*] is a star. Matching takes time in
 * proportion to name and pattern at most.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_PARTS 31   /* from the first name with a wildcard on */
#define PATTERN_LENGTH 255 /* bytes */

/* Points into the text it was made from. */
struct pattern {
    const char *text;
    size_t plain; /* bytes before the first name with a wildcard, without the slash between; 0 for the root */
    unsigned parts; /* 0: it is a path without wildcards */
    uint8_t at[PATTERN_PARTS];
    uint8_t len[PATTERN_PARTS];
};

/* `text` is a valid path (conf_path_valid). NULL, or what was expected of a pattern that is none. */
const char *pattern_parse(struct pattern *p, const char *text, size_t len);

/* True when the name, one between slashes, matches this one part. */
bool pattern_name(const char *part, size_t part_len, const void *name, size_t len);

/* The places in a pattern at which a match may be, behind its plain beginning: a bit each. */
uint32_t pattern_begin(const struct pattern *p);

/* Goes on by one name; 0 when nothing can match any more. `whole`: the names up to here match as they are. */
uint32_t pattern_step(const struct pattern *p, uint32_t places, const void *name, size_t len, bool *whole);

/* True when the pattern matches the absolute path, or a directory that it is in. */
bool pattern_covers(const struct pattern *p, const void *path, size_t len);

/* The path that a pattern's plain beginning is; a path that is no pattern as it is. `out` holds the text. */
void pattern_plain(const char *text, char *out);

#endif
