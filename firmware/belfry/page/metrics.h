#ifndef BELFRY_PAGE_METRICS_H
#define BELFRY_PAGE_METRICS_H
/*
 * metrics - /metrics in the Prometheus text format 0.0.4
 *
 * Its conventions: base units, times and not ages, counters that end in _total, and no text of an alarm in a
 * label.
 */
#include "belfry/page/model.h"
#include "belfry/page/sheet.h"

/* `connections` and `streams` are the page's own. */
void metrics_write(struct sheet *s, const struct model *m, unsigned connections, unsigned streams);

#endif
