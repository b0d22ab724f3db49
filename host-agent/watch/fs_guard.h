#ifndef WATCH_FS_GUARD_H
#define WATCH_FS_GUARD_H
/*
 * fs_guard - the baseline in force, and the eye on the file it came from
 *
 * What is in force is a sealed copy in memory. A file that was replaced is taken over when it is whole (a
 * baseline may be accepted while the agent runs) and that is told with both roots, so that a replacement by
 * someone else is seen; a file that is missing, damaged or writable by others is an open finding, and the
 * copy stays.
 */
#include "watch/baseline.h"
#include "watch/detector.h"
#include <sys/stat.h>

struct fs_guard {
    const struct detector_env *env;
    char path[CONF_PATH + sizeof(BASELINE_FILE)];
    struct baseline base; /* without bytes: none in force */
    struct stat seen;
    bool seen_valid;
    bool open; /* a finding about the file is */
};

/* False when the state directory's path is too long. Loads nothing yet. */
bool fs_guard_init(struct fs_guard *g, const struct detector_env *env);

/*
 * Looks at the file and loads it when it is not the one that was seen last. True when another baseline is in
 * force now. `again`: tell what is wrong even if nothing changed.
 */
bool fs_guard_look(struct fs_guard *g, bool again);

#endif
