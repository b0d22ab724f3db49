#ifndef WATCH_PORTLEARN_H
#define WATCH_PORTLEARN_H
/*
 * portlearn - what would have to be in the configuration for nothing that is open now to be a finding
 */
#include "watch/portlook.h"

/*
 * Adds an entry for each open port that has none, and for each program with a UDP port of the kernel's own
 * range that has none. A port that is bound to the loopback only is added so. How many entries and holders
 * did not fit.
 */
unsigned portlearn_add(struct portlook *look, struct conf *conf);

#endif
