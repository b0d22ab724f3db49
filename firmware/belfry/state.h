#ifndef BELFRY_STATE_H
#define BELFRY_STATE_H
/*
 * state - the directory where belfry keeps everything: ledger.db, lines/, ctl, lock
 */
#include "belfry/conf.h"

#define STATE_PATH (CONF_PATH + 64)

/* STATE/name. */
const char *state_path(const struct conf *conf, const char *name, char out[STATE_PATH]);

/* Makes the directory, 0700, when it is not there; its parent has to be. 0 or -errno. */
int state_make(const struct conf *conf);

/* Opens (makes) STATE/lines. The descriptor or -errno. */
int state_lines(const struct conf *conf, bool make);

/* One belfry run a directory: the descriptor to keep, -EBUSY when another one runs, or -errno. */
int state_lock(const struct conf *conf);

#endif
