#ifndef CMD_ACCEPT_H
#define CMD_ACCEPT_H
/*
 * accept - writes the baseline anew with some of the differences taken in
 *
 * One at a time: accept_walk(), then accept_write().
 */
#include "cmd/cmd.h"
#include "watch/fs_compare.h"

/* True when a difference is to be taken; otherwise the baseline keeps what it has. Told in tree order. */
typedef bool accept_fn(void *to, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs);

/* Goes through all that is guarded. False after telling what went wrong. */
bool accept_walk(const struct cmd *cmd, accept_fn *decide, void *to);

/* Makes it the baseline, or leaves all as it was. `out` gets the root of the one that counts. False after
 * telling. */
bool accept_write(bool write, uint8_t out[WIRE_HASH_SIZE]);

/* The rest of a difference, " size=12>40 ...", escaped for people. */
void accept_tokens(char *out, size_t size, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs);

#endif
