#include "alarm/netstate.h"
#include "support/check.h"
#include <stdlib.h>
#include <string.h>

#define INTERVAL INT64_C(1000)

static struct netstate n;
static int64_t now;

static enum net_tell
at(int64_t ms, enum net_event event)
{
    now = ms;
    return netstate_event(&n, event, ms);
}

/* Check-ins that are answered, one an interval; the last one at the time given back. */
static int64_t
well(int64_t from_ms, int acks)
{
    for (int i = 0; i < acks; i++) {
        at(from_ms + (int64_t)i * INTERVAL, NET_ACK);
    }
    return now;
}

/* A state that is up, with the last acknowledgement at 10 s. */
static void
begin_up(void)
{
    netstate_init(&n, INTERVAL, 9000);
    CHECK_INT(at(10000, NET_ACK), NET_TELL_NOTHING);
    CHECK_STR(netstate_name(n.state), "up");
}

static void
nothing_acknowledged_from_the_start_is_lost_after_three_seconds(void)
{
    netstate_init(&n, INTERVAL, 1000);
    CHECK(!netstate_lost(&n));
    CHECK_INT(at(3999, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(at(4000, NET_TICK), NET_TELL_LOST);
    CHECK_STR(netstate_why(n.why), "silence");
    CHECK(netstate_lost(&n));
}

static void
a_bad_route_is_a_loss_after_half_a_second_and_not_before(void)
{
    begin_up();
    CHECK_INT(at(10100, NET_ROUTE_BAD), NET_TELL_NOTHING);
    CHECK_STR(netstate_name(n.state), "suspect");
    CHECK_INT(at(10599, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(at(10600, NET_TICK), NET_TELL_LOST);
    CHECK_STR(netstate_why(n.why), "route");
    CHECK_INT(n.sign_ms, 10100);
}

static void
a_route_that_is_good_again_in_time_and_an_answer_are_no_loss(void)
{
    begin_up();
    at(10100, NET_ROUTE_BAD);
    CHECK_INT(at(10300, NET_ROUTE_GOOD), NET_TELL_NOTHING);
    CHECK_INT(at(10700, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(at(10800, NET_ACK), NET_TELL_NOTHING);
    CHECK_STR(netstate_name(n.state), "up");
}

/* A route that was bad for a moment is told as good again only after two seconds. */
static void
a_bad_route_over_which_answers_come_is_no_loss(void)
{
    begin_up();
    at(10100, NET_ROUTE_BAD);
    for (int64_t ms = 10350; ms < 12200; ms += 250) {
        CHECK_INT(at(ms, NET_ACK), NET_TELL_NOTHING);
        CHECK_INT(at(ms + 200, NET_TICK), NET_TELL_NOTHING);
    }
    at(12200, NET_ROUTE_GOOD);
    CHECK_INT(at(12250, NET_ACK), NET_TELL_NOTHING);
    CHECK_STR(netstate_name(n.state), "up");
}

static void
an_answer_puts_off_the_proof_by_the_route_by_half_a_second_and_no_more(void)
{
    begin_up();
    at(10100, NET_ROUTE_BAD);
    at(10400, NET_ACK);
    CHECK_INT(at(10899, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(netstate_due(&n, 10899), 10900);
    CHECK_INT(at(10900, NET_TICK), NET_TELL_LOST);
}

static void
who_slept_has_not_heard_silence(void)
{
    begin_up();
    netstate_absent(&n, 889000, 900000);
    CHECK_INT(at(900000, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(at(901999, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(at(902000, NET_TICK), NET_TELL_LOST);
    begin_up();
    at(899999, NET_ACK);
    netstate_absent(&n, 889000, 900000);
    CHECK_INT(at(902999, NET_TICK), NET_TELL_NOTHING);
}

static void
it_is_ticked_at_the_moment_of_each_proof(void)
{
    begin_up();
    CHECK_INT(at(12900, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(netstate_due(&n, 12900), 13000);
    begin_up();
    at(10100, NET_ROUTE_BAD);
    CHECK_INT(netstate_due(&n, 10400), 10600);
}

static void
two_send_errors_in_a_row_are_a_loss_and_one_is_not(void)
{
    begin_up();
    CHECK_INT(at(10100, NET_SEND_ERROR), NET_TELL_NOTHING);
    at(10200, NET_ACK);
    CHECK_STR(netstate_name(n.state), "up");
    CHECK_INT(at(10300, NET_SEND_ERROR), NET_TELL_NOTHING);
    CHECK_INT(at(10400, NET_SEND_ERROR), NET_TELL_LOST);
    CHECK_STR(netstate_why(n.why), "send");
}

static void
silence_alone_is_proof(void)
{
    begin_up();
    CHECK_INT(at(12999, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(at(13000, NET_TICK), NET_TELL_LOST);
    CHECK_STR(netstate_why(n.why), "silence");
}

static void
seldom_check_ins_are_waited_for_three_times(void)
{
    netstate_init(&n, 5000, 0);
    at(100, NET_ACK);
    CHECK_INT(at(15099, NET_TICK), NET_TELL_NOTHING);
    CHECK_INT(at(15100, NET_TICK), NET_TELL_LOST);
}

static void
it_is_back_after_five_answers_over_five_seconds_and_lost_until_then(void)
{
    begin_up();
    CHECK_INT(at(13000, NET_TICK), NET_TELL_LOST);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(at(20000 + i * INTERVAL, NET_ACK), NET_TELL_NOTHING);
        CHECK(netstate_lost(&n));
        CHECK_STR(netstate_name(n.state), "recovering");
    }
    CHECK_INT(at(25000, NET_ACK), NET_TELL_BACK);
    CHECK(!netstate_lost(&n));
}

static void
many_answers_in_a_short_time_are_not_back(void)
{
    begin_up();
    at(13000, NET_TICK);
    for (int i = 0; i < 50; i++) {
        CHECK_INT(at(20000 + i * 20, NET_ACK), NET_TELL_NOTHING);
    }
    CHECK(netstate_lost(&n));
}

static void
an_answer_over_a_bad_route_begins_no_recovery(void)
{
    begin_up();
    at(10100, NET_ROUTE_BAD);
    at(10700, NET_TICK);
    at(11000, NET_ACK);
    CHECK_STR(netstate_name(n.state), "down");
    at(11100, NET_ROUTE_GOOD);
    at(11200, NET_ACK);
    CHECK_STR(netstate_name(n.state), "recovering");
}

static void
a_relapse_while_recovering_is_the_same_loss(void)
{
    begin_up();
    CHECK_INT(at(13000, NET_TICK), NET_TELL_LOST);
    well(20000, 3);
    enum net_tell tell = at(25100, NET_TICK);
    CHECK(tell != NET_TELL_LOST && tell != NET_TELL_BACK);
    CHECK_STR(netstate_name(n.state), "down");
    well(26000, 5);
    CHECK(netstate_lost(&n));
    CHECK_INT(at(31000, NET_ACK), NET_TELL_BACK);
}

static void
one_send_error_while_recovering_begins_the_count_again(void)
{
    begin_up();
    at(13000, NET_TICK);
    well(20000, 5);
    at(24500, NET_SEND_ERROR);
    CHECK_INT(at(25000, NET_ACK), NET_TELL_NOTHING);
    CHECK_INT(well(26000, 4), 29000);
    CHECK(netstate_lost(&n));
    CHECK_INT(at(30000, NET_ACK), NET_TELL_BACK);
}

static void
a_long_loss_is_told_again_more_and_more_seldom(void)
{
    static const int64_t expected_ms[] = { 1000, 5000, 30000, 300000, 600000, 900000 };
    unsigned told = 0;

    begin_up();
    CHECK_INT(at(13000, NET_TICK), NET_TELL_LOST);
    for (int64_t ms = 13250; ms < 13000 + 1000000; ms += 250) {
        if (at(ms, NET_TICK) == NET_TELL_AGAIN) {
            CHECK(told < 6);
            CHECK_INT(ms - 13000, expected_ms[told % 6]);
            told++;
        }
    }
    CHECK_INT(told, 6);
}

/* Loses it by silence at `ms`, and has it back; returns when. */
static int64_t
lose_and_regain(int64_t ms, enum net_tell lost)
{
    CHECK_INT(at(ms, NET_SEND_ERROR), NET_TELL_NOTHING);
    CHECK_INT(at(ms + 1, NET_SEND_ERROR), lost);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(at(ms + 2 + i * INTERVAL, NET_ACK), NET_TELL_NOTHING);
    }
    CHECK_INT(at(ms + 2 + 5 * INTERVAL, NET_ACK), NET_TELL_BACK);
    return now + 1000;
}

static void
more_than_three_losses_a_minute_are_one_alarm_and_a_longer_hold(void)
{
    begin_up();
    int64_t ms = 10500;
    for (int i = 0; i < 3; i++) {
        ms = lose_and_regain(ms, NET_TELL_LOST);
    }
    ms = lose_and_regain(ms, NET_TELL_FLAP);
    CHECK_INT(n.hold_ms, 10000);
    at(ms, NET_SEND_ERROR);
    CHECK_INT(at(ms + 1, NET_SEND_ERROR), NET_TELL_FLAP);
    well(ms + 2, 10);
    CHECK(netstate_lost(&n));
    CHECK_INT(at(ms + 2 + 10 * INTERVAL, NET_ACK), NET_TELL_BACK);
}

static void
flapping_each_second_for_a_minute_is_at_most_four_pairs(void)
{
    int lost = 0, back = 0;

    begin_up();
    for (int64_t ms = 10000; ms < 70000; ms += 50) {
        bool bad = ms / 1000 % 2 == 1;
        enum net_event event = ms % 1000 == 0          ? (bad ? NET_ROUTE_BAD : NET_ROUTE_GOOD)
                               : ms % 250 == 0 && !bad ? NET_ACK
                                                       : NET_TICK;
        enum net_tell tell = at(ms, event);

        lost += tell == NET_TELL_LOST || tell == NET_TELL_FLAP;
        back += tell == NET_TELL_BACK;
    }
    CHECK(lost >= 1 && lost <= 4 && back <= lost);
}

static void
the_hold_is_short_again_after_a_long_time_that_was_well(void)
{
    begin_up();
    n.hold_ms = NET_HOLD_MOST_MS;
    n.losses = 1;
    n.lost_ms[0] = 10000;
    at(10000 + NET_HOLD_MOST_MS, NET_ACK);
    CHECK_INT(n.hold_ms, NET_HOLD_FIRST_MS);
}

/*
 * From anywhere, whatever happens: a loss and its end take turns, nothing is back that was not well for five
 * seconds, and silence of three seconds is never taken for up.
 */
static void
no_order_of_events_tells_a_loss_twice_or_an_end_too_early(void)
{
    srand(7);
    for (int round = 0; round < 400; round++) {
        int64_t bad_ms = 0, ack_ms = 0, ms = 0;
        bool lost = false;

        netstate_init(&n, INTERVAL, 0);
        for (int step = 0; step < 400; step++) {
            ms += rand() % 3 == 0 ? rand() % 1500 : rand() % 200;
            enum net_event event = (enum net_event)(rand() % NET_EVENTS);
            /* Long times in which all is well have to come up. */
            if (round % 2 == 0 && step % 100 > 20) {
                event = rand() % 2 == 0 ? NET_ACK : NET_ROUTE_GOOD;
            }
            int64_t silent_ms = ms - ack_ms;
            if (event == NET_ROUTE_BAD || event == NET_SEND_ERROR || silent_ms >= NET_SILENT_MS) {
                bad_ms = ms;
            }
            ack_ms = event == NET_ACK ? ms : ack_ms;
            enum net_tell tell = at(ms, event);
            if (tell == NET_TELL_BACK) {
                CHECK(lost && ms - bad_ms >= NET_STEADY_MS);
                lost = false;
            } else if (tell == NET_TELL_LOST || tell == NET_TELL_FLAP) {
                CHECK(!lost);
                lost = true;
            }
            CHECK_INT(netstate_lost(&n), lost);
            CHECK(lost || event == NET_ACK || silent_ms < NET_SILENT_MS || n.state == NET_UP);
            at(ms, NET_TICK);
            lost = netstate_lost(&n);
            CHECK(lost || ms - ack_ms < NET_SILENT_MS);
            CHECK(netstate_due(&n, ms) >= ms);
        }
    }
}

int
main(void)
{
    CHECK_RUN(nothing_acknowledged_from_the_start_is_lost_after_three_seconds);
    CHECK_RUN(a_bad_route_is_a_loss_after_half_a_second_and_not_before);
    CHECK_RUN(a_route_that_is_good_again_in_time_and_an_answer_are_no_loss);
    CHECK_RUN(a_bad_route_over_which_answers_come_is_no_loss);
    CHECK_RUN(an_answer_puts_off_the_proof_by_the_route_by_half_a_second_and_no_more);
    CHECK_RUN(who_slept_has_not_heard_silence);
    CHECK_RUN(it_is_ticked_at_the_moment_of_each_proof);
    CHECK_RUN(two_send_errors_in_a_row_are_a_loss_and_one_is_not);
    CHECK_RUN(silence_alone_is_proof);
    CHECK_RUN(seldom_check_ins_are_waited_for_three_times);
    CHECK_RUN(it_is_back_after_five_answers_over_five_seconds_and_lost_until_then);
    CHECK_RUN(many_answers_in_a_short_time_are_not_back);
    CHECK_RUN(an_answer_over_a_bad_route_begins_no_recovery);
    CHECK_RUN(a_relapse_while_recovering_is_the_same_loss);
    CHECK_RUN(one_send_error_while_recovering_begins_the_count_again);
    CHECK_RUN(a_long_loss_is_told_again_more_and_more_seldom);
    CHECK_RUN(more_than_three_losses_a_minute_are_one_alarm_and_a_longer_hold);
    CHECK_RUN(flapping_each_second_for_a_minute_is_at_most_four_pairs);
    CHECK_RUN(the_hold_is_short_again_after_a_long_time_that_was_well);
    CHECK_RUN(no_order_of_events_tells_a_loss_twice_or_an_end_too_early);
    return check_result();
}
