#include "alarm/schedule.h"
#include "support/check.h"

static struct schedule schedule;
static uint32_t next_number;

static struct conf conf;

static void
configure(unsigned channels, uint32_t baud)
{
    memset(&schedule, 0, sizeof(schedule));
    memset(&conf, 0, sizeof(conf));
    conf.channels = channels;
    for (unsigned i = 0; i < channels; i++) {
        snprintf(conf.channel[i].scheme, sizeof(conf.channel[i].scheme), "serial");
        conf.channel[i].baud = baud;
        conf.channel[i].floor = WIRE_INFO;
    }
    next_number = 0;
}

static void
begin(unsigned channels, uint32_t baud)
{
    configure(channels, baud);
    schedule_init(&schedule, &conf);
}

/* Channel 0 always, channel 1 as a fallback, and a receiver. */
static void
begin_with_network(void)
{
    configure(2, 115200);
    snprintf(conf.receiver.name, sizeof(conf.receiver.name), "192.0.2.1");
    conf.channel[1].fallback = true;
    schedule_init(&schedule, &conf);
}

static uint32_t
add(enum wire_severity severity, bool beat)
{
    struct session_line line = { .number = next_number++, .severity = (uint8_t)severity, .len = 120 };

    schedule_add(&schedule, &line, beat ? SCHEDULE_BEAT : 0);
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
    add(WIRE_CRIT, false);
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
    add(WIRE_NOTE, false);
    add(WIRE_INFO, true);
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
    add(WIRE_NOTE, false);
    add(WIRE_CRIT, false);
    add(WIRE_CRIT, false);
    add(WIRE_INFO, true);
    add(WIRE_ALRT, false);
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
        add(WIRE_CRIT, false);
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
    add(WIRE_CRIT, false);
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
        add(i == 500 ? WIRE_INFO : WIRE_CRIT, false);
    }
    CHECK_INT(schedule_take_dropped(&schedule), 0);
    uint32_t last = add(WIRE_CRIT, false);
    CHECK_INT(schedule_take_dropped(&schedule), 1);
    CHECK_INT(schedule_waiting(&schedule, 0), SCHEDULE_LINES);
    for (int i = 0; i < SCHEDULE_LINES; i++) {
        int number = next(0, 0);
        CHECK(number != 500);
        CHECK(i < SCHEDULE_LINES - 1 || number == (int)last);
    }
}

/* ---- the network ---- */

/* What the courier is told now, up to the window: the last number, or -1; each is one more than the one
 * before.
 */
static int
give(unsigned window)
{
    const struct session_line *line;
    int last = -1;

    while ((line = schedule_network_next(&schedule, window)) != NULL) {
        CHECK(last < 0 || (int)line->number == last + 1);
        last = (int)line->number;
        schedule_network_given(&schedule);
    }
    return last;
}

static void
keep_and_ack(uint32_t number)
{
    give(SCHEDULE_LINES);
    schedule_network_kept(&schedule, number);
    schedule_network_acked(&schedule, number);
}

static void
the_courier_gets_each_line_once_in_the_order_of_the_numbers_whatever_their_severity(void)
{
    begin_with_network();
    for (int i = 0; i < 100; i++) {
        add((enum wire_severity)(i % WIRE_SEVERITIES), i % 10 == 0);
    }
    CHECK_INT(give(32), 31);
    CHECK_INT(give(32), -1);
    schedule_network_kept(&schedule, 9);
    CHECK_INT(give(32), 41);
    schedule_network_kept(&schedule, 41);
    CHECK_INT(give(1000), 99);
    schedule_network_kept(&schedule, 99);
    CHECK_INT(give(1000), -1);
    CHECK_INT(schedule_network_waiting(&schedule), 0);
}

static void
a_new_courier_gets_what_the_one_before_did_not_keep(void)
{
    begin_with_network();
    for (int i = 0; i < 20; i++) {
        add(WIRE_WARN, false);
    }
    give(32);
    schedule_network_kept(&schedule, 7);
    schedule_network_again(&schedule);
    CHECK_INT(schedule_network_next(&schedule, 32)->number, 8);
    CHECK_INT(give(32), 19);
}

static void
a_courier_keeps_no_line_that_it_was_not_told(void)
{
    begin_with_network();
    for (int i = 0; i < 20; i++) {
        add(WIRE_WARN, false);
    }
    give(4);
    schedule_network_kept(&schedule, 1000);
    CHECK_INT(schedule_network_waiting(&schedule), 16);
    CHECK_INT(schedule_network_next(&schedule, 32)->number, 4);
}

