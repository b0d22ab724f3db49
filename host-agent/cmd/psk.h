#ifndef CMD_PSK_H
#define CMD_PSK_H
/*
 * psk - the key that agent and receiver know each other by on the network, in STATE/courier/psk
 */
#include "conf/conf.h"
#include "wire/keys.h"

/* Directory of the courier below the state directory, and the file: the key's 32 bytes. */
#define PSK_FOLDER "courier"
#define PSK_FILE "psk"

/*
 * Makes a new directory with the key in it and puts it in the old one's place, whole or not at all. Deletes
 * the old one with its spool: lines of an earlier pairing prove nothing now. 0 or -errno; -ENOTEMPTY when
 * there are directories in it.
 */
int psk_create(const struct conf *conf, const struct wire_key *psk);

#endif
