#include "alarm/status.h"
#include "support/check.h"
#include <errno.h>

static void
texts_are_listed_printable_and_never_too_long(void)
{
    struct detector_status s;

    status_init(&s, "a name that is far too long");
    status_source(&s, "one");
    status_source(&s, "two %c[31m", 27);
    CHECK_STR(s.sources, "one, two ?[31m");
    for (int i = 0; i < 100; i++) {
        status_note(&s, "again");
    }
    CHECK(strlen(s.note) < STATUS_TEXT && strlen(s.name) < STATUS_NAME);
    CHECK(status_valid(&s, sizeof(s)));
}

static void
a_missing_source_lowers_the_state_and_a_later_one_does_not_raise_it(void)
{
    struct detector_status s;

    status_init(&s, "ports");
    status_source_or(&s, "perf", 0, "polling");
    CHECK_INT(s.state, STATUS_OK);
    status_source_or(&s, "perf", -EACCES, "polling");
    CHECK_INT(s.state, STATUS_REDUCED);
    CHECK_STR(s.sources, "perf, perf missing (Permission denied): polling");
    status_lower(&s, STATUS_BLIND);
    status_lower(&s, STATUS_OK);
    CHECK_INT(s.state, STATUS_BLIND);
}

static void
a_message_with_any_field_out_of_range_is_not_valid(void)
{
    struct detector_status good;

    status_init(&good, "files");
    CHECK(status_valid(&good, sizeof(good)));
    CHECK(!status_valid(&good, sizeof(good) - 1));
    for (unsigned which = 0; which < 6; which++) {
        struct detector_status s = good;

        switch (which) {
        case 0:
            s.state = STATUS_STATES;
            break;
        case 1:
            s.left = STATUS_DETECTORS;
            break;
        case 2:
            s.pass_ms = -1;
            break;
        case 3:
            s.name[0] = '\0';
            break;
        case 4:
            memset(s.sources, 'x', sizeof(s.sources));
            break;
        default:
            s.note[0] = 27;
            break;
        }
        CHECK(!status_valid(&s, sizeof(s)));
    }
}

static void
the_last_status_of_a_name_is_kept_and_a_name_too_many_is_left_out(void)
{
    static struct status_table t;
    struct detector_status s;
    char name[STATUS_NAME];

    for (unsigned i = 0; i < STATUS_DETECTORS + 3; i++) {
        snprintf(name, sizeof(name), "d%u", i);
        status_init(&s, name);
        status_keep(&t, &s, i);
    }
    CHECK_INT(t.count, STATUS_DETECTORS);
    status_init(&s, "d1");
    s.looked = 7;
    status_keep(&t, &s, 99);
    CHECK_INT(t.count, STATUS_DETECTORS);
    CHECK_INT(t.entry[1].status.looked, 7);
    CHECK_INT(t.entry[1].heard_ms, 99);
}

int
main(void)
{
    CHECK_RUN(texts_are_listed_printable_and_never_too_long);
    CHECK_RUN(a_missing_source_lowers_the_state_and_a_later_one_does_not_raise_it);
    CHECK_RUN(a_message_with_any_field_out_of_range_is_not_valid);
    CHECK_RUN(the_last_status_of_a_name_is_kept_and_a_name_too_many_is_left_out);
    return check_result();
}
