#ifndef COURIER_SYNCER_H
#define COURIER_SYNCER_H
/*
 * syncer - runs spool_sync() and addresses_save() on a thread of its own, so that a slow disk holds up no
 * sign of life
 *
 * One a process. From syncer_give() until syncer_take() says that it is done what it was given is the
 * thread's, and nobody else may touch it.
 */
#include "courier/address.h"
#include "courier/spool.h"

/* 0 or -errno. */
int syncer_start(void);

/* Can be read when the spool can be taken back. */
int syncer_fd(void);

/* `addresses` are saved first; NULL: none are. */
void syncer_give(struct spool *spool, const struct addresses_order *addresses);

/* True when it is done; what spool_sync() returned, and addresses_save(), or 0 when none were given. */
bool syncer_take(int *of_spool, int *of_addresses);

#endif