static void
a_line_that_is_not_kept_stays_while_others_can_leave(void)
{
    begin_with_network();
    for (int i = 0; i < SCHEDULE_LINES; i++) {
        uint32_t number = add(i < 512 ? WIRE_INFO : WIRE_NOTE, false);
        next(0, 0);
        if (i == 511) {
            keep_and_ack(number);
        }
    }
    for (int i = 0; i < 512; i++) {
        add(WIRE_INFO, false);
    }
    CHECK_INT(schedule_network_take_dropped(&schedule), 0);
    add(WIRE_INFO, false);
    CHECK_INT(schedule_network_take_dropped(&schedule), 1);
    CHECK_INT(schedule_network_waiting(&schedule), SCHEDULE_LINES);
    CHECK_INT(schedule_network_next(&schedule, 32)->number, 512);
}

/* The oldest INFO leaves each time: the ring has to lose it from its middle. */
static void
what_leaves_for_want_of_room_is_not_told_and_the_others_keep_their_order(void)
{
    int last = -1;
    int count = 0;
    const struct session_line *line;

    begin_with_network();
    for (int i = 0; i < 3 * SCHEDULE_LINES; i++) {
        add(i % 2 == 0 ? WIRE_CRIT : WIRE_INFO, false);
        if (i == 100) {
            CHECK_INT(give(32), 31);
        }
    }
    while ((line = schedule_network_next(&schedule, SCHEDULE_LINES)) != NULL) {
        CHECK((int)line->number > last);
        last = (int)line->number;
        count++;
        schedule_network_given(&schedule);
    }
    CHECK(count > SCHEDULE_LINES - 33 && count <= SCHEDULE_LINES);
    CHECK_INT(last, 3 * SCHEDULE_LINES - 1);
    CHECK_INT(schedule_network_take_dropped(&schedule), 2 * SCHEDULE_LINES);
}

static void
a_fallback_channel_gets_only_life_and_what_is_grave_while_the_network_is_there(void)
{
    begin_with_network();
    add(WIRE_WARN, false);
    add(WIRE_INFO, true);
    add(WIRE_ERRO, false);
    add(WIRE_NOTE, false);
    CHECK_INT(next(1, 0), 1);
    CHECK_INT(next(1, 0), 2);
    CHECK_INT(next(1, 0), -1);
    CHECK_INT(schedule_waiting(&schedule, 1), 0);
    CHECK_INT(schedule_waiting(&schedule, 0), 4);
}

static void
when_the_network_is_lost_all_that_is_not_acknowledged_goes_out_by_severity_then_number(void)
{
    begin_with_network();
    for (int i = 0; i < 3; i++) {
        add(WIRE_NOTE, false);
    }
    keep_and_ack(1);
    add(WIRE_WARN, false);
    add(WIRE_WARN, false);
    CHECK_INT(next(1, 1000), -1);
    schedule_network_lost(&schedule, true);
    CHECK_INT(schedule_waiting(&schedule, 1), 3);
    CHECK_INT(next(1, 1000), 3);
    CHECK_INT(next(1, 1000), 4);
    CHECK_INT(next(1, 1000), 2);
    CHECK_INT(next(1, 1000), -1);
    add(WIRE_NOTE, false);
    CHECK_INT(next(1, 2000), 5);
    schedule_network_lost(&schedule, false);
    add(WIRE_NOTE, false);
    CHECK_INT(next(1, 3000), -1);
}

static void
an_acknowledged_line_has_no_further_copies_on_a_fallback_channel(void)
{
    begin_with_network();
    add(WIRE_CRIT, false);
    keep_and_ack(0);
    CHECK_INT(next(1, 0), 0);
    for (int64_t s = 1; s < 100000; s++) {
        CHECK_INT(next(1, s * 1000), -1);
    }
}

static void
an_acknowledged_line_is_not_repeated_after_fifteen_minutes_on_any_channel(void)
{
    for (int acknowledged = 0; acknowledged < 2; acknowledged++) {
        int copies = 0;

        begin_with_network();
        add(WIRE_CRIT, false);
        if (acknowledged != 0) {
            keep_and_ack(0);
        }
        for (int64_t s = 0; s < 100000; s++) {
            copies += next(0, s * 1000) == 0 ? 1 : 0;
        }
        CHECK_INT(copies, acknowledged != 0 ? 5 : 13);
    }
}

static void
what_is_acknowledged_but_was_never_kept_still_goes_out(void)
{
    begin_with_network();
    add(WIRE_WARN, false);
    schedule_network_acked(&schedule, 5);
    schedule_network_lost(&schedule, true);
    CHECK_INT(next(1, 0), 0);
}

static void
without_a_receiver_a_fallback_channel_gets_everything(void)
{
    configure(1, 115200);
    conf.channel[0].fallback = true;
    schedule_init(&schedule, &conf);
    add(WIRE_NOTE, false);
    CHECK_INT(next(0, 0), 0);
    CHECK_INT(schedule_network_waiting(&schedule), 0);
}

