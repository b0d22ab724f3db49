/* Logs that are rotated the ways logrotate(8) does it, and what only looks like that. */
#include "conf/attrs.h"
#include "ground.h"
#include "guarding.h"
#include "support/check.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHANGED FINDING_INTEGRITY_CHANGED
#define GONE FINDING_INTEGRITY_GONE

static void
guard(const char *text)
{
    ground_open();
    CHECK(conf_set_find(&ground.conf, "logs", 4, &ground.conf.watch[0].attrs));
    ground.conf.sweep_s = 1;
    ground_write("log", text);
    ground_write("other", "x");
    CHECK(ground_baseline());
    CHECK(guarding_starts());
}

static bool
is_alarm(void)
{
    const char *changed = ground_says("log", CHANGED);
    const char *gone = ground_says("log", GONE);

    return changed[0] != '\0' || gone[0] != '\0';
}

/* The event that says so, since ground_forget(). */
static unsigned
told_rotated(const char *to)
{
    unsigned count = 0;

    for (int i = 0; i < ground_count; i++) {
        const struct finding *f = &ground_heard[i];

        count += f->op == FINDING_EVENT && f->code == CHANGED && f->severity == WIRE_INFO &&
                 strstr(f->text, "/log log=rotated to=") != NULL && strstr(f->text, to) != NULL;
    }
    return count;
}

static void
a_log_that_is_moved_and_begun_anew_is_rotated(void)
{
    guard("one\n");
    AFTER("mv log log.1; : >log");
    CHECK(!is_alarm());
    CHECK_INT(told_rotated("log.1"), 1);
    AFTER("echo two >>log");
    CHECK(!is_alarm());
    CHECK_INT(told_rotated("log"), 0);
    AFTER("mv log.1 log.2; mv log log.1; echo three >log");
    CHECK(!is_alarm());
    CHECK_INT(told_rotated("log.1"), 1);
    CHECK(sweep_ends());
    CHECK(!is_alarm());
}

static void
a_log_that_is_moved_and_compressed_is_rotated(void)
{
    guard("one\n");
    AFTER("mv log log.1; : >log");
    AFTER("gzip log.1");
    CHECK(!is_alarm());
    AFTER("echo two >>log");
    CHECK(!is_alarm());
    CHECK(sweep_ends());
    CHECK(!is_alarm());
}

static void
a_log_that_is_copied_and_emptied_is_rotated(void)
{
    guard("one\n");
    AFTER("cp log log-20261122; : >log; echo two >>log");
    CHECK(!is_alarm());
    CHECK_INT(told_rotated("log-20261122"), 1);
    AFTER("cp log log-20261123; : >log");
    CHECK(!is_alarm());
}

static void
a_log_whose_beginning_is_lost_is_told(void)
{
    guard("one\n");
    AFTER(": >log; sleep 0.01; echo two >>log");
    CHECK(is_alarm());
    guard("one\n");
    AFTER("echo two >log.new; mv log.new log");
    CHECK(is_alarm());
    guard("one\n");
    AFTER("rm log");
    CHECK(is_alarm());
    guard("one\n");
    AFTER("cp log log.1; echo ONE >log.1; echo xx >log");
    CHECK(is_alarm());
    guard("one\n");
    AFTER("mv log ../log.1; : >log");
    CHECK(is_alarm());
    guard("one\n");
    AFTER("echo One >log; mv log log.1; : >log");
    CHECK(is_alarm());
}

static void
a_log_that_was_rotated_is_guarded_as_it_was_before(void)
{
    guard("one\n");
    AFTER("mv log log.1; echo two >log");
    CHECK(!is_alarm());
    AFTER("echo TWO >log");
    CHECK(is_alarm());
    AFTER("echo three >>log");
    CHECK(!closed("log") && told_rotated("log") == 0);
    CHECK(sweep_ends());
    CHECK(!closed("log") && told_rotated("log") == 0);
    guard("one\n");
    AFTER("mv log log.1; echo two >log");
    CHECK(!is_alarm());
    AFTER("rm log.1; mv log log.1; echo x >>log.1; rm log.1; : >log");
    CHECK(is_alarm());
    guard("one\n");
    AFTER("mv log log.1; : >log; chmod 666 log");
    CHECK(!is_alarm());
    usleep(600000); /* by then it was made ready */
    ground_forget();
    CHECK(sweep_ends());
    CHECK(is_alarm());
}

int
main(void)
{
    doer_start();
    CHECK_RUN(a_log_that_is_moved_and_begun_anew_is_rotated);
    CHECK_RUN(a_log_that_is_moved_and_compressed_is_rotated);
    CHECK_RUN(a_log_that_is_copied_and_emptied_is_rotated);
    CHECK_RUN(a_log_whose_beginning_is_lost_is_told);
    CHECK_RUN(a_log_that_was_rotated_is_guarded_as_it_was_before);
    doer_stop();
    ground_close();
    return check_result();
}
