#ifndef WATCH_FS_RULES_H
#define WATCH_FS_RULES_H
/*
 * fs_rules - which rule of the configuration governs a path
 *
 * The one that matches the longest part of the path does, whether it guards or leaves out. Of those that
 * match the same part it is the one of the higher rank, then the later one. A cursor keeps what is known of
 * the directories on the way to the last path, so that the next path in the same directory costs little
 * however many rules there are.
 */
#include "conf/attrs.h"
#include "conf/pattern.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_RULES (2 * CONF_WATCHES + CONF_IGNORES + 44)
#define FS_RULES_LEVELS 40 /* directories on the way that a cursor keeps; a deeper path costs more */
#define FS_RULES_TEXT (FS_RULES_LEVELS * 256)

enum fs_rank {
    FS_RANK_TARGET, /* what a watched link points to */
    FS_RANK_WATCH_PATTERN,
    FS_RANK_IGNORE_PATTERN,
    FS_RANK_WATCH,
    FS_RANK_IGNORE,
    FS_RANK_OWN /* the agent's own */
};

struct fs_rule {
    const uint8_t *path; /* without the wildcards; no text for the root */
    size_t len;
    struct pattern pattern; /* behind the path, if it has parts */
    enum fs_rank rank;
    bool ignore;
    bool one_fs;
    uint32_t attrs; /* CONF_ATTR_* */
    uint32_t fs;
    uint64_t max;
};

struct fs_rules {
    unsigned count;
    struct fs_rule rule[FS_RULES];
};

struct fs_match {
    const struct fs_rule *rule; /* that governs the path and guards; NULL for none */
    size_t at;                  /* how long the part is that it matches */
    bool below;                 /* something below the path may be guarded by another rule */
};

/* How far a rule that is not decided yet has got. */
struct fs_rule_state {
    uint16_t rule;
    uint16_t plain; /* bytes of its path */
    uint32_t places;
};

struct fs_rules_level {
    size_t end;  /* of the directory's path; 0 for the root */
    size_t at;   /* of the rule that governs it */
    int governs; /* -1: none */
    unsigned live;
};

/* Big: keep it static. */
struct fs_rules_cursor {
    unsigned levels;
    struct fs_rules_level level[FS_RULES_LEVELS];
    struct fs_rule_state live[FS_RULES_LEVELS][FS_RULES];
    uint8_t text[FS_RULES_TEXT];
};

/* What holds for an absolute path without "//", "." and "..". */
struct fs_match fs_rules_find(const struct fs_rules *rules, const uint8_t *path, size_t len);

/* Forgets; to be called when the rules are others. */
void fs_rules_start(struct fs_rules_cursor *c);

/* The same as fs_rules_find(), quickly for a path near the last one. */
struct fs_match fs_rules_next(
        const struct fs_rules *rules, struct fs_rules_cursor *c, const uint8_t *path, size_t len);

#endif
