#include "alarm/schedule.h"
#include "support/check.h"

static struct schedule schedule;
static uint32_t next_number;

static void
begin(unsigned channels, uint32_t baud)
{
    static struct conf conf;

    memset(&schedule, 0, sizeof(schedule));
    memset(&conf, 0, sizeof(conf));
    conf.channels = channels;
    for (unsigned i = 0; i < channels; i++) {
        snprintf(conf.channel[i].scheme, sizeof(conf.channel[i].scheme), "serial");
        conf.channel[i].baud = baud;
    }
    schedule_init(&schedule, &conf);
    next_number = 0;
}

static uint32_t
add(enum wire_severity severity, bool beat, int64_t now_ms)
{
    struct session_line line = { .number = next_number++, .severity = (uint8_t)severity, .len = 120 };

    schedule_add(&schedule, &line, beat, now_ms);
    return line.number;
}

/* The number of the line that goes out now, or -1. */
static int
next(unsigned channel, int64_t now_ms)
{
    int64_t due_ms;
    const struct session_line *line = schedule_next(&schedule, channel, now_ms, &due_ms);

    if (line == NULL) {
        CHECK(due_ms > now_ms);
        return -1;
    }
    int number = (int)line->number;
    schedule_done(&schedule, channel, line->number, now_ms);
    return number;
}

static void
copies_go_out_when_the_specification_says(void)
{
    static const int64_t grave[] = { 0, 2, 10, 60, 300, 900, 3600, 14400, 28800, 43200, 57600, 72000, 86400 };
    size_t seen = 0;

    begin(1, 115200);
    add(WIRE_CRIT, false, 0);
    for (int64_t s = 0; s <= 100000; s++) {
        if (next(0, s * 1000) == 0) {
            CHECK(seen < sizeof(grave) / sizeof(grave[0]) && s == grave[seen]);
            seen++;
        }
    }
    CHECK_INT(seen, sizeof(grave) / sizeof(grave[0]));
}

static void
a_note_has_two_copies_and_a_beat_one(void)
{
    int notes = 0;
    int beats = 0;

    begin(1, 115200);
    add(WIRE_NOTE, false, 0);
    add(WIRE_INFO, true, 0);
    for (int64_t ms = 0; ms < 100000; ms += 100) {
        int number = next(0, ms);
        notes += number == 0 ? 1 : 0;
        beats += number == 1 ? 1 : 0;
    }
    CHECK_INT(notes, 2);
    CHECK_INT(beats, 1);
}

static void
first_copies_go_beat_first_then_by_severity_then_by_number(void)
{
    begin(1, 115200);
    add(WIRE_NOTE, false, 0);
    add(WIRE_CRIT, false, 0);
    add(WIRE_CRIT, false, 0);
    add(WIRE_INFO, true, 0);
    add(WIRE_ALRT, false, 0);
    CHECK_INT(next(0, 0), 3);
    CHECK_INT(next(0, 0), 4);
    CHECK_INT(next(0, 0), 1);
    CHECK_INT(next(0, 0), 2);
    CHECK_INT(next(0, 0), 0);
    CHECK_INT(next(0, 0), -1);
}

static void
repeats_take_at_most_a_quarter_of_the_line(void)
{
    int64_t repeat_time_ms = 0;
    const int64_t line_ms = 122 * 10 * 1000 / 9600;

    begin(1, 9600);
    for (int i = 0; i < 200; i++) {
        add(WIRE_CRIT, false, 0);
        next(0, 0);
    }
    for (int64_t ms = 1; ms < 60000; ms++) {
        int64_t due_ms;
        const struct session_line *line = schedule_next(&schedule, 0, ms, &due_ms);

        if (line != NULL) {
            ms += line_ms;
            repeat_time_ms += line_ms;
            schedule_done(&schedule, 0, line->number, ms);
        }
    }
    CHECK(repeat_time_ms > 60000 / 5);
    CHECK(repeat_time_ms <= 60000 / 4 + line_ms);
}

static void
channels_are_served_apart(void)
{
    begin(2, 115200);
    add(WIRE_CRIT, false, 0);
    CHECK_INT(next(0, 0), 0);
    CHECK_INT(schedule_waiting(&schedule, 0), 0);
    CHECK_INT(schedule_waiting(&schedule, 1), 1);
    CHECK_INT(next(0, 0), -1);
    CHECK_INT(next(1, 500000), 0);
    CHECK_INT(next(1, 500000), -1);
    CHECK_INT(next(1, 502000), 0);
}

static void
when_all_room_is_taken_the_least_severe_leaves_and_is_counted(void)
{
    begin(1, 115200);
    for (int i = 0; i < SCHEDULE_LINES; i++) {
        add(i == 500 ? WIRE_INFO : WIRE_CRIT, false, 0);
    }
    CHECK_INT(schedule_take_dropped(&schedule), 0);
    uint32_t last = add(WIRE_CRIT, false, 0);
    CHECK_INT(schedule_take_dropped(&schedule), 1);
    CHECK_INT(schedule_waiting(&schedule, 0), SCHEDULE_LINES);
    for (int i = 0; i < SCHEDULE_LINES; i++) {
        int number = next(0, 0);
        CHECK(number != 500);
        CHECK(i < SCHEDULE_LINES - 1 || number == (int)last);
    }
}

int
main(void)
{
    CHECK_RUN(copies_go_out_when_the_specification_says);
    CHECK_RUN(a_note_has_two_copies_and_a_beat_one);
    CHECK_RUN(first_copies_go_beat_first_then_by_severity_then_by_number);
    CHECK_RUN(repeats_take_at_most_a_quarter_of_the_line);
    CHECK_RUN(channels_are_served_apart);
    CHECK_RUN(when_all_room_is_taken_the_least_severe_leaves_and_is_counted);
    return check_result();
}
