#ifndef BELFRY_CTL_VIEW_H
#define BELFRY_CTL_VIEW_H
/*
 * view - what the ledger says of one host, beside its lines and alarms, for the commands that show it
 */
#include "belfry/judge/paths.h"
#include "belfry/ledger/ledger.h"

#define VIEW_PINS 3

struct view {
    unsigned paths;
    struct path_record path[PATHS_MAX];
    bool has_net; /* it had a network connection once */
    struct connection_record net;
    unsigned pins;
    struct pin_record pin[VIEW_PINS];
};

/* 0 or LEDGER_E_*. */
int view_read(struct ledger *l, const char *host, uint32_t pairing, struct view *out);

/* Did a beat that came there say the token of the connection there is? */
bool view_linked(const struct view *v, const struct path_record *path);

/* "net+ttyS1 linked 19:34", "net+ttyS1 not linked", "ttyS1"; "" for a host that was never heard. */
const char *view_paths(const struct view *v, char *out, size_t size);

bool view_pin_differs(const struct pin_record *pin);

#endif
