#include "support/storm.h"
#include "support/check.h"
#include <inttypes.h>
#include <stdlib.h>

/*
 * Ten thousand findings a second: what the core says of them is counted to the last, its memory stays as it
 * is, and who is graver waits for none of them. TOCSIN_STORM_SECONDS (4) behind the warm-up.
 */
#define WARM_MS 12000 /* the tables of findings are full and the first folding is told */
#define BETWEEN_MS 1000
#define WARM_GRAVES 3
#define SECONDS 4
#define BEFORE_MOST 2 /* lines: the one under way, and one that had been handed over */

static struct storm storm;

static unsigned
seconds(void)
{
    const char *text = getenv("TOCSIN_STORM_SECONDS");
    unsigned n = text != NULL ? (unsigned)strtoul(text, NULL, 10) : SECONDS;

    return n > 0 && n < STORM_GRAVES - WARM_GRAVES ? n : SECONDS;
}

static void
a_storm_is_counted_exactly_takes_no_memory_and_holds_up_nobody_who_is_graver(void)
{
    CHECK(storm_begin(&storm));
    storm_fill(&storm);
    storm_go_on(&storm, WARM_MS, true);
    for (unsigned i = 0; i < WARM_GRAVES; i++) {
        storm_raise(&storm);
        storm_go_on(&storm, BETWEEN_MS, true);
    }
    long before_kb = storm_memory_kb(&storm);

    for (unsigned i = 0; i < seconds(); i++) {
        storm_raise(&storm);
        storm_go_on(&storm, BETWEEN_MS, true);
    }
    CHECK_INT(storm_memory_kb(&storm), before_kb);
    storm_go_on(&storm, BETWEEN_MS, false);
    for (unsigned i = 0; i < storm.graves; i++) {
        CHECK(storm.grave[i].begun_us != 0);
        CHECK(storm.grave[i].before <= BEFORE_MOST);
    }
    CHECK_INT(storm_end(&storm), 0);
    uint64_t counted = storm.told + storm_folded(&storm) + storm.dropped + storm.untold;

    printf("sent %" PRIu64 ": told %" PRIu64 ", folded %" PRIu64 ", no room %" PRIu64 ", not told %" PRIu64
           "\n",
            storm.sent, storm.told, storm_folded(&storm), storm.dropped, storm.untold);
    CHECK(storm.sent > 10000 && storm.told > 0 && storm.dropped > 0 && storm.folds > 0);
    CHECK_INT(counted, storm.sent);
}

int
main(void)
{
    CHECK_RUN(a_storm_is_counted_exactly_takes_no_memory_and_holds_up_nobody_who_is_graver);
    return check_result();
}
