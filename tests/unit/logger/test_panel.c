/* What a person sees and presses: lamp, latches, button. Each cell of the tables. */
#include "logger/button.h"
#include "logger/lamp.h"
#include "logger/latch.h"
#include "support/check.h"

static void
every_cell_of_the_latch_is_as_the_specification_says(void)
{
    static const enum latch want[LATCH_STATES][LATCH_EVENTS] = {
        { LATCH_RAISED, LATCH_CLEAR, LATCH_CLEAR },
        { LATCH_RAISED, LATCH_GONE, LATCH_SEEN },
        { LATCH_RAISED, LATCH_CLEAR, LATCH_SEEN },
        { LATCH_RAISED, LATCH_GONE, LATCH_CLEAR },
    };

    for (unsigned s = 0; s < LATCH_STATES; s++) {
        for (unsigned e = 0; e < LATCH_EVENTS; e++) {
            CHECK_INT(latch_next((enum latch)s, (enum latch_event)e), want[s][e]);
        }
    }
}

static void
only_an_acknowledgement_ends_a_call(void)
{
    for (unsigned s = 0; s < LATCH_STATES; s++) {
        for (unsigned e = 0; e < LATCH_EVENTS; e++) {
            enum latch next = latch_next((enum latch)s, (enum latch_event)e);

            CHECK(!latch_calls((enum latch)s) || latch_calls(next) || e == LATCH_ACKNOWLEDGE);
            CHECK(!latch_calls(next) || latch_calls((enum latch)s) || e == LATCH_RAISE);
        }
    }
}

static void
every_cell_of_the_button_is_as_the_specification_says(void)
{
    static const uint8_t want[BUTTON_STATES][BUTTON_EVENTS][2] = {
        [BUTTON_START] = { { BUTTON_HELD, BUTTON_STARTED_HELD }, { BUTTON_UP, BUTTON_STARTED_UP },
                { BUTTON_START, BUTTON_NOTHING } },
        [BUTTON_UP] = { { BUTTON_DOWN, BUTTON_PRESSED }, { BUTTON_UP, BUTTON_NOTHING },
                { BUTTON_UP, BUTTON_NOTHING } },
        [BUTTON_DOWN] = { { BUTTON_DOWN, BUTTON_NOTHING }, { BUTTON_UP, BUTTON_NOTHING },
                { BUTTON_LONG, BUTTON_PRESSED_LONG } },
        [BUTTON_LONG] = { { BUTTON_LONG, BUTTON_NOTHING }, { BUTTON_UP, BUTTON_NOTHING },
                { BUTTON_LONG, BUTTON_NOTHING } },
        [BUTTON_HELD] = { { BUTTON_HELD, BUTTON_NOTHING }, { BUTTON_UP, BUTTON_NOTHING },
                { BUTTON_HELD, BUTTON_NOTHING } },
    };

    for (uint8_t s = 0; s < BUTTON_STATES; s++) {
        for (unsigned e = 0; e < BUTTON_EVENTS; e++) {
            struct button b = { .state = s };

            CHECK_INT(button_step(&b, (enum button_event)e), want[s][e][1]);
            CHECK_INT(b.state, want[s][e][0]);
        }
    }
}

/* Samples for ms; the contact bounces for the first `bounce_ms` of them. Returns what came, at most one. */
static enum button_news
hold(struct button *b, bool closed, unsigned ms, unsigned bounce_ms)
{
    enum button_news news = BUTTON_NOTHING;

    for (unsigned at = 0; at < ms; at += BUTTON_SAMPLE_MS) {
        enum button_news now = button_sample(b, at < bounce_ms ? at / BUTTON_SAMPLE_MS % 3 == 0 : closed);

        CHECK(now == BUTTON_NOTHING || news == BUTTON_NOTHING);
        news = now != BUTTON_NOTHING ? now : news;
    }
    return news;
}

static void
a_press_counts_once_however_the_contact_bounces(void)
{
    struct button b;

    button_init(&b);
    CHECK_INT(hold(&b, false, 100, 0), BUTTON_STARTED_UP);
    for (unsigned bounce = 0; bounce < 200; bounce += 10) {
        CHECK_INT(hold(&b, true, 500, bounce), BUTTON_PRESSED);
        CHECK_INT(hold(&b, false, 500, bounce), BUTTON_NOTHING);
    }
    CHECK_INT(hold(&b, true, 10 * (BUTTON_STABLE - 1), 0), BUTTON_NOTHING);
    CHECK_INT(hold(&b, false, 500, 0), BUTTON_NOTHING);
}

static void
a_long_press_takes_two_seconds_in_one_piece(void)
{
    struct button b;

    button_init(&b);
    CHECK_INT(hold(&b, false, 100, 0), BUTTON_STARTED_UP);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(hold(&b, true, 1900, 0), BUTTON_PRESSED);
        CHECK_INT(hold(&b, false, 100, 0), BUTTON_NOTHING);
    }
    CHECK_INT(hold(&b, true, 1000, 0), BUTTON_PRESSED);
    CHECK_INT(hold(&b, true, 1100, 0), BUTTON_PRESSED_LONG);
    CHECK_INT(hold(&b, true, 10000, 0), BUTTON_NOTHING);
}

static void
what_is_held_at_the_start_is_no_press(void)
{
    struct button b;

    button_init(&b);
    CHECK_INT(hold(&b, true, 20000, 0), BUTTON_STARTED_HELD);
    CHECK_INT(hold(&b, false, 100, 0), BUTTON_NOTHING);
    CHECK_INT(hold(&b, true, 100, 0), BUTTON_PRESSED);
}

static void
every_pattern_changes_and_no_two_are_the_same(void)
{
    uint32_t bits[LAMP_PATTERNS] = { 0 };

    for (unsigned p = 0; p < LAMP_PATTERNS; p++) {
        for (unsigned step = 0; step < LAMP_STEPS; step++) {
            bits[p] = bits[p] << 1 | lamp_lit((enum lamp_pattern)p, step);
        }
        CHECK(bits[p] != 0 && bits[p] != (1u << LAMP_STEPS) - 1);
        for (unsigned q = 0; q < p; q++) {
            CHECK(bits[p] != bits[q]);
        }
    }
}

int
main(void)
{
    CHECK_RUN(every_cell_of_the_latch_is_as_the_specification_says);
    CHECK_RUN(only_an_acknowledgement_ends_a_call);
    CHECK_RUN(every_cell_of_the_button_is_as_the_specification_says);
    CHECK_RUN(a_press_counts_once_however_the_contact_bounces);
    CHECK_RUN(a_long_press_takes_two_seconds_in_one_piece);
    CHECK_RUN(what_is_held_at_the_start_is_no_press);
    CHECK_RUN(every_pattern_changes_and_no_two_are_the_same);
    return check_result();
}