static void
a_floor_keeps_back_what_is_less_severe_and_neither_life_nor_what_is_grave(void)
{
    configure(1, 115200);
    conf.channel[0].floor = WIRE_ALRT;
    schedule_init(&schedule, &conf);
    add(WIRE_WARN, false);
    add(WIRE_INFO, true);
    add(WIRE_ERRO, false);
    CHECK_INT(next(0, 0), 1);
    CHECK_INT(next(0, 0), 2);
    CHECK_INT(next(0, 0), -1);
    configure(1, 115200);
    conf.channel[0].floor = WIRE_WARN;
    schedule_init(&schedule, &conf);
    add(WIRE_NOTE, false);
    add(WIRE_WARN, false);
    CHECK_INT(next(0, 0), 1);
    CHECK_INT(next(0, 0), -1);
}

static void
what_a_floor_keeps_back_takes_no_room(void)
{
    configure(1, 115200);
    conf.channel[0].floor = WIRE_WARN;
    schedule_init(&schedule, &conf);
    for (int i = 0; i < 3 * SCHEDULE_LINES; i++) {
        add(WIRE_NOTE, false);
    }
    CHECK_INT(schedule.high, 1);
    CHECK_INT(schedule_take_dropped(&schedule), 0);
}

static void
a_beat_that_never_went_out_is_not_counted_as_dropped(void)
{
    begin(1, 115200);
    for (int i = 0; i < 2 * SCHEDULE_LINES; i++) {
        add(WIRE_INFO, true);
    }
    CHECK_INT(schedule_take_dropped(&schedule), 0);
}

static void
what_the_courier_has_leaves_before_what_nobody_else_has(void)
{
    begin_with_network();
    for (int i = 0; i < SCHEDULE_LINES; i++) {
        add(i < 10 ? WIRE_WARN : WIRE_INFO, false);
        if (i == 9) {
            keep_and_ack(4);
            schedule_network_kept(&schedule, 9);
        }
    }
    for (int i = 0; i < 10; i++) {
        add(WIRE_INFO, false);
        CHECK_INT(schedule_network_take_dropped(&schedule), 0);
    }
    CHECK_INT(schedule_take_dropped(&schedule), 10); /* for channel 0 */
    add(WIRE_INFO, false);
    CHECK_INT(schedule_network_take_dropped(&schedule), 1);
}

static void
what_is_kept_is_no_loss_to_a_fallback_channel(void)
{
    begin_with_network();
    for (int i = 0; i < 2 * SCHEDULE_LINES; i++) {
        schedule_network_kept(&schedule, add(WIRE_WARN, false));
        give(1);
        schedule_network_kept(&schedule, next_number - 1);
        next(0, 0);
        next(0, 20000);
    }
    CHECK_INT(schedule_take_dropped(&schedule), 0);
    CHECK_INT(schedule_network_take_dropped(&schedule), 0);
}

/* What it remembers of having looked is held against a look at everything. */
static void
a_channel_that_is_said_to_be_quiet_has_nothing_to_write(void)
{
    static struct schedule bare;
    int64_t due_ms;
    int64_t bare_due_ms;
    unsigned written = 0;

    begin_with_network();
    for (int64_t ms = 0; ms < 400000; ms += 250) {
        if (ms % 20000 == 0) {
            add(ms % 40000 == 0 ? WIRE_CRIT : WIRE_WARN, false);
        }
        if (ms % 70000 == 0) {
            schedule_network_lost(&schedule, ms % 140000 == 0);
        }
        for (unsigned channel = 0; channel < 2; channel++) {
            memcpy(&bare, &schedule, sizeof(bare));
            bare.channel[channel].quiet_ms = 0;
            const struct session_line *want = schedule_next(&bare, channel, ms, &bare_due_ms);
            const struct session_line *line = schedule_next(&schedule, channel, ms, &due_ms);

            CHECK((line == NULL) == (want == NULL) && due_ms == bare_due_ms);
            if (line != NULL) {
                CHECK_INT(line->number, want->number);
                schedule_done(&schedule, channel, line->number, ms);
                written++;
            }
        }
    }
    CHECK(written > 60);
}

static void
a_device_that_keeps_what_it_gets_is_told_once(void)
{
    static const char *const schemes[] = { "printer", "usb" };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        configure(1, 0);
        snprintf(conf.channel[0].scheme, sizeof(conf.channel[0].scheme), "%s", schemes[i]);
        schedule_init(&schedule, &conf);
        add(WIRE_EMRG, false);
        add(WIRE_WARN, false);
        CHECK_INT(schedule_waiting(&schedule, 0), 2);
        CHECK_INT(next(0, 0), 0);
        CHECK_INT(next(0, 0), 1);
        CHECK_INT(schedule_waiting(&schedule, 0), 0);
        for (int64_t s = 0; s <= 100000; s += 10) {
            CHECK_INT(next(0, s * 1000), -1);
        }
    }
}

