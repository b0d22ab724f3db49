#ifndef TESTS_FS_GROUND_H
#define TESTS_FS_GROUND_H
/*
 * ground - a scratch directory to guard, its configuration and baseline, and the findings about it
 */
#include "conf/conf.h"
#include "watch/detector.h"
#include "watch/fs_pass.h"
#include <stdbool.h>
#include <stddef.h>

struct ground {
    char dir[96]; /* holds tree/ and state/ */
    char tree[112];
    char state[112];
    struct conf conf;
    struct detector_env env;
};

extern struct ground ground;
extern const char *ground_base; /* where scratch directories are made: "/tmp" */

/* A fresh scratch directory, guarded as a whole, without a baseline. The old one is removed. */
void ground_open(void);
void ground_close(void);

/* Watches a path, as number `i` and the last, with the usual set. */
void ground_watch(unsigned i, const char *path);

/* TREE/name, in one of a few buffers that take turns. */
const char *ground_path(const char *name);

void ground_write(const char *name, const char *text);
void ground_mkdir(const char *name);

/* Takes the tree as it is for the baseline. False when that fails. */
bool ground_baseline(void);

/* One pass of check(); returns how many findings are open. */
int ground_check(void);

/* ---- what was reported since ground_forget() ---- */

#define GROUND_FINDINGS 8192

extern struct finding ground_heard[GROUND_FINDINGS];
extern int ground_count;

void ground_forget(void);

/* The last finding whose text begins with "path=TREE/name" (and then a blank or the end), or NULL. */
const struct finding *ground_about(const char *name);

/* The same for any text's beginning. */
const struct finding *ground_begins(const char *text);

/* What stands behind "path=... " of an open finding with this code, without the aside; "" for none. */
const char *ground_says(const char *name, enum finding_code code);

/* What the last finding about it that says something aside says so: " by=... pid=..."; "" for nothing. */
const char *ground_aside(const char *name);

#endif
