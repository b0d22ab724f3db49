#ifndef WATCH_FS_ROOTS_H
#define WATCH_FS_ROOTS_H
/*
 * fs_roots - which paths are guarded: the configuration's watches made plain, without the ignored ones
 *
 * A root is a path without symbolic links before its last component, where a walk begins: a watched path, or
 * the directory above the first wildcard of a pattern. What of it is guarded, the rules say (fs_rules.h). A
 * watch that is a symbolic link stands for the link and, with a root and a rule of its own, for what it
 * points to. Roots are in tree order and none is below another. The agent's own configuration, its program
 * and the courier beside it, its systemd unit with its drop-ins and its state directory are always roots,
 * without what it writes there itself; its baseline is guarded in another way (fs_guard.c) and is never an
 * entry of itself.
 */
#include "conf/conf.h"
#include "watch/baseline.h"
#include "watch/fs_rules.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_ROOTS 192
#define FS_ROOTS_OWN 40
#define FS_ROOTS_TEXT 65536

struct fs_span {
    const uint8_t *path;
    size_t len;
};

struct fs_roots {
    unsigned count;
    unsigned own_count;
    struct fs_span root[FS_ROOTS];
    struct fs_span own[FS_ROOTS_OWN]; /* the agent's own files */
    struct fs_rules rules;
    struct fs_span state_dir;
    size_t used;
    uint8_t text[FS_ROOTS_TEXT];
};

/*
 * Fills `roots` from the configuration, which must stay, what the baseline (NULL for none) knows to be the
 * agent's own, and the running program. fs_remote_look() says before what is not to be touched. False when
 * they do not fit.
 */
bool fs_roots_init(struct fs_roots *roots, const struct conf *conf, const struct baseline *base);

/* Which rule guards a path, if any, and whether one may guard something below it. */
struct fs_match fs_roots_find(const struct fs_roots *roots, const uint8_t *path, size_t len);

/* The same with a cursor, for paths that come in tree order. */
struct fs_match fs_roots_next(
        const struct fs_roots *roots, struct fs_rules_cursor *c, const uint8_t *path, size_t len);

/* True when a rule guards the path. */
bool fs_roots_hold(const struct fs_roots *roots, const uint8_t *path, size_t len);

/* True when a rule may guard something below this path. */
bool fs_roots_below(const struct fs_roots *roots, const uint8_t *path, size_t len);

/* True when the rule is for the file system that the descriptor is on. */
bool fs_rule_is_for(const struct fs_rule *rule, int fd);

/*
 * False when the rule that matches is not for what is mounted there: `dir_fd` is the directory that holds the
 * path.
 */
bool fs_roots_reach(const struct fs_match *match, int dir_fd, const uint8_t *path, size_t len);

/* True when something in this directory can matter: a guarded path, a root's own name, or the baseline's
 * file. */
bool fs_roots_care(const struct fs_roots *roots, const uint8_t *dir, size_t len);

/* True for the path of the baseline's own file. */
bool fs_roots_is_baseline(const struct fs_roots *roots, const uint8_t *path, size_t len);

bool fs_roots_own(const struct fs_roots *roots, const uint8_t *path, size_t len);

/* True for a path that ends as the courier's program is called. */
bool fs_roots_courier(const uint8_t *path, size_t len);

/*
 * What a user's path stands for among the roots: itself when it is guarded, else the roots below it; for a
 * link, the same for what it points to as well. The path may be relative. Appends to `out` (initialised
 * with fs_roots_none()); returns how many.
 */
unsigned fs_roots_select(const struct fs_roots *roots, const char *path, struct fs_roots *out);

/* An empty set with the rules and own files of `roots`. */
void fs_roots_none(struct fs_roots *out, const struct fs_roots *roots);

/* Puts the set in tree order and drops what is below another. */
void fs_roots_sort(struct fs_roots *roots);

#endif