static void
what_a_logger_took_just_before_it_was_unplugged_goes_out_again_once(void)
{
    configure(2, 0);
    snprintf(conf.channel[0].scheme, sizeof(conf.channel[0].scheme), "usb");
    snprintf(conf.channel[1].scheme, sizeof(conf.channel[1].scheme), "printer");
    schedule_init(&schedule, &conf);
    for (int64_t s = 0; s < 20; s++) {
        CHECK_INT(add(WIRE_INFO, false), s);
        CHECK_INT(next(0, s * 1000), s);
        CHECK_INT(next(1, s * 1000), s);
    }
    schedule_lost(&schedule, 0, 20000);
    schedule_lost(&schedule, 1, 20000);
    CHECK_INT(schedule_waiting(&schedule, 0), 5);
    CHECK_INT(add(WIRE_INFO, false), 20);
    CHECK_INT(next(0, 30000), 20);
    for (int number = 15; number < 20; number++) {
        CHECK_INT(next(0, 30000 + number * 100), number);
        CHECK_INT(next(0, 30000 + number * 100 + 30), -1);
    }
    CHECK_INT(schedule_waiting(&schedule, 0), 0);
    CHECK_INT(next(0, 40000), -1);
    CHECK_INT(schedule_waiting(&schedule, 1), 1);
    CHECK_INT(next(1, 40000), 20);
    CHECK_INT(next(1, 40000), -1);
    schedule_lost(&schedule, 0, 60000);
    CHECK_INT(next(0, 60000), -1);
}

static void
a_printer_gets_a_beat_an_hour(void)
{
    unsigned printed = 0;
    unsigned written = 0;

    configure(2, 0);
    conf.beat_s = 10;
    snprintf(conf.channel[0].scheme, sizeof(conf.channel[0].scheme), "printer");
    schedule_init(&schedule, &conf);
    for (int64_t s = 0; s < 24 * 3600; s += 10) {
        add(WIRE_INFO, true);
        printed += next(0, s * 1000) >= 0 ? 1 : 0;
        written += next(1, s * 1000) >= 0 ? 1 : 0;
        CHECK(s > 0 || printed == 1);
    }
    CHECK_INT(printed, 24);
    CHECK_INT(written, 24 * 360);
    CHECK_INT(schedule_take_dropped(&schedule), 0);
}

int
main(void)
{
    CHECK_RUN(a_device_that_keeps_what_it_gets_is_told_once);
    CHECK_RUN(what_a_logger_took_just_before_it_was_unplugged_goes_out_again_once);
    CHECK_RUN(a_printer_gets_a_beat_an_hour);
    CHECK_RUN(copies_go_out_when_the_specification_says);
    CHECK_RUN(a_note_has_two_copies_and_a_beat_one);
    CHECK_RUN(first_copies_go_beat_first_then_by_severity_then_by_number);
    CHECK_RUN(repeats_take_at_most_a_quarter_of_the_line);
    CHECK_RUN(channels_are_served_apart);
    CHECK_RUN(when_all_room_is_taken_the_least_severe_leaves_and_is_counted);
    CHECK_RUN(the_courier_gets_each_line_once_in_the_order_of_the_numbers_whatever_their_severity);
    CHECK_RUN(a_new_courier_gets_what_the_one_before_did_not_keep);
    CHECK_RUN(a_courier_keeps_no_line_that_it_was_not_told);
    CHECK_RUN(a_line_that_is_not_kept_stays_while_others_can_leave);
    CHECK_RUN(what_leaves_for_want_of_room_is_not_told_and_the_others_keep_their_order);
    CHECK_RUN(a_fallback_channel_gets_only_life_and_what_is_grave_while_the_network_is_there);
    CHECK_RUN(when_the_network_is_lost_all_that_is_not_acknowledged_goes_out_by_severity_then_number);
    CHECK_RUN(an_acknowledged_line_has_no_further_copies_on_a_fallback_channel);
    CHECK_RUN(an_acknowledged_line_is_not_repeated_after_fifteen_minutes_on_any_channel);
    CHECK_RUN(what_is_acknowledged_but_was_never_kept_still_goes_out);
    CHECK_RUN(without_a_receiver_a_fallback_channel_gets_everything);
    CHECK_RUN(a_floor_keeps_back_what_is_less_severe_and_neither_life_nor_what_is_grave);
    CHECK_RUN(what_a_floor_keeps_back_takes_no_room);
    CHECK_RUN(a_beat_that_never_went_out_is_not_counted_as_dropped);
    CHECK_RUN(what_the_courier_has_leaves_before_what_nobody_else_has);
    CHECK_RUN(what_is_kept_is_no_loss_to_a_fallback_channel);
    CHECK_RUN(a_channel_that_is_said_to_be_quiet_has_nothing_to_write);
    return check_result();
}
