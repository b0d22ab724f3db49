#ifndef COURIER_COURIER_H
#define COURIER_COURIER_H
/*
 * courier - the process that takes the core's lines to the receiver over the network
 *
 * It keeps them on the disk until the receiver has them. It never has a key that lines are sealed with.
 */
#include "courier/tls.h"
#include "proc/role.h"

/* Reads the key: 32 bytes that nobody but us may read. 0, or -errno: -EPERM when others may, -EBADMSG when it
 * has another size. */
int courier_read_key(int dir, uint8_t key[TLS_KEY]);

/* Runs until the warden or the core says so, and wipes the key. Returns the exit status. */
int courier_run(struct role_self *self, uint8_t key[TLS_KEY]);

#endif
