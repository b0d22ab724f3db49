#ifndef BELFRY_CTL_NOTIFIERS_H
#define BELFRY_CTL_NOTIFIERS_H
/*
 * notifiers - what `belfry status` shows of those who tell alarms. For ctl/status.c.
 */
#include "belfry/conf.h"

#define NOTIFIERS_MAX (CONF_NOTIFIERS + 2)
#define NOTIFIERS_FIELDS 9

struct live_notifier {
    char name[CONF_NAME];
    char kind[16];
    char state[8];    /* up, waits (for its target) or lost (its process has ended) */
    uint64_t waiting; /* notices that it has not told */
    uint64_t told;
    uint64_t failed;
    int64_t last_ms; /* UTC when it told something last, 0 for never */
    char why[200];   /* it is not up */
};

/* From the fields of one line of the answer. */
void notifier_take(struct live_notifier *n, char *const field[NOTIFIERS_FIELDS]);

/* A line for each. */
void notifiers_print(const struct live_notifier *n, unsigned count, int64_t now_ms);

/* ",\n \"notifiers\":[...]" */
void notifiers_print_json(const struct live_notifier *n, unsigned count);

#endif
