#ifndef BELFRY_NOTIFY_WORK_H
#define BELFRY_NOTIFY_WORK_H
/*
 * work - the loop of a notifier's process. For its main program.
 */
#include "belfry/notify/kind.h"

/* `word` is NAME KIND PLACE OPTION... and a NULL. Returns when belfry is gone and all is finished. Exit
 * status. */
int work_run(const struct notify_kind *kind, int link, char **word);

/* From root, which has opened what it alone may open, to nobody; for kinds that do not keep their user. */
void work_drop_root(const struct notify_kind *kind);

#endif
