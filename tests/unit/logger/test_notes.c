/* When the recorder speaks, and for what it is: levels, its queue of notes, its mode. */
#include "logger/mode.h"
#include "logger/report.h"
#include "logger/signal.h"
#include "support/check.h"

static void
every_cell_of_the_modes_is_as_the_specification_says(void)
{
    static const enum mode want[MODES][MODE_EVENTS] = {
        [MODE_START] = { MODE_RECORD, MODE_DUMP, MODE_START, MODE_START, MODE_START },
        [MODE_RECORD] = { MODE_RECORD, MODE_RECORD, MODE_RECORD, MODE_RECORD, MODE_RECORD },
        [MODE_DUMP] = { MODE_DUMP, MODE_DUMP, MODE_DUMP, MODE_DUMPED, MODE_DUMP },
        [MODE_DUMPED] = { MODE_DUMPED, MODE_DUMPED, MODE_DUMP, MODE_DUMPED, MODE_HARVESTED },
        [MODE_HARVESTED] = { MODE_HARVESTED, MODE_HARVESTED, MODE_HARVESTED, MODE_HARVESTED, MODE_HARVESTED },
    };

    for (unsigned m = 0; m < MODES; m++) {
        for (unsigned e = 0; e < MODE_EVENTS; e++) {
            CHECK_INT(mode_next((enum mode)m, (enum mode_event)e), want[m][e]);
        }
    }
}

static void
nothing_is_marked_that_was_not_read_to_its_end_just_before(void)
{
    for (unsigned m = 0; m < MODES; m++) {
        for (unsigned e = 0; e < MODE_EVENTS; e++) {
            bool marks = m != MODE_HARVESTED && mode_next((enum mode)m, (enum mode_event)e) == MODE_HARVESTED;

            CHECK(!marks || (m == MODE_DUMPED && e == MODE_PRESSED_LONG));
        }
    }
}

static unsigned
sample(struct signal *s, bool level, unsigned samples, uint32_t now_s, uint32_t *changes)
{
    unsigned told = 0;

    for (unsigned i = 0; i < samples; i++) {
        told += signal_sample(s, level, now_s, changes);
    }
    return told;
}

static void
a_level_that_stays_is_told_once_and_a_bounce_never(void)
{
    struct signal s;
    uint32_t changes = 0;

    signal_init(&s, true);
    CHECK_INT(sample(&s, true, 100, 0, &changes), 0);
    CHECK_INT(sample(&s, false, SIGNAL_STABLE - 1, 0, &changes), 0);
    CHECK_INT(sample(&s, true, 100, 0, &changes), 0);
    CHECK_INT(sample(&s, false, 100, 0, &changes), 1);
    CHECK_INT(changes, 1);
    CHECK(!s.level);
}

static void
a_level_that_flaps_is_told_each_ten_seconds_with_its_changes(void)
{
    struct signal s;
    uint32_t changes = 0;
    uint32_t all = 0;
    unsigned told = 0;

    signal_init(&s, true);
    for (uint32_t now_s = 0; now_s < 1000; now_s++) {
        for (unsigned i = 0; i < 10; i++) {
            unsigned n = sample(&s, i % 2 == 1, 10, now_s, &changes);

            told += n;
            all += n * changes;
        }
    }
    CHECK_INT(told, 100);
    CHECK_INT(all + s.changes, 10000);
    CHECK_INT(sample(&s, true, 10, 1020, &changes), 1);
    CHECK_INT(sample(&s, true, 10000, 2000, &changes), 0);
}

static void
notes_wait_in_order_and_what_found_no_room_is_told_by_the_next(void)
{
    static struct report r;
    const struct note_detail none[] = { { "x", NULL, 1 } };

    report_init(&r, "0123456789ABCDEF", 3);
    for (unsigned i = 0; i < REPORT_WAITING + 5; i++) {
        report_add(&r, REPORT_ACK, none, 1, i);
    }
    for (unsigned i = 0; i < REPORT_WAITING; i++) {
        char place[40];

        CHECK(report_next(&r) != NULL);
        snprintf(place, sizeof(place), " 3.%u@%u logger.ack x=1 ~", i, i);
        CHECK(memmem(report_next(&r)->line, report_next(&r)->len, place, strlen(place)) != NULL);
        report_done(&r);
        report_add(&r, REPORT_BEAT, none, 1, 99);
        if (i == 0) {
            const struct report_note *last = &r.waiting[0];

            CHECK(memmem(last->line, last->len, "logger.beat x=1 more=5 ~", 24) != NULL);
            CHECK(!last->store);
        }
    }
}

static void
only_the_first_notes_of_a_kind_are_for_the_reserve(void)
{
    static struct report r;

    report_init(&r, "0123456789ABCDEF", 3);
    for (unsigned kind = 0; kind < REPORT_KINDS; kind++) {
        unsigned kept = 0;

        for (unsigned i = 0; i < 1000; i++) {
            report_add(&r, (enum report_kind)kind, NULL, 0, i);
            kept += report_next(&r)->keep;
            report_done(&r);
        }
        CHECK_INT(kept, REPORT_KEPT);
        CHECK(report_next(&r) == NULL);
    }
}

int
main(void)
{
    CHECK_RUN(every_cell_of_the_modes_is_as_the_specification_says);
    CHECK_RUN(nothing_is_marked_that_was_not_read_to_its_end_just_before);
    CHECK_RUN(a_level_that_stays_is_told_once_and_a_bounce_never);
    CHECK_RUN(a_level_that_flaps_is_told_each_ten_seconds_with_its_changes);
    CHECK_RUN(notes_wait_in_order_and_what_found_no_room_is_told_by_the_next);
    CHECK_RUN(only_the_first_notes_of_a_kind_are_for_the_reserve);
    return check_result();
}
