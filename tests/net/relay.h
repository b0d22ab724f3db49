#ifndef TESTS_NET_RELAY_H
#define TESTS_NET_RELAY_H
/*
 * relay - a bad line: passes the frames of one interface on to another, later or never
 *
 * A process of its own. Does what tc-netem(8) does, where the kernel was built without it.
 */
#include <stdbool.h>

/* In memory shared with the test, which may change it. Both directions alike; frames keep their order. */
struct relay {
    unsigned delay_ms;
    unsigned loss_percent;
    unsigned seed;
};

/* Does not return. */
void relay_run(const struct relay *r, const char *one, const char *other);

#endif
