#include "support/check.h"
#include "watch/detector.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static struct conf conf;
static struct finding last;
static unsigned told;

static void
take_note(void *to, const struct finding *f)
{
    (void)to;
    CHECK(finding_valid(f, sizeof(*f)));
    last = *f;
    told++;
}

static const struct detector_env env = { .conf = &conf, .report = take_note };

static bool
waits_until_ready(void)
{
    struct pollfd fd;

    CHECK_INT(detector_clock_ops.fds(&fd, 1), 1);
    if (poll(&fd, 1, 200) != 1) {
        return false;
    }
    detector_clock_ops.ready(&fd, 1);
    return true;
}

/* Jumps and jumps back; false when this is not allowed here. */
static bool
jump(time_t seconds)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += seconds;
    return clock_settime(CLOCK_REALTIME, &t) == 0;
}

static void
a_clock_that_runs_as_it_should_is_no_event(void)
{
    CHECK_INT(detector_clock_ops.open(&env), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(detector_clock_ops.work(1000 * i), 1000 * i + 10000);
    }
    CHECK_INT(told, 0);
}

static void
a_step_is_told_with_its_size_and_a_small_one_is_not(void)
{
    if (getenv("TOCSIN_TEST_SETS_CLOCK") == NULL || !jump(3)) {
        printf("     left out: sets the machine's clock (with TOCSIN_TEST_SETS_CLOCK=1 and the right to)\n");
        return;
    }
    bool ready = waits_until_ready();
    CHECK(jump(-3));
    CHECK(ready);
    CHECK_INT(told, 1);
    CHECK_INT(last.code, FINDING_TIME_STEP);
    CHECK_INT(last.op, FINDING_EVENT);
    CHECK(strstr(last.text, "step=+3.0") != NULL || strstr(last.text, "step=+2.9") != NULL);
    CHECK(waits_until_ready());
    CHECK_INT(told, 2);
    CHECK(strstr(last.text, "step=-3.0") != NULL || strstr(last.text, "step=-2.9") != NULL);
    CHECK(jump(0));
    CHECK(waits_until_ready());
    CHECK_INT(told, 2);
}

int
main(void)
{
    CHECK_RUN(a_clock_that_runs_as_it_should_is_no_event);
    CHECK_RUN(a_step_is_told_with_its_size_and_a_small_one_is_not);
    return check_result();
}
