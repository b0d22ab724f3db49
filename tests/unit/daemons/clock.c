#include "support/check.h"
#include "watch/detector.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct conf conf;
static struct finding last;
static unsigned told;

static struct {
    time_t set_s;    /* by so much somebody set the time of day, */
    time_t passed_s; /* and so long this process did not run */
    time_t sets_s;   /* after the next reading of the time of day */
    time_t passes_s; /* likewise */
} feigned;

int
clock_gettime(clockid_t clock, struct timespec *t)
{
    int r = (int)syscall(SYS_clock_gettime, clock, t);

    t->tv_sec += feigned.passed_s;
    if (clock == CLOCK_REALTIME) {
        t->tv_sec += feigned.set_s;
        feigned.set_s += feigned.sets_s;
        feigned.passed_s += feigned.passes_s;
        feigned.sets_s = feigned.passes_s = 0;
    }
    return r;
}

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
    for (int64_t i = 0; i < 3; i++) {
        CHECK_INT(detector_clock_ops.work(2000 * i), 2000 * i + 10000);
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

static void
a_step_is_one_event_when_the_process_rests_between_its_readings(void)
{
    struct pollfd fd;

    CHECK_INT(detector_clock_ops.open(&env), 0);
    CHECK_INT(detector_clock_ops.fds(&fd, 1), 1);
    told = 0;
    feigned.set_s += 3600;
    feigned.passes_s = 2;
    detector_clock_ops.ready(&fd, 1);
    (void)detector_clock_ops.work(1000);
    CHECK_INT(told, 1);
    CHECK(strstr(last.text, "step=+3600.0") != NULL || strstr(last.text, "step=+3599.9") != NULL);
    feigned.passes_s = 2;
    detector_clock_ops.ready(&fd, 1);
    feigned.passes_s = 2;
    (void)detector_clock_ops.work(2000);
    CHECK_INT(told, 1);
}

/* Seconds since 1970 of the time behind a key; -1 for none. */
static int64_t
time_of(const char *key)
{
    const char *at = strstr(last.text, key);
    struct tm utc = { 0 };

    return at != NULL && strptime(at + strlen(key), "%Y%m%dT%H%M%SZ", &utc) != NULL ? (int64_t)timegm(&utc)
                                                                                    : -1;
}

static void
a_step_is_told_with_the_time_before_it_and_the_time_behind(void)
{
    struct pollfd fd;

    CHECK_INT(detector_clock_ops.open(&env), 0);
    CHECK_INT(detector_clock_ops.fds(&fd, 1), 1);
    struct timespec before;
    clock_gettime(CLOCK_REALTIME, &before);
    feigned.set_s += 3600;
    detector_clock_ops.ready(&fd, 1);
    CHECK(llabs(time_of("from=") - before.tv_sec) <= 2);
    CHECK(llabs(time_of("to=") - before.tv_sec - 3600) <= 2);
}

static void
a_step_in_the_middle_of_a_look_is_told_by_the_next(void)
{
    struct pollfd fd;

    CHECK_INT(detector_clock_ops.open(&env), 0);
    CHECK_INT(detector_clock_ops.fds(&fd, 1), 1);
    told = 0;
    feigned.sets_s = 3600;
    (void)detector_clock_ops.work(1000);
    CHECK_INT(told, 0);
    detector_clock_ops.ready(&fd, 1);
    CHECK_INT(told, 1);
}

int
main(void)
{
    CHECK_RUN(a_clock_that_runs_as_it_should_is_no_event);
    CHECK_RUN(a_step_is_told_with_its_size_and_a_small_one_is_not);
    CHECK_RUN(a_step_is_one_event_when_the_process_rests_between_its_readings);
    CHECK_RUN(a_step_is_told_with_the_time_before_it_and_the_time_behind);
    CHECK_RUN(a_step_in_the_middle_of_a_look_is_told_by_the_next);
    return check_result();
}
