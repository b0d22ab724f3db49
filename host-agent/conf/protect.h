#ifndef CONF_PROTECT_H
#define CONF_PROTECT_H
/*
 * protect - the machine's other guards: where they live, what must run, and what shows that they ran
 */
#include "conf/conf.h"

#define PROTECT_WATCHES 13
#define PROTECT_UNITS 3
#define PROTECT_DAEMONS 5
#define PROTECT_STAMPS 6

/* Lists end with NULL. */
struct protect {
    const char *name;
    const char *watch[PROTECT_WATCHES + 1];  /* the first is there when it is installed */
    const char *unit[PROTECT_UNITS + 1];     /* patterns of the names of what the service manager reads */
    const char *daemon[PROTECT_DAEMONS + 1]; /* one of these must run: the first that is there */
    const char *stamp[PROTECT_STAMPS + 1];   /* the newest of these was touched when it ran */
    uint32_t within_s;                       /* how often it should */
};

extern const struct protect protect_table[CONF_PROTECTS];

/* True when one of its programs is there. */
bool protect_installed(enum conf_protect which);

/*
 * Turns Protect lines into the watches and the daemons they stand for, and `auto` into what is installed.
 * False when there is no room for them.
 */
bool protect_expand(struct conf *conf);

/* How old the newest stamp may be; 0: nobody asks. */
uint32_t protect_within_s(const struct conf *conf, enum conf_protect which);

/* When the newest stamp was touched, in seconds since 1970; -1 when there is none. */
int64_t protect_last_s(enum conf_protect which);

#endif
