#ifndef WATCH_FS_GUARD_H
#define WATCH_FS_GUARD_H
/*
 * fs_guard - the baseline in force, and the eye on the file it came from
 *
 * What is in force is an index in memory and the descriptor of the file that it was read from. A file that
 * was replaced is taken over when all its blocks have been verified (a baseline may be accepted while the
 * agent runs) and that is told with both roots, so that a replacement by someone else is seen. A file that is
 * missing, damaged or writable by others is an open finding, and what was in force stays so: the file that
 * was unlinked lives on in the descriptor, and of one that was written in place each block is verified before
 * it is believed.
 */
#include "watch/baseline.h"
#include "watch/detector.h"
#include <sys/stat.h>

struct fs_guard {
    const struct detector_env *env;
    char path[CONF_PATH + sizeof(BASELINE_FILE)];
    struct baseline base; /* zeroed: none in force */
    struct baseline next; /* the file that replaced it, until it is verified; zeroed: none */
    struct stat seen;
    bool seen_valid;
    bool open;     /* a finding about the file is */
    bool damaged;  /* and says that a block is not what was written */
    bool auditing; /* all blocks are verified, from `audit_at` on: of the next, or of one that was touched */
    uint32_t audit_at;
};

/* False when the state directory's path is too long. Loads nothing yet. */
bool fs_guard_init(struct fs_guard *g, const struct detector_env *env);

/*
 * Looks at the file. True when there is a baseline in force now and was none; one that replaces another comes
 * into force by fs_guard_audit(). `again`: tell what is wrong even if nothing changed.
 */
bool fs_guard_look(struct fs_guard *g, bool again);

/* Verifies a few blocks while `auditing`. True when another baseline is in force now. */
bool fs_guard_audit(struct fs_guard *g);

/* A block of the baseline in force could not be used: tells it, once. */
void fs_guard_damaged(struct fs_guard *g, const struct baseline_error *error);

#endif
