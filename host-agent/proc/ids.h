#ifndef PROC_IDS_H
#define PROC_IDS_H
/*
 * ids - the numbers of users and groups that the agent's processes run as, each its own
 */
#include "conf/conf.h"
#include "proc/message.h"
#include <stdint.h>

#define IDS_USER "tocsin" /* when the configuration names none */

struct ids {
    uint32_t user;  /* core and detectors; 0: of the numbers below */
    uint32_t first; /* a row of numbers that nobody has; 0: there is none, or we are not root */
};

/* Reads /etc/passwd. False when the configuration names a user that is not there. */
bool ids_find(const char *user, struct ids *out);

/* The parsing of it, for ids_find() and its tests. `user` may be "". */
void ids_parse(const char *text, size_t len, const char *user, struct ids *out);

/* True for a number that some start of the agent may have taken. */
bool ids_is_ours(uint32_t id);

/* 0: as whoever starts it. */
uint32_t ids_of(const struct ids *ids, enum role role, unsigned index);

#endif
